"""The rows of two representations of a store in step, without those that are not finite in either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators import Batch
from repdiag.analysis.distributed import M
from repdiag.analysis.frame import SampleFrame
from repdiag.analysis.source import ORIGIN_ROWS, Progress, StoreSource, block_rows, first_scale, no_progress
from repdiag.store import RepresentationInfo
from repdiag.types import GROUPS


@dataclass(frozen=True, slots=True)
class PairRows:
    """Finite rows x (m, d1) and y (m, d2) as stored, in the order of id hashes; groups (m,).

    `labels` (m,) are class codes, None where the store has none; z (m, d3) is a third view to condition on.
    """

    x: Tensor
    y: Tensor
    groups: NDArray[np.uint8]
    labels: Tensor | None = None
    z: Tensor | None = None

    @property
    def m(self) -> int:
        return len(self.x)

    def first(self, count: int) -> PairRows:
        """The first `count` rows."""
        labels = None if self.labels is None else self.labels[:count]
        z = None if self.z is None else self.z[:count]
        return PairRows(self.x[:count], self.y[:count], self.groups[:count], labels, z)

    def without(self, group: int) -> PairRows:
        """The rows of all groups but one."""
        kept = torch.from_numpy(np.flatnonzero(self.groups != group)).to(self.x.device)
        labels = None if self.labels is None else self.labels[kept]
        z = None if self.z is None else self.z[kept]
        return PairRows(self.x[kept], self.y[kept], self.groups[self.groups != group], labels, z)

    def shuffled(self, generator: torch.Generator) -> PairRows:
        """The same x beside the rows of y in random order: what no dependence looks like."""
        return self.reordered(torch.randperm(self.m, generator=generator))

    def reordered(self, order: Tensor) -> PairRows:
        """The same x beside the rows of y in another order (m,)."""
        return replace(self, y=self.y[order.to(self.y.device)])

    def members(self) -> Tensor:
        """One where a row is in a group (m, GROUPS), float64."""
        codes = torch.from_numpy(self.groups.astype(np.int64)).to(self.x.device)
        return torch.nn.functional.one_hot(codes, GROUPS).to(linalg.DTYPE)


@dataclass
class PairSource:
    """The rows of two representations of one store.

    A pass keeps the first `keep` rows in the order of id hashes; `dropped` counts rows that are not finite.
    `scales` are factors that keep the squares of each view finite. `z` is a third representation to condition
    on: rows that are not finite in it are left out too.
    """

    frame: SampleFrame
    x: RepresentationInfo
    y: RepresentationInfo
    device: str = "cpu"
    keep: int = 0
    progress: Progress = no_progress
    dropped: int = 0
    z: RepresentationInfo | None = None
    scales: tuple[float, float] = field(init=False)
    z_scale: float = field(init=False)
    _kept: tuple[Tensor, ...] = field(default=(), repr=False)
    _places: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.scales = self._scale(self.x), self._scale(self.y)
        self.z_scale = 1.0 if self.z is None else self._scale(self.z)

    @property
    def views(self) -> tuple[RepresentationInfo, ...]:
        """x, y and, where there is one, z."""
        return (self.x, self.y) if self.z is None else (self.x, self.y, self.z)

    @property
    def n(self) -> int:
        return self.x.n

    def batches(self) -> Iterator[Batch]:
        """Rows [x, y] (b, d1 + d2) of this rank with the members of each group, in file order."""
        self._keep_none()
        size = block_rows(sum(info.d for info in self.views))
        label = f"{self.x.address} and {self.y.address}"
        first, last = self.frame.team.share(self.n)
        for start in range(first, last, size):
            stop = min(start + size, last)
            yield self._batch(start, [self.frame.store.read(i.address, start, stop) for i in self.views])
            self.progress(label, stop - first, last - first)
        if self.frame.team.splits(self.n):
            self._unite()

    def merged(self, statistic: M) -> M:
        """The statistic of all rows, from that of the rows that each rank read."""
        return self.frame.team.merged(statistic) if self.frame.team.splits(self.n) else statistic

    def _unite(self) -> None:
        """Take in what other ranks kept and dropped."""
        joined = self.frame.team.joined
        self.dropped = int(joined(np.array([self.dropped])).sum())
        own = np.flatnonzero(self._places >= 0)
        ranks = joined(own)
        self._places[ranks] = joined(self._places[own])
        for held in self._kept:
            held[torch.from_numpy(ranks)] = torch.from_numpy(joined(held[torch.from_numpy(own)].numpy()))

    def _batch(self, start: int, arrays: Sequence[NDArray[np.floating]]) -> Batch:
        finite = _finite(arrays)
        self.dropped += int((~finite).sum())
        scales = (*self.scales, self.z_scale)
        views = tuple(_tensor(each, finite, scale) for each, scale in zip(arrays, scales, strict=False))
        self._remember(start, views, finite)
        groups = np.where(finite, self.frame.groups[start : start + len(finite)], np.uint8(GROUPS))
        rows = torch.cat(views[:2], dim=1).to(self.device)
        return Batch(rows, [self._on(np.flatnonzero(groups == group)) for group in range(GROUPS)])

    def kept(self) -> PairRows:
        """The rows that the last pass kept."""
        found = np.flatnonzero(self._places >= 0)
        held = self._kept if len(found) == len(self._places) else [view[found] for view in self._kept]
        x, y, *z = (view.to(self.device) for view in held)
        places = self._places[found]
        labels = self._on(self.frame.labels[places]) if self.frame.has_labels else None
        return PairRows(x, y, self.frame.groups[places], labels, z[0] if z else None)

    def origin(self) -> Tensor:
        """A vector (d1 + d2,) near the mean of both views, from a few rows that every arrangement has."""
        sources = (StoreSource(self.frame, i.address, i.n, i.d, self.device) for i in (self.x, self.y))
        return torch.cat([s.origin() * f for s, f in zip(sources, self.scales, strict=True)])

    def _keep_none(self) -> None:
        """Room for the rows to keep, made at once: pieces between large blocks would fragment memory."""
        count, self.dropped = min(max(self.keep, ORIGIN_ROWS), self.n), 0
        self._places = np.full(count, -1, dtype=np.int64)
        self._kept = tuple(torch.empty(count, info.d, dtype=_dtype(info)) for info in self.views)

    def _remember(self, start: int, views: tuple[Tensor, ...], finite: NDArray[np.bool_]) -> None:
        order = self.frame.order[start : start + len(finite)]
        chosen = np.flatnonzero((order < len(self._places)) & finite)
        self._places[order[chosen]] = start + chosen
        for held, view in zip(self._kept, views, strict=True):
            held[order[chosen]] = view[chosen]

    def _scale(self, info: RepresentationInfo) -> float:
        if info.dtype != "float64":
            return 1.0
        return first_scale(StoreSource(self.frame, info.address, info.n, info.d))

    def _on(self, array: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def _dtype(info: RepresentationInfo) -> torch.dtype:
    return torch.float64 if info.dtype == "float64" else torch.float32


def _finite(arrays: Sequence[NDArray[np.floating]]) -> NDArray[np.bool_]:
    """Which rows (b,) are finite in every block."""
    found: NDArray[np.bool_] = np.isfinite(arrays[0]).all(axis=1)
    for array in arrays[1:]:
        found &= np.isfinite(array).all(axis=1)
    return found


def _tensor(block: NDArray[np.floating], finite: NDArray[np.bool_], scale: float) -> Tensor:
    """Rows of one view, at least float32, those that are not finite zeroed."""
    rows = torch.from_numpy(block if finite.all() else np.where(finite[:, None], block, 0))
    rows = rows.float() if rows.dtype == torch.float16 else rows
    return rows if scale == 1 else rows * scale
