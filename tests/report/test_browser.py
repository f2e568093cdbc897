"""The page in a real browser."""

from __future__ import annotations

from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from repdiag.report import PageOptions, PlotlyJs, write_report
from repdiag.report.figures import SHORT, plot_text
from tests.report import samples
from tests.report.browser import Visit, needs_chromium, visit

pytestmark = needs_chromium
PAGES = {
    "everything": samples.everything(),
    "grid": samples.grid(12, 20, d=256),
    "hostile": samples.hostile(samples.HOSTILE[:6]),
    "hostile-too": samples.hostile(samples.HOSTILE[6:12]),
    "hostile-last": samples.hostile(samples.HOSTILE[-2:]),
    "one": samples.results(samples.healthy()),
    "empty": samples.results(),
}
FIRST = ["everything", "grid", "hostile"]
REST = [pytest.param(name, marks=pytest.mark.slow) for name in PAGES if name not in FIRST]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@cache
def opened(name: str, folder: Path, plotlyjs: PlotlyJs = "inline", dark: bool = False) -> Visit:
    path = folder / f"{name}-{plotlyjs}.html"
    write_report([PAGES[name]], path, PageOptions(plotlyjs=plotlyjs))
    return visit(path, dark=dark)


class Drawing(HTMLParser):
    """The elements outside scripts, and the text in pictures."""

    def __init__(self, dom: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.drawn: list[str] = []
        self._depth = 0
        self.feed(dom)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self._depth += tag == "svg"

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "svg"

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.drawn.append(data)


@pytest.mark.parametrize("name", [*FIRST, *REST])
def test_page_draws_itself_without_a_word_on_the_console(name: str, folder: Path) -> None:
    seen = opened(name, folder)
    assert seen.console == []
    assert seen.data("ready") == "true"
    assert seen.data("drawn") == "yes"
    assert seen.data("overflow") == "no"
    assert ('class="main-svg"' in seen.dom) == (name != "empty")


def test_no_button_offers_to_upload_a_chart(folder: Path) -> None:
    dom = opened("everything", folder).dom
    assert 'data-title="Zoom"' in dom
    assert 'data-title="Share' not in dom


def test_unfinished_figures_are_marked_in_the_drawing(folder: Path) -> None:
    drawn = Drawing(opened("everything", folder).dom).drawn
    assert "constant" in drawn
    assert "head (no variance)" in drawn


@pytest.mark.parametrize("name", ["hostile", *(p for p in REST if "hostile" in str(p.values[0]))])
def test_hostile_names_are_drawn_letter_by_letter(name: str, folder: Path) -> None:
    drawing = Drawing(opened(name, folder).dom)
    everything = Drawing(opened("everything", folder).dom)
    assert set(drawing.elements) <= set(everything.elements) | {"select", "option", "label"}
    assert drawing.elements.count("a") == everything.elements.count("a")
    pictures = " ".join(drawing.drawn)
    for one in PAGES[name].representations:
        assert unescape(plot_text(one.layer, SHORT)) in pictures


def test_dark_theme_draws_in_its_own_colours(folder: Path) -> None:
    seen = opened("everything", folder, dark=True)
    assert seen.console == []
    assert seen.data("drawn") == "yes"
    assert "rgb(98, 180, 238)" in seen.dom
    assert "rgb(98, 180, 238)" not in opened("everything", folder).dom


@pytest.mark.parametrize(
    ("plotlyjs", "drawn"), [("directory", "yes"), pytest.param("none", "no", marks=pytest.mark.slow)]
)
def test_other_bundles_open_offline(plotlyjs: PlotlyJs, drawn: str, folder: Path) -> None:
    seen = opened("everything", folder, plotlyjs)
    assert seen.console == []
    assert seen.data("ready") == "true"
    assert seen.data("drawn") == drawn


@pytest.mark.parametrize("name", ["everything", "hostile", pytest.param("grid", marks=pytest.mark.slow)])
def test_page_fits_a_narrow_screen(name: str, folder: Path) -> None:
    path = folder / f"{name}.html"
    write_report([PAGES[name]], path)
    seen = visit(path, width=390)
    assert seen.data("width") == "390"
    assert seen.data("ready") == "true"
    assert seen.data("overflow") == "no"


USE_EVERYTHING = """(async () => {
  const doc = document;
  const settle = () => new Promise((done) => setTimeout(done, 300));
  const lines = (name) => doc.getElementById(`plot-${name}`).data.length;
  const axis = (name) => doc.getElementById(`plot-${name}`).layout;
  const set = async (selector, value) => {
    const select = doc.querySelector(selector);
    select.value = value;
    select.dispatchEvent(new window.Event("change"));
    await settle();
  };
  const press = async (selector) => { doc.querySelector(selector).click(); await settle(); };
  const header = doc.getElementById("measures").rows[0];
  const columns = () => [...header.cells].filter((cell) => !cell.hidden).length;
  const seen = { first: `${lines("spectrum")} ${lines("trajectory")} ${columns()}` };
  await set('[data-dim="layer"]', "3");
  seen.layer = `${lines("spectrum")} ${lines("trajectory")} ${columns()}`;
  await set('[data-dim="checkpoint"]', "");
  seen.training = `${lines("spectrum")} ${columns()}`;
  await set("#measure", "twonn");
  seen.measure = axis("trajectory").yaxis.title.text;
  await press('[data-figure="spectrum"][data-scale="linear"]');
  seen.scale = `${axis("spectrum").xaxis.type} ${axis("spectrum").yaxis.type}`;
  const before = doc.getElementById("plot-ranks").data[0].y.join();
  await press("#theme");
  seen.theme = `${doc.documentElement.dataset.theme} ${axis("ranks").font.color}`;
  seen.kept = String(before === doc.getElementById("plot-ranks").data[0].y.join());
  const saved = new Promise((made) => { URL.createObjectURL = (blob) => { made(blob); return "#"; }; });
  await press("[data-download]");
  seen.saved = JSON.parse(await (await saved).text()).schema;
  return seen;
})()"""


def test_pickers_switches_theme_and_download_work(folder: Path) -> None:
    path = folder / "driven.html"
    write_report([PAGES["grid"]], path)
    seen = visit(path, width=1100, actions=USE_EVERYTHING)
    assert seen.console == []
    assert seen.data("first") == "12 12 13"
    assert seen.data("layer") == "4 1 2", "one spectrum with its floor, edge and fit; one column"
    assert seen.data("training") == "12 21", "twelve of twenty checkpoints are drawn, all are listed"
    assert seen.data("measure") == "twonn"
    assert seen.data("scale") == "linear linear"
    assert seen.data("theme") == "dark #e9eaee"
    assert seen.data("kept") == "true"
    assert seen.data("saved") == "repdiag.results"


PICK_A_LAYER = """(async () => {
  const figure = document.getElementById("plot-growth");
  const seen = { before: figure.data.length, names: figure.data.slice(0, 2).map((line) => line.name).join() };
  const select = document.querySelector('[data-dim="layer"]');
  select.value = "2";
  select.dispatchEvent(new window.Event("change"));
  await new Promise((done) => setTimeout(done, 300));
  return { ...seen, after: figure.data.length, axis: figure.layout.xaxis.type };
})()"""


def test_growth_is_drawn_for_four_representations_and_follows_the_pickers(folder: Path) -> None:
    curve = samples.rank_curve(12.0)
    made = [samples.representation(f"b{i}", samples.power_law(32), rank_curve=curve) for i in range(6)]
    path = folder / "growth.html"
    write_report([samples.results(*made)], path)
    seen = visit(path, width=1100, actions=PICK_A_LAYER)
    assert seen.console == []
    assert seen.data("before") == "8"
    assert seen.data("names") == "b0: plug-in,b0: corrected"
    assert (seen.data("after"), seen.data("axis")) == ("2", "log")
