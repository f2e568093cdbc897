"""The rule `max_drop`: how far may a figure fall below the baseline's?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from repdiag.check.against import against
from repdiag.check.baseline import Baseline, read_baseline
from repdiag.check.decide import Levels, Outcome, as_trial, settle
from repdiag.check.figures import Figure
from repdiag.check.findings import Evidence, make_finding, severity_of
from repdiag.check.judgement import Judgement, State
from repdiag.check.kinds import Kind
from repdiag.check.known import facts
from repdiag.check.policy import Bound, Policy, Rule
from repdiag.check.sentences import number, reason_text
from repdiag.results import Estimate, Finding, Pair, Representation
from repdiag.types import Address

SHRUNK = 0.01
"""Total variance over the baseline's below which the scale itself is a finding."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Every judged representation against the baseline; empty where none was given."""

    baseline: Baseline | None = None
    pairs: dict[Address, Pair] = field(default_factory=dict)

    def estimate(self, row: Representation, measure: str) -> Estimate | None:
        """The figure over the baseline's, where both have it."""
        pair = self.pairs.get(row.address)
        return pair.estimates.get(measure) if pair else None


def compared(rows: list[Representation], policy: Policy) -> Compared:
    """The rows against the baseline that the policy names.

    Raises:
        ConfigError: the baseline is missing, is none, or does not fit a row.
    """
    if policy.baseline is None:
        return Compared()
    baseline = read_baseline(policy.baseline)
    pairs = {row.address: against(row, baseline, policy.confidence) for row in rows}
    return Compared(baseline, pairs)


def judge_drop(rule: Rule, row: Representation, known: Compared, levels: Levels) -> Judgement:
    """A drop fails only where its whole interval is beyond what is allowed."""
    if known.baseline is None:
        return Judgement(rule, row, State.NOT_APPLICABLE, reason="no baseline was given")
    estimate = known.estimate(row, rule.measure)
    if estimate is None or rule.threshold is None:
        return Judgement(rule, row, State.NOT_APPLICABLE, reason="the baseline holds no such figure")
    least = replace(rule, bound=Bound.MIN, threshold=1 - rule.threshold)
    figure, outcome = settle(estimate, least, levels)
    trial = as_trial(figure, outcome, least)
    if outcome is Outcome.PASS:
        return Judgement(rule, row, State.PASS, trial=trial)
    message = _sentence(rule, estimate, figure, outcome)
    evidence = Evidence(rule.measure, _as_drop(figure), rule.threshold, estimate.definition)
    finding = make_finding(Kind.DROP, severity_of(outcome), rule.name, message, row, evidence)
    return Judgement(rule, row, State(outcome.value), finding, trial=trial)


def shrunk(row: Representation, known: Compared) -> Finding | None:
    """A warning where the total variance fell far below the baseline's, which no rank can see."""
    estimate = known.estimate(row, "trace")
    if estimate is None or estimate.high is None or estimate.value is None or not estimate.high < SHRUNK:
        return None
    figure = Figure(estimate.value, estimate.low, estimate.high, estimate.status, estimate.confidence)
    then, now = (number(float(str(estimate.details[side]))) for side in ("a", "b"))
    message = f"The total variance is {now} where the baseline's is {then}: {_percent(estimate.value)} of it."
    evidence = Evidence("trace", figure, SHRUNK, estimate.definition)
    return make_finding(Kind.SCALE, "warn", "trace.baseline", message, row, evidence)


def _sentence(rule: Rule, estimate: Estimate, figure: Figure, outcome: Outcome) -> str:
    phrase = facts(rule.measure).phrase
    subject = phrase if phrase[:1].isupper() else f"The {phrase}"
    assert rule.threshold is not None
    allowed = _percent(rule.threshold)
    if figure.value is None:
        return (
            f"{subject} cannot be compared with the baseline{reason_text(estimate)}: "
            f"the allowed drop of {allowed} cannot be decided."
        )
    then, now = (number(float(str(estimate.details[side]))) for side in ("a", "b"))
    drop = _as_drop(figure)
    assert drop.value is not None
    moved = f"{_percent(abs(drop.value))} {'below' if drop.value >= 0 else 'above'} the baseline's"
    interval = ""
    if drop.low is not None and drop.high is not None:
        level = f"{number(100 * figure.confidence)}%"
        interval = f"{level} interval of the drop {_percent(drop.low)} to {_percent(drop.high)}; "
    end = "more than" if outcome is Outcome.FAIL else "too close to"
    close = "" if outcome is Outcome.FAIL else " to decide"
    return f"{subject} is {moved} ({interval}{now} against {then}), {end} the allowed {allowed}{close}."


def _as_drop(figure: Figure) -> Figure:
    """1 - ratio, with its ends the other way round."""
    value, low, high = (None if one is None else 1 - one for one in (figure.value, figure.high, figure.low))
    return replace(figure, value=value, low=low, high=high)


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
