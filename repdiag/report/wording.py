"""Figures, statuses and verdicts as words and digits."""

from __future__ import annotations

from collections.abc import Mapping

from repdiag.results import Estimate
from repdiag.types import Status, Verdict

STATUS_WORDS: Mapping[Status, str] = {
    Status.OK: "measured",
    Status.CONSTANT: "the rows do not vary: there is no variance to measure",
    Status.INSUFFICIENT: "too few samples for this figure",
    Status.UNRESOLVED: "below what the stored precision can resolve: read it as a bound",
    Status.SATURATED: "at the ceiling of its estimator: the true figure may be larger",
    Status.NONFINITE: "infinite or not a number",
}

VERDICT_WORDS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.PASS: ("Pass", "Every rule that applies was evaluated on enough data and passed."),
    Verdict.FAIL: ("Fail", "At least one rule failed."),
    Verdict.INCONCLUSIVE: ("Inconclusive", "The data cannot settle at least one rule."),
}

SEVERITY_ORDER = ("fail", "inconclusive", "warn", "info", "not_applicable")


def number(value: float | None) -> str:
    """`value` with four significant digits: `12,340`, `0.0312`, `1.2e-7`, or a dash for None."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if not 1e-3 <= abs(value) < 1e6:
        mantissa, _, exponent = f"{value:.3g}".partition("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "−") if exponent else mantissa.replace("-", "−")
    digits = max(0, 3 - _magnitude(value))
    text = f"{value:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


def _magnitude(value: float) -> int:
    return int(f"{abs(value):.3e}".partition("e")[2])


def interval(low: float | None, high: float | None) -> str:
    """`[98.7, 103]`, a one-sided `≥ 98.7` or `≤ 103`, or nothing."""
    if low is not None and high is not None:
        return f"[{number(low)}, {number(high)}]"
    if low is not None:
        return f"≥ {number(low)}"
    return f"≤ {number(high)}" if high is not None else ""


def status_word(status: Status) -> str:
    """The word shown beside a figure; nothing when all is well."""
    return "" if status is Status.OK else str(status.value)


def plain(estimate: Estimate) -> str:
    """One estimate in one line: value, interval, status."""
    parts = (number(estimate.value), interval(estimate.low, estimate.high), status_word(estimate.status))
    return " ".join(part for part in parts if part)


def details(estimate: Estimate) -> str:
    """What belongs beside the figure: `k 8, first 11, r2 0.99`; ranges of numbers are left to the JSON."""
    shown = [
        f"{name.replace('_', ' ')} {number(value) if isinstance(value, float | int) else value}"
        for name, value in estimate.details.items()
        if not isinstance(value, list) and name != "cite"
    ]
    return ", ".join(shown)


def percent(share: float) -> str:
    """A share of one as `95%`."""
    return f"{share * 100:.4g}%"


def count(n: int, one: str, many: str | None = None) -> str:
    """`1 layer`, `12 layers`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
