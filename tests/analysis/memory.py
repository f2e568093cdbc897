"""A store whose rows are arrays in memory: the real `Store`, without a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from repdiag.analysis import SpectrumRequest, analyse_spectrum
from repdiag.measures.registry import parse_selection
from repdiag.results import Estimate, Representation, Results
from repdiag.store import RepresentationInfo, Store
from repdiag.store.opened import Contents, Item
from repdiag.store.rows import JoinedRows, LazyRows, Rows
from repdiag.types import Address

Array = np.ndarray[Any, np.dtype[Any]]


def memory_store(
    rows: Array | Mapping[str, Array] | Mapping[Address, Array],
    *,
    ids: Sequence[str] | None = None,
    labels: Array | None = None,
    groups: Array | None = None,
    shards: int = 1,
) -> Store:
    """Rows (n, d) of one representation, or several by view or address, with their sample columns."""
    named = rows if isinstance(rows, Mapping) else {"base": rows}
    items = [_item(_address(key), array, shards) for key, array in named.items()]
    columns = {"label": labels, "group": groups}
    present: dict[str, Callable[[], Array]] = {
        name: _constantly(column) for name, column in columns.items() if column is not None
    }
    given = None if ids is None else (lambda: ids)
    return Store(Path("memory"), Contents(items, present, given))


def analyse(rows: Array | Mapping[str, Array], *measures: str, **options: Any) -> Representation:
    """The last representation of a store in memory; other options are those of the two records."""
    return analyse_all(rows, *measures, **options).representations[-1]


def analyse_all(rows: Array | Mapping[str, Array], *measures: str, **options: Any) -> Results:
    """Results of a store in memory, without intervals unless `interval` says otherwise."""
    store_options = {k: options.pop(k) for k in ("ids", "labels", "groups", "shards") if k in options}
    request = SpectrumRequest(measures=measures, **{"interval": "none", "device": "cpu", **options})
    return analyse_spectrum([memory_store(rows, **store_options)], request)


def figure(rows: Array | Mapping[str, Array], measure: str, **options: Any) -> Estimate:
    """The estimate of one measure."""
    found = analyse(rows, measure, **options)
    return found.estimates[parse_selection(measure).key]


def _address(key: str | Address) -> Address:
    return key if isinstance(key, Address) else Address("c", key, "output")


def _item(address: Address, array: Array, shards: int) -> Item:
    n, d = array.shape
    return Item(RepresentationInfo(address, n, d, str(array.dtype)), _rows(array, shards))


def _rows(array: Array, shards: int) -> Rows:
    if shards == 1:
        return LazyRows.of(array)
    parts = np.array_split(array, shards)
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])]).tolist()
    return JoinedRows([_reader(part) for part in parts], starts, array.shape, array.dtype)


def _reader(part: Array) -> Callable[[int, int], Array]:
    return lambda start, stop: np.ascontiguousarray(part[start:stop])


def _constantly(column: Array) -> Callable[[], Array]:
    return lambda: column
