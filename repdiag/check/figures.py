"""The bounds of an estimate at the confidence at which a rule is judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from repdiag.check.known import Facts
from repdiag.results import Estimate
from repdiag.types import GROUPS, IntervalMethod, Status

FAST_WIDENING = 1.5


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and the bounds that decide; None where there is none."""

    value: float | None
    low: float | None
    high: float | None
    status: Status = Status.OK
    confidence: float = 0.95
    widened: bool = False

    @property
    def is_sampled(self) -> bool:
        """Whether it could have come out otherwise with other samples, as far as anybody knows."""
        return self.low is not None and self.high is not None and self.low != self.high


def exact(value: float) -> Figure:
    """A figure that was counted, not estimated."""
    return Figure(value, value, value)


def figure_of(estimate: Estimate, confidence: float, scale: float = 1.0, of: Facts | None = None) -> Figure:
    """The bounds of an estimate at `confidence`, fast intervals widened by half, times `scale`.

    They are widened where the errors of the figure are even: on the log scale for most. A bound without a
    value cannot be widened: it counts only at its own confidence or below.
    """
    share, log = (of.share, of.log) if of is not None else (False, False)
    factor = FAST_WIDENING if estimate.interval_method is IntervalMethod.FAST else 1.0
    factor *= _widening(estimate.confidence, confidence)
    value = estimate.value if estimate.status.has_value else None
    low, high = estimate.low, estimate.high
    if value is None and estimate.confidence < confidence:
        low = high = None
    if value is not None:
        low = None if low is None else _away(value, low, factor, log)
        high = None if high is None else _away(value, high, factor, log)
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


def reach(figure: Figure, threshold: float, of: Facts) -> float:
    """How many of its own half-widths a threshold lies from a figure, on the scale of its error.

    Infinite where the figure has no width.
    """
    if figure.value is None or not figure.is_sampled:
        return math.inf
    bound = figure.low if threshold < figure.value else figure.high
    assert bound is not None
    if of.log and min(figure.value, bound, threshold) > 0:
        far, near = math.log(threshold / figure.value), math.log(bound / figure.value)
    else:
        far, near = threshold - figure.value, bound - figure.value
    return abs(far / near) if near else math.inf


def _away(value: float, bound: float, factor: float, log: bool) -> float:
    """The bound `factor` times as far from the value."""
    if factor == 1:
        return bound
    if log and min(value, bound) > 0:
        return value * math.exp(min(factor * math.log(bound / value), 600.0))
    return value + factor * (bound - value)


def _times(x: float | None, scale: float) -> float | None:
    return None if x is None else x * scale


def _widening(have: float, want: float) -> float:
    return 1.0 if want <= have else t_quantile(want) / t_quantile(have)


def t_quantile(confidence: float) -> float:
    """Two-sided Student quantile for the groups behind an interval.

    Cornish-Fisher to the fourth order: 3e-4 of it up to a confidence of 1 - 1e-6.
    """
    z, f = NormalDist().inv_cdf(0.5 + confidence / 2), GROUPS - 1
    return (
        z
        + (z**3 + z) / (4 * f)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * f**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * f**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * f**4)
    )
