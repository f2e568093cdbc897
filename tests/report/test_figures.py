"""The figures as data: valid plotly, few points, true lines."""

from __future__ import annotations

import json
import math

import pytest

from repdiag.report.catalogue import build_catalogue, spread
from repdiag.report.curves import fit_line, growth_traces, spectrum_traces
from repdiag.report.figures import figure_data, measure_choices, plot_text, rank_traces
from repdiag.report.scrub import without_home
from repdiag.report.svg import spectrum_picture
from repdiag.report.thinning import MAX_POINTS, cumulative_share, log_spaced, points_per_trace
from repdiag.results import RankPoint, Results
from repdiag.types import Status
from tests.report import samples


@pytest.mark.parametrize("figure", ["spectrum", "cumulative", "ranks", "growth", "trajectory"])
@pytest.mark.parametrize("results", [samples.everything(), samples.grid(3, 4, d=64), samples.hostile()])
def test_traces_are_valid_plotly(figure: str, results: Results) -> None:
    go = pytest.importorskip("plotly.graph_objects")
    traces = figure_data(build_catalogue([results]))[figure]
    assert len(go.Figure(data=traces).data) == len(traces)


@pytest.mark.parametrize("d", [1, 2, 768, 5000, 60_000])
def test_no_trace_has_more_points_than_allowed(d: int) -> None:
    kept = log_spaced(d, MAX_POINTS)
    assert len(kept) <= MAX_POINTS
    assert (kept[0], kept[-1]) == (0, d - 1)
    assert kept == sorted(set(kept))


def test_traces_share_the_points_of_a_figure() -> None:
    assert points_per_trace(1) == MAX_POINTS
    assert points_per_trace(12) == 500
    assert points_per_trace(10_000) == 120


def test_long_spectra_are_thinned_with_both_ends_kept() -> None:
    catalogue = build_catalogue([samples.results(samples.representation("x", samples.power_law(4096)))])
    curve = spectrum_traces(catalogue)[0]
    assert len(curve["y"]) == len(curve["x"]) <= MAX_POINTS
    assert (curve["x"][0], curve["x"][-1]) == (1, 4096)


def test_guides_are_the_floor_the_edge_and_the_fit() -> None:
    traces = spectrum_traces(build_catalogue([samples.results(samples.healthy())]))
    by_role = {trace["meta"]["role"]: trace for trace in traces}
    assert by_role["floor"]["y"] == [1e-9, 1e-9]
    assert by_role["edge"]["y"][0] == pytest.approx(samples.power_law(768)[0] * 2e-3)
    assert by_role["fit"]["x"] == [11, 100]
    assert by_role["fit"]["meta"]["text"] == "power law, α 1, R² 0.994"
    for rank, height in zip(by_role["fit"]["x"], by_role["fit"]["y"], strict=True):
        assert height == pytest.approx(samples.power_law(768)[rank - 1], rel=0.06)


def test_fit_has_the_slope_of_the_estimate() -> None:
    column = build_catalogue([samples.results(samples.healthy())]).columns[0]
    (x0, y0), (x1, y1) = fit_line(column)
    assert -math.log(y1 / y0) / math.log(x1 / x0) == pytest.approx(1.0)


def test_no_fit_is_drawn_for_a_figure_that_does_not_exist() -> None:
    made = samples.results(samples.rank_eight(), samples.constant())
    assert all(fit_line(column) == [] for column in build_catalogue([made]).columns)


def test_growth_has_a_line_for_the_plug_in_and_one_for_the_corrected_rank() -> None:
    plugin, corrected = figure_data(build_catalogue([samples.results(samples.healthy())]))["growth"]
    assert (plugin["meta"]["role"], corrected["meta"]["role"]) == ("plugin", "corrected")
    assert plugin["x"] == [1000, 2500, 5000, 10_000]
    assert plugin["y"] == [150, 225, 270, 300]
    assert (corrected["x"], corrected["y"]) == ([5000, 10_000], [303, 306])


def test_growth_without_a_corrected_rank_is_one_line() -> None:
    curve = [RankPoint(n=50, plugin=8.0), RankPoint(n=100, plugin=9.0)]
    made = samples.representation("x", samples.power_law(32), rank_curve=curve)
    traces = growth_traces(build_catalogue([samples.results(made)]))
    assert [trace["meta"]["role"] for trace in traces] == ["plugin"]


def test_long_growth_is_thinned() -> None:
    curve = [RankPoint(n=i + 2, plugin=float(i + 1), value=5.0) for i in range(10_000)]
    made = samples.representation("x", samples.power_law(32), rank_curve=curve)
    traces = growth_traces(build_catalogue([samples.results(made)]))
    assert all(len(trace["x"]) <= MAX_POINTS for trace in traces)
    assert all((trace["x"][0], trace["x"][-1]) == (2, 10_001) for trace in traces)


