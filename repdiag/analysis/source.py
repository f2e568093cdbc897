"""Rows as batches, from a store or from memory, with non-finite rows set aside and counted."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators import Batch
from repdiag.analysis.distributed import M
from repdiag.analysis.frame import SAMPLE_ROWS, SampleFrame
from repdiag.analysis.rows import RowWatch
from repdiag.types import GROUPS, Address

BLOCK_BYTES = 24 << 20
"""Size of one block of rows in float64: split into groups it is still enough for BLAS."""

PIECE_BYTES = 2 << 20
"""Size in float64 of what one update of a single group takes: larger temporaries cost page faults."""

ORIGIN_ROWS = 16
"""Rows whose mean is taken out before energies are summed, so that a large common mean costs no digits."""

Progress = Callable[[str, int, int], None]


def no_progress(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


class RowSource(Protocol):
    """Rows (n, d), readable again and again in the same order."""

    @property
    def n(self) -> int: ...

    @property
    def d(self) -> int: ...

    def batches(self) -> Iterator[Batch]: ...

    def own_batches(self) -> Iterator[Batch]:
        """Those that this rank reads in a pass that several share; `merged` then gives that of all."""
        ...

    def merged(self, statistic: M) -> M:
        """The statistic of all rows, from that of the rows that each rank read."""
        ...

    def origin(self) -> Tensor:
        """A vector (d,) near the mean, float64, that does not depend on how the rows are arranged."""
        ...


@dataclass
class StoreSource:
    """The rows of one representation in a store.

    `bad_rows` lists the rows with a NaN or an infinity after the first pass; they are in no group.
    `skip` (n,) are rows to leave out; `watch` sees every block as it is stored.
    """

    frame: SampleFrame
    address: Address
    n: int
    d: int
    device: str = "cpu"
    with_labels: bool = False
    with_sample: bool = False
    scale: float = 1.0
    progress: Progress = no_progress
    bad_rows: list[int] = field(default_factory=list)
    skip: NDArray[np.bool_] | None = None
    watch: RowWatch | None = None
    _shared: bool = field(default=False, repr=False)

    @property
    def used(self) -> NDArray[np.int64]:
        """Indices of the rows that count, after the first pass."""
        rows = np.arange(self.n) if self.skip is None else np.flatnonzero(~self.skip)
        return np.setdiff1d(rows, np.array(self.bad_rows, dtype=np.int64))

    @property
    def most(self) -> int:
        """The most rows that can count."""
        return self.n if self.skip is None else int((~self.skip).sum())

    def batches(self) -> Iterator[Batch]:
        """Batches in file order."""
        self.bad_rows = yield from self._between(0, self.n)

    def own_batches(self) -> Iterator[Batch]:
        """Batches of the rows of this rank; what is noticed on the way is shared after the first pass."""
        start, stop = self.frame.team.share(self.n)
        bad = yield from self._between(start, stop)
        if not self.frame.team.splits(self.n):
            self.bad_rows = bad
        elif not self._shared:
            self.bad_rows = self.frame.team.joined(np.array(bad, dtype=np.int64)).tolist()
            if self.watch is not None:
                self.watch.unite(start, stop, self.frame.team.joined)
            self._shared = True

    def merged(self, statistic: M) -> M:
        """The statistic of all rows."""
        return self.frame.team.merged(statistic) if self.frame.team.splits(self.n) else statistic

    def _between(self, first: int, last: int) -> Generator[Batch, None, list[int]]:
        """Batches of rows first to last, in file order; the numbers of those that are not finite."""
        bad: list[int] = []
        size = block_rows(self.d)
        for start in range(first, last, size):
            block = self.frame.store.read(self.address, start, min(start + size, last))
            finite = self._finite(block)
            bad += [start + int(i) for i in np.flatnonzero(~finite)] if finite is not None else []
            if self.watch is not None:
                self.watch.observe(start, block, finite)
            yield self._batch(start, block, self._chosen(start, finite, len(block)))
            self.progress(str(self.address), start + len(block) - first, last - first)
        return bad

    def origin(self) -> Tensor:
        """Mean of the finite rows among those with the lowest id hashes."""
        chosen = np.flatnonzero(self.frame.order < ORIGIN_ROWS)
        rows = np.concatenate(
            [self.frame.store.read(self.address, int(i), int(i) + 1) for i in chosen]
            or [np.zeros((0, self.d))]
        ).astype(np.float64)
        rows = rows[np.isfinite(rows).all(axis=1)] * self.scale
        mean = rows.mean(axis=0) if len(rows) else np.zeros(self.d)
        return torch.from_numpy(mean).to(self.device)

    def _finite(self, block: NDArray[np.floating]) -> NDArray[np.bool_] | None:
        """Which rows are finite, or None when all are; one sum settles the usual case."""
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(block.sum(dtype=np.float64)):
                return None
        finite: NDArray[np.bool_] = np.isfinite(block).all(axis=1)
        return None if finite.all() else finite

    def _chosen(self, start: int, finite: NDArray[np.bool_] | None, count: int) -> NDArray[np.bool_] | None:
        """Which rows of a block count, or None when all do."""
        if self.skip is None:
            return finite
        wanted: NDArray[np.bool_] = ~self.skip[start : start + count]
        return wanted if finite is None else wanted & finite

    def _batch(self, start: int, block: NDArray[np.floating], finite: NDArray[np.bool_] | None) -> Batch:
        stop = start + len(block)
        groups = self.frame.groups[start:stop]
        if finite is not None:
            groups = np.where(finite, groups, np.uint8(GROUPS))
            block = np.where(finite[:, None], block, 0)
        rows = torch.from_numpy(block)
        if rows.dtype == torch.float16:
            rows = rows.float()
        batch = Batch(rows.to(self.device), _members(groups, self.device))
        if self.scale != 1.0:
            batch = replace(batch, rows=batch.rows.to(linalg.DTYPE) * self.scale)
        if self.with_labels:
            batch = replace(batch, labels=_on(self.frame.labels[start:stop], self.device))
        return self._sampled(batch, start, finite) if self.with_sample else batch

    def _sampled(self, batch: Batch, start: int, finite: NDArray[np.bool_] | None) -> Batch:
        order = self.frame.order[start : start + len(batch.rows)]
        chosen = order < SAMPLE_ROWS
        chosen = chosen if finite is None else chosen & finite
        sampled = _on(np.flatnonzero(chosen), self.device)
        return replace(batch, sampled=sampled, order=_on(order, self.device))


@dataclass
class MemorySource:
    """Rows (n, d) that are in memory, with one group number a row."""

    rows: Tensor
    groups: NDArray[np.uint8]
    labels: NDArray[np.int64] | None = None
    order: NDArray[np.int64] | None = None

    @property
    def n(self) -> int:
        return self.rows.shape[0]

    @property
    def d(self) -> int:
        return self.rows.shape[1]

    def origin(self) -> Tensor:
        """The mean itself."""
        return self.rows.mean(0) if self.n else self.rows.new_zeros(self.d)

    def batches(self) -> Iterator[Batch]:
        """Batches in row order."""
        device = str(self.rows.device)
        step = block_rows(self.d)
        for start in range(0, self.n, step):
            part = slice(start, start + step)
            batch = Batch(self.rows[part], _members(self.groups[part], device))
            if self.labels is not None:
                batch = replace(batch, labels=_on(self.labels[part], device))
            if self.order is not None:
                order = self.order[part]
                sampled = _on(np.flatnonzero(order < SAMPLE_ROWS), device)
                batch = replace(batch, order=_on(order, device), sampled=sampled)
            yield batch

    def own_batches(self) -> Iterator[Batch]:
        """All batches: every rank has all rows."""
        return self.batches()

    def merged(self, statistic: M) -> M:
        """The statistic itself."""
        return statistic


def in_memory(source: StoreSource) -> MemorySource:
    """All finite rows of a source, float64, with what belongs to them."""
    batches = list(source.batches())
    good = source.used
    empty = torch.zeros(0, source.d, dtype=linalg.DTYPE, device=source.device)
    rows = torch.cat([empty, *(batch.rows.to(linalg.DTYPE) for batch in batches)])[_on(good, source.device)]
    frame = source.frame
    return MemorySource(
        rows,
        frame.groups[good],
        frame.labels[good] if source.with_labels else None,
        frame.order[good] if source.with_sample else None,
    )


def first_scale(source: StoreSource) -> float:
    """The factor that keeps squares finite, from the first block; only float64 data can need one."""
    for _, block in source.frame.store.blocks(source.address, block_rows(source.d)):
        finite = np.abs(block[np.isfinite(block)])
        return linalg.safe_scale(float(finite.max())) if finite.size else 1.0
    return 1.0


@dataclass(frozen=True, slots=True)
class SomeGroups:
    """The rows of some groups of a source, as a single group."""

    source: RowSource
    groups: tuple[int, ...]

    @property
    def n(self) -> int:
        return self.source.n

    @property
    def d(self) -> int:
        return self.source.d

    def origin(self) -> Tensor:
        """That of the source."""
        return self.source.origin()

    def batches(self) -> Iterator[Batch]:
        """Batches in the order of the source."""
        return self._of(self.source.batches())

    def own_batches(self) -> Iterator[Batch]:
        """Those of the source."""
        return self._of(self.source.own_batches())

    def merged(self, statistic: M) -> M:
        """As the source does it."""
        return self.source.merged(statistic)

    def _of(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            together = torch.cat([batch.members[group] for group in self.groups]).sort().values
            yield replace(batch, members=[together])


def block_rows(d: int) -> int:
    """How many rows are read at a time."""
    return max(64, BLOCK_BYTES // (8 * d))


def pooled(batch: Batch) -> list[Batch]:
    """The same rows as a single group, in pieces that stay in the processor's cache."""
    together = torch.cat(list(batch.members)).sort().values
    size = max(64, PIECE_BYTES // (8 * batch.rows.shape[1]))
    return [replace(batch, members=[piece]) for piece in torch.split(together, size)]


def _members(groups: NDArray[np.uint8], device: str) -> list[Tensor]:
    return [_on(np.flatnonzero(groups == group), device) for group in range(GROUPS)]


def _on(array: NDArray[np.integer], device: str) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)
