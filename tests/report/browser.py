"""A headless Chromium for the tests that need one; they skip where there is none."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--allow-file-access-from-files",
    "--virtual-time-budget=40000",
    "--enable-logging=stderr",
    "--v=0",
    "--dump-dom",
)


@dataclass(frozen=True)
class Visit:
    """The page after its scripts have run, and what it said on the console."""

    dom: str
    console: list[str]

    def data(self, name: str) -> str | None:
        """A `data-` attribute of the root element."""
        root = re.search(r"<html[^>]*>", self.dom)
        found = re.search(rf'data-{name}="([^"]*)"', root[0]) if root else None
        return found[1] if found else None


def visit(path: Path, width: int = 1280, dark: bool = False) -> Visit:
    """Open a page; windows narrower than 500 pixels need `visit_narrow`."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},1600"]
        command += [f"--blink-settings=preferredColorScheme={0 if dark else 1}", path.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return Visit(done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line])


def visit_narrow(path: Path, width: int = 390, actions: str = "{}") -> Visit:
    """Open a page in a frame of `width` pixels; the root's attributes are those of the page within.

    `actions` is a script expression, once the page is ready, of an object with more attributes;
    it finds the page's window in `inner`.
    """
    wrapper = path.with_name(f"narrow-{path.name}")
    style = f"border:0;width:{width}px;height:1600px"
    wrapper.write_text(
        f'<!doctype html><html><body><iframe src="{path.name}" style="{style}">'
        "</iframe><script>const wait = setInterval(async () => {"
        "const inner = document.querySelector('iframe').contentWindow;"
        "const data = inner.document.documentElement?.dataset;"
        "if (!data?.ready) return; clearInterval(wait);"
        f"const seen = {{...data, width: inner.innerWidth, ...await ({actions})}};"
        "Object.assign(document.documentElement.dataset, seen);"
        "}, 50)</script></body></html>"
    )
    return visit(wrapper)
