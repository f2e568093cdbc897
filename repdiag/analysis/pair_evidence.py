"""What the measures of one pair share: records that are made once, and facts about both views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch

from repdiag import linalg
from repdiag.analysis.facts import STORAGE_EPSILON
from repdiag.analysis.frame import SAMPLE_ROWS
from repdiag.analysis.pair_nulls import shuffled
from repdiag.analysis.pair_records import Extent, Gathered, PairReplicas, replicas
from repdiag.analysis.pair_sources import PairRows
from repdiag.analysis.pair_spectra import SPECTRA, kernel_replicas, shuffled_kernels
from repdiag.analysis.pair_widths import STEP, altered, moved_widths, shifted, slope, width_pulls
from repdiag.measures.pair_entropies import KernelRows
from repdiag.measures.pair_inputs import JointMoments, PairNeed, PairRecord
from repdiag.stats.logdet import elliptical_bias, radial_weights


@dataclass
class PairEvidence:
    """What the measures of one pair share; each record is made once, when it is first asked for."""

    found: Gathered
    extent: Extent
    dtypes: tuple[str, str]
    scales: tuple[float, float]
    confidence: float = 0.95
    _held: dict[PairNeed, PairReplicas] = field(default_factory=dict)
    _nulls: dict[PairNeed, list[PairRecord]] = field(default_factory=dict)
    _weights: Any = None
    _pulls: Any = None
    _ends: dict[tuple[PairNeed, int], Any] = field(default_factory=dict)

    def of(self, need: PairNeed) -> PairReplicas:
        if need not in self._held:
            make = kernel_replicas if need in SPECTRA else replicas
            self._held[need] = make(need, self.found, self.extent)
        return self._held[need]

    def nulls(self, need: PairNeed) -> list[PairRecord]:
        if need not in self._nulls:
            record = self.of(need).total if need in SPECTRA else None
            if isinstance(record, KernelRows):
                self._nulls[need] = list(shuffled_kernels(record, self.extent.seed))
            else:
                self._nulls[need] = list(shuffled(need, self.found, self.extent))
        return self._nulls[need]

    def follow(
        self, need: PairNeed, figures: list[float], figure: Callable[[PairRecord], float]
    ) -> list[float]:
        """Figures without parts of the samples, as they are when the bandwidths follow the samples."""
        held = self.of(need)
        self._pulls = self._pulls or (width_pulls(self.found),)
        ends = [self._altered(need, side) for side in (0, 1)]
        if self._pulls[0] is None or any(end is None for pair in ends for end in pair):
            return figures
        moved = [moved_widths(pull, self.found, held) for pull in self._pulls[0]]
        slopes = [slope(figure, pair) for pair in ends]
        return shifted(figures, (slopes[0], slopes[1]), (moved[0], moved[1]))

    def _altered(self, need: PairNeed, side: int) -> Any:
        if (need, side) not in self._ends:
            total = self.of(need).total
            self._ends[need, side] = tuple(altered(total, self.found, side, s) for s in (-STEP, STEP))
        return self._ends[need, side]

    def excess(self, record: JointMoments) -> float:
        """What rows of unequal length add to the bias of a Gaussian information, in nats."""
        if self._weights is None:
            self._weights = radial_weights(_sample(self.found.rows.first(SAMPLE_ROWS)))
        return _excess(self._weights, record)

    @property
    def constant(self) -> str:
        """Which view does not vary beyond rounding; empty where both do."""
        rows = self.found.rows.first(SAMPLE_ROWS)
        views = zip("xy", (rows.x, rows.y), self.dtypes, strict=True)
        return next((name for name, view, dtype in views if _is_constant(view, dtype)), "")


def _is_constant(rows: torch.Tensor, dtype: str) -> bool:
    precise = rows.to(linalg.DTYPE)
    square = precise.square().mean()
    spread = precise.var(0, correction=0).mean()
    return bool(spread <= square * STORAGE_EPSILON.get(dtype, linalg.EPSILON) ** 2)


def _sample(rows: PairRows) -> np.ndarray[Any, np.dtype[np.float64]]:
    both = torch.cat([rows.x, rows.y], dim=1).to(linalg.DTYPE)
    return both.cpu().numpy()


def _excess(weights: Sequence[float], record: JointMoments) -> float:
    n, d1, d2 = record.n, record.d1, record.d2
    if n < d1 + d2 + 2 or not np.isfinite(weights).all() or np.ptp(weights) == 0:
        return 0.0
    stretched = np.resize(np.asarray(weights), n)
    first, second, joint = (_uneven(stretched, p) for p in (d1, d2, d1 + d2))
    return (first + second - joint) / 2


def _uneven(weights: np.ndarray[Any, np.dtype[np.float64]], p: int) -> float:
    """What unequal weights add to the bias of a log determinant of p features."""
    return elliptical_bias(p, weights) - _even(len(weights), p)


@cache
def _even(n: int, p: int) -> float:
    return elliptical_bias(p, np.ones(n))
