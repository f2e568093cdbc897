"""Phases as records and sentences, from paths whose figures are given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from repdiag.analysis.plane_paths import Path, PathKey, RunPaths, mean_estimate, mean_trajectory
from repdiag.analysis.plane_phases import phases_of, with_agreement
from repdiag.analysis.plane_points import Figure, Measured
from repdiag.analysis.plane_series import Stop
from repdiag.results import Estimate, Phase
from repdiag.types import Status

BLOCKS = 20
Value = float | None | tuple[float | None, Status]


def figure(value: Value, noise: float) -> Figure:
    number, status = value if isinstance(value, tuple) else (value, Status.OK)
    parts = np.random.default_rng(0).standard_normal(BLOCKS) * noise
    return Figure(Estimate(value=number, status=status, unit="nats"), parts - parts.mean())


def path(
    ixt: Sequence[Value],
    ity: Sequence[Value] | None = None,
    estimator: str = "binning",
    run: str | None = None,
) -> Path:
    """One run; steps are hundreds. Points share their noise, and each has a little of its own."""
    pairs = list(zip(ixt, ity or [0.5] * len(ixt), strict=True))
    own = np.random.default_rng(1).standard_normal((len(pairs), BLOCKS)) * 1e-3
    points = []
    for (x, y), extra in zip(pairs, own - own.mean(1, keepdims=True), strict=True):
        first, second = figure(x, 0.05), figure(y, 0.05)
        points.append(
            Measured(
                Figure(first.estimate, first.parts + extra),
                Figure(second.estimate, second.parts + extra),
                np.full(BLOCKS, 1 / BLOCKS),
            )
        )
    stops = tuple(Stop(0, f"s{at}", {}, 100 * at, None, (100 * at, 0)) for at in range(len(pairs)))
    return Path(PathKey("base", "fc", None, run, estimator), stops, tuple(points))


def runs(ixt: Sequence[Sequence[Value]]) -> RunPaths:
    paths = [path(values, run=f"seed{at}") for at, values in enumerate(ixt)]
    return RunPaths.of(paths, PathKey("base", "fc", None, None, "binning"), "step")


def compression(of: Path | RunPaths) -> Phase:
    return next(phase for phase in phases_of(of, 0.95) if phase.kind == "compression")


def fitting(of: Path | RunPaths) -> Phase:
    return next(phase for phase in phases_of(of, 0.95) if phase.kind == "fitting")


FALLING = [1.0, 2.0, 3.0, 2.6, 2.3, 2.0, 1.8]


def test_a_fall_is_measured_from_where_the_path_turns() -> None:
    phase = compression(path(FALLING))
    assert (phase.start, phase.start_step, phase.end, phase.end_step) == ("s2", 200, "s6", 600)
    assert phase.size.value == pytest.approx(1.2, abs=0.01)
    assert phase.size.status is Status.OK
    assert (phase.p_value, phase.runs) == (None, 1)
    assert phase.message.startswith("I(X;T) falls by 1.2 nats [")
    assert (
        "from step 200 to step 600; no p-value: 1 run, five are needed; 7 checkpoints do not" in phase.message
    )
    assert "chosen on other samples or runs" in phase.size.definition


def test_the_interval_is_that_of_the_difference() -> None:
    """Points share most of their noise, a hundred times that of a difference."""
    phase = compression(path([2.0, 1.99]))
    assert phase.size.low is not None
    assert phase.size.high is not None
    assert phase.size.high - phase.size.low < 0.05
    assert "2 checkpoints do not show how far the figure jumps" in phase.message


def test_a_rise_is_measured_from_the_first_checkpoint() -> None:
    phase = fitting(path([1.0] * 4, [0.1, 0.3, 0.6, 0.5]))
    assert (phase.start, phase.end, phase.end_step) == ("s0", "s2", 200)
    assert phase.size.value == pytest.approx(0.5, abs=0.01)
    assert phase.message.startswith("I(T;Y) rises by 0.5 nats [")


def test_a_figure_largest_at_the_last_checkpoint_does_not_fall() -> None:
    phase = compression(path([1.0, 2.0, 3.0]))
    assert (phase.size.value, phase.size.low, phase.size.high) == (0.0, 0.0, 0.0)
    assert phase.message.startswith("I(X;T) is largest at the last checkpoint: no fall; ")
    assert fitting(path([1.0] * 3, [0.5, 0.4, 0.3])).message.startswith(
        "I(T;Y) is largest at the first checkpoint: no rise; "
    )


def test_points_without_a_value_are_left_out() -> None:
    gone = (None, Status.CONSTANT)
    phase = compression(path([gone, 1.0, 3.0, 2.0, gone]))
    assert (phase.start, phase.end) == ("s2", "s3")
    alone = compression(path([gone, 1.0, gone]))
    assert (alone.size.value, alone.size.status) == (None, Status.CONSTANT)
    assert alone.message == "I(X;T) has a value at 1 checkpoint, two are needed"
    assert phases_of(path([1.0]), 0.95) == []


def test_from_ceiling_to_ceiling_nothing_can_be_read() -> None:
    high = (3.0, Status.SATURATED)
    phase = compression(path([high, high, (2.98, Status.SATURATED)]))
    assert (phase.size.status, phase.size.low) == (Status.SATURATED, None)
    assert phase.message == "I(X;T) is at its ceiling where it is largest and at the other end"
    from_it = compression(path([high, 2.0, 1.5]))
    assert from_it.message.startswith("I(X;T) falls by at least 1.5 nats [")
    assert str(from_it.size.details["bound"]).startswith("at least")
    rise = fitting(path([1.0] * 3, [0.2, 0.4, (0.69, Status.SATURATED)]))
    assert rise.message.startswith("I(T;Y) rises by 0.49 nats [")
    assert "bound" not in rise.size.details


def test_a_rise_to_what_shuffled_labels_give_cannot_be_read() -> None:
    none = Status.UNRESOLVED
    phase = fitting(path([1.0] * 3, [(0.01, none), (0.02, none), (0.01, none)]))
    assert (phase.size.status, phase.size.low) == (Status.UNRESOLVED, None)
    assert phase.message == "I(T;Y) is nowhere above what shuffled labels give"


def test_estimators_agree_on_what_can_be_read() -> None:
    high = (3.0, Status.SATURATED)
    falls, rises = path(FALLING), path([1.0, 2.0, 3.0], estimator="kde")
    mute = path([high, high, high], estimator="cs")

    def agreement(*paths: Path) -> list[bool | None]:
        found = with_agreement([phase for each in paths for phase in phases_of(each, 0.95)])
        return [phase.agrees for phase in found if phase.kind == "compression"]

    assert agreement(falls) == [None]
    assert agreement(falls, path(FALLING, estimator="kde")) == [True, True]
    assert agreement(falls, rises) == [False, False]
    assert agreement(falls, mute) == [None, None]


def test_runs_have_an_interval_over_runs_and_a_p_value_from_five_on() -> None:
    def noisy(count: int) -> RunPaths:
        r = np.random.default_rng(2)
        return runs([[value + 0.1 * r.standard_normal() for value in FALLING] for _ in range(count)])

    five, four = compression(noisy(5)), compression(noisy(4))
    assert (five.p_value, five.runs, four.p_value, four.runs) == (1 / 32, 5, None, 4)
    assert five.size.low is not None
    assert five.size.high is not None
    assert five.size.low < 1.2 < five.size.high
    assert five.message.endswith("p = 0.031 over 5 runs.")
    assert four.message.endswith("no p-value: 4 runs, five are needed.")


def test_runs_that_all_fall_but_unevenly_are_left_open() -> None:
    phase = compression(runs([[3.0, 3.0 - fall] for fall in (0.01, 0.01, 0.01, 0.01, 5.0)]))
    assert phase.p_value == 1 / 32
    assert phase.size.low is not None
    assert phase.size.low < 0
    assert phase.message.startswith("I(X;T) may fall: ")


def test_means_over_runs_say_what_their_runs_are() -> None:
    def one(value: float | None, status: Status, **details: float | str) -> Estimate:
        return Estimate(value=value, status=status, unit="nats", details={"rows": 100, **details})

    ok = [one(1.0, Status.OK, ceiling=2.0), one(3.0, Status.OK, ceiling=4.0)]
    mean = mean_estimate(ok, 0.95)
    assert (mean.value, mean.status) == (2.0, Status.OK)
    assert mean.details == {"rows": 100, "ceiling": 3.0, "runs": 2}
    assert mean.high == pytest.approx(2 + 12.706 * np.sqrt(2) / np.sqrt(2), rel=1e-3)
    mixed = mean_estimate([*ok, one(None, Status.CONSTANT), one(2.0, Status.SATURATED)], 0.95)
    assert (mixed.value, mixed.status) == (2.0, Status.OK)
    assert mixed.details["statuses"] == "2 ok, 1 constant, 1 saturated"
    none = mean_estimate([one(None, Status.CONSTANT)] * 2, 0.95)
    assert (none.value, none.low, none.status) == (None, None, Status.CONSTANT)


def test_times_that_only_some_runs_have_are_not_in_the_mean() -> None:
    first, second = path(FALLING, run="a"), path(FALLING, run="b").at([(0, 0), (200, 0), (300, 0)])
    both = RunPaths.of([first, second], PathKey("base", "fc", None, None, "binning"), "step")
    assert both.lacking == 4
    mean = mean_trajectory(both, 0.95)
    assert [(point.checkpoint, point.step) for point in mean.points] == [("s0", 0), ("s2", 200), ("s3", 300)]