def test_no_growth_is_drawn_without_parts_of_the_rows() -> None:
    assert figure_data(build_catalogue([samples.grid(2, 2, d=16)]))["growth"] == []


def test_unfinished_bars_carry_their_status() -> None:
    traces = rank_traces(build_catalogue([samples.everything()]))
    stable = next(trace for trace in traces if trace["name"] == "stable_rank")
    assert stable["meta"]["status"] == {"2": Status.CONSTANT.value, "3": Status.UNRESOLVED.value}
    assert stable["y"][2] is None
    assert stable["y"][3] == 1.7


def test_error_bars_reach_low_and_high() -> None:
    made = samples.results(samples.healthy())
    rank = made.representations[0].estimates["effective_rank"]
    bars = rank_traces(build_catalogue([made]))[0]
    assert rank.low is not None
    assert rank.high is not None
    assert bars["y"][0] + bars["error_y"]["array"][0] == pytest.approx(rank.high, rel=1e-4)
    assert bars["y"][0] - bars["error_y"]["arrayminus"][0] == pytest.approx(rank.low, rel=1e-4)


def test_trajectories_need_more_than_one_checkpoint() -> None:
    assert figure_data(build_catalogue([samples.grid(3, 1)]))["trajectory"] == []
    figures = figure_data(build_catalogue([samples.grid(3, 4)]))
    assert measure_choices(figures) == list(samples.DEFINITIONS)
    assert figures["trajectory"][0]["x"] == [0, 500, 1000, 1500]


def test_checkpoints_without_steps_stand_in_order() -> None:
    made = samples.grid(1, 3, d=64)
    made = made.model_copy(
        update={"representations": [one.model_copy(update={"step": None}) for one in made.representations]}
    )
    trace = figure_data(build_catalogue([made]))["trajectory"][0]
    assert trace["x"] == [0, 1, 2]
    assert trace["meta"]["steps"] is False


def test_page_opens_on_at_most_a_dozen_when_layers_are_many() -> None:
    catalogue = build_catalogue([samples.grid(12, 20, d=16)])
    chosen = catalogue.chosen(catalogue.first_choice())
    assert {column.names["checkpoint"] for column in chosen} == {"epoch=19"}
    assert len(chosen) == 12


def test_one_layer_over_many_checkpoints_is_spread() -> None:
    catalogue = build_catalogue([samples.grid(1, 20, d=16)])
    drawn = spread(catalogue.chosen(catalogue.first_choice()))
    assert len(drawn) == 12
    assert (drawn[0].names["checkpoint"], drawn[-1].names["checkpoint"]) == ("epoch=0", "epoch=19")


def test_cumulative_share_ends_at_one_and_needs_variance() -> None:
    share = cumulative_share([3.0, 1.0, 0.0, -1e-18])
    assert share == [0.75, 1.0, 1.0, 1.0]
    assert cumulative_share([0.0, 0.0]) == []


def test_cliff_is_seen_in_the_static_picture() -> None:
    picture = spectrum_picture([samples.collapsed(128, 8), samples.power_law(128)], floor=1e-9)
    assert picture is not None
    assert len(picture.lines[0].split()) == 9
    assert picture.lines[0].endswith(f",{picture.bottom:.1f}")
    assert len(picture.lines[1].split()) == 128


def test_nothing_to_draw_makes_no_picture() -> None:
    assert spectrum_picture([[0.0, 0.0]]) is None
    assert spectrum_picture([]) is None


def test_names_in_figures_are_text_and_short() -> None:
    assert plot_text("<b>%{x}</b>") == "&#60;b&#62;&#37;{x}&#60;/b&#62;"
    assert len(plot_text("x" * 500)) == 44
    assert plot_text("a" * 40 + "b" * 40).startswith("aaa")
    assert plot_text("a" * 40 + "b" * 40).endswith("bbb")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/alice/run/x.h5", "~/run/x.h5"),
        ("--data=/Users/bob/a b", "--data=~/a b"),
        ("C:\\Users\\eve\\x.h5", "~\\x.h5"),
        ("/root/x '/root'", "~/x '~'"),
        ("/rootfs/x", "/rootfs/x"),
        ("data/home/alice", "data/home/alice"),
        ("/data/x.h5", "/data/x.h5"),
    ],
)
def test_home_folders_become_a_tilde(text: str, shown: str) -> None:
    assert without_home(text) == shown


def test_figures_are_strict_json() -> None:
    json.dumps(figure_data(build_catalogue([samples.everything()])), allow_nan=False)
