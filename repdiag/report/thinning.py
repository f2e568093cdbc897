"""Few points, the same picture: log-spaced positions and short numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

MAX_POINTS = 2000
"""Most points of one trace."""
MAX_FIGURE_POINTS = 6_000
"""Most points of one figure, over all its traces; a trace keeps 120 of its own."""


def points_per_trace(traces: int) -> int:
    """How many points each of `traces` may have."""
    return min(MAX_POINTS, max(120, MAX_FIGURE_POINTS // max(1, traces)))


def log_spaced(count: int, most: int) -> list[int]:
    """At most `most` of the positions 0..count-1, dense at the start, both ends kept."""
    if count <= most:
        return list(range(count))
    steps = (math.exp(math.log(count) * i / (most - 1)) for i in range(most))
    return sorted({min(count, round(step)) - 1 for step in steps})


def short(value: float | None) -> float | None:
    """`value` with five significant digits: finer than a pixel, half the bytes."""
    return None if value is None else float(f"{value:.5g}")


def cumulative_share(eigenvalues: Sequence[float]) -> list[float]:
    """Share of the total variance in the first 1, 2, ... directions; empty where there is none."""
    kept = [max(0.0, value) for value in eigenvalues]
    total = sum(kept)
    return [partial / total for partial in accumulate(kept)] if total > 0 else []
