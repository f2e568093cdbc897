"""What a reader does with a page: points, tabs, prints, saves, switches scripts off, has it read aloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from repdiag.report import write_report
from repdiag.results import Results
from tests.report import plane_samples, samples, shown, test_information
from tests.report.browser import needs_chromium, opened_page, visit

pytestmark = needs_chromium
PAGES: dict[str, Results] = {
    "everything": samples.everything(),
    "grid": samples.grid(12, 20, d=64),
    "hostile": samples.hostile(samples.HOSTILE[:6]),
    "information": test_information.results(*test_information.layers(6)),
    "plane": plane_samples.splits_and_runs(),
    "shown": shown.everything(),
    "empty": samples.results(),
}
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pages")
    for name, results in PAGES.items():
        write_report([results], made / f"{name}.html")
    return made


POINT = """(() => {
  const figure = (name) => document.getElementById(`plot-${name}`);
  const faint = (name) => figure(name).data.filter((trace) => (trace.opacity ?? 1) < 1).length;
  const all = () => ["spectrum", "cumulative", "family", "depth", "trajectory"].map(faint).join();
  const line = figure("spectrum").data.find((trace) => trace.meta.rep === 231);
  const seen = { before: all() };
  figure("spectrum").emit("plotly_hover", { points: [{ data: line, pointNumber: 3 }] });
  seen.pointed = all();
  seen.row = document.querySelector("tr.pointed").dataset.rep;
  figure("spectrum").emit("plotly_unhover", {});
  seen.after = `${all()} ${document.querySelectorAll("tr.pointed").length}`;
  document.querySelector('tr[data-rep="230"]').focus();
  seen.focused = all();
  document.activeElement.blur();
  seen.left = all();
  return seen;
})()"""


def test_what_one_figure_points_at_the_others_show(folder: Path) -> None:
    seen = visit(folder / "grid.html", actions=POINT)
    assert seen.console == []
    assert seen.data("before") == "0,0,0,0,0"
    assert seen.data("pointed") == "0,11,11,0,11", "its own line stays in every other figure"
    assert seen.data("row") == "231"
    assert seen.data("after") == "0,0,0,0,0 0"
    assert seen.data("focused") == "11,11,11,0,11"
    assert seen.data("left") == "0,0,0,0,0"


CHOOSE = """(async () => {
  const figure = document.getElementById("plot-depth");
  const settle = () => new Promise((done) => setTimeout(done, 200));
  const rings = () => figure.data.filter((trace) => trace.text?.[0] === "over half is lost here").length;
  const title = () => figure.layout.yaxis.title.text;
  const seen = { lines: `${figure.data[0].x.length} ${rings()} ${title()}` };
  document.querySelector('[data-figure="depth"][data-unit="share"]').click();
  await settle();
  seen.share = `${title()} ${Math.max(...figure.data[0].y) <= 1}`;
  const select = document.getElementById("depth-measure");
  select.selectedIndex = 1;
  select.dispatchEvent(new Event("change"));
  await settle();
  seen.other = String(rings());
  return seen;
})()"""


def test_depth_can_be_read_as_a_share_and_in_another_measure(folder: Path) -> None:
    seen = visit(folder / "grid.html", actions=CHOOSE)
    assert seen.data("lines") == "12 1 Dimensions"
    assert seen.data("share") == "Share of d true"
    assert seen.data("other") == "1"


ORDER = """(async () => {
  const figure = document.getElementById("plot-information");
  const names = () => figure.layout.xaxis.ticktext.length;
  const { z } = figure.data[0];
  const seen = { before: `${names()} ${z.length}`, whole: String(z[2][1] === z[1][2]) };
  const button = document.querySelector('[data-figure="information"][data-scale="alike"]');
  button.click();
  await new Promise((done) => setTimeout(done, 200));
  return { ...seen, after: `${names()} ${button.getAttribute("aria-pressed")}` };
})()"""


def test_a_map_can_be_ordered_like_beside_like(folder: Path) -> None:
    seen = visit(folder / "information.html", actions=ORDER)
    assert seen.console == []
    assert seen.data("before") == "6 6"
    assert seen.data("whole") == "true"
    assert seen.data("after") == "6 true"


def test_a_figure_is_saved_as_a_drawing_and_as_a_picture(folder: Path, tmp_path: Path) -> None:
    with opened_page(folder / "everything.html") as (page, heard):
        for text, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
            with page.expect_download() as download:
                page.locator("#spectrum .save button", has_text=text).click()
            assert download.value.suggested_filename == f"repdiag-spectrum.{text.lower()}"
            download.value.save_as(tmp_path / text)
            assert (tmp_path / text).read_bytes().startswith(start)
        assert heard == []


def test_results_are_saved_as_a_file(folder: Path, tmp_path: Path) -> None:
    with opened_page(folder / "everything.html") as (page, _):
        with page.expect_download() as download:
            page.locator("[data-download]").first.click()
        download.value.save_as(tmp_path / "r.json")
    assert '"schema":"repdiag.results"' in (tmp_path / "r.json").read_text()


def test_every_control_is_reached_by_tab_and_shows_it(folder: Path) -> None:
    with opened_page(folder / "everything.html") as (page, _):
        wanted = page.evaluate("document.querySelectorAll('button:not(.plot *), select, summary').length")
        reached = _tabbed(page, 4 * wanted + 200)
    assert "Skip to the results" in reached
    assert reached.count("BUTTON") + reached.count("SELECT") + reached.count("SUMMARY") >= wanted


FOCUSED = """(() => {
  const one = document.activeElement;
  const kind = one.closest(".plot") ? "PLOT" : one.tagName;
  return one === document.body ? [] : [kind, one.textContent.trim()];
})()"""


def _tabbed(page: Page, most: int) -> list[str]:
    seen: list[str] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        told: list[str] = page.evaluate(FOCUSED)
        if not told:
            return seen
        seen += told
    return seen


PICTURES = (
    "[...document.querySelectorAll('figure svg, .spark')].map((one) => one.getBoundingClientRect().height)"
)


@pytest.mark.parametrize("name", ["everything", "plane", "information"])
def test_without_scripts_tables_and_a_drawing_remain(name: str, folder: Path) -> None:
    with opened_page(folder / f"{name}.html", scripts=False) as (page, heard):
        assert heard == []
        visible = page.evaluate  # playwright's own evaluation runs even so
        assert visible("[...document.querySelectorAll('.scripted')].every((one) => one.offsetHeight === 0)")
        assert visible("document.querySelectorAll('table').length") > 0
        assert visible("document.documentElement.scrollWidth <= innerWidth")
        assert any(height > 20 for height in visible(PICTURES)) == (name != "information")


PRINTED = """(() => {
  const style = (one) => getComputedStyle(one);
  const cut = [...document.querySelectorAll(".scroll")].filter((one) => style(one).overflow !== "visible");
  const font = document.getElementById("plot-ranks").layout.font.color;
  return { actions: style(document.querySelector(".actions")).display, cut: cut.length, font };
})()"""


def test_a_printed_page_is_light_and_open(folder: Path) -> None:
    with opened_page(folder / "everything.html", dark=True) as (page, _):
        page.emulate_media(media="print", color_scheme="dark")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        facts: dict[str, Any] = page.evaluate(PRINTED)
        assert facts == {"actions": "none", "cut": 0, "font": "#1b1f27"}
        assert len(page.pdf()) > 20_000


QUICK = [("everything", False), ("information", True)]
REST = [(name, dark) for name in PAGES for dark in (False, True) if (name, dark) not in QUICK]


@pytest.mark.parametrize(
    ("name", "dark"), [*QUICK, *(pytest.param(*one, marks=pytest.mark.slow) for one in REST)]
)
def test_no_grave_fault_of_accessibility(name: str, dark: bool, folder: Path) -> None:
    with opened_page(folder / f"{name}.html", dark=dark) as (page, _):
        found = Axe().run(page).response["violations"]
    grave = [(one["id"], one["nodes"][0]["target"]) for one in found if one["impact"] in GRAVE]
    assert grave == []
