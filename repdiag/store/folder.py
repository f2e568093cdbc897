"""A run folder of shards, read as one store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from pydantic import JsonValue

from repdiag.store import native, schema
from repdiag.store.attributes import read_attributes
from repdiag.store.columns import ColumnReader, text_array
from repdiag.store.complaints import bad_input, unreadable
from repdiag.store.guarded import checked_matrix, descend, open_hdf5
from repdiag.store.inputs import Inputs, by_view
from repdiag.store.manifest import LayerEntry, Manifest, ShardEntry, read_manifest
from repdiag.store.opened import Contents, Item, RepresentationInfo, Store, check_rows, check_unique
from repdiag.store.rows import Array, DatasetRows, JoinedRows
from repdiag.store.texts import Texts
from repdiag.text import printable
from repdiag.types import Address

_READ_BYTES = 8 << 20


def open_folder(folder: Path, *, allow_partial: bool) -> Store:
    """A store over the shards of a run folder; unfinished ones give the rows that all views share.

    Raises:
        InputError: unfinished without `allow_partial`, or a shard that is missing or does not fit.
    """
    manifest = read_manifest(folder)
    if not manifest.complete and not allow_partial:
        raise bad_input(
            folder,
            "is unfinished (complete=false); finish it by the same extract command, "
            "or read what is there with --allow-partial",
        )
    with ExitStack() as resources:
        contents = _contents(folder, manifest, resources)
        return Store(folder, contents, resources.pop_all())


def file_sha256(path: Path) -> str:
    """Checksum of a whole file.

    Raises:
        InputError: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(_READ_BYTES):
                digest.update(block)
    except OSError as error:
        raise unreadable(path, error) from error
    return digest.hexdigest()


def shared_entries(entries: Sequence[ShardEntry]) -> dict[tuple[str, str], list[ShardEntry]]:
    """Shards of each (checkpoint, view) in row order, cut to the starts that all of them have."""
    found: dict[tuple[str, str], dict[int, ShardEntry]] = {}
    for entry in entries:
        found.setdefault((entry.checkpoint, entry.view), {})[entry.start] = entry
    starts = set.intersection(*(set(parts) for parts in found.values())) if found else set()
    return {key: [parts[start] for start in sorted(starts)] for key, parts in found.items()}


def _contents(folder: Path, manifest: Manifest, resources: ExitStack) -> Contents:
    shards = shared_entries(manifest.shards)
    entries = [entry for parts in shards.values() for entry in parts]
    if not entries:
        raise bad_input(folder, "holds no finished shards; run the same extract command again")
    for entry in entries:
        _check_size(shard_path(folder, entry), entry.bytes)
    _check_same_ids(folder, entries)
    header = _Header(folder, manifest, resources)
    items = [item for parts in shards.values() for item in _joined(folder, parts, header)]
    rows = check_rows(items, folder)
    columns = header.columns(rows) if manifest.header else _shard_columns(folder, next(iter(shards.values())))
    read_ids = columns.pop(schema.ID, None)
    ids = check_unique(read_ids.texts(), folder) if read_ids else None
    return Contents(
        items=items,
        columns=columns,
        ids=None if ids is None else lambda: ids,
        provenance={
            **header.provenance(),
            "file": folder.name,
            "format": "repdiag-shards",
            "complete": manifest.complete,
            "shards": len(entries),
        },
        inputs=by_view(_joined_inputs(folder, shards), rows, folder),
        verify=lambda: _verify(folder, manifest),
    )


def shard_path(folder: Path, entry: ShardEntry) -> Path:
    """Where a shard of a run folder lies."""
    return folder / schema.SHARDS / entry.file


class _Header:
    """Sample columns and provenance of a finished run folder; empty for an unfinished one."""

    def __init__(self, folder: Path, manifest: Manifest, resources: ExitStack) -> None:
        self._path = folder / schema.HEADER
        self._file = None
        self.checkpoints = native.Checkpoints({})
        if manifest.header is not None:
            _check_size(self._path, manifest.header.bytes)
            self._file = resources.enter_context(open_hdf5(self._path))
            native.check_version(self._file, self._path)
            self.checkpoints = native.read_checkpoints(self._file, self._path)

    def columns(self, rows: int) -> dict[str, Any]:
        return native.sample_columns(self._file, self._path, rows) if self._file is not None else {}

    def provenance(self) -> dict[str, JsonValue]:
        if self._file is None:
            return {}
        return native.provenance(self._file, self._path, self.checkpoints)

    def attributes(self, address: Address) -> dict[str, JsonValue]:
        """Attributes of a representation, kept on an empty group at its place."""
        if self._file is None:
            return {}
        place = schema.embedding_path(address)
        return read_attributes(_dataset(self._file, place, self._path), self._path)


def _check_same_ids(folder: Path, entries: Sequence[ShardEntry]) -> None:
    """Shards that start at the same row must be the same samples in every view and checkpoint."""
    first: dict[int, ShardEntry] = {}
    for entry in entries:
        other = first.setdefault(entry.start, entry)
        if (other.ids_sha256, other.rows) != (entry.ids_sha256, entry.rows):
            raise bad_input(
                folder,
                f"the ids of shards {other.file} and {entry.file} differ, but both begin at "
                f"{entry.start}; run extract again with --overwrite",
            )


