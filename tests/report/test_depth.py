"""From input to output: one line a checkpoint, and the first layer that surely lost its rank."""

from __future__ import annotations

import pytest

from repdiag.report.catalogue import build_catalogue
from repdiag.report.curves import Trace
from repdiag.report.depth import depth_choices, depth_traces, first_loss
from repdiag.results import Estimate, Results
from repdiag.types import Status
from tests.report import samples


def drawn(result: Results) -> list[Trace]:
    return depth_traces(build_catalogue([result]))


def layer(value: float | None, spread: float = 1.0) -> Estimate:
    low, high = (None, None) if value is None else (value - spread, value + spread)
    return Estimate(value=value, low=low, high=high, unit="dimensions")


@pytest.mark.parametrize(
    ("values", "widths", "lost"),
    [
        ([100, 80, 39, 12], [512] * 4, 2),
        ([100, 80, 60, 52], [512] * 4, None),
        ([100, 8], [512, 10], None),  # ten classes hold no more than ten dimensions
        ([100, 3], [512, 10], 1),
        ([10, 100, 20], [512] * 3, 2),
        ([100, None, 90], [512] * 3, None),
        ([], [], None),
    ],
)
def test_the_first_layer_that_loses_half(
    values: list[float | None], widths: list[int], lost: int | None
) -> None:
    assert first_loss([layer(value) for value in values], widths) == lost


def test_a_loss_within_the_intervals_is_none() -> None:
    assert first_loss([layer(100, 30), layer(40, 15)], [512, 512]) is None
    assert first_loss([layer(100, 1), layer(40, 5)], [512, 512]) == 1


def test_a_line_for_each_checkpoint_in_the_order_of_layers() -> None:
    traces = drawn(samples.grid(5, 3, d=32))
    lines = [trace for trace in traces if trace["meta"]["measure"] == "effective_rank"]
    assert len(lines) == 3
    assert [trace["meta"]["reps"] for trace in lines] == [list(range(5 * k, 5 * k + 5)) for k in range(3)]


def test_only_dimensions_and_nats_can_be_chosen() -> None:
    names = depth_choices({"depth": drawn(samples.grid(3, 1, d=32))})
    assert "effective_rank" in names
    assert "top1_share" not in names
    assert "power_law_alpha" not in names


def test_one_layer_has_no_depth() -> None:
    assert drawn(samples.results(samples.healthy())) == []
    assert drawn(samples.results()) == []


def test_a_layer_without_a_figure_keeps_its_place_and_its_word() -> None:
    trace = drawn(samples.everything())[0]
    assert trace["y"][2] is None
    assert trace["meta"]["status"]["2"] == Status.CONSTANT.value
    assert trace["meta"]["lost"] == 1
