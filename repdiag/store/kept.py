"""A store seen through some of its rows, with sample columns that another store gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repdiag.store.inputs import Inputs
from repdiag.store.opened import Contents, Item, Store
from repdiag.store.rows import Array, Rows
from repdiag.store.texts import Texts

Index = NDArray[np.int64]


@dataclass(frozen=True)
class KeptRows:
    """Some rows of a source; `index` (m,) ascends, so that they are read in file order."""

    whole: Rows
    index: Index

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.index), self.whole.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.whole.dtype

    def read(self, start: int, stop: int) -> Array:
        """Read in stretches of the source no longer than what is asked for, so that memory stays bounded."""
        wanted = self.index[start:stop]
        rows = np.empty((len(wanted), self.shape[1]), dtype=self.dtype)
        done = 0
        while done < len(wanted):
            first = int(wanted[done])
            last = int(np.searchsorted(wanted, first + len(wanted)))
            block = self.whole.read(first, int(wanted[last - 1]) + 1)
            rows[done:last] = block[wanted[done:last] - first]
            done = last
        return rows


def keeping(store: Store, index: Index, columns: Mapping[str, Array] | None = None) -> Store:
    """`store` with only the rows of `index` (m,), ascending; it stays open as long as `store` is.

    Args:
        columns: sample columns (m,) that are added, or stand in for those of the same name.
    """
    items = [
        Item(replace(info, n=len(index)), KeptRows(store.rows(info.address), index))
        for info in store.representations
    ]
    own = {name: _part(store, name, index) for name in store.columns}
    given = {name: _constantly(column) for name, column in (columns or {}).items()}
    inputs = {view: Inputs.of(view, KeptRows(store.input_rows(view), index)) for view in store.input_views}
    contents = Contents(
        items,
        own | given,
        ids=lambda: _ids(store.ids, index),
        provenance=store.provenance,
        inputs=inputs,
    )
    return Store(store.path, contents)


def _ids(ids: Sequence[str], index: Index) -> Sequence[str]:
    return Texts(ids[row] for row in index.tolist())


def _part(store: Store, name: str, index: Index) -> Callable[[], Array]:
    def load() -> Array:
        column = store.column(name)
        assert column is not None
        return column[index]

    return load


def _constantly(column: Array) -> Callable[[], Array]:
    return lambda: column
