"""Array files: .npy, .npz, .safetensors, .pt and .parquet."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from repdiag.store.candidates import Found, Source, foreign_contents, kind_of
from repdiag.store.complaints import bad_input, unreadable
from repdiag.store.opened import Contents
from repdiag.store.rows import Array, FileRows, LazyRows, Rows
from repdiag.store.sniff import Kind
from repdiag.text import printable

_HEADER_READERS: dict[tuple[int, int], Callable[[IO[bytes]], Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_MAX_INFLATION = 1100
MAX_MEMBERS = 10_000


def array_contents(path: Path, kind: Kind, dataset: str | None) -> Contents:
    """The arrays of a file of this kind.

    Raises:
        InputError: damaged, or without (n, d) floats.
        UsageError: ambiguous, or `dataset` is not there.
        MissingExtraError: Parquet without pyarrow.
    """
    return foreign_contents(Source(path, kind.value), _finder(kind)(path), dataset)


def _finder(kind: Kind) -> Callable[[Path], list[Found]]:
    from repdiag.store import foreign_tables, foreign_tensors

    finders: dict[Kind, Callable[[Path], list[Found]]] = {
        Kind.NPY: npy_arrays,
        Kind.NPZ: npz_arrays,
        Kind.SAFETENSORS: foreign_tensors.safetensors_arrays,
        Kind.TORCH: foreign_tensors.torch_arrays,
        Kind.PARQUET: foreign_tables.parquet_columns,
    }
    return finders[kind]


def npy_arrays(path: Path) -> list[Found]:
    """The array of a .npy file; its rows are read from the file as they are needed."""
    try:
        with path.open("rb") as stream:
            shape, fortran, dtype = _npy_header(stream, path)
            offset, size = stream.tell(), path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error
    if dtype.kind != "O" and size < offset + _bytes(shape, dtype):
        raise bad_input(
            path, f"is truncated ({size} of {offset + _bytes(shape, dtype)} bytes); write it again"
        )

    def rows() -> Rows:
        matrix = (shape[0], shape[1])
        if fortran:
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
            return LazyRows(lambda: mapped, matrix, dtype.newbyteorder("="))
        return FileRows(path, offset, matrix, dtype)

    return [Found(path.stem, shape, str(dtype), kind_of(dtype), rows)]


def npz_arrays(path: Path) -> list[Found]:
    """The arrays of a .npz file; each is read whole, when it is first needed."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            _check_members(members, path)
            return [_npz_array(archive, info, path) for info in members]
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise bad_input(path, f"is a damaged .npz ({printable(error, 80)}); write it again") from error


def _check_members(members: list[zipfile.ZipInfo], path: Path) -> None:
    names = [info.filename for info in members]
    if len(names) > MAX_MEMBERS or len(set(names)) < len(names):
        raise bad_input(path, "holds too many arrays, or one twice; write it again")
    size = path.stat().st_size
    for info in members:
        if info.compress_size > size or info.file_size > _MAX_INFLATION * (info.compress_size + 64):
            raise bad_input(
                path,
                f"{printable(info.filename)} claims to expand from {info.compress_size} to "
                f"{info.file_size} bytes; it is damaged or crafted",
            )


def _npz_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Found:
    with archive.open(info) as stream:
        shape, _, dtype = _npy_header(stream, path)
    if dtype.kind != "O" and _bytes(shape, dtype) > info.file_size:
        raise bad_input(path, f"{printable(info.filename)} declares {shape}, more than it holds")

    def values() -> Array:
        return _load_member(path, info.filename)

    name = info.filename.removesuffix(".npy")
    rows = lambda: LazyRows(values, (shape[0], shape[1]), dtype.newbyteorder("="))  # noqa: E731
    return Found(name, shape, str(dtype), kind_of(dtype), rows, values)


def _load_member(path: Path, member: str) -> Array:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            loaded: Array = np.lib.format.read_array(stream, allow_pickle=False)
            return loaded
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, EOFError, MemoryError) as error:
        reason = printable(error, 80) or type(error).__name__
        raise bad_input(path, f"{printable(member)} cannot be read ({reason}); write it again") from error


def _npy_header(stream: IO[bytes], path: Path) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        reader = _HEADER_READERS[np.lib.format.read_magic(stream)]
        shape, fortran, dtype = reader(stream)
    except (ValueError, KeyError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise bad_input(path, "has a damaged array header; write it again") from error
    if any(length < 0 for length in shape):
        raise bad_input(path, f"has a negative length in its shape {shape}; write it again")
    return tuple(int(length) for length in shape), bool(fortran), dtype


def _bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    total = dtype.itemsize
    for length in shape:
        total *= length
    return total
