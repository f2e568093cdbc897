"""Write the reference pages from the program itself: commands, measures, configuration, exit codes, results.

Run it with: python examples/build_reference.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

from reference_parts import commands, configuration, exit_codes, measures, results

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
PAGES = {
    "commands.md": commands.page,
    "measures.md": measures.page,
    "configuration.md": configuration.page,
    "exit-codes.md": exit_codes.page,
    "results.md": results.page,
}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
        print(f"wrote {name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
