"""Writing our HDF5 format: one file that appears by rename, complete."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from repdiag._version import __version__
from repdiag.errors import UsageError
from repdiag.files import replacing
from repdiag.store import schema
from repdiag.store.attributes import write_attributes
from repdiag.store.columns import as_column, clean_text, text_array, write_column
from repdiag.store.complaints import bad_usage
from repdiag.store.guarded import hdf5_onto
from repdiag.store.manifest import canonical, config_sha256
from repdiag.store.opened import check_unique
from repdiag.store.rows import Array, LazyRows, Rows
from repdiag.store.sink import DiskSink
from repdiag.text import printable
from repdiag.types import Address

Attributes = Mapping[str, Any]
_CHUNKS_AT_ONCE = 16


@dataclass(frozen=True)
class Content:
    """All that goes into a file; `samples` has `id` and the other columns, as `as_columns` makes them.

    `inputs` are features of the samples by view, where they are kept.
    """

    rows: Mapping[Address, Rows]
    samples: Mapping[str, Array]
    checkpoints: Mapping[str, Attributes] = field(default_factory=dict)
    representations: Mapping[Address, Attributes] = field(default_factory=dict)
    attrs: Attributes = field(default_factory=dict)
    inputs: Mapping[str, Rows] = field(default_factory=dict)


def write_store(
    path: Path,
    samples: Mapping[str, Sequence[Any]],
    embeddings: Mapping[Address, Array],
    checkpoints: Mapping[str, Attributes] | None = None,
    representations: Mapping[Address, Attributes] | None = None,
    attrs: Attributes | None = None,
) -> Path:
    """Write a whole store at once.

    Args:
        samples: n values for each column; `id` is the row index where it is missing.
        embeddings: (n, d) float32 or float16 for each address.
        checkpoints: attributes of each checkpoint (path, sha256, step ...).
        representations: attributes of each address (module, pool ...).
        attrs: of the file: seed, command, config (any JSON value) ...

    Raises:
        UsageError: shapes, dtypes or ids that do not fit.
        OutputError: the file could not be written; the old one, if any, is still there.
    """
    rows = {clean_address(address): LazyRows.of(checked_rows(array)) for address, array in embeddings.items()}
    if not rows or len(rows) < len(embeddings):
        raise bad_usage(path, "needs at least one representation, and different addresses")
    n = next(iter(rows.values())).shape[0]
    content = Content(
        rows, as_columns(samples, n, path), checkpoints or {}, _clean(representations), attrs or {}
    )
    write_content(path, content)
    return path


def write_content(path: Path, content: Content, folder: Path | None = None) -> None:
    """Write a file under a temporary name, in `folder` if given, and rename it when it is whole.

    Raises:
        OutputError: the folder is missing or the disk is full.
    """
    with replacing(path, folder) as temporary, DiskSink(temporary) as sink:
        try:
            hdf5_onto(sink, lambda file: fill(file, content, sink.check))
        finally:
            sink.check()


def fill(file: h5py.File, content: Content, check: Callable[[], None] = lambda: None) -> None:
    """Put everything into an empty file; `complete` comes last. `check` is called between blocks."""
    fill_header(file, content)
    for address in sorted(content.rows):
        given = content.representations.get(address, {})
        _write_rows(file, schema.embedding_path(address), content.rows[address], given, check)
    for view in sorted(content.inputs):
        _write_rows(file, schema.inputs_path(view), content.inputs[view], {}, check)
    file.attrs[schema.ATTR_COMPLETE] = np.bool_(True)


def fill_header(file: h5py.File, content: Content) -> None:
    """Attributes, sample columns and checkpoints; an empty /embeddings."""
    write_attributes(file, {**provenance(), **_config(content.attrs)})
    group = file.create_group(schema.SAMPLES)
    for name in sorted(content.samples):
        write_column(group, name, content.samples[name])
    file.create_group(schema.CHECKPOINTS)
    for name in sorted(content.checkpoints):
        checkpoint = file.create_group(schema.checkpoint_path(clean_text(name)))
        write_attributes(checkpoint, content.checkpoints[name])
    file.create_group(schema.EMBEDDINGS)


def provenance() -> dict[str, Any]:
    """Format and versions; the time is SOURCE_DATE_EPOCH where that is set, for equal bytes."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now(UTC)
    return {
        schema.ATTR_FORMAT: schema.FORMAT,
        schema.ATTR_VERSION: schema.FORMAT_VERSION,
        schema.ATTR_COMPLETE: False,
        schema.ATTR_CREATED: now.isoformat(timespec="seconds"),
        "repdiag": __version__,
        "torch": _installed("torch"),
        "h5py": h5py.__version__,
    }


