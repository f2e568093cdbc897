"""What leaving out samples does to a figure of kernels through the bandwidth, which is a figure of them too.

An interval with the bandwidth held fixed is too wide: where rows lie closer by chance the median distance is
smaller as well, and the figure stays nearly what it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repdiag.accumulators.gram import gram_sums
from repdiag.analysis.bandwidth import pulls
from repdiag.analysis.frame import SAMPLE_ROWS
from repdiag.analysis.pair_records import Gathered, PairReplicas, gram_totals
from repdiag.measures.pair_inputs import GramTotals, PairRecord, RowPairs
from repdiag.types import GROUPS

Real = NDArray[np.float64]

SLOPE_ROWS = 1000
"""Rows from whose sums over all pairs the change of a figure with the bandwidth is taken."""

STEP = 0.05
"""Change of the log of a bandwidth that slopes are taken over."""


def width_pulls(found: Gathered) -> tuple[Real, Real] | None:
    """What leaving out each of the first rows adds to the log bandwidth of x and of y.

    None where a bandwidth was given as a number.
    """
    if not all(kernel.median > 0 for kernel in found.kernels):
        return None
    rows = found.rows.first(SAMPLE_ROWS)
    views = zip((rows.x, rows.y), found.kernels, strict=True)
    first, second = (pulls(view, kernel.median) for view, kernel in views)
    return first, second


def moved_widths(pull: Real, found: Gathered, held: PairReplicas) -> Real:
    """What leaving out each part of the samples adds to a log bandwidth: rows one by one, or groups."""
    if len(held.sizes) == held.rows:
        alone = np.zeros(held.rows)
        common = min(len(pull), held.rows)
        alone[:common] = pull[:common]
        return alone
    groups = found.rows.groups[: len(pull)]
    sums, counts = np.bincount(groups, pull, GROUPS), np.bincount(groups, minlength=GROUPS)
    kept = np.unique(found.rows.groups[: held.rows])
    moved: Real = sums[kept] / (1 - counts[kept] / len(pull))
    return moved


def altered(record: PairRecord, found: Gathered, side: int, step: float) -> PairRecord | None:
    """The record with one bandwidth times exp(step); None of records that keep no rows and no widths."""
    widths = list(found.widths)
    widths[side] *= float(np.exp(step))
    changed = widths[0], widths[1]
    if isinstance(record, RowPairs):
        return replace(record, widths=changed)
    if not isinstance(record, GramTotals):
        return None
    rows = found.rows.first(SLOPE_ROWS)
    return gram_totals(gram_sums(rows.x, rows.y, changed), found)


def slope(figure: Callable[[PairRecord], float], ends: tuple[PairRecord, PairRecord]) -> float:
    """Change of a figure with the log of a bandwidth, from records a STEP below and above it."""
    low, high = map(figure, ends)
    return (high - low) / (2 * STEP)


def shifted(figures: list[float], slopes: tuple[float, float], moved: tuple[Any, Any]) -> list[float]:
    """The figures without parts of the samples, with bandwidths that follow."""
    found: list[float] = (np.asarray(figures) + slopes[0] * moved[0] + slopes[1] * moved[1]).tolist()
    return found
