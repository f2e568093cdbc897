"""What is known of the samples before any row is read: groups, sample order, class codes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from repdiag.stats.groups import group20, hash_order, text_hashes
from repdiag.store import Store

SAMPLE_ROWS = 4000
"""Rows that pair and neighbour measures share: those with the lowest id hashes."""


@dataclass(frozen=True)
class SampleFrame:
    """Per sample, for one store; each column is computed when it is first asked for."""

    store: Store

    @cached_property
    def id_hashes(self) -> NDArray[np.uint64]:
        """Hash (n,) of each sample's id."""
        return text_hashes(self.store.ids)

    @cached_property
    def groups(self) -> NDArray[np.uint8]:
        """Group number (n,), 0..19, from the `group` column, else from the ids."""
        column = self.store.column("group")
        if column is None:
            return group20(self.id_hashes)
        return group20(text_hashes(str(value) for value in column.tolist()))

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Rank (n,) of each sample in the order of id hashes."""
        return hash_order(self.id_hashes)

    @cached_property
    def has_labels(self) -> bool:
        return "label" in self.store.columns

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their codes."""
        return tuple(str(value) for value in self._labels[0].tolist())

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Class code (n,) of each sample."""
        return self._labels[1]

    @cached_property
    def _labels(self) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
        column = self.store.column("label")
        assert column is not None
        names, codes = np.unique(column, return_inverse=True)
        return names, codes.astype(np.int64)
