"""Make the README's picture: the report of the demo's collapsed run, as a browser shows it.

Run it with: python examples/report_picture.py [DEMO_FOLDER] [PICTURE]
Needs a demo folder (repdiag demo) and Chromium (Debian: apt-get install chromium).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WIDTH, HEIGHT = 1280, 1660


def make_report(store: Path, page: Path) -> None:
    """Judge the last checkpoint of a run; the gate fails it, which is what the picture shows."""
    line = [sys.executable, "-m", "repdiag", "check", str(store), "--checkpoint", "epoch_12"]
    done = subprocess.run([*line, "--report", str(page), "--quiet"], check=False)
    if done.returncode != 1:
        raise SystemExit(f"the gate ended with {done.returncode}; the demo's collapsed run must fail")


def photograph(page: Path, picture: Path) -> None:
    """One screenshot of the top of the page, in the light theme."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("no Chromium was found; install it (Debian: apt-get install chromium)")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=8000"]
    flags += ["--blink-settings=preferredColorScheme=1", f"--window-size={WIDTH},{HEIGHT}"]
    line = [browser, *flags, f"--screenshot={picture.resolve()}", page.as_uri()]
    subprocess.run(line, check=True, capture_output=True, timeout=120)


def main(demo: str = "repdiag-demo", picture: str = "docs/report.png") -> None:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        make_report(Path(demo) / "collapsed.h5", page)
        photograph(page, Path(picture))


if __name__ == "__main__":
    main(*sys.argv[1:])
