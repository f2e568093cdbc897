"""The rows of two representations of a store in step, without those that are not finite in either."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators import Batch
from repdiag.analysis.frame import SampleFrame
from repdiag.analysis.source import ORIGIN_ROWS, Progress, StoreSource, block_rows, first_scale, no_progress
from repdiag.store import RepresentationInfo
from repdiag.types import GROUPS


@dataclass(frozen=True, slots=True)
class PairRows:
    """Finite rows x (m, d1) and y (m, d2) as stored, in the order of id hashes; groups (m,).

    `labels` (m,) are class codes, None where the store has none.
    """

    x: Tensor
    y: Tensor
    groups: NDArray[np.uint8]
    labels: Tensor | None = None

    @property
    def m(self) -> int:
        return len(self.x)

    def first(self, count: int) -> PairRows:
        """The first `count` rows."""
        labels = None if self.labels is None else self.labels[:count]
        return PairRows(self.x[:count], self.y[:count], self.groups[:count], labels)

    def without(self, group: int) -> PairRows:
        """The rows of all groups but one."""
        kept = torch.from_numpy(np.flatnonzero(self.groups != group)).to(self.x.device)
        labels = None if self.labels is None else self.labels[kept]
        return PairRows(self.x[kept], self.y[kept], self.groups[self.groups != group], labels)

    def shuffled(self, generator: torch.Generator) -> PairRows:
        """The same x beside the rows of y in random order: what no dependence looks like."""
        order = torch.randperm(self.m, generator=generator).to(self.y.device)
        return replace(self, y=self.y[order])

    def members(self) -> Tensor:
        """One where a row is in a group (m, GROUPS), float64."""
        codes = torch.from_numpy(self.groups.astype(np.int64)).to(self.x.device)
        return torch.nn.functional.one_hot(codes, GROUPS).to(linalg.DTYPE)


@dataclass
class PairSource:
    """The rows of two representations of one store.

    A pass keeps the first `keep` rows in the order of id hashes; `dropped` counts rows that are not finite.
    `scales` are factors that keep the squares of each view finite.
    """

    frame: SampleFrame
    x: RepresentationInfo
    y: RepresentationInfo
    device: str = "cpu"
    keep: int = 0
    progress: Progress = no_progress
    dropped: int = 0
    scales: tuple[float, float] = field(init=False)
    _parts: list[tuple[NDArray[np.int64], Tensor, Tensor]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self.scales = self._scale(self.x), self._scale(self.y)

    @property
    def n(self) -> int:
        return self.x.n

    def batches(self) -> Iterator[Batch]:
        """Rows [x, y] (b, d1 + d2) float64 with the members of each group, in file order."""
        self._parts, self.dropped = [], 0
        store, size = self.frame.store, block_rows(self.x.d + self.y.d)
        label = f"{self.x.address} and {self.y.address}"
        pairs = zip(store.blocks(self.x.address, size), store.blocks(self.y.address, size), strict=True)
        for (start, left), (_, right) in pairs:
            finite = _finite(left, right)
            self.dropped += int((~finite).sum())
            x, y = self._tensor(left, finite, 0), self._tensor(right, finite, 1)
            self._remember(start, x, y, finite)
            groups = np.where(finite, self.frame.groups[start : start + len(left)], np.uint8(GROUPS))
            rows = torch.cat([x.to(linalg.DTYPE), y.to(linalg.DTYPE)], dim=1).to(self.device)
            yield Batch(rows, [self._on(np.flatnonzero(groups == group)) for group in range(GROUPS)])
            self.progress(label, start + len(left), self.n)

    def kept(self) -> PairRows:
        """The rows that the last pass kept."""
        places = np.concatenate([np.zeros(0, np.int64), *(part[0] for part in self._parts)])
        order = np.argsort(self.frame.order[places])
        where = self._on(order)
        x = torch.cat([torch.zeros(0, self.x.d), *(part[1] for part in self._parts)])
        y = torch.cat([torch.zeros(0, self.y.d), *(part[2] for part in self._parts)])
        places = places[order]
        labels = self._on(self.frame.labels[places]) if self.frame.has_labels else None
        return PairRows(x.to(self.device)[where], y.to(self.device)[where], self.frame.groups[places], labels)

    def origin(self) -> Tensor:
        """A vector (d1 + d2,) near the mean of both views, from a few rows that every arrangement has."""
        sources = (StoreSource(self.frame, i.address, i.n, i.d, self.device) for i in (self.x, self.y))
        return torch.cat([s.origin() * f for s, f in zip(sources, self.scales, strict=True)])

    def _remember(self, start: int, x: Tensor, y: Tensor, finite: NDArray[np.bool_]) -> None:
        order = self.frame.order[start : start + len(x)]
        chosen = np.flatnonzero((order < max(self.keep, ORIGIN_ROWS)) & finite)
        if len(chosen):
            index = torch.from_numpy(chosen)
            self._parts.append((start + chosen, x[index], y[index]))

    def _tensor(self, block: NDArray[np.floating], finite: NDArray[np.bool_], side: int) -> Tensor:
        """Rows of one view, at least float32, those that are not finite zeroed."""
        rows = torch.from_numpy(block if finite.all() else np.where(finite[:, None], block, 0))
        rows = rows.float() if rows.dtype == torch.float16 else rows
        return rows if self.scales[side] == 1 else rows * self.scales[side]

    def _scale(self, info: RepresentationInfo) -> float:
        if info.dtype != "float64":
            return 1.0
        return first_scale(StoreSource(self.frame, info.address, info.n, info.d))

    def _on(self, array: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def _finite(left: NDArray[np.floating], right: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which rows (b,) are finite in both blocks."""
    found: NDArray[np.bool_] = np.isfinite(left).all(axis=1)
    found &= np.isfinite(right).all(axis=1)
    return found
