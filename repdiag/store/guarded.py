"""The one door to HDF5: nothing else opens, creates or resolves a path in an HDF5 file.

A file names other files in four ways (external links, soft links, external storage, virtual
datasets), loads code in one (filter plugins) and lies about its size in several. Each is refused
before a byte is read. HDF5 itself is written in C and can be crashed by a file: each file is first
visited by a child process, which may die.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

os.environ["HDF5_PLUGIN_PRELOAD"] = "::"  # read when HDF5 starts: it loads no plugin after this

import h5py
import numpy as np

from repdiag.child import FORKS, Limits, in_child
from repdiag.errors import InputError
from repdiag.store.complaints import bad_input
from repdiag.store.rehearsal import chunk_bytes, rehearse, stored_chunks
from repdiag.text import printable

MAX_LINKS = 100_000
MAX_CHUNK_BYTES = 1 << 30
MAX_FILTERED_BYTES = 128 << 20
BOMB_BYTES = 4 << 30
BOMB_RATIO = 1000
MAX_COLUMN_BYTES = 4 << 30
FILTERS = {
    h5py.h5z.FILTER_SHUFFLE: "shuffle",
    h5py.h5z.FILTER_FLETCHER32: "fletcher32",
    h5py.h5z.FILTER_DEFLATE: "gzip",
    h5py.h5z.FILTER_LZF: "lzf",
}
_FILTERED_CACHE_BYTES = 64 << 20
_CHUNK_SLACK = 1024
_REHEARSAL_BYTES = 640 << 20
_REHEARSAL_SECONDS = 8

_DAMAGE = (
    OSError,
    KeyError,
    IndexError,
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    NotImplementedError,
    MemoryError,
)


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn whatever h5py raises inside the block into one InputError about `path`."""
    try:
        yield
    except _DAMAGE as error:
        text = str(error.args[0] if isinstance(error, KeyError) and error.args else error).splitlines()
        reason = printable(text[0] if text else type(error).__name__, 100)
        raise bad_input(
            path, f"is damaged or truncated HDF5 ({reason}); write or download it again"
        ) from error