def _check_size(path: Path, expected: int) -> None:
    try:
        actual = path.lstat().st_size if path.is_file() and not path.is_symlink() else None
    except OSError as error:
        raise unreadable(path, error) from error
    if actual != expected:
        found = "is missing" if actual is None else f"has {actual} bytes, not {expected}"
        raise bad_input(path, f"{found}; run the same extract command again to write it anew")


def _joined(folder: Path, parts: Sequence[ShardEntry], header: _Header) -> list[Item]:
    first = parts[0]
    for part in parts:
        if _layout(part) != _layout(first):
            raise bad_input(
                folder,
                f"shards {first.file} and {part.file} hold different layers; "
                "run extract again with --overwrite",
            )
    return [_joined_layer(folder, parts, layer, header) for layer in sorted(first.layers)]


def _layout(entry: ShardEntry) -> dict[str, tuple[int, str]]:
    return {name: (layer.d, layer.dtype) for name, layer in entry.layers.items()}


def _joined_layer(folder: Path, parts: Sequence[ShardEntry], layer: str, header: _Header) -> Item:
    address = Address(parts[0].checkpoint, parts[0].view, layer)
    entries = [part.layers[layer] for part in parts]
    rows = _joined_rows(folder, parts, schema.embedding_path(address), entries[0])
    attrs = {**header.attributes(address), **_finite(entries)}
    step = header.checkpoints.step(address.checkpoint)
    return Item(RepresentationInfo(address, *rows.shape, str(rows.dtype), step, attrs), rows)


def _joined_inputs(folder: Path, shards: Mapping[tuple[str, str], Sequence[ShardEntry]]) -> Iterator[Inputs]:
    """Inputs of each view, from the first checkpoint whose shards hold them."""
    seen: set[str] = set()
    for (_, view), parts in shards.items():
        entries = [part.inputs for part in parts if part.inputs is not None]
        if not entries or view in seen:
            continue
        if len(entries) < len(parts) or len({entry.d for entry in entries}) > 1:
            raise bad_input(
                folder,
                f"its shards hold different inputs of view {printable(view)}; "
                "run extract again with --overwrite",
            )
        seen.add(view)
        yield Inputs.of(
            view, _joined_rows(folder, parts, schema.inputs_path(view), entries[0]), _finite(entries)
        )


def _joined_rows(folder: Path, parts: Sequence[ShardEntry], place: str, first: LayerEntry) -> JoinedRows:
    counts = [part.rows for part in parts]
    return JoinedRows(
        parts=[partial(_read_rows, shard_path(folder, part), place, (part.rows, first.d)) for part in parts],
        starts=[0, *accumulate(counts)][:-1],
        shape=(sum(counts), first.d),
        dtype=np.dtype(first.dtype),
    )


def _finite(entries: Sequence[LayerEntry]) -> dict[str, JsonValue]:
    return {schema.ATTR_FINITE_ROWS: sum(entry.finite_rows for entry in entries)}


def _read_rows(path: Path, place: str, shape: tuple[int, int], start: int, stop: int) -> Array:
    with open_hdf5(path) as file:
        native.check_version(file, path)
        source = DatasetRows.of(checked_matrix(_dataset(file, place, path), path), path)
        if source.shape != shape:
            where = printable(place.strip("/"))
            raise bad_input(path, f"{where} has shape {source.shape}, not {shape} as in the manifest")
        return source.read(start, stop)


def _dataset(file: h5py.File, place: str, path: Path) -> h5py.Group | h5py.Dataset:
    return descend(file, place.strip("/").split("/"), path)


def _shard_columns(folder: Path, parts: Sequence[ShardEntry]) -> dict[str, Any]:
    """A reader for each column that every shard of one checkpoint and view carries."""
    names = set.intersection(*(set(part.columns) for part in parts))
    return {name: _JoinedColumn(folder, parts, name) for name in sorted(names)}


@dataclass(frozen=True, slots=True)
class _JoinedColumn:
    """A sample column that lies in shards, read when it is asked for; like `columns.ColumnReader`."""

    folder: Path
    parts: Sequence[ShardEntry]
    name: str

    def __call__(self) -> Array:
        columns = [reader() for reader in self._readers()]
        if len({column.dtype.kind for column in columns}) > 1:
            return text_array([str(value) for column in columns for value in column])
        return np.concatenate(columns)

    def texts(self) -> Texts:
        """The column as texts, one shard of them in memory at a time."""
        return Texts(text for reader in self._readers() for text in reader.texts())

    def _readers(self) -> Iterator[ColumnReader]:
        for part in self.parts:
            path = shard_path(self.folder, part)
            with open_hdf5(path) as file:
                yield native.sample_columns(file, path, part.rows)[self.name]


def _verify(folder: Path, manifest: Manifest) -> None:
    files = [(shard_path(folder, entry), entry.sha256) for entry in manifest.shards]
    if manifest.header is not None:
        files.append((folder / schema.HEADER, manifest.header.sha256))
    for path, expected in files:
        if file_sha256(path) != expected:
            raise bad_input(path, "does not match its sha256; run the same extract command again")
