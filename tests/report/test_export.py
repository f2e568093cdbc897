"""Figures as files of their own: what is drawn, what it is called, and what is said without a browser."""

from __future__ import annotations

import shutil
import sys
import types
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

from repdiag.errors import InputError, OutputError, UsageError
from repdiag.report import export
from repdiag.report.bundle import script_hash
from repdiag.report.export import DrawnFigure, draw_figures, export_figures, export_page, find_browser
from repdiag.results import Results
from tests.report import plane_samples, samples
from tests.report.browser import needs_chromium

PAGE = export_page([samples.results(samples.healthy())])
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("figures")


@cache
def drawn(folder: Path, name: str) -> dict[str, DrawnFigure]:
    results = {
        "everything": samples.everything(),
        "plane": plane_samples.plane(),
        "hostile": samples.hostile(samples.HOSTILE),
    }[name]
    return {figure.name: figure for figure in draw_figures(export_page([results]), find_browser(), folder)}


def texts(figure: DrawnFigure) -> str:
    return " ".join(ElementTree.fromstring(figure.svg).itertext())


@needs_chromium
def test_every_figure_is_a_drawing_and_a_picture(folder: Path) -> None:
    found = drawn(folder, "everything")
    assert {"spectrum", "cumulative", "ranks", "growth"} <= set(found)
    for figure in found.values():
        root = ElementTree.fromstring(figure.svg)
        assert root.tag == f"{SVG}svg"
        assert figure.png.startswith(b"\x89PNG")
        width, height = (int.from_bytes(figure.png[at : at + 4]) for at in (16, 20))
        assert (width, height) == (2 * int(root.attrib["width"]), 2 * int(root.attrib["height"]))


@needs_chromium
def test_a_figure_carries_its_heading_its_facts_and_its_caption(folder: Path) -> None:
    said = texts(drawn(folder, "everything")["spectrum"])
    assert "Eigenspectrum" in said
    assert "n = " in said
    assert "Eigenvalues of the centred covariance" in said


@needs_chromium
def test_a_key_outside_the_drawing_comes_along(folder: Path) -> None:
    figure = drawn(folder, "plane")["plane"]
    layers = {path.layer for path in plane_samples.plane().trajectories}
    assert all(layer in texts(figure) for layer in layers)


@needs_chromium
def test_hostile_names_stay_text(folder: Path) -> None:
    for figure in drawn(folder, "hostile").values():
        for element in ElementTree.fromstring(figure.svg).iter():
            name = element.tag.removeprefix(SVG)
            assert name not in ("a", "script", "foreignObject", "image", "iframe"), figure.name
            for key, value in element.attrib.items():
                assert not key.startswith("on"), figure.name
                assert not key.endswith("href") or value.startswith("#"), figure.name


def test_results_without_a_figure(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no figure to draw"):
        export_figures([Results(repdiag="0", command="spectrum")], tmp_path)


def test_the_page_lets_only_one_more_script_run() -> None:
    script = PAGE.rpartition("<script>")[2].partition("</script>")[0]
    assert script.startswith("// Runs after the page's own script")
    assert PAGE.count(script_hash(script)) == 1
    assert "connect-src &#39;none&#39;" in PAGE


@pytest.fixture
def without_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "choreographer.browsers.chromium", None)
    monkeypatch.setattr(export, "BROWSERS", ("no-such-browser",))


def test_the_browser_of_kaleido_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    room = types.ModuleType("choreographer.browsers.chromium")
    room.Chromium = types.SimpleNamespace(find_browser=lambda *, skip_local: "/kaleido/chrome")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "choreographer", types.ModuleType("choreographer"))
    monkeypatch.setitem(sys.modules, "choreographer.browsers", types.ModuleType("choreographer.browsers"))
    monkeypatch.setitem(sys.modules, room.__name__, room)
    assert find_browser() == "/kaleido/chrome"


@pytest.mark.usefixtures("without_browser")
def test_without_a_browser_the_library_says_so() -> None:
    with pytest.raises(UsageError, match="install Chromium or Chrome, or kaleido"):
        find_browser()


@pytest.mark.skipif(shutil.which("true") is None, reason="needs the program true")
def test_a_browser_that_draws_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="drew no figure"):
        draw_figures(PAGE, str(shutil.which("true")), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_browser_that_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="could not be started"):
        draw_figures(PAGE, str(tmp_path / "none"), tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(export, "find_browser", lambda: "any")
    with pytest.raises(OutputError, match="could not be made"):
        export_figures([samples.results(samples.healthy())], tmp_path / "file" / "figures")
