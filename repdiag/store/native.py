"""Our own HDF5 format, read and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import h5py
from pydantic import JsonValue

from repdiag.store import schema
from repdiag.store.attributes import read_attribute, read_attributes, text_attribute
from repdiag.store.columns import ColumnReader, clean_text
from repdiag.store.complaints import bad_input
from repdiag.store.guarded import (
    checked_column,
    checked_matrix,
    child,
    child_names,
    descend,
    identity,
)
from repdiag.store.inputs import Inputs, by_view
from repdiag.store.opened import Contents, Item, RepresentationInfo, check_rows, check_unique
from repdiag.store.rows import Array, DatasetRows, Rows
from repdiag.text import printable
from repdiag.types import Address, decode_name

_HASH_BYTES = 8 << 20


@dataclass(frozen=True)
class Checkpoints:
    """Attributes of each checkpoint, and its step."""

    attrs: Mapping[str, dict[str, JsonValue]]

    def step(self, name: str) -> int | None:
        step = self.attrs.get(name, {}).get(schema.ATTR_STEP)
        return step if isinstance(step, int) and not isinstance(step, bool) else None


def is_native(file: h5py.File, path: Path) -> bool:
    """True when the file says that it is ours."""
    return text_attribute(file, schema.ATTR_FORMAT, path) == schema.FORMAT


def native_contents(file: h5py.File, path: Path, *, allow_partial: bool) -> Contents:
    """The contents of a file of our own format.

    Raises:
        InputError: newer, unfinished, or with any part that does not fit the others.
    """
    check_version(file, path)
    if read_attribute(file, schema.ATTR_COMPLETE, path) is not True and not allow_partial:
        raise bad_input(
            path,
            "is unfinished (complete=false); finish it by the same extract command, "
            "or read what is there with --allow-partial",
        )
    checkpoints = read_checkpoints(file, path)
    items = list(representations(file, path, checkpoints))
    rows = check_rows(items, path)
    inputs = by_view(_inputs(file, path), rows, path)
    columns = sample_columns(file, path, rows)
    if schema.ID not in columns:
        raise bad_input(path, "lacks samples/id; write it again with: repdiag extract")
    ids = check_unique(columns.pop(schema.ID).texts(), path)
    return Contents(
        items=items,
        columns=columns,
        ids=lambda: ids,
        provenance=provenance(file, path, checkpoints),
        has_moments=_moments(file, path),
        inputs=inputs,
        verify=lambda: _verify(items, inputs, path),
    )


def check_version(file: h5py.File, path: Path) -> None:
    """Raises InputError unless the format version is one that we read."""
    version = read_attribute(file, schema.ATTR_VERSION, path)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise bad_input(path, f"has no {schema.ATTR_VERSION}; write it again with: repdiag extract")
    if version > schema.FORMAT_VERSION:
        raise bad_input(
            path,
            f"has format version {version}, newer than {schema.FORMAT_VERSION}, which this "
            "repdiag reads; upgrade with: pip install -U repdiag",
        )


def read_checkpoints(file: h5py.File, path: Path) -> Checkpoints:
    """Attributes of all checkpoints; a stored path is cut to its last part."""
    group = _optional_group(file, schema.CHECKPOINTS, path)
    found: dict[str, dict[str, JsonValue]] = {}
    for name in child_names(group, path) if group is not None else []:
        attrs = read_attributes(child(group, name, path), path)
        if isinstance(location := attrs.get(schema.ATTR_PATH), str):
            attrs[schema.ATTR_PATH] = PurePath(location).name
        found[_decoded(name)] = attrs
    return Checkpoints(found)


def representations(file: h5py.File, path: Path, checkpoints: Checkpoints) -> Iterator[Item]:
    """All representations: exactly three levels deep, and each group is entered once."""
    seen: dict[Address, str] = {}
    for components in _address_paths(file, schema.EMBEDDINGS, path):
        address = Address(*(_decoded(name) for name in components[1:]))
        if address in seen:
            raise bad_input(path, f"holds {printable(address)} twice, spelled differently")
        seen[address] = "/".join(components)
        dataset = descend(file, components, path)
        if not isinstance(dataset, h5py.Dataset):
            raise bad_input(path, f"{printable(seen[address])} is not a dataset; write the file again")
        yield _item(checked_matrix(dataset, path), address, checkpoints, path)


def _address_paths(file: h5py.File, root: str, path: Path) -> Iterator[tuple[str, ...]]:
    """Paths `root/<checkpoint>/<view>/<layer>`; hard links may form a loop, so each group is entered once."""
    group = _optional_group(file, root, path)
    seen: set[tuple[int, int]] = set()
    pending: list[tuple[tuple[str, ...], h5py.Group]] = [((root,), group)] if group is not None else []
    while pending:
        components, group = pending.pop(0)
        if identity(group, path) in seen:
            raise bad_input(path, f"{printable('/'.join(components))} is linked twice (a loop?)")
        seen.add(identity(group, path))
        for name in child_names(group, path):
            here = (*components, name)
            if len(here) == 4:
                yield here
            else:
                pending.append((here, _group(group, name, path)))


def _item(dataset: h5py.Dataset, address: Address, checkpoints: Checkpoints, path: Path) -> Item:
    rows = DatasetRows.of(dataset, path)
    attrs = read_attributes(dataset, path)
    finite = attrs.get(schema.ATTR_FINITE_ROWS)
    if isinstance(finite, int) and not 0 <= finite <= rows.shape[0]:
        raise bad_input(path, f"{printable(address)} claims {finite} finite rows of {rows.shape[0]}")
    step = checkpoints.step(address.checkpoint)
    return Item(RepresentationInfo(address, *rows.shape, str(rows.dtype), step, attrs), rows)


def _inputs(file: h5py.File, path: Path) -> Iterator[Inputs]:
    """Inputs of each view, where they were kept."""
    group = _optional_group(file, schema.INPUTS, path)
    for name in child_names(group, path) if group is not None else []:
        dataset = child(group, name, path)
        if not isinstance(dataset, h5py.Dataset):
            raise bad_input(path, f"inputs/{printable(name)} is not a dataset; write the file again")
        attrs = read_attributes(dataset, path)
        yield Inputs.of(_decoded(name), DatasetRows.of(checked_matrix(dataset, path), path), attrs)


def sample_columns(file: h5py.File, path: Path, rows: int) -> dict[str, Any]:
    """A reader for each dataset in /samples, all of which must have `rows` entries."""
    group = _optional_group(file, schema.SAMPLES, path)
    columns = {}
    for name in child_names(group, path) if group is not None else []:
        dataset = child(group, name, path)
        if not isinstance(dataset, h5py.Dataset):
            raise bad_input(path, f"samples/{printable(name)} is not a dataset; write the file again")
        columns[_decoded(name)] = ColumnReader(checked_column(dataset, rows, path), path)
    return columns


def provenance(file: h5py.File, path: Path, checkpoints: Checkpoints) -> dict[str, JsonValue]:
    """Where the file came from, without the folders of the machine that made it."""
    attrs = read_attributes(file, path)
    return {**attrs, "file": path.name, "format": "repdiag-hdf5", "checkpoints": dict(checkpoints.attrs)}


def rows_sha256(blocks: Iterator[tuple[int, Array]]) -> str:
    """Checksum of the rows in order, little-endian."""
    digest = hashlib.sha256()
    for _, block in blocks:
        digest.update(block.astype(block.dtype.newbyteorder("<"), copy=False).data)
    return digest.hexdigest()


def _verify_rows(rows: Rows, attrs: Mapping[str, JsonValue], name: str, path: Path) -> None:
    """Raises InputError when the rows do not match the sha256 stored beside them."""
    expected = attrs.get(schema.ATTR_SHA256)
    if not isinstance(expected, str):
        return
    n, d = rows.shape
    step = max(1, _HASH_BYTES // (d * rows.dtype.itemsize))
    blocks = ((start, rows.read(start, min(n, start + step))) for start in range(0, n, step))
    if rows_sha256(blocks) != expected:
        raise bad_input(path, f"the rows of {name} do not match their sha256; the file is damaged")


def _verify(items: list[Item], inputs: Mapping[str, Inputs], path: Path) -> None:
    for item in items:
        _verify_rows(item.rows, item.info.attrs, printable(item.info.address), path)
    for view, kept in inputs.items():
        _verify_rows(kept.rows, kept.info.attrs, f"inputs/{printable(view)}", path)


def _moments(file: h5py.File, path: Path) -> frozenset[Address]:
    """Addresses under /moments; they are listed, not read."""
    paths = _address_paths(file, schema.MOMENTS, path)
    return frozenset(Address(*(_decoded(name) for name in components[1:])) for components in paths)


def _optional_group(file: h5py.File, name: str, path: Path) -> h5py.Group | None:
    return _group(file, name, path) if name in child_names(file, path) else None


def _group(parent: h5py.Group, name: str, path: Path) -> h5py.Group:
    found = child(parent, name, path)
    if not isinstance(found, h5py.Group):
        raise bad_input(path, f"{printable(name)} is a dataset where a group belongs; write the file again")
    return found


def _decoded(name: str) -> str:
    return clean_text(decode_name(name))
