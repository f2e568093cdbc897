"""A store whose rows are arrays in memory: for notebooks, training loops and benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from repdiag.errors import UsageError
from repdiag.store.inputs import Inputs
from repdiag.store.opened import Contents, Item, RepresentationInfo, Store
from repdiag.store.rows import Array, LazyRows
from repdiag.types import DEFAULT_VIEW, Address


def memory_store(
    rows: Array | Mapping[str, Array] | Mapping[Address, Array],
    *,
    ids: Sequence[str] | None = None,
    labels: Array | None = None,
    groups: Array | None = None,
    columns: Mapping[str, Array] | None = None,
    inputs: Mapping[str, Array] | None = None,
) -> Store:
    """Rows (n, d) of one representation, or several by view or address, with their sample columns.

    Args:
        rows: float16, float32 or float64; nothing is copied.
        ids: n different names; the row index where there are none.
        labels: (n,) class of each sample.
        groups: (n,) what ties rows that are not independent.
        columns: (n,) more columns by name, int64 or text, such as a length.
        inputs: (n, p) features of the samples by view.

    Raises:
        UsageError: shapes that do not fit, or a dtype that is not a float.
    """
    named = rows if isinstance(rows, Mapping) else {DEFAULT_VIEW: rows}
    arrays = {_address(key): array for key, array in named.items()}
    given = {"label": labels, "group": groups}
    held = {**(columns or {}), **{name: column for name, column in given.items() if column is not None}}
    features = dict(inputs or {})
    matrices = (*arrays.values(), *features.values())
    lengths = {len(each) for each in (*matrices, *held.values(), *([] if ids is None else [ids]))}
    if len(lengths) != 1:
        raise UsageError(
            "rows, ids, labels, groups and inputs must all have one entry a sample; check their lengths"
        )
    for array in matrices:
        if array.ndim != 2 or 0 in array.shape or array.dtype.kind != "f":
            raise UsageError(f"rows have shape {array.shape} and dtype {array.dtype}; give (n, d) floats")
    items = [
        Item(RepresentationInfo(address, len(array), array.shape[1], str(array.dtype)), LazyRows.of(array))
        for address, array in arrays.items()
    ]
    present = {name: _constantly(column) for name, column in held.items()}
    kept = {view: Inputs.of(view, LazyRows.of(array)) for view, array in features.items()}
    own_ids = None if ids is None else (lambda: ids)
    return Store(Path("memory"), Contents(items, present, own_ids, inputs=kept))


def _address(key: str | Address) -> Address:
    return key if isinstance(key, Address) else Address("memory", key, "output")


def _constantly(column: Array) -> Callable[[], Array]:
    return lambda: column
