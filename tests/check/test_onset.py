"""When a kind of collapse began: breaks that are known, and series that have none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repdiag.check import check
from repdiag.check.onset import onset_sentence, onsets
from repdiag.check.onset_path import course_at, find_break, path_of
from repdiag.results import Estimate, Onset, Representation
from repdiag.types import Status
from tests.check.builders import figure, healthy, insufficient, policy, results, row, without_value

EVERY = 100
LENGTH = 24


def noisy(levels: Sequence[float], seed: int, size: float = 0.02) -> list[float]:
    random = Random(seed)
    return [level * math.exp(random.gauss(0, size)) for level in levels]


def falling(break_at: int, rate: float, start: float = 300.0, length: int = LENGTH) -> list[float]:
    """Level until checkpoint `break_at - 1`, and by `rate` lower at each one from `break_at` on."""
    return [max(start * rate ** max(0, at - break_at + 1), 1.02) for at in range(length)]


def series(figures: dict[str, Sequence[float | Estimate]], **fields: Any) -> list[Representation]:
    """One layer over checkpoints, healthy but for the figures given."""
    length = len(next(iter(figures.values())))
    steps = fields.pop("steps", True)
    return [
        row(
            healthy(
                **{
                    name: value if isinstance(value := path[at], Estimate) else figure(value)
                    for name, path in figures.items()
                }
            ),
            checkpoint=f"epoch={at}",
            step=EVERY * at if steps else None,
            **fields,
        )
        for at in range(length)
    ]


def began(*rows: Representation) -> list[Onset]:
    return onsets(check(results(*rows), policy()))


def position(name: str | None) -> int:
    return -1 if name is None else int(name.removeprefix("epoch="))


def covers(onset: Onset, break_at: int) -> bool:
    return position(onset.after) < break_at <= position(onset.before)


def width(onset: Onset) -> int:
    return position(onset.before) - position(onset.after)


def only_onset(*rows: Representation) -> Onset:
    found = began(*rows)
    assert len(found) == 1, [one.message for one in found]
    return found[0]


def test_known_breaks_are_covered_by_narrow_intervals() -> None:
    found = []
    for seed in range(20):
        break_at = Random(seed).randrange(8, 14)
        ranks = noisy(falling(break_at, 0.5), seed)
        found.append((break_at, only_onset(*series({"effective_rank": ranks}))))
    assert sum(covers(onset, break_at) for break_at, onset in found) >= 19
    assert sorted(width(onset) for _, onset in found)[10] <= 2


def test_a_slow_fall_is_dated_at_its_break_and_not_where_the_limit_is_crossed() -> None:
    ranks = noisy(falling(10, 0.75, start=30.0), 3)
    onset = only_onset(*series({"effective_rank": ranks}))
    assert covers(onset, 10)
    assert width(onset) <= 4
    assert onset.kind == "one direction"
    assert onset.id == "RD004"
    assert onset.measure == "effective_rank"
    assert (onset.after_step, onset.before_step) == (
        EVERY * position(onset.after),
        EVERY * position(onset.before),
    )
    assert "step 2,1" in onset_sentence(onset) or "step 2,2" in onset_sentence(onset)


def test_the_scale_tells_of_a_cone_before_the_mean_does() -> None:
    trace = noisy(falling(9, 0.4, start=7e6), 1)
    share = [0.2 + 0.795 * max(0, at - 12) / (LENGTH - 13) for at in range(LENGTH)]
    onset = only_onset(*series({"trace": trace, "mean_share": [figure(one, 0.001) for one in share]}))
    assert onset.kind == "cone"
    assert onset.measure == "trace"
    assert covers(onset, 9)
    assert width(onset) <= 2


def test_a_cause_shortly_before_a_checkpoint_may_hide_there() -> None:
    ranks = noisy(falling(10, 0.5), 11)
    onset = only_onset(*series({"effective_rank": ranks}))
    assert (position(onset.after), position(onset.before)) == (8, 10)
    sharp = only_onset(*series({"effective_rank": falling(10, 0.03)}))
    assert (position(sharp.after), position(sharp.before)) == (9, 10)


def test_the_transient_after_the_start_is_not_the_onset() -> None:
    start = [20.0, 60.0, 160.0, 240.0, 310.0]
    ranks = noisy([*start, *falling(8, 0.5, length=LENGTH - 5)], 5)
    onset = only_onset(*series({"effective_rank": ranks}))
    assert covers(onset, 13)
    falls = noisy([900.0, 600.0, 420.0, 330.0, 310.0, *falling(8, 0.5, length=LENGTH - 5)], 5)
    assert covers(only_onset(*series({"effective_rank": falls})), 13)


def test_a_recovery_that_levels_off_is_not_a_break() -> None:
    rising = [60.0 * at for at in range(1, 6)] + [310.0 - 0.3 * at for at in range(8)]
    ranks = noisy([*rising, *falling(1, 0.5, length=11)], 2, 0.01)
    assert covers(only_onset(*series({"effective_rank": ranks})), 14)


@pytest.mark.parametrize(
    "ranks",
    [
        noisy([300.0] * LENGTH, 0, 0.05),
        [300.0 * 0.97**at for at in range(LENGTH)],
        noisy([300.0] * 12 + [150.0] * 12, 1),
        noisy([20.0, 80.0, 200.0, 290.0] + [300.0] * 20, 2),
    ],
    ids=["noise", "drift", "half in health", "transient"],
)
def test_healthy_series_have_no_onset(ranks: list[float]) -> None:
    assert began(*series({"effective_rank": ranks})) == []


def test_a_collapse_that_is_over_by_the_end_has_no_onset() -> None:
    ranks = [300.0] * 10 + [1.05] * 4 + [290.0] * 10
    assert began(*series({"effective_rank": ranks})) == []


@pytest.mark.parametrize("length", [1, 2])
def test_one_or_two_checkpoints_are_no_series(length: int) -> None:
    assert began(*series({"effective_rank": [300.0, 1.05][-length:]})) == []


def test_a_kind_from_the_very_first_checkpoint_is_told_as_such() -> None:
    onset = only_onset(*series({"effective_rank": [1.05] * 6}))
    assert (onset.after, onset.after_step) == (None, None)
    assert onset.checkpoint == onset.before == "epoch=0"
    assert "at or before the first checkpoint, step 0" in onset.message


def test_too_little_before_it_leaves_the_whole_way_open() -> None:
    onset = only_onset(*series({"effective_rank": [300.0, 290.0, 1.05, 1.04, 1.03]}))
    assert (onset.after, onset.before) == ("epoch=0", "epoch=2")


def test_a_gradual_way_without_a_break_is_not_given_one() -> None:
    ranks = [300.0 * 0.75**at for at in range(22)]
    onset = only_onset(*series({"effective_rank": ranks}))
    assert onset.after == "epoch=0"
    assert "gradually" in onset.message


def test_figures_that_are_missing_are_passed_over() -> None:
    ranks: list[float | Estimate] = [*noisy(falling(12, 0.5), 7)]
    for at in (3, 5, 9):
        ranks[at] = insufficient()
    onset = only_onset(*series({"effective_rank": ranks}))
    assert covers(onset, 12)


def test_a_constant_end_is_dated_by_the_figures_before_it() -> None:
    gone = without_value(Status.CONSTANT)
    trace: list[float | Estimate] = [*noisy(falling(9, 0.2, start=1e6, length=16), 4), gone, gone]
    ranks: list[float | Estimate] = [*noisy([300.0] * 16, 5), gone, gone]
    onset = only_onset(*series({"trace": trace, "effective_rank": ranks}))
    assert onset.kind == "constant"
    assert covers(onset, 9)


def test_a_sudden_end_without_any_figure_is_between_two_checkpoints() -> None:
    gone = without_value(Status.NONFINITE)
    ranks: list[float | Estimate] = [*noisy([300.0] * 12, 5), gone, gone]
    traces: list[float | Estimate] = [*noisy([7.0] * 12, 6), gone, gone]
    onset = only_onset(*series({"effective_rank": ranks, "trace": traces}))
    assert onset.kind == "nonfinite"
    assert (onset.after, onset.before) == ("epoch=11", "epoch=12")


def test_nan_is_no_point_of_a_path() -> None:
    nan = Estimate.model_construct(**{**figure(1.0).model_dump(), "value": math.nan})
    rows = [row().model_copy(update={"estimates": {"trace": one}}) for one in (figure(2.0), nan, figure(3.0))]
    path = path_of("trace", [*rows, None, row({})])
    assert path.at == (0, 2)
    assert path.level == pytest.approx((-math.log(2), -math.log(3)))
    assert find_break([path, path_of("trace", [])], 4) is None


def test_the_levels_rise_towards_collapse() -> None:
    worse = {"effective_rank": (30, 3), "trace": (3, 0.1), "mean_share": (0.2, 0.9), "spectral_cliff": (1, 6)}
    for name, values in worse.items():
        level = path_of(name, [row({name: figure(value)}) for value in values]).level
        assert level[1] > level[0], name
    share = path_of("mean_share", [row({"mean_share": figure(1.0, spread=1e-9)})])
    assert share.level == pytest.approx((9 * math.log(10),))


def test_a_course_is_a_median_step_and_its_scatter() -> None:
    path = path_of("trace", [row({"trace": figure(math.exp(-0.1 * at), half=0.0)}) for at in range(9)])
    course = course_at(path, 8)
    assert course.trend == pytest.approx(0.1)
    assert course.roughness == pytest.approx(0.02)


def test_checkpoints_without_steps_are_named() -> None:
    onset = only_onset(*series({"effective_rank": noisy(falling(9, 0.5), 8)}, steps=False))
    assert onset.step is onset.after_step is onset.before_step is None
    assert onset.before in onset.message


def two_layers(first: int, second: int) -> list[Representation]:
    return [
        *series({"effective_rank": noisy(falling(first, 0.5), 1)}, layer="backbone"),
        *series({"effective_rank": noisy(falling(second, 0.5), 2)}, layer="projector"),
    ]


def test_the_first_layer_is_the_earliest_in_time_and_then_in_depth() -> None:
    earlier = only_onset(*two_layers(13, 9))
    assert (earlier.layer, earlier.layers) == ("projector", ["backbone", "projector"])
    assert covers(earlier, 9)
    assert only_onset(*two_layers(9, 9)).layer == "backbone"
    assert only_onset(*two_layers(9, 13)).layer == "backbone"


def test_views_and_missing_layers_are_told_apart() -> None:
    left = series({"effective_rank": noisy(falling(9, 0.5), 1)}, view="left")
    right = series({"effective_rank": noisy([300.0] * LENGTH, 2)}, view="right")
    later = series({"effective_rank": noisy([300.0] * LENGTH, 3)}, view="left", layer="head")[6:]
    onset = only_onset(*left, *right, *later)
    assert (onset.view, onset.layers) == ("left", ["backbone"])


def test_hostile_names_cannot_write_to_a_terminal() -> None:
    rows = series({"effective_rank": falling(9, 0.5)}, layer="a\x1b[31mb", steps=False)
    assert "\x1b" not in onset_sentence(only_onset(*rows))


@settings(max_examples=10, deadline=None)
@given(st.integers(8, 12), st.floats(0.2, 0.5), st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_order_of_other_layers_changes_nothing(
    break_at: int, rate: float, seed: int, random: Random
) -> None:
    mine = series({"effective_rank": noisy(falling(break_at, rate), seed)}, layer="m")
    others = [
        one
        for name in ("x", "y")
        for one in series({"effective_rank": noisy([200.0] * LENGTH, seed + 1)}, layer=name)
    ]
    checked = check(results(*mine, *others), policy())
    found = onsets(checked)
    random.shuffle(others)
    assert onsets(checked.model_copy(update={"representations": [*mine, *others]})) == found
    assert len(found) == 1
    for onset in found:
        assert position(onset.after) < position(onset.checkpoint) <= position(onset.before)


@settings(max_examples=10, deadline=None)
@given(st.integers(4, 14), st.integers(0, 1000))
def test_a_series_cut_before_the_break_has_no_onset(break_at: int, seed: int) -> None:
    rows = series({"effective_rank": noisy(falling(break_at, 0.4), seed)})
    assert began(*rows[:break_at]) == []