def open_hdf5(path: Path) -> h5py.File:
    """An HDF5 file open for reading only.

    Unfiltered chunks bypass the chunk cache, which makes them as fast as contiguous rows. HDF5's
    own lock is left out: we never change a file in place, and it fails on some network disks.

    Raises:
        InputError: for anything that HDF5 says about the file, or because the file crashes HDF5.
    """
    with damage(path):
        found = os.stat(path)
        if FORKS:
            _survives(os.fspath(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        return _opened(path)


def _opened(path: Path) -> h5py.File:
    return h5py.File(path, "r", rdcc_nbytes=0, locking=False)


@lru_cache(maxsize=4096)
def _survives(name: str, device: int, inode: int, size: int, changed: int) -> None:
    """Visit a file in a child process, once for as long as it does not change."""
    path = Path(name)

    def visit(sink: IO[bytes]) -> None:
        with damage(path), _opened(path) as file:
            rehearse(file, lambda dataset: _check_layout(dataset, ""))

    seconds = _REHEARSAL_SECONDS + (size >> 24)
    limits = Limits(memory=_REHEARSAL_BYTES, cpu=seconds, wall=20 * seconds, written=1 << 20)
    in_child(visit, printable(path), limits).close()


def hdf5_image(fill: Callable[[h5py.File], None]) -> bytes:
    """The bytes of an HDF5 file that `fill` makes in memory: disk trouble stays out of HDF5."""
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        fill(file)
    return image.getvalue()


def hdf5_onto(sink: io.RawIOBase, fill: Callable[[h5py.File], None]) -> None:
    """Make an HDF5 file on a binary stream that can be read, written and sought."""
    with h5py.File(sink, "w") as file:
        fill(file)


def child_names(group: h5py.Group, path: Path) -> list[str]:
    """Names in a group, sorted.

    Raises:
        InputError: more than 100,000 of them.
    """
    with damage(path):
        if len(group) > MAX_LINKS:
            raise bad_input(path, f"holds {len(group)} names in one group, over {MAX_LINKS}")
        return sorted(group)


def child(group: h5py.Group, name: str, path: Path) -> h5py.Group | h5py.Dataset:
    """The group or dataset behind one hard link.

    Raises:
        InputError: a soft or external link, a named type, or nothing of that name.
    """
    with damage(path):
        link = group.get(name, getlink=True)
        found = group[name] if isinstance(link, h5py.HardLink) else None
        if isinstance(found, h5py.Group | h5py.Dataset):
            return found
        shown = printable(_joined(group, name))
    if link is None:
        raise bad_input(path, f"{shown} is not in the file; list what is with: repdiag inspect FILE")
    if found is None:
        raise bad_input(
            path, f"{shown} is a soft or external link, which could read another file; copy the data in"
        )
    raise bad_input(path, f"{shown} is neither a group nor a dataset; write the file again")


def is_hard_link(group: h5py.Group, name: str, path: Path) -> bool:
    """True unless the name is a soft, external or user-defined link."""
    with damage(path):
        return isinstance(group.get(name, getlink=True), h5py.HardLink)


def descend(file: h5py.File, components: Sequence[str], path: Path) -> h5py.Group | h5py.Dataset:
    """The object at the end of hard links only; every component is checked."""
    here: h5py.Group | h5py.Dataset = file
    for name in components:
        if not isinstance(here, h5py.Group) or name in ("", ".", ".."):
            raise bad_input(path, f"{printable('/'.join(components))} is not a path in the file")
        here = child(here, name, path)
    return here


def identity(thing: h5py.Group | h5py.Dataset, path: Path) -> tuple[int, int]:
    """What tells two objects apart: hard links may lead to the same one, even in a cycle."""
    with damage(path):
        info = h5py.h5o.get_info(thing.id)
        return int(info.fileno), int(info.addr)


def checked_matrix(dataset: h5py.Dataset, path: Path) -> h5py.Dataset:
    """`dataset`, once it is known to hold n x d floats inside this file; with a cache if filtered.

    Raises:
        InputError: external or virtual storage, another filter, dtype or shape, or a size bomb.
    """
    with damage(path):
        shown = f"{printable(path)}: {printable(_name(dataset))}"
        filtered = _check_layout(dataset, shown)
        if dataset.dtype.kind != "f" or dataset.dtype.itemsize not in (2, 4, 8):
            raise InputError(f"{shown} is {dataset.dtype}; float16, float32 or float64 is needed")
        if dataset.ndim != 2 or 0 in dataset.shape:
            raise InputError(f"{shown} has shape {dataset.shape}; (n, d) with at least one row is needed")
        _check_stored(dataset, os.path.getsize(path), shown)
        return _with_cache(dataset) if filtered else dataset


def checked_column(dataset: h5py.Dataset, rows: int, path: Path) -> h5py.Dataset:
    """`dataset`, once it is known to hold one integer, truth value or text for each of `rows`.

    Raises:
        InputError: external or virtual storage, another filter, dtype or length, or a size bomb.
    """
    with damage(path):
        shown = f"{printable(path)}: {printable(_name(dataset))}"
        filtered = _check_layout(dataset, shown)
        if not is_column_dtype(dataset.dtype):
            raise InputError(f"{shown} is {printable(dataset.dtype)}; integers or text are needed")
        if dataset.shape != (rows,):
            raise InputError(f"{shown} has shape {dataset.shape}, but the embeddings have {rows} rows")
        if rows * dataset.dtype.itemsize > MAX_COLUMN_BYTES:
            raise InputError(f"{shown} is over {MAX_COLUMN_BYTES >> 30} GiB, too large for a column")
        _check_stored(dataset, os.path.getsize(path), shown)
        return _with_cache(dataset) if filtered else dataset


def is_column_dtype(dtype: np.dtype[Any]) -> bool:
    """Integers, truth values and text, of fixed or variable length."""
    return dtype.kind in "iubS" or h5py.check_string_dtype(dtype) is not None


def check_layout(dataset: h5py.Dataset, path: Path) -> None:
    """Raises InputError for storage outside the file, and for filters and chunks that are not read."""
    with damage(path):
        _check_layout(dataset, f"{printable(path)}: {printable(_name(dataset))}")


def _check_layout(dataset: h5py.Dataset, shown: str) -> bool:
    """Refuse what would read outside the file or run a plugin; True when there are filters.

    Only the creation properties are looked at: asking a virtual dataset for its shape may already
    open its sources.
    """
    created = dataset.id.get_create_plist()
    if created.get_external_count():
        raise InputError(f"{shown} keeps its data in an external file, which is not read; copy the data in")
    if created.get_layout() == h5py.h5d.VIRTUAL:
        raise InputError(f"{shown} is a virtual dataset, which reads other files; copy the data in")
    codes = [created.get_filter(index)[0] for index in range(created.get_nfilters())]
    for code in codes:
        if code not in FILTERS:
            allowed = ", ".join(FILTERS.values())
            raise InputError(f"{shown} uses HDF5 filter {code}, which is not read; use one of {allowed}")
    if created.get_layout() == h5py.h5d.CHUNKED:
        _check_chunk(dataset, MAX_FILTERED_BYTES if codes else MAX_CHUNK_BYTES, shown)
    return bool(codes)


def _check_chunk(dataset: h5py.Dataset, most: int, shown: str) -> None:
    if (size := chunk_bytes(dataset)) > most:
        raise InputError(f"{shown} has chunks of {size} bytes, over {most}; write smaller ones")


def _check_stored(dataset: h5py.Dataset, file_bytes: int, shown: str) -> None:
    """Refuse rows that were declared and never written, and sizes that only a bomb declares."""
    declared = dataset.dtype.itemsize
    for length in dataset.shape:
        declared *= int(length)
    stored = int(dataset.id.get_storage_size())
    filtered = dataset.id.get_create_plist().get_nfilters() > 0
    if stored > file_bytes:
        raise InputError(
            f"{shown} claims {stored} bytes in a file of {file_bytes}; it is truncated or crafted"
        )
    if stored == 0 or (not filtered and stored < declared):
        raise InputError(
            f"{shown} declares {declared} bytes but stores {stored}; its rows were never written"
        )
    if declared > BOMB_BYTES and declared > BOMB_RATIO * stored:
        raise InputError(f"{shown} expands from {stored} to {declared} bytes, which looks like a bomb")
    if dataset.chunks is not None and dataset.id.get_num_chunks() < _chunks_needed(dataset):
        raise InputError(f"{shown} lacks some of its chunks; the file is unfinished or crafted")
    if filtered and max(stored_chunks(dataset))[0] > 1.01 * chunk_bytes(dataset) + _CHUNK_SLACK:
        raise InputError(f"{shown} has a chunk that is larger than what it holds, which looks like a bomb")


def _chunks_needed(dataset: h5py.Dataset) -> int:
    needed = 1
    for length, chunk in zip(dataset.shape, dataset.chunks, strict=True):
        needed *= -(-int(length) // int(chunk))
    return needed


def _with_cache(dataset: h5py.Dataset) -> h5py.Dataset:
    """The dataset opened again with a cache: without one, each read decompresses its chunks anew.

    It is closed first, because HDF5 shares one cache between all openings of a dataset.
    """
    file, name = dataset.file.id, dataset.name.encode("utf-8", "surrogateescape")
    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    access.set_chunk_cache(521, _FILTERED_CACHE_BYTES, 1.0)
    dataset.id.close()
    return h5py.Dataset(h5py.h5d.open(file, name, access))


def _name(thing: h5py.Group | h5py.Dataset) -> str:
    return str(thing.name or "a dataset")


def _joined(group: h5py.Group, name: str) -> str:
    return f"{_name(group).rstrip('/')}/{name}"
