"""Touch in an HDF5 file whatever a reader would touch, to see whether HDF5 survives it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import suppress

import h5py

MAX_OBJECTS = 20_000
MAX_ATTRIBUTE_BYTES = 1 << 20
MAX_ROW_BYTES = 64 << 20
LARGE_CHUNK = 256 << 10
"""What takes fewer bytes on disk cannot expand beyond 256 MiB: deflate packs a thousand into one."""
_TEXTS_AT_ONCE = 1 << 16

Check = Callable[[h5py.Dataset], object]


def rehearse(file: h5py.File, check: Check) -> None:
    """Visit every object behind hard links: attributes, layout, index of chunks, texts and one row.

    What HDF5 raises is mostly passed over, since the reader will meet it too. Not so where it may have
    failed for want of memory, which the reader has more of: texts in heaps, and large chunks.

    Args:
        file: open for reading, in a process that may die.
        check: raises for a dataset whose storage must not be touched.

    Raises:
        OSError, MemoryError: an attribute, a text or a large chunk cannot be read.
    """
    for thing in _objects(file):
        _attributes(thing)
        if isinstance(thing, h5py.Dataset) and _is_sound(thing, check):
            with suppress(Exception):
                _first_row(thing)
            with suppress(TypeError, ValueError):
                _texts(thing)
            for place in _large_chunks(thing):
                _ = thing[place]


def _objects(file: h5py.File) -> Iterator[h5py.Group | h5py.Dataset]:
    stack: list[h5py.Group | h5py.Dataset] = [file]
    seen: set[int] = set()
    while stack and len(seen) < MAX_OBJECTS:
        thing = stack.pop()
        with suppress(Exception):
            address = int(h5py.h5o.get_info(thing.id).addr)
            if address not in seen:
                seen.add(address)
                yield thing
                stack += _children(thing) if isinstance(thing, h5py.Group) else []


def _children(group: h5py.Group) -> list[h5py.Group | h5py.Dataset]:
    found = []
    for name in list(group)[:MAX_OBJECTS]:
        with suppress(Exception):
            if isinstance(group.get(name, getlink=True), h5py.HardLink):
                found.append(group[name])
    return found


def _attributes(thing: h5py.Group | h5py.Dataset) -> None:
    names: list[str] = []
    with suppress(Exception):
        names = list(thing.attrs)
    for name in names:
        with suppress(KeyError, TypeError, ValueError, RuntimeError):
            if thing.attrs.get_id(name).get_storage_size() <= MAX_ATTRIBUTE_BYTES:
                _ = thing.attrs[name]


def _is_sound(dataset: h5py.Dataset, check: Check) -> bool:
    """True where the storage may be touched, and the index of chunks can be read."""
    with suppress(Exception):
        check(dataset)
        return dataset.shape is not None and (dataset.chunks is None or bool(stored_chunks(dataset)))
    return False


def chunk_bytes(dataset: h5py.Dataset) -> int:
    """Of one chunk, unpacked."""
    return int(math.prod(map(int, dataset.chunks)) * dataset.dtype.itemsize)


def stored_chunks(dataset: h5py.Dataset) -> list[tuple[int, tuple[int, ...]]]:
    """(bytes on disk, first element) of every chunk."""
    found: list[tuple[int, tuple[int, ...]]] = []

    def note(chunk: h5py.h5d.StoreInfo) -> None:
        found.append((int(chunk.size), chunk.chunk_offset))

    dataset.id.chunk_iter(note)
    return found


def _large_chunks(dataset: h5py.Dataset) -> list[tuple[slice, ...]]:
    """Where chunks stand that could expand beyond measure; all others are looked up and no more."""
    if dataset.chunks is None or not dataset.id.get_storage_size():
        return []
    starts = [start for size, start in stored_chunks(dataset) if size >= LARGE_CHUNK]
    filtered = dataset.id.get_create_plist().get_nfilters()
    return [tuple(slice(first, first + 1) for first in start) for start in starts] if filtered else []


def _texts(dataset: h5py.Dataset) -> None:
    """All values of variable length, which lie in heaps of their own."""
    variable = h5py.check_vlen_dtype(dataset.dtype) or h5py.check_string_dtype(dataset.dtype)
    for start in range(0, dataset.shape[0] if variable and dataset.ndim == 1 else 0, _TEXTS_AT_ONCE):
        _ = dataset[start : start + _TEXTS_AT_ONCE]


def _first_row(dataset: h5py.Dataset) -> None:
    lengths = (dataset.shape[1:], dataset.chunks or (1,))
    if dataset.dtype.kind != "O" and max(map(math.prod, lengths)) * dataset.dtype.itemsize <= MAX_ROW_BYTES:
        _ = dataset[:1]
