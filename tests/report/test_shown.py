"""Samples behind a direction and distributions on the page: all of it there, and nothing that runs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from repdiag.report import PageOptions, render, write_report
from repdiag.report.catalogue import build_catalogue
from repdiag.report.classes import MOST_LINES, class_tables, class_traces
from repdiag.report.directions import MOST_SHOWN, behind
from repdiag.report.distributions import (
    MOST_ROWS,
    distribution_rows,
    distribution_traces,
    isotropic_density,
    normal_density,
)
from repdiag.report.thinning import MAX_POINTS
from repdiag.results import Results
from tests.report import samples, shown
from tests.report.browser import needs_chromium, opened_page, visit
from tests.report.test_page import Page

PLAIN = PageOptions(plotlyjs="none")


def page(results: Results) -> Page:
    return Page(render([results], PLAIN))


def integral(trace: dict[str, list[float]], step: float) -> float:
    return sum(trace["y"]) * step


def test_both_ends_of_every_direction_stand_in_tables() -> None:
    text = page(shown.everything()).text
    assert "Samples behind a direction" in text
    for part in ("Direction 1 40% of the variance", "Direction 3 10% of the variance"):
        assert text.count(part) == 2
    assert "−3.5 images/cat/0000.jpg" in text
    assert "3.5 images/cat/0000.jpg" in text
    assert "2 more directions had no room" in text


def test_leverage_and_equal_rows_are_listed() -> None:
    text = page(shown.everything()).text
    assert "Highest leverage 4 samples hold 12.4% of it" in text
    assert "Equal rows 7 rows equal an earlier one bit for bit" in text
    assert "images/cat/0003.jpg and 3 more" in text
    assert "score: in standard deviations." in text


def test_a_page_without_samples_says_nothing_of_them() -> None:
    html = render([samples.results(samples.healthy())], PLAIN)
    for part in ("Samples behind", "Lengths and cosines", "Ranks by class", 'id="plot-cosines"'):
        assert part not in html


def test_results_written_before_there_were_samples_still_read() -> None:
    content = json.loads(samples.results(samples.healthy()).to_json())
    del content["representations"][0]["shown_samples"]
    del content["representations"][0]["distributions"], content["representations"][0]["class_ranks"]
    read = Results.model_validate(content).representations[0]
    assert read.shown_samples is None
    assert read.distributions is None
    assert read.class_ranks is None
    assert render([Results.model_validate(content)], PLAIN)


def test_samples_survive_json() -> None:
    made = shown.everything()
    assert Results.model_validate_json(made.to_json()) == made


def test_equal_input_gives_equal_bytes() -> None:
    assert render([shown.everything()], PLAIN) == render([shown.everything()], PLAIN)


def test_home_folders_in_ids_are_hidden() -> None:
    html = render([samples.results(shown.shown("x", ids=["/home/alice/cats/1.jpg"] * 8))], PLAIN)
    assert "alice" not in html
    assert "~/cats/1.jpg" in html


@pytest.mark.parametrize("names", [samples.HOSTILE[:7], samples.HOSTILE[7:]])
def test_hostile_ids_make_no_element_and_no_attribute(names: tuple[str, ...]) -> None:
    harmless = page(shown.hostile([f"name{i}" for i in range(7)]))
    hostile = page(shown.hostile(names))
    assert hostile.tags == harmless.tags
    known = {name for _, attrs in harmless.elements for name in attrs}
    assert {name for _, attrs in hostile.elements for name in attrs} <= known
    assert len(hostile.scripts) == len(harmless.scripts)
    assert [a for tag, a in hostile.elements if tag == "a"] == [{"class": "skip", "href": "#main"}]


def test_ids_leave_no_control_or_bidi_character_and_reach_no_figure() -> None:
    made = shown.hostile(samples.HOSTILE)
    html = render([made], PLAIN)
    assert not set(html) & set("\x1b\u202e\u2028\u2029\x00")
    marked = samples.results(shown.shown("x", ids=["only-in-the-tables"] * 8, class_ranks=None))
    figures = next(text for attrs, text in page(marked).scripts if attrs.get("id") == "figures")
    assert "only-in-the-tables" not in figures


def test_ranks_by_class_are_points_with_intervals_and_lines_of_a_table() -> None:
    made = samples.results(shown.shown("x", class_ranks=shown.class_ranks()))
    trace = class_traces(build_catalogue([made]))[0]
    assert trace["y"] == [None, 3, 4, 5]
    assert (trace["error_y"]["array"], trace["error_y"]["arrayminus"]) == (
        [None, 1, 1, 1],
        [None, 0.5, 0.5, 0.5],
    )
    assert trace["meta"]["sizes"] == [12, 100, 101, 102]
    text = page(made).text
    for part in ("none 12 – constant", "cat 100 3 [2.5, 4]", "Rank: exp(H) within the class; 95% intervals."):
        assert part in text


def test_the_table_of_classes_lists_the_lowest() -> None:
    many = shown.class_ranks([f"class {i}" for i in range(40)])
    table = class_tables(build_catalogue([samples.results(shown.shown("x", class_ranks=many))]))[0]
    assert (len(table.lines), table.more) == (MOST_LINES, 41 - MOST_LINES)
    assert "and 31 more of higher rank" in page(samples.results(shown.shown("x", class_ranks=many))).text


def test_names_of_classes_reach_the_figure_as_escaped_text() -> None:
    traces = class_traces(build_catalogue([shown.hostile(samples.HOSTILE)]))
    names = [name for trace in traces for name in trace["meta"]["names"]]
    assert not [name for name in names if set(name) & set("<>%$\"'\x1b\u202e")]


def test_traces_are_valid_plotly() -> None:
    go = pytest.importorskip("plotly.graph_objects")
    catalogue = build_catalogue([shown.everything()])
    for traces in ({**distribution_traces(catalogue), "classes": class_traces(catalogue)}).values():
        assert len(go.Figure(data=traces).data) == len(traces)
        assert all(len(trace["y"]) <= MAX_POINTS for trace in traces)


def test_steps_are_a_density_of_what_lies_inside() -> None:
    found = distribution_traces(build_catalogue([shown.everything()]))
    trace = found["lengths"][0]
    held = shown.distributions(64).lengths
    assert held is not None
    inside = sum(held.counts) / held.total
    assert integral(trace, trace["dx"]) == pytest.approx(inside, rel=1e-4)
    assert trace["meta"]["above"] == held.above
    assert (trace["x0"], trace["y"][-1]) == (7.0, 0.0)


def test_narrow_bins_keep_their_places() -> None:
    narrow = shown.distributions(64).model_copy(update={"cosines": shown.histogram(0.999951, 0.999957)})
    made = samples.results(shown.shown("x", distributions=narrow))
    trace = distribution_traces(build_catalogue([made]))["cosines"][0]
    assert trace["x0"] + 60 * trace["dx"] == pytest.approx(0.999957, abs=1e-9)


def test_one_isotropic_guide_for_each_number_of_features() -> None:
    made = samples.results(shown.shown("a"), shown.shown("b"), shown.shown("c", d=32))
    traces = distribution_traces(build_catalogue([made]))["cosines"]
    assert [trace["meta"]["d"] for trace in traces if trace["meta"]["role"] == "isotropic"] == [64, 32]
    assert sum(trace["meta"]["role"] == "spectrum" for trace in traces) == 2  # 2 / sqrt(32) is too wide


@pytest.mark.parametrize("d", [4, 32, 768, 4096])
def test_isotropic_density_is_one_and_has_variance_one_over_d(d: int) -> None:
    density, steps = isotropic_density(d), 40_000
    places = [-1 + 2 * (i + 0.5) / steps for i in range(steps)]
    heights = [density(c) for c in places]
    assert sum(heights) * 2 / steps == pytest.approx(1, rel=1e-3)
    variance = sum(h * c * c for h, c in zip(heights, places, strict=True)) * 2 / steps
    assert variance == pytest.approx(1 / d, rel=1e-3)


def test_isotropic_density_in_three_dimensions_is_flat() -> None:
    assert [isotropic_density(3)(c) for c in (-0.9, 0.0, 0.5)] == pytest.approx([0.5, 0.5, 0.5])


def test_normal_density_is_that_of_its_deviation() -> None:
    assert normal_density(0.5)(0.0) == pytest.approx(1 / (0.5 * math.sqrt(2 * math.pi)))


def test_the_table_without_scripts_is_short_and_complete() -> None:
    many = samples.results(*(shown.shown(f"layer{i}") for i in range(60)))
    rows = distribution_rows(build_catalogue([many]))
    assert len(rows) == MOST_ROWS
    assert (rows[0].label, rows[-1].label) == ("layer0", "layer59")
    text = page(shown.everything()).text
    assert "9 ± 0.6667 7 to 12" in text
    assert "124,750" in text
    assert "0 ± 0.125" in text
    assert "length of a row." in text


def test_many_representations_share_the_directions_of_a_page() -> None:
    many = [shown.shown(f"layer{i}", shown_samples=shown.shown_samples(directions=8)) for i in range(40)]
    sections = behind(build_catalogue([samples.results(*many)]))
    assert len(sections) == MOST_SHOWN
    assert (sections[0].label, sections[-1].label) == ("layer0", "layer39")
    assert {(len(one.directions), one.in_json) for one in sections} == {(2, 6)}
    few = behind(build_catalogue([samples.results(*many[:2])]))
    assert {(len(one.directions), one.in_json) for one in few} == {(8, 0)}
    assert "6 more directions are in the results JSON" in page(samples.results(*many)).text


def test_twelve_layers_with_samples_add_little_to_a_page() -> None:
    without = [samples.representation(f"blocks.{i}", samples.power_law(768)) for i in range(12)]
    one = shown.shown("x", d=768, shown_samples=shown.shown_samples(directions=8))
    both = {"shown_samples": one.shown_samples, "distributions": one.distributions}
    full = [each.model_copy(update=both) for each in without]
    before, after = (len(render([samples.results(*each)], PLAIN).encode()) for each in (without, full))
    assert after - before < 0.35e6


PICK = """(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const seen = () => all("[data-behind]").filter((one) => !one.hidden);
  const open = () => all("[data-direction][open]", seen()[0]).map((one) => one.dataset.direction);
  const pick = (id, value) => { const s = document.getElementById(id); s.value = value; s.onchange(); };
  const first = [seen().length, open()].join();
  pick("behind-rep", 1); pick("behind-direction", 2);
  return { first, then: [seen().length, seen()[0].dataset.behind, open()].join(),
    drawn: document.querySelectorAll("#plot-lengths .main-svg, #plot-cosines .main-svg").length };
})()"""


@needs_chromium
def test_a_direction_is_chosen_in_the_browser(tmp_path: Path) -> None:
    path = tmp_path / "shown.html"
    write_report([shown.everything()], path)
    seen = visit(path, actions=PICK)
    assert seen.console == []
    assert (seen.data("first"), seen.data("then")) == ("1,0", "1,1,2")
    assert int(seen.data("drawn") or 0) >= 2


@needs_chromium
def test_hostile_ids_are_silent_in_the_browser(tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    write_report([samples.results(shown.shown("x", ids=samples.HOSTILE))], path)
    seen = visit(path, width=390)
    assert seen.console == []
    assert seen.data("drawn") == "yes"
    assert seen.data("overflow") == "no"


@needs_chromium
@pytest.mark.parametrize("dark", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_no_fault_of_accessibility(dark: bool, tmp_path: Path) -> None:
    path = tmp_path / "shown.html"
    write_report([shown.everything()], path)
    with opened_page(path, dark=dark) as (page, _):
        assert Axe().run(page).response["violations"] == []
