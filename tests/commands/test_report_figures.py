"""`repdiag report --figures`: each figure of the page as a file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from repdiag.report import export
from repdiag.results import write_results
from tests.commands.helpers import Typed
from tests.report import samples
from tests.report.browser import needs_chromium


@pytest.fixture(autouse=True)
def result(here: Path) -> None:
    write_results(samples.results(samples.healthy()), here / "r.json")


@needs_chromium
def test_figures_beside_the_page(typed: Typed, here: Path) -> None:
    ended = typed("report", "r.json", "--figures", "figures")
    assert ended.code == 0
    assert "wrote figures/spectrum.svg" in ended.err
    assert {path.suffix for path in (here / "figures").iterdir()} == {".svg", ".png"}
    assert (here / "r.html").is_file()


def test_without_a_browser_one_sentence_names_both_ways(
    typed: Typed, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "choreographer.browsers.chromium", None)
    monkeypatch.setattr(export, "BROWSERS", ("no-such-browser",))
    ended = typed("report", "r.json", "--figures", "figures")
    assert ended.code == 2
    assert "install Chromium or Chrome" in ended.sentence
    assert "kaleido_get_chrome" in ended.sentence
    assert not (here / "figures").exists()
