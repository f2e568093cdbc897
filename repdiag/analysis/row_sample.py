"""A watch over the rows that also keeps a sample of them, for a closer look after the passes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repdiag import linalg
from repdiag.analysis.facts import Facts
from repdiag.analysis.frame import SampleFrame
from repdiag.analysis.rows import Join, RowWatch
from repdiag.stats.rowtests import Mask

MOST_ROWS = 1000
LEAST_ROWS = 100
SAMPLE_BYTES = 32 << 20
"""The rows with the lowest id hashes: at most so many, fewer where they are very wide."""


@dataclass(frozen=True, slots=True)
class RowSample:
    """Finite rows (m, d) float64 in the order of id hashes, their places in the store and groups (m,)."""

    rows: Tensor
    places: NDArray[np.int64]
    groups: NDArray[np.uint8]

    @property
    def centred(self) -> Tensor:
        """The rows about their mean (m, d)."""
        return self.rows - self.rows.mean(0)

    def without_rogue(self, facts: Facts) -> RowSample:
        """The same without the coordinates that alone carry most."""
        rogue = {each.index for each in facts.rogue}
        if not rogue:
            return self
        kept = [j for j in range(self.rows.shape[1]) if j not in rogue]
        return replace(self, rows=self.rows[:, torch.tensor(kept, device=self.rows.device)])

    def first(self, count: int) -> RowSample:
        """The first `count` rows."""
        return RowSample(self.rows[:count], self.places[:count], self.groups[:count])


class Rows(Protocol):
    """What a watch must know of the source that it looks at."""

    frame: SampleFrame
    n: int
    d: int
    device: str
    scale: float


class SamplingWatch(RowWatch):
    """Sees every block as it is stored and keeps the rows of the sample."""

    def __init__(self, source: Rows, origin: NDArray[np.float64]) -> None:
        super().__init__(source.n, source.d, origin, source.scale)
        self._source = source
        self._order = source.frame.order
        self._kept: NDArray[Any] | None = None

    def observe(self, start: int, block: NDArray[Any], finite: Mask | None) -> None:
        """Take in rows start, start + 1 ...; the same rows again change nothing."""
        super().observe(start, block, finite)
        if self._kept is None:
            self._kept = np.zeros((self._size(block.dtype.itemsize), self._source.d), dtype=block.dtype)
        order = self._order[start : start + len(block)]
        chosen = order < len(self._kept)
        self._kept[order[chosen]] = block[chosen]

    def unite(self, start: int, stop: int, joined: Join) -> None:
        """Take in what other ranks saw of the rows that are not between start and stop."""
        kept, self._kept = self._kept, None  # has one entry a place in the sample
        super().unite(start, stop, joined)
        if kept is not None:
            own = self._order[start:stop]
            own = own[own < len(kept)]
            kept[joined(own)] = joined(kept[own])
        self._kept = kept

    def _size(self, itemsize: int) -> int:
        fitting = SAMPLE_BYTES // (itemsize * self._source.d)
        return min(self._source.n, MOST_ROWS, max(LEAST_ROWS, fitting))

    def sample(self) -> RowSample:
        """The rows of the sample that are finite, after a pass."""
        kept = np.zeros((0, self._source.d)) if self._kept is None else self._kept
        places = np.argsort(self._order)[: len(kept)]
        good = self._usable[places]
        rows = torch.from_numpy(kept[good].astype(np.float64) * self._source.scale)
        places = places[good]
        return RowSample(
            rows.to(self._source.device, linalg.DTYPE), places, self._source.frame.groups[places]
        )
