"""A headless Chromium for the tests that need one; they skip where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
_FLAGS = ["--no-sandbox", "--disable-gpu"]
_FACTS = "({ ...document.documentElement.dataset, width: String(innerWidth) })"


@dataclass(frozen=True)
class Visit:
    """The page after its scripts have run, what it said on the console or asked of the network."""

    dom: str
    console: list[str]
    facts: dict[str, str]

    def data(self, name: str) -> str | None:
        """A `data-` attribute of the root element, or what the visit's actions returned by this name."""
        return self.facts.get(name)


@contextmanager
def opened_page(
    path: Path, width: int = 1280, dark: bool = False, scripts: bool = True
) -> Iterator[tuple[Page, list[str]]]:
    """A page without a network, every figure drawn, and the list of what it says and asks for."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        window = browser.new_context(
            viewport={"width": width, "height": 1600},
            color_scheme="dark" if dark else "light",
            offline=True,
            java_script_enabled=scripts,
        )
        page = window.new_page()
        heard = _listen(page)
        page.goto(path.as_uri())
        if scripts:
            page.wait_for_function("document.documentElement.dataset.ready")
            page.evaluate("drawAll(true).then(() => null)")
        yield page, heard


def visit(path: Path, width: int = 1280, dark: bool = False, actions: str = "({})") -> Visit:
    """Open a page and read it; `actions` is a script expression of an object of more facts."""
    with opened_page(path, width, dark) as (page, heard):
        more = page.evaluate(actions)
        facts = {key: str(value) for key, value in (page.evaluate(_FACTS) | more).items()}
        return Visit(page.content(), heard, facts)


def _listen(page: Page) -> list[str]:
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("request", lambda asked: None if _local(asked.url) else heard.append(f"asked for {asked.url}"))
    return heard


def _local(url: str) -> bool:
    return url.startswith(("file:", "data:", "blob:"))
