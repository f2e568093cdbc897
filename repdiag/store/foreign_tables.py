"""Vector columns of .parquet files, read in row order in bounded batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from repdiag.errors import MissingExtraError
from repdiag.store.candidates import Found
from repdiag.store.complaints import bad_input
from repdiag.store.rows import Array, Rows
from repdiag.text import printable

_BATCH_BYTES = 8 << 20
_FLOATS = {"halffloat": "f2", "float": "f4", "double": "f8"}


def parquet_columns(path: Path) -> list[Found]:
    """Columns of a Parquet file: lists of floats are matrices, the rest may be sample columns.

    Raises:
        MissingExtraError: pyarrow is not installed.
        InputError: damaged, or lists of different lengths.
    """
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "table", "Reading Parquet") from error
    with _damage(path):
        file = parquet.ParquetFile(path)
        n = int(file.metadata.num_rows)
        return [_column(file, path, field, n) for field in file.schema_arrow]


def _column(file: Any, path: Path, field: Any, n: int) -> Found:
    import pyarrow.types as types

    name, kind = str(field.name), field.type
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        dtype = _FLOATS.get(str(kind.value_type))
        d = _length(file, path, field) if dtype and n else 0
        rows: Callable[[], Rows] = lambda: ParquetRows(file, path, name, (n, d), np.dtype(dtype))  # noqa: E731
        return Found(name, (n, d), str(kind), "f" if dtype else "O", rows)
    letter = "i" if types.is_integer(kind) or types.is_boolean(kind) else "U" if _is_text(kind) else "V"
    letter = "f" if types.is_floating(kind) else letter
    return Found(name, (n,), str(kind), letter, values=lambda: _values(file, path, name))


def _is_text(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_dictionary(kind))


def _length(file: Any, path: Path, field: Any) -> int:
    import pyarrow.types as types

    if types.is_fixed_size_list(field.type):
        return int(field.type.list_size)
    for batch in file.iter_batches(batch_size=1, columns=[field.name]):
        first = batch.column(0)[0].as_py()
        return len(first) if first is not None else 0
    return 0


def _values(file: Any, path: Path, name: str) -> Array:
    with _damage(path):
        column = file.read(columns=[name]).column(0)
        if column.null_count:
            raise bad_input(path, f"column {printable(name)} has empty entries; fill or drop them")
        values = column.to_pylist()
        text = bool(values) and isinstance(values[0], str)
        return np.array(values, dtype=object) if text else np.asarray(values)


class ParquetRows:
    """Rows of a vector column. Reading on is cheap; going back starts from the first row again."""

    def __init__(
        self, file: Any, path: Path, name: str, shape: tuple[int, int], dtype: np.dtype[Any]
    ) -> None:
        self._file = file
        self._path = path
        self._name = name
        self.shape = shape
        self.dtype = dtype
        self._rewind()

    def read(self, start: int, stop: int) -> Array:
        if start < self._start:
            self._rewind()
        rows = np.empty((stop - start, self.shape[1]), dtype=self.dtype)
        done = start
        while done < stop:
            while done >= self._start + len(self._block):
                self._advance()
            taken = self._block[done - self._start : stop - self._start]
            rows[done - start : done - start + len(taken)] = taken
            done += len(taken)
        return rows

    def _rewind(self) -> None:
        self._start = 0
        self._block: Array = np.empty((0, self.shape[1]), dtype=self.dtype)
        size = max(1, _BATCH_BYTES // max(1, self.shape[1] * self.dtype.itemsize))
        self._batches: Iterator[Any] = self._file.iter_batches(batch_size=size, columns=[self._name])

    def _advance(self) -> None:
        self._start += len(self._block)
        with _damage(self._path):
            batch = next(self._batches, None)
            if batch is None:
                raise bad_input(self._path, "has fewer rows than its header says; write it again")
            self._block = self._matrix(batch.column(0))

    def _matrix(self, column: Any) -> Array:
        values = column.flatten()
        if column.null_count or values.null_count or len(values) != len(column) * self.shape[1]:
            raise bad_input(
                self._path,
                f"column {printable(self._name)} has vectors that are empty or not all of "
                f"length {self.shape[1]}; drop those rows",
            )
        self._check_lengths(column)
        matrix: Array = values.to_numpy(zero_copy_only=False).reshape(len(column), self.shape[1])
        return matrix.astype(self.dtype, copy=False)

    def _check_lengths(self, column: Any) -> None:
        import pyarrow.compute as compute

        lengths = compute.unique(compute.list_value_length(column)).to_pylist()
        if lengths not in ([], [self.shape[1]]):
            raise bad_input(
                self._path,
                f"column {printable(self._name)} has vectors of different lengths; drop those rows",
            )


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Whatever pyarrow raises becomes one InputError."""
    try:
        yield
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        NotImplementedError,
        MemoryError,
        OverflowError,
    ) as error:
        text = printable((str(error).splitlines() or [type(error).__name__])[0], 100)
        raise bad_input(path, f"is damaged Parquet ({text}); write it again") from error
