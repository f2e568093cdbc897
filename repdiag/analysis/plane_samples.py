"""The samples of all stores of a path, in the order of their id hashes: the same ones everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repdiag.analysis.frame import SampleFrame
from repdiag.analysis.plane_target import Target, splits_of, target_of
from repdiag.analysis.source import block_rows
from repdiag.errors import UsageError
from repdiag.stats.groups import text_hashes
from repdiag.stats.rowtests import row_hashes
from repdiag.store import Store
from repdiag.text import printable

A = TypeVar("A", bound=np.generic)

MOST_SPLITS = 4
BLOCKS = 200
"""Blocks of samples that influences are summed over, where samples have no groups."""

SHUFFLES = 8


@dataclass(frozen=True)
class Samples:
    """n samples by rank: number 0 has the lowest id hash. What belongs to them is in that order too."""

    stores: Sequence[Store]
    frames: Sequence[SampleFrame]
    targets: Sequence[Target]
    splits: dict[str | None, NDArray[np.bool_]]
    notes: list[str] = field(default_factory=list)

    @property
    def n(self) -> int:
        return self.stores[0].n

    def order(self, source: int) -> NDArray[np.int64]:
        """Rank (n,) of each row of a store."""
        return self.frames[source].order

    def labels(self, source: int) -> NDArray[np.int64] | None:
        """Class codes (n,) by rank, from the target of a store."""
        codes = self.targets[source].codes
        return None if codes is None else _by_rank(codes, self.order(source))

    @cached_property
    def groups(self) -> NDArray[np.int64] | None:
        """Group (n,) by rank of samples that belong together, None where there are no groups."""
        if "group" not in self.stores[0].columns:
            return None
        return _by_rank(self.frames[0].groups.astype(np.int64), self.order(0))

    def blocks(self, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        """The block (m,) of each of the samples, numbered from 0; none is empty."""
        if self.groups is None:
            return np.arange(len(ranks)) % max(1, min(BLOCKS, len(ranks)))
        return np.unique(self.groups[ranks], return_inverse=True)[1].astype(np.int64)

    def input_codes(self, source: int, view: str) -> NDArray[np.int64]:
        """One code (n,) by rank for each input: equal where stored inputs are, else all different."""
        store = self.stores[source]
        info = store.inputs(view)
        if info is None:
            return np.arange(self.n)
        size = block_rows(info.p)
        hashes = np.concatenate([row_hashes(block) for _, block in store.input_blocks(view, size)])
        return _by_rank(np.unique(hashes, return_inverse=True)[1].astype(np.int64), self.order(source))


def samples_of(stores: Sequence[Store], target: str | None) -> Samples:
    """The samples that all stores hold.

    Raises:
        UsageError: stores of different samples, or a target that one of them lacks.
    """
    frames = [SampleFrame(store) for store in stores]
    first = np.sort(text_hashes(stores[0].ids)) if len(stores) > 1 else np.zeros(0)
    for store in stores[1:]:
        if not np.array_equal(first, np.sort(text_hashes(store.ids))):
            raise UsageError(
                f"{printable(stores[0].path.name)} (n {stores[0].n:,}) and {printable(store.path.name)} "
                f"(n {store.n:,}) hold different samples; a path needs the same ones at every step: extract "
                "all checkpoints over the same data"
            )
    targets = [target_of(store, target) for store in stores]
    in_file, notes = splits_of(stores[0], MOST_SPLITS)
    splits = {name: _by_rank(members, frames[0].order) for name, members in in_file.items()}
    told = dict.fromkeys(each.note for each in targets if each.note)
    return Samples(stores, frames, targets, splits, [*told, *notes])


def shuffled_labels(codes: NDArray[np.int64] | None, m: int, seed: int) -> Tensor:
    """Class codes (SHUFFLES + 1, m): as they are, then in random orders that every checkpoint shares."""
    own = torch.zeros(m, dtype=torch.int64) if codes is None else torch.from_numpy(codes)
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([own, *(own[torch.randperm(m, generator=generator)] for _ in range(SHUFFLES))])


def _by_rank(values: NDArray[A], order: NDArray[np.int64]) -> NDArray[A]:
    found = np.empty_like(values)
    found[order] = values
    return found
