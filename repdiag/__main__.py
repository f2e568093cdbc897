"""`python -m repdiag`."""

from __future__ import annotations

from repdiag.commands import main

if __name__ == "__main__":
    main()
