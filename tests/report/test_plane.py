"""The section of information planes: verdict first, every point in words, figures that read in every case."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from repdiag.report import PageOptions, render, write_report
from repdiag.report.plane import figure_data, section, summary
from repdiag.report.plane_paths import paths, timeline
from repdiag.report.plane_tables import MOST_POINTS
from repdiag.report.plane_words import MEANINGS
from repdiag.report.thinning import MAX_POINTS
from repdiag.results import Results
from repdiag.types import Status
from tests.report import plane_samples, samples
from tests.report.browser import Visit, needs_chromium, visit
from tests.report.test_page import PLAIN, page

WHOLE = plane_samples.plane()
BUDGET = 2.5e6


def test_verdict_comes_first_with_sizes_and_why_there_is_no_p_value() -> None:
    text = page(WHOLE).text
    heading = text.index("Information plane")
    said = "Under binning, I(X;T) falls late in training in 4 of 5 layers: layers.1, layers.2"
    assert heading < text.index(said) < text.index("What cannot be read") < text.index("All points")
    assert "Under adaptive_binning, I(X;T) falls late in training in none of 5 layers." in text
    assert "Under binning and adaptive_binning, I(T;Y) rises in 5 of 5 layers." in text
    assert "No p-value: 1 run, five are needed." in text
    assert (
        "layers.4 estimators disagree binning: I(X;T) falls by 3.35 nats [3.29, 3.41] from step 335" in text
    )
    assert "adaptive_binning: no fall of I(X;T) seen, 0 nats [−0.06, 0.06]" in text
    assert "not drawn on this page" not in text
    assert "nothing was measured" not in text
    assert "5 layers 20 checkpoints 2 estimators" in text


def test_a_p_value_stands_with_its_runs() -> None:
    text = page(plane_samples.splits_and_runs()).text
    assert "p = 0.031, 5 runs." in text
    assert "0.031 5 runs" in text


def test_every_point_is_in_the_table_with_null_ceiling_and_status() -> None:
    text = page(WHOLE).text
    first = WHOLE.trajectories[0].points[0]
    assert first.ixt.status is Status.SATURATED
    assert "layers.0 binning epoch=0 0 4,096 8.31 [8.23, 8.39] saturated 8.318 0.0" in text
    assert "0.03 [0.021, 0.039] 0.6931" in text
    assert text.count("epoch=9999") >= 10


def test_phases_are_in_a_table() -> None:
    text = page(WHOLE).text
    table = text[text.index("Phases Layer, estimator") : text.index("All points")]
    assert table.count("compression") == table.count("fitting") == 10
    assert "1.1 nats [1.04, 1.16] step 335 to step 9,999 seen estimators disagree none 1 run" in table


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_every_status_is_worded(status: Status) -> None:
    text = page(plane_samples.every_status()).text
    assert all(meanings[status] in text for meanings in MEANINGS.values())
    assert f"under binning is {status.value} in" in text or f"are {status.value} in" in text


def test_what_figures_mean_and_notes_are_on_the_page() -> None:
    text = page(WHOLE).text
    assert "It says how many activation patterns a fixed grid tells apart." in text
    assert f"binning: {plane_samples.REMARK}" in text
    assert "20 checkpoints of the same samples." in text


def test_a_fall_that_cannot_be_read_says_why() -> None:
    text = page(plane_samples.every_status()).text
    assert (
        "constant cannot be read binning: whether I(X;T) falls cannot be read (The layer does not vary)"
        in text
    )
    assert "whether I(X;T) falls late in training cannot be read in any layer" in text


def test_estimators_with_an_answer_each_disagree() -> None:
    made = section([WHOLE])
    assert made is not None
    assert [(one.layer, one.tone) for one in made.verdicts] == [
        ("layers.0", "quiet"),
        *((f"layers.{i}", "open") for i in range(1, 5)),
    ]


def test_without_trajectories_there_is_no_section_and_no_script() -> None:
    html = render([samples.results(samples.healthy())], PLAIN)
    assert "Information plane" not in html
    assert "pickedPaths" not in html
    assert section([samples.results()]) is None
    assert summary([samples.results()]) == []


def test_one_checkpoint_has_a_point_and_no_slider() -> None:
    alone = plane_samples.results([plane_samples.path("fc", plane_samples.tanh_path(2, 20)[-1:])])
    html = render([alone], PLAIN)
    assert 'id="plane"' in html
    assert 'id="moment"' not in html
    assert 'id="planesteps"' not in html
    assert html.count("<circle cx=") == 1 + html.count('<circle cx="12"')


def test_one_class_leaves_no_plane_but_all_of_the_rest() -> None:
    made = section([plane_samples.one_class()])
    assert made is not None
    assert made.panels == ()
    text = page(plane_samples.one_class()).text
    assert "I(T;Y) under binning is insufficient in fc: 1 class, 2 are needed." in text
    assert "– insufficient 1 class, 2 are needed" in text


def test_checkpoints_without_a_step_of_their_own_stand_in_their_order() -> None:
    times = timeline(paths([plane_samples.odd_steps()]))
    assert not times.counted
    assert [moment.checkpoint for moment in times.moments] == ["e0", "e1", "e2", "e3"]
    made = section([plane_samples.odd_steps()])
    assert made is not None
    assert made.scales == ()


def test_a_checkpoint_that_only_a_later_path_has_keeps_its_place() -> None:
    (first, *_) = plane_samples.odd_steps().trajectories
    short = first.model_copy(update={"points": [first.points[0], first.points[3]], "layer": "a"})
    times = timeline(paths([plane_samples.results([short, first])]))
    assert [moment.checkpoint for moment in times.moments] == ["e0", "e1", "e2", "e3"]


def test_crowded_steps_begin_on_a_log_scale() -> None:
    made = section([WHOLE])
    even = [plane_samples.tanh_path(1, 3)[i].model_copy(update={"step": 10 * i}) for i in range(3)]
    flat = section([plane_samples.results([plane_samples.path("fc", even)])])
    assert made is not None
    assert flat is not None
    assert made.scales[0][0] == "log"
    assert flat.scales[0][0] == "linear"


def test_means_and_all_rows_are_picked_first() -> None:
    made = section([plane_samples.splits_and_runs()])
    assert made is not None
    assert {one.name: one.chosen for one in made.pickers} == {
        "split": "all rows",
        "run": "mean of 5 runs",
        "layer": None,
    }


def test_figure_data_hold_values_ends_nulls_and_the_turning_point() -> None:
    data = figure_data([WHOLE])
    first, last = data["plane"][0], data["plane"][4]
    assert first["x"]["status"] == {str(i): "saturated" for i in range(20)}
    assert first["turn"] is None
    assert data["plane_setup"]["moments"][last["turn"]]["step"] == 335
    assert last["x"]["word"] == "log n"
    assert last["y"]["word"] == "H(Y)"
    assert last["y"]["null"][0] == 0.07
    assert last["x"]["low"][0] < last["x"]["value"][0] < last["x"]["high"][0]


def test_long_trajectories_are_thinned_and_keep_their_ends_and_turning_point() -> None:
    long = [
        one.model_copy(update={"checkpoint": f"c{i}", "step": i})
        for i, one in enumerate(plane_samples.tanh_path(3, 3000))
    ]
    fall = plane_samples.phase("fc", plane_samples.ixt(1.0), start="c1001", start_step=1001)
    data = figure_data([plane_samples.results([plane_samples.path("fc", long)], [fall])])
    (path,) = data["plane"]
    assert len(path["at"]) <= MAX_POINTS
    assert {0, 1001, 2999} <= set(path["at"])
    made = section([plane_samples.results([plane_samples.path("fc", long)])])
    assert made is not None
    assert len(made.points) == MOST_POINTS
    assert made.points_left == 3000 - MOST_POINTS


def test_pages_of_every_case_are_small_and_the_same_each_time() -> None:
    assert len(render([WHOLE]).encode()) < BUDGET
    assert render([WHOLE], PLAIN) == render([WHOLE], PLAIN)


@pytest.mark.parametrize("name", samples.HOSTILE)
def test_hostile_names_make_no_element(name: str) -> None:
    hostile, harmless = page(plane_samples.hostile(name)), page(plane_samples.hostile("harmless"))
    assert hostile.tags == harmless.tags
    known = {attribute for _, attrs in harmless.elements for attribute in attrs}
    assert {attribute for _, attrs in hostile.elements for attribute in attrs} <= known
    assert len(hostile.elements) == len(harmless.elements)
    assert not set(hostile.text) & set("\x1b\u202e\u2028\u2029")
    setup = figure_data([plane_samples.hostile(name)])["plane_setup"]
    drawn = [each for kind in ("dims", "short") for names in setup[kind].values() for each in names]
    drawn += [moment["name"] for moment in setup["moments"]]
    assert not any(char in text for text in drawn for char in "<>\"'%$")


def test_figures_in_the_page_are_strict_json() -> None:
    made = page(plane_samples.every_status())
    island = next(text for attrs, text in made.scripts if attrs.get("id") == "figures")
    held = json.loads(island, parse_constant=pytest.fail)
    assert len(held["plane"]) == len(Status)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planes")


CASES: dict[str, Results] = {
    "whole": WHOLE,
    "statuses": plane_samples.every_status(),
    "class": plane_samples.one_class(),
    "odd": plane_samples.odd_steps(),
    "one": plane_samples.one_class(1),
    "hostile": plane_samples.hostile(samples.HOSTILE[0]),
    "percent": plane_samples.hostile(samples.HOSTILE[2]),
}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("class", "one", "percent")]


@cache
def opened(name: str, folder: Path, dark: bool = False) -> Visit:
    path = folder / f"{name}.html"
    write_report([CASES[name]], path, PageOptions(plotlyjs="directory"))
    return visit(path, dark=dark)


@needs_chromium
@pytest.mark.parametrize("name", ["whole", "statuses", "odd", "hostile", *SLOW])
def test_page_draws_itself_without_a_word_on_the_console(name: str, folder: Path) -> None:
    seen = opened(name, folder)
    assert seen.console == []
    assert (seen.data("ready"), seen.data("drawn"), seen.data("overflow")) == ("true", "yes", "no")
    assert 'class="main-svg"' in seen.dom
    assert not re.search(r"<(img|a) [^>]*evil|<img src", seen.dom)


@needs_chromium
def test_page_fits_a_narrow_screen(folder: Path) -> None:
    path = folder / "narrow.html"
    write_report([WHOLE], path, PageOptions(plotlyjs="directory"))
    seen = visit(path, width=390)
    assert seen.console == []
    assert (seen.data("width"), seen.data("drawn"), seen.data("overflow")) == ("390", "yes", "no")


USE = """(async () => {
  const doc = document;
  const settle = () => new Promise((done) => setTimeout(done, 300));
  const figure = (name) => doc.getElementById(`plot-${name}`);
  const trails = () => figure("plane").data.filter((trace) => trace.meta && trace.meta.at);
  const rings = (name) => doc.querySelectorAll(`#marks-${name} circle`).length;
  const words = () => doc.getElementById("moment-text").textContent;
  const seen = { first: `${trails().length} ${trails()[0].x.length} ${rings("plane")}` };
  const set = async (selector, value, kind) => {
    const one = doc.querySelector(selector);
    one.value = value;
    one.dispatchEvent(new window.Event(kind));
    await settle();
  };
  await set("#moment", 9, "input");
  seen.moved = `${trails()[0].x.length} ${rings("plane")} ${rings("planesteps")} ${words()}`;
  await set("#moment", 19, "input");
  const line = figure("planesteps").data.find((trace) => trace.meta && trace.meta.at);
  figure("planesteps").emit("plotly_hover", { points: [{ data: line, pointNumber: 4 }] });
  seen.linked = `${rings("plane")} ${rings("planesteps")} ${words()}`;
  figure("planesteps").emit("plotly_unhover", {});
  seen.left = `${rings("plane")} ${words()}`;
  await set('[data-plane="layer"]', "3", "change");
  seen.layer = `${trails().length} ${trails()[0].name}`;
  await set('[data-plane="estimator"]', "0", "change");
  seen.alone = String(trails().length);
  doc.querySelector('[data-figure="planesteps"][data-scale="order"]').click();
  await settle();
  seen.order = figure("planesteps").data.find((trace) => trace.meta && trace.meta.at).x.slice(0, 3).join();
  const play = doc.getElementById("play");
  play.focus();
  play.click();
  await settle();
  seen.playing = `${doc.activeElement.id} ${play.getAttribute("aria-pressed")} ${play.textContent}`;
  play.click();
  seen.paused = play.textContent;
  doc.getElementById("theme").click();
  await settle();
  seen.theme = figure("plane").layout.font.color;
  return seen;
})()"""


@needs_chromium
def test_slider_hover_pickers_and_play_work_together(folder: Path) -> None:
    path = folder / "driven.html"
    write_report([WHOLE], path, PageOptions(plotlyjs="directory"))
    seen = visit(path, width=1100, actions=USE)
    assert seen.console == []
    assert seen.data("first") == "10 20 0"
    assert seen.data("moved") == "10 10 20 step 77, epoch=77"
    assert seen.data("linked") == "10 20 step 6, epoch=6"
    assert seen.data("left") == "0 step 9,999, epoch=9999"
    assert seen.data("layer") == "2 layers.3"
    assert seen.data("alone") == "1"
    assert seen.data("order") == "0,1,2"
    assert seen.data("playing") == "play true Pause"
    assert seen.data("paused") == "Play"
    assert seen.data("theme") == "#e9eaee"


SIDE_BY_SIDE = """(async () => {
  const doc = document;
  const pick = async (name, value) => {
    const one = doc.querySelector(`[data-plane="${name}"]`);
    one.value = value;
    one.dispatchEvent(new window.Event("change"));
    await new Promise((done) => setTimeout(done, 300));
  };
  const lines = () => doc.getElementById("plot-plane").data.filter((trace) => trace.meta && trace.meta.at);
  const seen = { first: String(lines().length) };
  await pick("split", "");
  seen.splits = [...new Set(lines().map((line) => line.line.dash))].join();
  const keys = [...doc.querySelectorAll('[data-keys="plane"] li')];
  seen.keys = keys.map((item) => item.textContent).slice(0, 5).join();
  await pick("run", "");
  seen.runs = `${lines().length} ${lines()[0].line.width} ${lines().at(-1).line.width}`;
  return seen;
})()"""


@needs_chromium
def test_splits_stand_side_by_side_in_dashes_and_runs_are_thin(folder: Path) -> None:
    path = folder / "splits.html"
    write_report([plane_samples.splits_and_runs()], path, PageOptions(plotlyjs="directory"))
    seen = visit(path, width=1100, actions=SIDE_BY_SIDE)
    assert seen.console == []
    assert seen.data("first") == "2"
    assert seen.data("splits") == "solid,dash,dot"
    assert seen.data("keys") == "fc1,fc2,all rows,train,test"
    assert seen.data("runs") == "36 1 2"


VALID = """(async () => {
  const figures = ["plane", "planesteps"].map((name) => document.getElementById(`plot-${name}`));
  const faults = figures.flatMap(({ data }) => window.Plotly.validate(data) || []);
  const points = figures.flatMap(({ data }) => data.map((trace) => trace.x.length));
  return { bad: faults.map((fault) => fault.msg).join(" | "), most: String(Math.max(...points)) };
})()"""


@needs_chromium
@pytest.mark.slow
def test_plotly_accepts_every_trace(folder: Path) -> None:
    path = folder / "valid.html"
    write_report([WHOLE], path, PageOptions(plotlyjs="directory"))
    seen = visit(path, width=1100, actions=VALID)
    assert seen.data("bad") == ""
    most: Any = seen.data("most")
    assert int(most) <= MAX_POINTS
