"""Figures and limits as one English sentence, with numbers that show the difference."""

from __future__ import annotations

from repdiag.check.decide import Outcome
from repdiag.check.figures import Figure
from repdiag.check.known import base_name, facts
from repdiag.check.policy import Bound, Rule
from repdiag.results import Estimate, Representation
from repdiag.text import printable
from repdiag.types import Status


def number(value: float, *beside: float | None) -> str:
    """Three significant digits, or as many more as tell it from the numbers beside it."""
    if value == int(value) and 1000 <= abs(value) < 1e9:
        return f"{int(value):,}"
    digits = 3
    others = [other for other in beside if other is not None and other != value]
    while digits < 9 and any(f"{value:.{digits}g}" == f"{other:.{digits}g}" for other in others):
        digits += 1
    short = f"{value:.{digits}g}"
    return f"{value:,.0f}" if "e+" in short and abs(value) < 1e9 else short


def figure_text(figure: Figure, *beside: float | None) -> str:
    """`0.991 (95% interval 0.989 to 0.993)`, `at least 12.3`, or that there is none."""
    low = None if figure.low is None else number(figure.low, figure.high, *beside)
    high = None if figure.high is None else number(figure.high, figure.low, *beside)
    if figure.value is None:
        sides = [f"at least {low}" if low else "", f"at most {high}" if high else ""]
        return " and ".join(side for side in sides if side) or "unknown"
    return f"{number(figure.value, *beside)}{_interval_text(figure, low, high)}"


def _interval_text(figure: Figure, low: str | None, high: str | None) -> str:
    if low is None and high is None:
        return " (no interval)"
    if figure.low == figure.high == figure.value:
        return ""
    widened = ", widened for this decision" if figure.widened else ""
    level = f"{number(100 * figure.confidence)}%"
    if low is None or high is None:
        return f" ({level} bound: {'at least ' + low if low else 'at most ' + str(high)}{widened})"
    return f" ({level} interval {low} to {high}{widened})"


def subject(rule: Rule, row: Representation, estimate: Estimate | None) -> str:
    """What is judged, as the subject of a sentence."""
    phrase = facts(rule.measure).phrase
    k = estimate.details.get("k") if estimate else None
    if base_name(rule.measure) == "spectral_cliff" and isinstance(k, int | float):
        return f"The fall of the singular values after direction {int(k)} of {row.d:,}"
    options = rule.measure[len(base_name(rule.measure)) :]
    if rule.bound is Bound.MIN_RATIO:
        return f"The {phrase}{options} as a share of the {row.d:,} features"
    return f"{'' if phrase[:1].isupper() else 'The '}{phrase}{options}"


def relation(rule: Rule, outcome: Outcome, status: Status) -> str:
    """How the figure stands to the limit: the end of the sentence."""
    limit = rule.warn if outcome is Outcome.WARN or rule.threshold is None else rule.threshold
    shown = "" if limit is None else number(limit)
    upper = rule.bound.is_upper
    if outcome is Outcome.FAIL:
        return f"above the limit {shown}" if upper else f"below the minimum {shown}"
    if outcome is Outcome.WARN:
        return f"{'above' if upper else 'below'} the warning level {shown}"
    if outcome is Outcome.PASS:
        return f"within the {'limit' if upper else 'minimum'} {shown}"
    name = "limit" if upper else "minimum"
    if status is Status.INSUFFICIENT:
        return f"too few samples to decide against the {name} {shown}"
    if status in (Status.UNRESOLVED, Status.SATURATED):
        return f"but it is {status.value}, so the {name} {shown} cannot be decided"
    return f"too close to the {name} {shown} to decide"


def reason_text(estimate: Estimate) -> str:
    """` (why there is no figure)`, where the estimate says so."""
    reason = estimate.details.get("reason")
    return f" ({printable(reason)})" if isinstance(reason, str) and reason else ""


def sentence(rule: Rule, row: Representation, estimate: Estimate, figure: Figure, outcome: Outcome) -> str:
    """One sentence with the figure, its interval and the limit."""
    if figure.status in (Status.CONSTANT, Status.NONFINITE):
        what = "nothing varies" if figure.status is Status.CONSTANT else "there are NaN or Inf values"
        return f"{subject(rule, row, estimate)} does not exist, because {what}."
    limit = rule.warn if outcome is Outcome.WARN or rule.threshold is None else rule.threshold
    shown = figure_text(figure, limit)
    if shown == "unknown":
        why = reason_text(estimate)
        return f"{subject(rule, row, estimate)} is unknown{why}: {relation(rule, outcome, figure.status)}."
    return f"{subject(rule, row, estimate)} is {shown}, {relation(rule, outcome, figure.status)}."
