"""Items of the user's own data one by one, and the columns that they bring along."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from repdiag.data.columns import Wanted, kept_columns
from repdiag.data.source import COLUMN_NAMES, Broken, column
from repdiag.errors import InputError, RepdiagError, UsageError
from repdiag.text import printable


@dataclass(frozen=True)
class Items:
    """Items of the user's data by row, which columns of theirs to keep, and what to do with a broken one."""

    get: Callable[[int], Any]
    count: int
    spec: str
    wanted: Wanted
    broken: Broken

    def __call__(self, row: int) -> Any:
        return _item(self.get, row, self.spec)

    @property
    def kept(self) -> frozenset[str]:
        """Keys of an item that are no input of the model."""
        return frozenset((*COLUMN_NAMES, *self.wanted.values()))

    def readable(self) -> Iterator[tuple[int, Any]]:
        """Rows with their items, in order, without the broken ones."""
        for row in range(self.count):
            try:
                item = self(row)
            except UsageError as error:
                self.broken.found(str(row), error)
            else:
                yield row, item


def item_columns(data: Any, items: Items) -> tuple[Any, dict[str, np.ndarray], np.ndarray]:
    """The first item, the columns, and (m,) the rows that they are of: all, where no item had to be read."""
    declared = {} if isinstance(data, (torch.Tensor, np.ndarray)) else _declared(data, items)
    started = items.readable()
    row, first = next(started, (0, None))
    if first is None:
        raise InputError(
            f"{printable(items.spec)}: none of its {items.count:,} samples can be read; "
            f"the first: {items.broken.first}"
        )
    offered = _carried(first, items.wanted)
    missing = [items.wanted[name] for name in items.wanted if name not in declared and name not in offered]
    kept_columns({*items.wanted.values()} - {*missing} | _keys(first), items.wanted, items.spec)
    names = [name for name in offered if name not in declared]
    if not names:
        rows = np.arange(row, items.count)
        return first, {name: values[rows] for name, values in declared.items()}, rows
    carried = {row: offered} | {row: _carried(item, items.wanted) for row, item in started}
    rows = np.array(list(carried), dtype=np.int64)
    columns = {name: values[rows] for name, values in declared.items()}
    for name in names:
        columns[name] = column([one.get(name) for one in carried.values()], name, items.spec)
    return first, columns, rows


def _declared(data: Any, items: Items) -> dict[str, np.ndarray]:
    """Columns that the Dataset itself has as attributes."""
    known = {
        COLUMN_NAMES[name]: name
        for name in ("targets", "labels", "ids", "groups", "splits")
        if _is_column(getattr(data, name, None), items.count)
    }
    own = {
        name: key for name, key in items.wanted.items() if _is_column(getattr(data, key, None), items.count)
    }
    return {
        name: column(getattr(data, key), key, items.spec)
        for name, key in {**known, **own}.items()
        if name in own or name not in items.wanted
    }


def _item(get: Callable[[int], Any], row: int, spec: str) -> Any:
    try:
        return get(row)
    except RepdiagError:
        raise
    except Exception as error:
        raise UsageError(f"--data {printable(spec)}: sample {row} raised {shown(error)}") from error


def _is_column(values: Any, count: int) -> bool:
    return hasattr(values, "__len__") and not isinstance(values, str | Mapping) and len(values) == count


def _keys(item: Any) -> set[str]:
    return {str(name) for name in item} if isinstance(item, Mapping) else set()


def _carried(item: Any, wanted: Wanted) -> dict[str, Any]:
    """The columns that one item brings along."""
    if isinstance(item, tuple | list):
        return {"label": item[1]} if len(item) > 1 and _is_scalar(item[1]) else {}
    if isinstance(item, Mapping):
        known = {COLUMN_NAMES[name]: value for name, value in item.items() if name in COLUMN_NAMES}
        return {**known, **{name: item[key] for name, key in wanted.items() if key in item}}
    return {}


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float) or getattr(value, "ndim", None) == 0


def shown(error: Exception) -> str:
    """Type and message on one line."""
    return f"{type(error).__name__} ({printable(error, 100)})"
