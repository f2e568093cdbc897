"""The truth table: every kind of bound, every position of the interval, every status."""

from __future__ import annotations

import math

import pytest

from repdiag.check.decide import Figure, Outcome, decide, exact, figure_of, rule_confidence
from repdiag.check.policy import Bound, Rule
from repdiag.results import Estimate
from repdiag.types import IntervalMethod, Status
from tests.check.builders import bare, between, figure, insufficient, policy, without_value

UPPER = Rule("spectral_cliff", Bound.MAX, 5.0)
LOWER = Rule("effective_rank", Bound.MIN, 5.0)
RULES = {
    "max": UPPER,
    "min": LOWER,
    "min_ratio": Rule("effective_rank", Bound.MIN_RATIO, 5.0),
    "min_of_median": Rule("per_class_rank", Bound.MIN_OF_MEDIAN, 5.0),
}
PASS, WARN, OPEN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.INCONCLUSIVE, Outcome.FAIL


def read(estimate: Estimate, rule: Rule, confidence: float = 0.95) -> Outcome:
    return decide(figure_of(estimate, confidence), rule)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(
    ("low", "high", "lower_bound", "upper_bound"),
    [
        (1.0, 2.0, FAIL, PASS),
        (4.0, 4.999, FAIL, PASS),
        (4.0, 5.0, OPEN, PASS),
        (4.0, 6.0, OPEN, OPEN),
        (5.0, 5.0, PASS, PASS),
        (5.0, 6.0, PASS, OPEN),
        (5.001, 6.0, PASS, FAIL),
        (7.0, 9.0, PASS, FAIL),
    ],
)
def test_position_of_the_interval(
    name: str, low: float, high: float, lower_bound: Outcome, upper_bound: Outcome
) -> None:
    expected = upper_bound if RULES[name].bound.is_upper else lower_bound
    assert read(between((low + high) / 2, low, high), RULES[name]) is expected


@pytest.mark.parametrize(
    ("value", "upper", "lower"), [(4.4, PASS, FAIL), (4.6, OPEN, OPEN), (5.4, OPEN, OPEN), (5.6, FAIL, PASS)]
)
def test_no_interval_must_be_clear_by_a_tenth(value: float, upper: Outcome, lower: Outcome) -> None:
    assert read(bare(value), UPPER) is upper
    assert read(bare(value), LOWER) is lower


def test_a_share_without_an_interval_can_fail_near_one() -> None:
    rule = Rule("mean_share", Bound.MAX, 0.98)
    assert read(bare(0.99), rule) is FAIL
    assert read(bare(0.981), rule) is OPEN
    assert read(bare(0.97), rule) is OPEN
    assert read(bare(0.88), rule) is PASS


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_statuses_without_a_value(rule: Rule) -> None:
    assert read(without_value(Status.CONSTANT), rule) is FAIL
    assert read(without_value(Status.NONFINITE), rule) is FAIL
    assert read(insufficient(), rule) is OPEN
    assert read(without_value(Status.OK), rule) is OPEN
    assert read(without_value(Status.UNRESOLVED), rule) is OPEN


def test_insufficient_passes_by_its_one_side_and_never_fails() -> None:
    assert read(insufficient(low=60.0), LOWER) is PASS
    assert read(insufficient(low=4.0), LOWER) is OPEN
    assert read(insufficient(high=1.0), LOWER) is OPEN
    assert read(insufficient(high=1.0), UPPER) is PASS
    assert read(insufficient(low=60.0), UPPER) is OPEN
    # A value beside `insufficient` breaks the contract: it must not decide.
    assert read(bare(50.0).model_copy(update={"status": Status.INSUFFICIENT}), LOWER) is OPEN


def test_unresolved_and_saturated_never_pass_where_they_hide_the_truth() -> None:
    assert read(figure(2.0, status=Status.UNRESOLVED), UPPER) is OPEN
    assert read(figure(50.0, status=Status.UNRESOLVED), UPPER) is FAIL
    assert read(figure(2.0, status=Status.SATURATED), UPPER) is OPEN
    assert read(figure(50.0, status=Status.SATURATED), LOWER) is PASS


def test_one_sided_interval_with_a_value() -> None:
    one_sided = figure(50.0).model_copy(update={"high": None})
    assert read(one_sided, LOWER) is PASS
    assert read(one_sided, UPPER) is FAIL
    assert read(figure(2.0).model_copy(update={"low": None}), LOWER) is FAIL
    assert read(figure(2.0).model_copy(update={"high": None}), UPPER) is OPEN


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
@pytest.mark.parametrize("bound", [None, math.nan])
def test_nan_never_passes(rule: Rule, bound: float | None) -> None:
    assert decide(Figure(math.nan, bound, bound), rule) is OPEN
    assert decide(exact(3.0), Rule(rule.measure, rule.bound, math.nan)) is OPEN


@pytest.mark.parametrize(
    ("value", "half", "expected"),
    [
        (2.0, 0.1, PASS),
        (3.1, 0.01, WARN),
        (3.1, 0.2, WARN),
        (2.9, 0.2, PASS),
        (4.5, 0.2, OPEN),
        (9.0, 0.1, FAIL),
    ],
)
def test_warning_level(value: float, half: float, expected: Outcome) -> None:
    assert read(figure(value, half), Rule("spectral_cliff", Bound.MAX, 5.0, warn=3.0)) is expected


def test_warning_without_a_limit_never_fails() -> None:
    rule = Rule("effective_rank", Bound.MIN, None, warn=5.0)
    assert read(figure(1.0), rule) is WARN
    assert read(figure(9.0), rule) is PASS
    assert read(insufficient(low=9.0), rule) is PASS
    assert read(insufficient(), rule) is OPEN
    assert read(without_value(Status.CONSTANT), rule) is FAIL


def test_fast_intervals_are_widened_by_half() -> None:
    fast = between(6.0, 5.4, 6.6).model_copy(update={"interval_method": IntervalMethod.FAST})
    assert read(between(6.0, 5.4, 6.6), LOWER) is PASS
    assert figure_of(fast, 0.95).low == pytest.approx(5.1)
    assert figure_of(fast, 0.95).widened
    near = between(6.0, 5.2, 6.8).model_copy(update={"interval_method": IntervalMethod.FAST})
    assert read(between(6.0, 5.2, 6.8), LOWER) is PASS
    assert read(near, LOWER) is OPEN


def test_more_confidence_than_the_interval_has_widens_it_by_student_quantiles() -> None:
    wide = figure_of(between(6.0, 5.0, 7.0), 0.99)
    assert wide.high == pytest.approx(6.0 + 2.8609 / 2.0930, rel=2e-3)
    assert figure_of(between(6.0, 5.0, 7.0), 0.9).high == 7.0
    assert figure_of(insufficient(low=60.0), 0.99).low is None


def test_shares_stay_shares_and_ratios_are_divided() -> None:
    assert figure_of(between(0.99, 0.9, 1.08), 0.95, share=True).high == 1.0
    ratio = figure_of(between(64.0, 32.0, 96.0), 0.95, scale=1 / 128)
    assert (ratio.low, ratio.value, ratio.high) == (0.25, 0.5, 0.75)


def test_the_level_of_a_rule_comes_from_one_place() -> None:
    assert rule_confidence(policy(confidence=0.9), 400) == 0.9
