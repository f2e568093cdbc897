"""Delete-group jackknife intervals with unequal groups: Busing, Meijer & van der Leeden 1999."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

INVERSION_FLOOR = 0.005
"""Half-width, on the log scale, of what an inversion is never trusted below: the error of its grid."""

RATIO_FLOOR = 0.001
"""The same for the ratio of two inversions.

Two spectra that are nearly alike are inverted with nearly the same error, which the ratio takes out; a fifth
of it is left for what is not alike.
"""

Scale = Literal["linear", "log"]

LEAST_GROUPS = 10
"""With fewer non-empty groups a standard error is a guess."""


@dataclass(frozen=True, slots=True)
class Interval:
    """low and high at a confidence; standard error on the scale where it was taken."""

    low: float
    high: float
    error: float


def standard_error(value: float, replicates: Sequence[float], sizes: Sequence[int]) -> float:
    """Delete-m_j jackknife standard error.

    Args:
        value: the figure from all n samples.
        replicates: the figure without group j, for each non-empty group.
        sizes: m_j, the size of each of those groups; they sum to n.
    """
    n, groups = sum(sizes), len(sizes)
    weights = [n / m for m in sizes]
    pseudo = [h * value - (h - 1) * left for h, left in zip(weights, replicates, strict=True)]
    centre = sum(p / h for p, h in zip(pseudo, weights, strict=True))
    squares = sum((p - centre) ** 2 / (h - 1) for p, h in zip(pseudo, weights, strict=True))
    return math.sqrt(squares / groups)


def error_of(value: float, replicates: Sequence[float], sizes: Sequence[int], scale: Scale) -> float | None:
    """Standard error on `scale` from delete-group replicates.

    None where it does not exist: fewer than two groups, a replicate that is not finite, or a
    non-positive figure on the log scale.
    """
    figures = [value, *replicates]
    if len(sizes) < 2 or not all(math.isfinite(figure) for figure in figures):
        return None
    if scale == "log":
        if min(figures) <= 0:
            return None
        figures = [math.log(figure) for figure in figures]
    return standard_error(figures[0], figures[1:], sizes)


def interval(
    value: float,
    replicates: Sequence[float],
    sizes: Sequence[int],
    *,
    confidence: float,
    scale: Scale,
) -> Interval | None:
    """Two-sided interval from delete-group replicates, t with groups - 1 degrees of freedom.

    None where `error_of` is.
    """
    error = error_of(value, replicates, sizes, scale)
    return None if error is None else around(value, error, len(sizes), confidence=confidence, scale=scale)


def around(
    value: float,
    error: float,
    groups: int,
    *,
    confidence: float,
    scale: Scale,
    extra: Sequence[float] = (),
) -> Interval:
    """Two-sided interval about `value`: t with groups - 1 degrees times `error`, and what is added to it.

    `extra` are half-widths on `scale` of what the jackknife cannot see; they add in quadrature.
    """
    reach = math.hypot(_t_quantile(confidence, groups - 1) * error, *extra)
    if scale == "log":
        return Interval(value * math.exp(-reach), value * math.exp(reach), error)
    return Interval(value - reach, value + reach, error)


def _t_quantile(confidence: float, degrees: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + confidence / 2))
