"""One figure against one rule: three-way, from the interval."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

from repdiag.check.known import facts
from repdiag.check.policy import Bound, Policy, Rule
from repdiag.results import Estimate
from repdiag.types import GROUPS, IntervalMethod, Status

FAST_WIDENING = 1.5
CLEAR = 0.10
"""A figure without an interval counts when it is this share of the threshold away from it."""


class Outcome(StrEnum):
    """What one rule says of one figure."""

    PASS = "pass"
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and the bounds that decide; None where there is none."""

    value: float | None
    low: float | None
    high: float | None
    status: Status = Status.OK
    confidence: float = 0.95
    widened: bool = False


def rule_confidence(policy: Policy, tests: int) -> float:
    """The confidence at which each of `tests` rules is judged: the one place for a family-wise level."""
    del tests
    return policy.confidence


def decide(figure: Figure, rule: Rule) -> Outcome:
    """Fail, warn, pass or inconclusive.

    A NaN, a missing bound or a status without a figure can never pass.
    """
    if figure.status in (Status.CONSTANT, Status.NONFINITE):
        return Outcome.FAIL
    outcome = Outcome.PASS if rule.threshold is None else _compare(figure, rule, rule.threshold)
    if outcome is Outcome.PASS and rule.warn is not None:
        warned = _compare(figure, rule, rule.warn)
        outcome = _warning(figure, rule, warned) if warned is not Outcome.PASS else Outcome.PASS
    return _limited_by_status(outcome, figure.status, rule)


def _compare(figure: Figure, rule: Rule, threshold: float) -> Outcome:
    low, high = _bounds_near(figure, rule, threshold)
    sides = (high, low) if rule.bound.is_upper else (low, high)
    sign = -1.0 if rule.bound.is_upper else 1.0
    safe, bad = (None if side is None else sign * (side - threshold) for side in sides)
    if safe is not None and safe >= 0:
        return Outcome.PASS
    if bad is not None and bad < 0:
        return Outcome.FAIL
    return Outcome.INCONCLUSIVE


def _warning(figure: Figure, rule: Rule, warned: Outcome) -> Outcome:
    """Beyond the warning level by its point value, or with no point value to say otherwise."""
    assert rule.warn is not None
    if figure.value is None:
        return Outcome.INCONCLUSIVE if rule.threshold is None else Outcome.PASS
    inside = figure.value <= rule.warn if rule.bound.is_upper else figure.value >= rule.warn
    return Outcome.WARN if warned is Outcome.FAIL or not inside else Outcome.PASS


def _bounds_near(figure: Figure, rule: Rule, threshold: float) -> tuple[float | None, float | None]:
    """The interval, or without any the value plus and minus what it must be clear by."""
    if figure.value is None or figure.low is not None or figure.high is not None:
        return figure.low, figure.high
    margin = CLEAR * abs(threshold)
    share = rule.bound is Bound.MAX and facts(rule.measure).share
    # A share of 0.99 can never be 10% above 0.98, but it is half of the way to 1.
    room = CLEAR * max(1.0 - threshold, 0.0) if share else margin
    return figure.value - min(margin, room), figure.value + margin


def _limited_by_status(outcome: Outcome, status: Status, rule: Rule) -> Outcome:
    if status is Status.INSUFFICIENT and outcome is Outcome.FAIL:
        return Outcome.INCONCLUSIVE
    # A figure below the floor, or an estimate at its ceiling, bounds the truth on one side only.
    hidden = status is Status.UNRESOLVED or (status is Status.SATURATED and rule.bound.is_upper)
    if hidden and outcome in (Outcome.PASS, Outcome.WARN):
        return Outcome.INCONCLUSIVE
    return outcome


def figure_of(estimate: Estimate, confidence: float, scale: float = 1.0, share: bool = False) -> Figure:
    """The bounds of an estimate at `confidence`, fast intervals widened by half, times `scale`.

    A bound without a value cannot be widened: it counts only at its own confidence or below.
    """
    factor = FAST_WIDENING if estimate.interval_method is IntervalMethod.FAST else 1.0
    factor *= _widening(estimate.confidence, confidence)
    value = estimate.value if estimate.status.has_value else None
    low, high = estimate.low, estimate.high
    if value is None and estimate.confidence < confidence:
        low = high = None
    if value is not None:
        low = None if low is None else low - (factor - 1) * abs(value - low)
        high = None if high is None else high + (factor - 1) * abs(high - value)
    if share:
        low, high = (None if low is None else max(low, -1.0)), (None if high is None else min(high, 1.0))
    return Figure(
        _times(value, scale),
        _times(low, scale),
        _times(high, scale),
        estimate.status,
        max(confidence, estimate.confidence),
        factor > 1 and value is not None,
    )


def _times(x: float | None, scale: float) -> float | None:
    return None if x is None else x * scale


def exact(value: float) -> Figure:
    """A figure that was counted, not estimated."""
    return Figure(value, value, value)


def _widening(have: float, want: float) -> float:
    return 1.0 if want <= have else _t_quantile(want) / _t_quantile(have)


def _t_quantile(confidence: float) -> float:
    """Two-sided Student quantile for the groups behind an interval (Cornish-Fisher, 1e-3 here)."""
    z, f = NormalDist().inv_cdf(0.5 + confidence / 2), GROUPS - 1
    return z + (z**3 + z) / (4 * f) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * f**2)
