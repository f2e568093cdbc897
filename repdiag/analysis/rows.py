"""Watching the rows go by: what is wrong with them as samples, found in the pass that is made anyway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repdiag.stats import rowtests
from repdiag.stats.rowtests import Mask, Real

REPEATED_SHARE = 0.01
OUTLIER_SHARE = 0.01
OUTLIER_ENERGY = 0.25
LEAST_FAULTY = 3
"""From this share of the rows, or of their energy, and this number on something is said."""

DEPENDENT = 0.1
DEPENDENT_ERRORS = 4.0
"""Neighbours are alike from this correlation on, so many standard errors above it."""

LEAST_ROWS = 50

Join = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class RowConcerns:
    """Rows (n,) to look at, and how alike neighbours are; nothing is set where all is well.

    `every` is the distance in the file at which rows stop being alike.
    """

    repeated: Mask | None = None
    outlying: Mask | None = None
    correlation: float = 0.0
    every: int = 1

    @property
    def any(self) -> bool:
        return self.repeated is not None or self.outlying is not None or self.every > 1


class RowWatch:
    """Hashes and a sketch of every row, in file order: 72 bytes a row."""

    def __init__(self, n: int, d: int, origin: Real, scale: float = 1.0) -> None:
        self._matrix = rowtests.sketch_matrix(d)
        self._shift = origin @ self._matrix
        self._scale = scale
        self._hashes = np.zeros(n, dtype=np.uint64)
        self._sketch = np.zeros((n, rowtests.SKETCH_COLUMNS))
        self._usable = np.zeros(n, dtype=bool)

    def observe(self, start: int, block: NDArray[Any], finite: Mask | None) -> None:
        """Take in rows start, start + 1 ... as they are stored; the same rows again change nothing."""
        part = slice(start, start + len(block))
        self._usable[part] = True if finite is None else finite
        self._hashes[part] = rowtests.row_hashes(block)
        precise = block.astype(np.float32) if block.dtype == np.float16 else block
        precise = precise if self._scale == 1.0 else precise * self._scale
        with np.errstate(invalid="ignore", over="ignore"):
            self._sketch[part] = precise @ self._matrix.astype(precise.dtype) - self._shift

    def unite(self, start: int, stop: int, joined: Join) -> None:
        """After a pass over rows start to stop only: take in what other ranks saw of the others.

        `joined` concatenates the stretches of all; every array with one entry a row has them.
        """
        for name, array in vars(self).items():
            if isinstance(array, np.ndarray) and len(array) == len(self._usable):
                setattr(self, name, joined(array[start:stop]))

    def concerns(self, labels: NDArray[np.int64] | None, groups: NDArray[Any] | None) -> RowConcerns:
        """What to say about the rows; `labels` are class codes and `groups` what ties rows, where known."""
        usable = self._usable
        if usable.sum() < LEAST_ROWS:
            return RowConcerns()
        repeated = rowtests.repeats(self._hashes, usable)
        white = rowtests.whitened(self._sketch[usable])
        outlying = np.zeros_like(usable)
        energy = rowtests.core_energies(self._sketch[usable])
        outlying[usable] = rowtests.far_out(energy)
        correlation = self._correlation(white, labels, groups)
        return RowConcerns(
            repeated if _many(repeated, usable, REPEATED_SHARE) else None,
            outlying if self._stands_out(outlying, energy) else None,
            correlation,
            1 if correlation == 0 else int(np.ceil(np.log(0.05) / np.log(min(correlation, 0.999)))),
        )

    def _stands_out(self, outlying: Mask, energy: Real) -> bool:
        share = energy[outlying[self._usable]].sum() / max(energy.sum(), np.finfo(float).tiny)
        few = outlying.sum() < LEAST_FAULTY
        return not few and (_many(outlying, self._usable, OUTLIER_SHARE) or share > OUTLIER_ENERGY)

    def _correlation(
        self, white: Real, labels: NDArray[np.int64] | None, groups: NDArray[Any] | None
    ) -> float:
        """That of neighbours in different groups, class means taken out; 0 where it is not above chance."""
        if labels is not None:
            white = rowtests.without_class_means(white, labels[self._usable])
        linked = np.ones(max(len(white) - 1, 0), dtype=bool)
        if groups is not None:
            of = groups[self._usable]
            linked = np.asarray(of[1:] != of[:-1])
        found, error = rowtests.lag_one(white, linked)
        return found if found > DEPENDENT + DEPENDENT_ERRORS * error else 0.0


def _many(rows: Mask, usable: Mask, share: float) -> bool:
    return bool(rows.sum() >= max(LEAST_FAULTY, share * usable.sum()))
