"""One figure against one rule, three-way; and many of them together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from repdiag.check.figures import Figure, figure_of, reach, t_quantile
from repdiag.check.known import facts
from repdiag.check.policy import Bound, Rule
from repdiag.results import Estimate
from repdiag.types import Status

CLEAR = 0.10
"""A figure without an interval counts when it is this share of the threshold away from it."""


class Outcome(StrEnum):
    """What one rule says of one figure."""

    PASS = "pass"
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Levels:
    """Confidence of one decision by itself, and of a failure among all that are judged together.

    Only failures need the second. A verdict passes when every rule does, so that one bad figure among many
    has to slip through by itself; but one figure of many healthy ones is enough to raise a false alarm.
    """

    own: float
    family: float

    @classmethod
    def alone(cls, confidence: float) -> Levels:
        """For a single decision."""
        return cls(confidence, confidence)


@dataclass(frozen=True, slots=True)
class Trial:
    """What the family needs of one decision: whether it failed by itself, and by how many half-widths.

    A figure without a sampling error is not in the family: other samples would not change it.
    """

    sampled: bool
    failed: bool
    reach: float


def holm(tests: Iterable[Trial], confidence: float) -> Levels:
    """The levels at which at most 1 - `confidence` of healthy families raise any alarm.

    Source: Holm 1979, step-down: the i-th clearest failure of m must hold at alpha / (m - i + 1).
    """
    family = [test for test in tests if test.sampled]
    clearest = sorted((test.reach for test in family if test.failed), reverse=True)
    level = confidence
    for rank, one in enumerate(clearest):
        level = 1 - (1 - confidence) / (len(family) - rank)
        if not one * t_quantile(confidence) > t_quantile(level):
            break
    return Levels(confidence, level)


def settle(estimate: Estimate, rule: Rule, levels: Levels, scale: float = 1.0) -> tuple[Figure, Outcome]:
    """The figure that decides and what it says; a failure that the family does not bear out is undecided."""
    of = facts(rule.measure)
    figure = figure_of(estimate, levels.own, scale, of)
    outcome = decide(figure, rule)
    if outcome is Outcome.FAIL and levels.family > levels.own and figure.is_sampled:
        wider = figure_of(estimate, levels.family, scale, of)
        if decide(wider, rule) is not Outcome.FAIL:
            return wider, Outcome.INCONCLUSIVE
    return figure, outcome


def as_trial(figure: Figure, outcome: Outcome, rule: Rule) -> Trial:
    """A decision as the family sees it."""
    failed = outcome is Outcome.FAIL
    far = reach(figure, rule.threshold, facts(rule.measure)) if failed and rule.threshold is not None else 0.0
    return Trial(figure.is_sampled and rule.threshold is not None, failed, far)


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
