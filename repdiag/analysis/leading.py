"""Every row's score along the leading directions, and its length, from passes that are made anyway."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from repdiag.analysis.row_sample import Rows, SamplingWatch
from repdiag.analysis.source import MemorySource, RowSource, StoreSource, block_rows
from repdiag.analysis.spectra import Decomposition
from repdiag.stats.rowtests import Mask, Real

DIRECTIONS = 8
"""Leading directions whose ends are looked at."""


class LeadingWatch(SamplingWatch):
    """Keeps the length of every row and, once it is aimed, its scores: at most 36 bytes a row.

    Scores are about the mean in standard deviations, one column a direction; a direction is turned so that
    its positive end reaches further. Before it is aimed and for rows that are not finite there are none.
    """

    def __init__(self, source: Rows, origin: Real, directions: int = DIRECTIONS) -> None:
        super().__init__(source, origin)
        self._lengths = np.zeros(source.n, dtype=np.float32)
        self._measured = np.zeros(source.n, dtype=bool)
        self._wanted = directions
        self._scored = 0
        self._basis: Real | None = None
        self._mean: Real = np.zeros(source.d)
        self._raw: NDArray[np.float32] | None = None
        self.shares: Real = np.zeros(0)

    def observe(self, start: int, block: NDArray[Any], finite: Mask | None) -> None:
        """Take in rows start, start + 1 ...; the same rows again change nothing."""
        super().observe(start, block, finite)
        part = slice(start, start + len(block))
        if not self._measured[part].all():
            self._lengths[part] = _lengths(self._precise(block))
            self._measured[part] = True
        self._score(start, block)

    def aim(self, of: Decomposition, rows: RowSource) -> None:
        """Take the leading directions of all rows: those of rows in memory are scored at once."""
        if not self._wanted:
            return
        values, basis = _leading(of, self._wanted)
        self.shares = values / max(float(of.values.sum()), np.finfo(float).tiny)
        self._raw = np.full((len(self._usable), len(values)), np.nan, dtype=np.float32)
        origin = of.origin.cpu().numpy()
        if isinstance(rows, MemorySource):
            self._raw[self._usable] = (rows.rows.cpu().numpy() - origin) @ basis
            self._scored = len(self._raw)
        else:
            self._basis, self._mean, self._scored = basis, origin, 0

    def finish(self, source: StoreSource) -> None:
        """One more pass where none came after the directions were known."""
        if self._basis is not None and self._scored < source.n:
            self._scored = 0
            for start, block in source.frame.store.blocks(source.address, block_rows(source.d)):
                self._score(start, block)

    @property
    def aimed(self) -> bool:
        """Whether the leading directions are known."""
        return self._raw is not None

    @property
    def usable(self) -> Mask:
        """Which rows (n,) are finite, after a pass."""
        return self._usable

    @property
    def hashes(self) -> NDArray[np.uint64]:
        """A hash (n,) of the bytes of each row."""
        return self._hashes

    @property
    def lengths(self) -> Real:
        """Length (n,) of each row as it is stored."""
        found: Real = self._lengths.astype(np.float64)
        return found / self._scale

    def scores(self) -> NDArray[np.float32]:
        """Scores (m, k) of the finite rows; no columns where no direction was found."""
        if self._raw is None or not self._raw.shape[1]:
            return np.zeros((int(self._usable.sum()), 0), dtype=np.float32)
        found: NDArray[np.float32] = self._raw[self._usable]
        found -= found.mean(axis=0, dtype=np.float64).astype(np.float32)
        spread = found.std(axis=0, ddof=1, dtype=np.float64)
        turned = np.where(-found.min(axis=0) > found.max(axis=0), -1.0, 1.0)
        found *= (turned / np.where(spread > 0, spread, 1.0)).astype(np.float32)
        return found

    def _score(self, start: int, block: NDArray[Any]) -> None:
        # Rows come in order; a pass that began before the directions were known is no use.
        if self._basis is None or self._raw is None or start != self._scored:
            return
        precise = self._precise(block)
        with np.errstate(invalid="ignore", over="ignore"):
            shifted = precise - self._mean.astype(precise.dtype)
            self._raw[start : start + len(block)] = shifted @ self._basis.astype(precise.dtype)
        self._scored = start + len(block)

    def _precise(self, block: NDArray[Any]) -> NDArray[Any]:
        """Rows scaled as the moments are, in a type that products can be taken in."""
        wide = block.astype(np.float32) if block.dtype == np.float16 else block
        return wide if self._scale == 1.0 else wide * self._scale


def _leading(of: Decomposition, most: int) -> tuple[Real, Real]:
    """The largest eigenvalues (k,) above the resolution floor, descending, and their vectors (d, k)."""
    floor = max(of.matrix.spectrum(of.values, of.total.count).floor, 0.0)
    count = min(most, int((of.values > floor).sum()))
    values = of.values[:count].cpu().numpy()
    if of.basis is not None:
        return values, of.basis[:, :count].cpu().numpy()
    return values, _vectors(of.matrix.of(of.total).cpu().numpy(), count)


def _vectors(covariance: Real, count: int) -> Real:
    """Eigenvectors (d, count) of the largest eigenvalues, which is less work than all of them."""
    from scipy.linalg import eigh

    d = len(covariance)
    if count == 0:
        return np.zeros((d, 0))
    _, vectors = eigh(covariance, subset_by_index=(d - count, d - 1), check_finite=False)
    found: Real = vectors[:, ::-1]
    return found


def _lengths(rows: NDArray[Any]) -> NDArray[Any]:
    """Lengths (b,) of rows (b, d); those whose squares single precision cannot hold in double."""
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        squares = np.einsum("ij,ij->i", rows, rows)
        odd = ~np.isfinite(squares) | (squares < np.finfo(np.float32).tiny)
        found: NDArray[Any] = np.sqrt(squares)
        if rows.dtype != np.float64 and odd.any():
            found[odd] = np.linalg.norm(rows[odd].astype(np.float64), axis=1)
    return found
