"""Kendall's tau between a figure and probe accuracy, with bootstrap intervals over encoders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from zoo_parts.figures import Doubles

RESAMPLED = 500
LEAST = 5
DEFINED = 0.95
"""Share of the resamples in which both sides must vary for an interval."""


@dataclass(frozen=True, slots=True)
class Tau:
    """Tau-b of `count` encoders with a 95% interval; None where a side does not vary, or hardly ever does."""

    value: float | None
    low: float | None
    high: float | None
    count: int

    @property
    def shown(self) -> str:
        if self.value is None:
            return "-"
        if self.low is None or self.high is None:
            return f"{self.value:.2f}"
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def kendall(x: Sequence[float], y: Sequence[float], stratum: Sequence[str], seed: int) -> Tau:
    """Tau-b over the pairs of encoders within one stratum (the images they were trained on).

    The interval is the percentile bootstrap over encoders; an encoder drawn twice makes no pair.
    """
    count = len(x)
    if count < LEAST:
        return Tau(None, None, None, count)
    signs = [np.sign(np.subtract.outer(side, side)) for side in (np.asarray(x), np.asarray(y))]
    names = np.asarray(stratum)
    a, b = (each * (names[:, None] == names) for each in signs)
    generator = np.random.default_rng(seed)
    draws = (generator.integers(0, count, count) for _ in range(RESAMPLED))
    found = [tau for rows in draws if (tau := _tau(a[np.ix_(rows, rows)], b[np.ix_(rows, rows)])) is not None]
    value = _tau(a, b)
    if value is None or len(found) < DEFINED * RESAMPLED:
        return Tau(value, None, None, count)
    low, high = np.percentile(found, (2.5, 97.5))
    return Tau(value, float(low), float(high), count)


def _tau(a: Doubles, b: Doubles) -> float | None:
    bottom = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float((a * b).sum()) / bottom if bottom > 0 else None
