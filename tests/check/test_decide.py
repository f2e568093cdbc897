"""The truth table: every kind of bound, every position of the interval, every status."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from repdiag.check.decide import Levels, Outcome, Trial, as_trial, decide, holm, settle
from repdiag.check.figures import Figure, exact, figure_of, reach, t_quantile
from repdiag.check.known import MEASURES, facts
from repdiag.check.policy import Bound, Rule
from repdiag.measures.registry import all_measures
from repdiag.results import Estimate
from repdiag.types import IntervalMethod, Status
from tests.check.builders import bare, between, figure, insufficient, without_value

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
    assert figure_of(between(0.99, 0.9, 1.08), 0.95, of=facts("top1_share")).high == 1.0
    ratio = figure_of(between(64.0, 32.0, 96.0), 0.95, scale=1 / 128)
    assert (ratio.low, ratio.value, ratio.high) == (0.25, 0.5, 0.75)


def test_intervals_of_log_figures_are_widened_on_the_log_scale() -> None:
    wide = figure_of(between(8.0, 4.0, 16.0), 0.99, of=facts("effective_rank"))
    assert wide.low is not None
    assert wide.high is not None
    assert wide.low * wide.high == pytest.approx(64.0)
    assert math.log(wide.high / 8.0) == pytest.approx(math.log(2.0) * 2.8609 / 2.0930, rel=1e-3)
    below = figure_of(between(8.0, -1.0, 17.0), 0.99, of=facts("effective_rank")).low
    assert below is not None
    assert below < 0


def test_scales_are_those_of_the_registry() -> None:
    for name, measure in all_measures().items():
        assert facts(name).log == (measure.scale == "log"), name
    assert set(all_measures()) <= set(MEASURES)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999, 0.99995])
def test_student_quantiles_are_those_of_scipy(confidence: float) -> None:
    assert t_quantile(confidence) == pytest.approx(stdtrit(19, 0.5 + confidence / 2), rel=1e-4)


def test_reach_counts_half_widths() -> None:
    assert reach(Figure(6.0, 5.0, 7.0), 9.0, facts("mean_cosine")) == pytest.approx(3.0)
    assert reach(Figure(4.0, 2.0, 8.0), 1.0, facts("effective_rank")) == pytest.approx(2.0)
    assert reach(exact(4.0), 9.0, facts("effective_rank")) == math.inf
    assert reach(Figure(4.0, None, 8.0), 9.0, facts("effective_rank")) == math.inf


def failing(reaches: list[float], others: int = 0) -> list[Trial]:
    return [Trial(True, True, far) for far in reaches] + [Trial(True, False, 0.0)] * others


def test_one_decision_alone_is_judged_at_its_own_level() -> None:
    assert holm(failing([1.01]), 0.95) == Levels(0.95, 0.95)
    assert holm([], 0.9) == Levels.alone(0.9)
    assert holm([Trial(False, True, math.inf)] * 50, 0.95) == Levels.alone(0.95)


def test_a_narrow_failure_among_many_must_hold_at_the_family_level() -> None:
    levels = holm(failing([1.01], others=49), 0.95)
    assert levels.family == pytest.approx(1 - 0.05 / 50)
    assert holm(failing([9.0], others=49), 0.95).family == pytest.approx(1 - 0.05 / 50)


def test_a_clear_failure_leaves_one_fewer_to_the_next() -> None:
    levels = holm(failing([9.0, 9.0, 1.01], others=7), 0.95)
    assert levels.family == pytest.approx(1 - 0.05 / 8)


@given(
    reaches=st.lists(st.floats(1.0, 20.0), max_size=12),
    others=st.integers(0, 40),
    confidence=st.sampled_from([0.8, 0.95, 0.99]),
)
def test_the_family_is_never_laxer_than_one_and_never_stricter_than_bonferroni(
    reaches: list[float], others: int, confidence: float
) -> None:
    levels = holm(failing(reaches, others), confidence)
    size = len(reaches) + others
    assert levels.own == confidence
    assert confidence <= levels.family <= 1 - (1 - confidence) / max(1, size) + 1e-12
    assert holm(failing(list(reversed(reaches)), others), confidence) == levels


def test_a_failure_that_the_family_does_not_bear_out_is_undecided() -> None:
    rule, shown = RULES["min"], between(4.0, 3.2, 4.9)
    assert settle(shown, rule, Levels.alone(0.95))[1] is FAIL
    figure, outcome = settle(shown, rule, Levels(0.95, 0.9999))
    assert outcome is OPEN
    assert figure.high is not None
    assert figure.high > 5.0
    assert settle(between(4.0, 3.9, 4.1), rule, Levels(0.95, 0.9999))[1] is FAIL


def test_the_family_never_makes_a_pass_harder() -> None:
    assert settle(between(6.0, 5.01, 7.0), RULES["min"], Levels(0.95, 0.9999))[1] is PASS


def test_what_was_counted_is_no_trial() -> None:
    assert not as_trial(exact(0.2), FAIL, RULES["max"]).sampled
    trial = as_trial(Figure(4.0, 3.0, 4.5), FAIL, RULES["min"])
    assert trial.failed
    assert trial.reach == pytest.approx(math.log(5 / 4) / math.log(4.5 / 4))
