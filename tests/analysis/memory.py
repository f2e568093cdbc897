"""Arrays through the whole analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from repdiag.analysis import SpectrumRequest, analyse_spectrum
from repdiag.measures.registry import parse_selection
from repdiag.results import Estimate, Representation, Results
from repdiag.store import Store, memory_store
from repdiag.store.opened import Contents, Item
from repdiag.store.rows import JoinedRows, Rows

Array = np.ndarray[Any, np.dtype[Any]]


def in_shards(store: Store, shards: int) -> Store:
    """The same store with the rows of each representation in several pieces."""
    if shards == 1:
        return store
    arrays = {info.address: store.read(info.address, 0, store.n) for info in store.representations}
    items = [Item(info, _joined(arrays[info.address], shards)) for info in store.representations]
    columns = {name: _constantly(store.column(name)) for name in store.columns}
    return Store(Path("memory"), Contents(items, columns, lambda: store.ids))


def analyse(rows: Array | Mapping[str, Array], *measures: str, **options: Any) -> Representation:
    """The last representation of a store in memory; other options are those of the two records."""
    return analyse_all(rows, *measures, **options).representations[-1]


def analyse_all(rows: Array | Mapping[str, Array], *measures: str, **options: Any) -> Results:
    """Results of a store in memory, without intervals unless `interval` says otherwise."""
    shards = options.pop("shards", 1)
    store_options = {k: options.pop(k) for k in ("ids", "labels", "groups") if k in options}
    request = SpectrumRequest(measures=measures, **{"interval": "none", "device": "cpu", **options})
    return analyse_spectrum([in_shards(memory_store(rows, **store_options), shards)], request)


def figure(rows: Array | Mapping[str, Array], measure: str, **options: Any) -> Estimate:
    """The estimate of one measure."""
    found = analyse(rows, measure, **options)
    return found.estimates[parse_selection(measure).key]


def _joined(array: Array, shards: int) -> Rows:
    parts = np.array_split(array, shards)
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])]).tolist()
    return JoinedRows([_reader(part) for part in parts], starts, array.shape, array.dtype)


def _reader(part: Array) -> Callable[[int, int], Array]:
    return lambda start, stop: np.ascontiguousarray(part[start:stop])


def _constantly(column: Any) -> Callable[[], Array]:
    return lambda: column