def as_columns(samples: Mapping[str, Sequence[Any] | Array], n: int, path: Path) -> dict[str, Array]:
    """Columns of n entries each; ids are text and unique.

    Raises:
        UsageError: a column of another length, shape or dtype.
        InputError: an id that comes twice.
    """
    given = {schema.ID: range(n), **samples}
    columns = {clean_text(name): as_column(values, name) for name, values in given.items()}
    for name, column in columns.items():
        if len(column) != n:
            raise bad_usage(
                path, f'column "{printable(name)}" has {len(column)} entries for {n} rows of embeddings'
            )
        if "/" in name or not name:
            raise bad_usage(path, f'"{printable(name)}" cannot be the name of a column')
    columns[schema.ID] = text_array([str(value) for value in columns[schema.ID]])
    check_unique(columns[schema.ID].tolist(), path)
    return columns


def checked_rows(array: Array) -> Array:
    """`array`, once it is known to be (n, d) float32 or float16.

    Raises:
        UsageError: it is not.
    """
    array = np.asarray(array)
    if array.ndim != 2 or 0 in array.shape or str(array.dtype) not in schema.EMBEDDING_DTYPES:
        allowed = " or ".join(schema.EMBEDDING_DTYPES)
        raise UsageError(
            f"embeddings have shape {array.shape} and dtype {array.dtype}; a store takes (n, d) {allowed}"
        )
    return array


def clean_address(address: Address) -> Address:
    """The address in valid Unicode, which is how it can be stored."""
    return Address(clean_text(address.checkpoint), clean_text(address.view), clean_text(address.layer))


def finite_rows(block: Array) -> int:
    """How many rows have no NaN and no infinity."""
    return int(np.isfinite(block).all(axis=1).sum())


def _write_rows(
    file: h5py.File, place: str, rows: Rows, attrs: Attributes, check: Callable[[], None]
) -> None:
    n, d = rows.shape
    chunk = schema.chunk_rows(n, d, rows.dtype.itemsize)
    dataset = file.create_dataset(
        place,
        shape=(n, d),
        dtype=rows.dtype.newbyteorder("<"),
        chunks=(chunk, d),
        fill_time="never",
    )
    digest, finite = hashlib.sha256(), 0
    for start in range(0, n, chunk * _CHUNKS_AT_ONCE):
        block = rows.read(start, min(n, start + chunk * _CHUNKS_AT_ONCE))
        dataset[start : start + len(block)] = block
        digest.update(block.astype(dataset.dtype, copy=False).data)
        finite += finite_rows(block)
        check()
    own = {schema.ATTR_FINITE_ROWS: finite, schema.ATTR_SHA256: digest.hexdigest()}
    write_attributes(dataset, {**attrs, **own})


def _config(attrs: Attributes) -> dict[str, Any]:
    if schema.ATTR_CONFIG not in attrs:
        return dict(attrs)
    config = attrs[schema.ATTR_CONFIG]
    own = {schema.ATTR_CONFIG: canonical(config), schema.ATTR_CONFIG_SHA256: config_sha256(config)}
    return {**attrs, **own}


def _clean(representations: Mapping[Address, Attributes] | None) -> dict[Address, Attributes]:
    return {clean_address(address): attrs for address, attrs in (representations or {}).items()}


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
