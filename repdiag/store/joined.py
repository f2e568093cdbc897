"""Several stores as parts of one: the same representations of other samples, no row of which is copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue

from repdiag.errors import UsageError
from repdiag.store import schema
from repdiag.store.columns import text_array
from repdiag.store.opened import Contents, Item, RepresentationInfo, Store, check_unique
from repdiag.store.rows import Array, JoinedRows
from repdiag.store.texts import Texts
from repdiag.text import listing, printable
from repdiag.types import Address

MEANINGFUL = ("label", "group")
"""Columns that figures depend on: all parts have them, or none."""


def joining(stores: Sequence[Store]) -> Store:
    """The samples of all stores, in their order, as one store; it stays open as long as they are.

    Raises:
        UsageError: parts of other representations, widths, weights or columns.
        InputError: a sample that is in two of them.
    """
    first = stores[0]
    for other in stores[1:]:
        _refuse_other(first, other)
    with_ids = [store for store in stores if store.has_ids]
    if with_ids and len(with_ids) < len(stores):
        without = next(store for store in stores if not store.has_ids)
        raise UsageError(
            f"{_name(with_ids[0])} has ids and {_name(without)} has none, so equal samples would not be "
            "noticed; give both their ids"
        )
    path = Path(" + ".join(store.path.name for store in stores))
    shared = [name for name in first.columns if all(name in store.columns for store in stores)]
    contents = Contents(
        items=[_item(stores, _known(first, info.address)) for info in first.representations],
        columns={name: _column(stores, name) for name in shared},
        ids=(lambda: _ids(stores, path)) if with_ids else None,
        provenance=_provenance(stores, path),
        verify=lambda: _verify(stores),
    )
    store = Store(path, contents)
    if with_ids:
        _ = store.ids  # the same sample twice is refused now, not in the middle of an analysis
    return store


def _verify(stores: Sequence[Store]) -> None:
    for store in stores:
        store.verify()


def _refuse_other(first: Store, other: Store) -> None:
    both = f"{_name(first)} and {_name(other)} are no parts of one store"
    widths, others = (
        {_known(store, i.address): i.d for i in store.representations} for store in (first, other)
    )
    for address in [*widths, *others]:
        if widths.get(address) != others.get(address):
            found = " and ".join(str(each.get(address, "none")) for each in (widths, others))
            raise UsageError(f"{both}: {printable(address)} has {found} features; leave out --merge")
    for name in MEANINGFUL:
        if (name in first.columns) != (name in other.columns):
            raise UsageError(f'{both}: only one of them has the column "{name}"; give it to both')
    for name, weights in _weights(first).items():
        if _weights(other).get(name, weights) != weights:
            raise UsageError(f"{both}: {printable(name)} has other weights there; leave out --merge")


def _known(store: Store, address: Address) -> Address:
    """Without a checkpoint that is only the name of a file that tells of none."""
    foreign = "checkpoints" not in store.provenance and address.checkpoint == store.path.stem
    return replace(address, checkpoint="") if foreign else address


def _weights(store: Store) -> dict[str, JsonValue]:
    """Checksum of each checkpoint, where it is known."""
    held = store.provenance.get("checkpoints")
    records = held.items() if isinstance(held, dict) else ()
    return {name: one["sha256"] for name, one in records if isinstance(one, dict) and one.get("sha256")}


def _item(stores: Sequence[Store], address: Address) -> Item:
    own = [{_known(store, i.address): i for i in store.representations}[address] for store in stores]
    infos = [replace(info, address=own[0].address) for info in own]
    rows = JoinedRows(
        parts=[store.rows(info.address).read for store, info in zip(stores, own, strict=True)],
        starts=[0, *accumulate(info.n for info in infos)][:-1],
        shape=(sum(info.n for info in infos), infos[0].d),
        dtype=np.result_type(*(np.dtype(info.dtype) for info in infos)),
    )
    return Item(replace(_info(infos), n=rows.shape[0], dtype=str(rows.dtype)), rows)


def _info(infos: Sequence[RepresentationInfo]) -> RepresentationInfo:
    """Attributes of the first, but those that are about its rows."""
    counts = [info.attrs.get(schema.ATTR_FINITE_ROWS) for info in infos]
    own = {schema.ATTR_FINITE_ROWS, schema.ATTR_SHA256}
    attrs = {name: value for name, value in infos[0].attrs.items() if name not in own}
    finite = [count for count in counts if isinstance(count, int)]
    if len(finite) == len(infos):
        attrs[schema.ATTR_FINITE_ROWS] = sum(finite)
    return replace(infos[0], attrs=attrs)


def _column(stores: Sequence[Store], name: str) -> Callable[[], Array]:
    def load() -> Array:
        found = [column for store in stores if (column := store.column(name)) is not None]
        if len({column.dtype.kind for column in found}) > 1:
            return text_array([str(value) for column in found for value in column])
        return np.concatenate(found)

    return load


def _ids(stores: Sequence[Store], path: Path) -> Sequence[str]:
    return check_unique(Texts(chain.from_iterable(store.ids for store in stores)), path)


def _provenance(stores: Sequence[Store], path: Path) -> dict[str, JsonValue]:
    parts: list[JsonValue] = [dict(store.provenance) for store in stores]
    found: dict[str, Any] = {"file": printable(path, 400), "merged": parts}
    if "checkpoints" in stores[0].provenance:
        found["checkpoints"] = stores[0].provenance["checkpoints"]
    return found


def _name(store: Store) -> str:
    return listing([store.path.name])
