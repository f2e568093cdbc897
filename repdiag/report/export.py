"""Each figure of a page as a picture of its own: SVG and PNG.

The page's own script draws the figures, so a browser opens the page, without a window and without a network,
and hands back what it drew.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from repdiag.errors import InputError, OutputError, UsageError
from repdiag.files import write_file
from repdiag.report.bundle import script_hash
from repdiag.report.page import render
from repdiag.results import Results
from repdiag.text import printable

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
WIDTH, HEIGHT = 1040, 1600
PATIENCE = 120
"""Seconds that a browser may take."""

_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    f"--virtual-time-budget={1000 * PATIENCE}",
    f"--window-size={WIDTH},{HEIGHT}",
    "--dump-dom",
)


@dataclass(frozen=True, slots=True)
class DrawnFigure:
    """One figure with its heading, key and caption. `svg` is text, `png` twice as fine."""

    name: str
    svg: str
    png: bytes


def export_figures(results: Sequence[Results], folder: Path) -> list[Path]:
    """Write every figure of the page of `results` into `folder` as NAME.svg and NAME.png.

    Raises:
        UsageError: there is no browser.
        InputError: the results have no figure.
        OutputError: the browser fails, or the folder or a file cannot be written.
    """
    page, browser = export_page(results), find_browser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise OutputError(
            f"{printable(folder)}: could not be made ({reason}); name another folder"
        ) from error
    written = []
    for figure in draw_figures(page, browser, folder):
        for ending, content in ((".svg", figure.svg), (".png", figure.png)):
            path = folder / f"{figure.name}{ending}"
            write_file(path, content)
            written.append(path)
    return written


def draw_figures(page: str, browser: str, folder: Path) -> list[DrawnFigure]:
    """The figures of a page of `export_page`, in its order; temporary files lie in `folder`.

    Raises:
        OutputError: the browser fails.
    """
    # Browsers in a sandbox of their own see no /tmp, so the page lies where the pictures go.
    with tempfile.TemporaryDirectory(dir=folder, prefix="drawing-", ignore_cleanup_errors=True) as scratch:
        path = Path(scratch).resolve() / "page.html"
        write_file(path, page)
        drawn = _drawn(_dom(browser, path))
    if not drawn:
        raise OutputError(f"{printable(browser)}: drew no figure; try another browser")
    return drawn


def export_page(results: Sequence[Results]) -> str:
    """The page of `results` with a script that hands its figures over, which its policy lets run.

    Raises:
        InputError: the results have no figure.
    """
    script = (files(__package__) / "templates" / "export.js").read_text(encoding="utf-8")
    text = render(results)
    if 'class="plot"' not in text:
        raise InputError(
            "these results have no figure to draw; give those of spectrum, information, plane or check"
        )
    page = text.replace("script-src ", f"script-src '{script_hash(script)}' ", 1)
    before, end, after = page.rpartition("</body>")
    return f"{before}<script>{script}</script>\n{end}{after}"


def find_browser() -> str:
    """The browser that kaleido draws with where kaleido is installed, else one on the path.

    Raises:
        UsageError: there is none.
    """
    found = _browser_of_kaleido() or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise UsageError(
            "figures are drawn by a browser, and none was found; install Chromium or Chrome, "
            "or kaleido and its own Chrome: pip install kaleido && kaleido_get_chrome"
        )
    return found


def _browser_of_kaleido() -> str | None:
    try:
        from choreographer.browsers.chromium import Chromium
    except ImportError:
        return None
    path = Chromium.find_browser(skip_local=False)
    return None if path is None else str(path)


def _dom(browser: str, page: Path) -> str:
    """The page after its scripts have run."""
    profile = f"--user-data-dir={page.parent / 'profile'}"
    # Chromium refuses to run as root with its sandbox on; the page reaches nothing by its own policy.
    rootless = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
    line = [browser, *_FLAGS, *rootless, profile, f"{page.as_uri()}#light"]
    try:
        done = subprocess.run(line, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        raise OutputError(
            f"{printable(browser)}: drew no figure within {PATIENCE} s; try it again"
        ) from error
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise OutputError(
            f"{printable(browser)}: could not be started ({reason}); install another"
        ) from error
    text = done.stdout.decode("utf-8", "replace")
    if 'data-exported="' not in text:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise OutputError(
            f"{printable(browser)}: drew no figure ({printable(last[0], 200)}); try another browser"
        )
    return text


def _drawn(dom: str) -> list[DrawnFigure]:
    found = re.search(r'data-exported="([A-Za-z0-9+/=]*)"', dom)
    made = json.loads(base64.b64decode(found[1])) if found else {}
    named = [(name, one) for name, one in made.items() if re.fullmatch(r"[a-z0-9_-]+", name)]
    return [DrawnFigure(name, one["svg"] + "\n", base64.b64decode(one["png"])) for name, one in named]
