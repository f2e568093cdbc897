"""Results in a notebook: the page in a frame."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

import repdiag
from repdiag.errors import InputError
from repdiag.report import PageOptions, render
from repdiag.results import Results, read_results, write_results
from tests.report import samples
from tests.report.browser import CHROMIUM, needs_chromium
from tests.source import ROOT


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    write_results(samples.results(samples.healthy()), tmp_path / "r.json")
    return tmp_path / "r.json"


class Frames(HTMLParser):
    """The attributes of every element."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_what_is_loaded_are_the_results(saved: Path) -> None:
    loaded, read = repdiag.load(saved), read_results(saved)
    assert isinstance(loaded, Results)
    assert loaded.to_json() == read.to_json()
    assert loaded.representations[0].estimates == read.representations[0].estimates


def test_a_text_names_the_file_too(saved: Path) -> None:
    assert repdiag.load(str(saved)).command == "spectrum"


def test_it_shows_as_one_frame_that_holds_the_page(saved: Path) -> None:
    loaded = repdiag.load(saved)
    ((tag, frame),) = Frames(loaded._repr_html_()).found
    assert tag == "iframe"
    assert frame["srcdoc"] == render([loaded])
    assert set(str(frame["sandbox"]).split()) == {"allow-scripts", "allow-downloads"}


def test_hostile_names_stay_inside_the_frame(tmp_path: Path) -> None:
    write_results(samples.hostile(samples.HOSTILE), tmp_path / "r.json")
    assert [tag for tag, _ in Frames(repdiag.load(tmp_path / "r.json")._repr_html_()).found] == ["iframe"]


def test_saving_writes_the_page(saved: Path, tmp_path: Path) -> None:
    loaded = repdiag.load(saved)
    loaded.save(str(tmp_path / "x.html"))
    assert (tmp_path / "x.html").read_text(encoding="utf-8") == render([loaded])
    plain = PageOptions(plotlyjs="none")
    loaded.save(tmp_path / "y.html", plain)
    assert (tmp_path / "y.html").read_text(encoding="utf-8") == render([loaded], plain)


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="is not a repdiag result"):
        repdiag.load(tmp_path / "bad.json")


def test_it_needs_no_notebook_and_no_torch(saved: Path) -> None:
    code = (
        "import sys, repdiag\n"
        f"page = repdiag.load({str(saved)!r})._repr_html_()\n"
        "assert page.startswith('<iframe')\n"
        "print(sorted({'torch', 'h5py', 'IPython', 'playwright'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert ended.stdout == "[]\n", ended.stderr


@needs_chromium
def test_the_frame_draws_its_figures(saved: Path, tmp_path: Path) -> None:
    cell = tmp_path / "cell.html"
    cell.write_text(f"<!doctype html><html><body>{repdiag.load(saved)._repr_html_()}</body></html>")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_context(offline=True).new_page()
        heard: list[str] = []
        tab.on("console", lambda message: heard.append(message.text))
        tab.goto(cell.as_uri())
        inner = tab.frames[1]
        inner.wait_for_function("document.documentElement.dataset.ready")
        assert inner.evaluate("document.documentElement.dataset.drawn") == "yes"
        assert inner.evaluate("origin") == "null"
        assert not heard
