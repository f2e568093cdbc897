"""`python -m repdiag`."""

from __future__ import annotations

import os
import sys

# `python -m` looks for modules in the current folder first: a numpy.py that lies there would run. It is
# looked at again, last, once a `module:callable` asks for it.
if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:
    del sys.path[0]

from repdiag.commands import main

if __name__ == "__main__":
    main()
