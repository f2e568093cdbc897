"""What is known of the samples before any row is read: groups, sample order, class codes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repdiag.analysis.distributed import WHOLE, Team
from repdiag.stats.groups import group20, hash_order, text_hashes
from repdiag.store import Store

SAMPLE_ROWS = 4000
"""Rows that pair and neighbour measures share: those with the lowest id hashes."""


@dataclass(frozen=True, slots=True)
class _ById:
    """What the hashes of the ids say: group and rank (n,) of each sample, and a digest to go on with."""

    groups: NDArray[np.uint8]
    order: NDArray[np.int64]
    digest: Any


@dataclass(frozen=True)
class SampleFrame:
    """Per sample, for one store; each column is computed when it is first asked for.

    `team` are the ranks that share passes over its rows.
    """

    store: Store
    team: Team = WHOLE

    @cached_property
    def groups(self) -> NDArray[np.uint8]:
        """Group number (n,), 0..19, from the `group` column, else from the ids."""
        column = self.store.column("group")
        if column is None:
            return self._by_id.groups
        return group20(text_hashes(str(value) for value in column.tolist()))

    @property
    def order(self) -> NDArray[np.int64]:
        """Rank (n,) of each sample in the order of id hashes."""
        return self._by_id.order

    @property
    def fingerprint(self) -> str:
        """Checksum of ids and groups, in order."""
        digest = self._by_id.digest.copy()
        digest.update(self.groups.tobytes())
        return str(digest.hexdigest())

    @cached_property
    def _by_id(self) -> _ById:
        # The hashes themselves are not held: nine bytes a sample are enough of a million samples.
        hashes = text_hashes(self.store.ids)
        return _ById(group20(hashes), hash_order(hashes), sha256(hashes.tobytes()))

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
