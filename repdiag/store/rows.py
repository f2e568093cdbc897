"""Sources of rows, one protocol: an HDF5 dataset, an array, a stretch of a file, several shards."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np

from repdiag.store.complaints import bad_input
from repdiag.store.guarded import damage

Array = np.ndarray[Any, np.dtype[Any]]


class Rows(Protocol):
    """An n x d matrix that is read by ranges of rows."""

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def read(self, start: int, stop: int) -> Array:
        """A fresh C-contiguous (stop - start, d) array in the native byte order."""
        ...


@dataclass(frozen=True)
class DatasetRows:
    """Rows of an HDF5 dataset that the guard has checked."""

    dataset: h5py.Dataset
    path: Path
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, dataset: h5py.Dataset, path: Path) -> DatasetRows:
        n, d = dataset.shape
        return cls(dataset, path, (int(n), int(d)), dataset.dtype.newbyteorder("="))

    def read(self, start: int, stop: int) -> Array:
        rows = np.empty((stop - start, self.shape[1]), dtype=self.dtype)
        with damage(self.path):
            if stop > start:
                self.dataset.read_direct(rows, np.s_[start:stop])
        return rows


@dataclass(frozen=True)
class FileRows:
    """Rows that lie in C order in a plain file; read, not mapped, so that memory stays bounded."""

    path: Path
    offset: int
    shape: tuple[int, int]
    stored: np.dtype[Any]
    bfloat16: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32) if self.bfloat16 else self.stored.newbyteorder("=")

    def read(self, start: int, stop: int) -> Array:
        d = self.shape[1]
        offset = self.offset + start * d * self.stored.itemsize
        try:
            rows = np.fromfile(self.path, self.stored, (stop - start) * d, offset=offset)
            rows = rows.reshape(stop - start, d)
        except (OSError, ValueError) as error:
            raise bad_input(self.path, "became shorter while it was read") from error
        if self.bfloat16:
            return (rows.astype(np.uint32) << 16).view(np.float32)
        return np.ascontiguousarray(rows, dtype=self.dtype)


@dataclass(frozen=True)
class LazyRows:
    """Rows of an array that some formats can only give whole; it is loaded at the first read."""

    load: Callable[[], Array]
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    @cached_property
    def _whole(self) -> Array:
        return self.load()

    def read(self, start: int, stop: int) -> Array:
        return np.array(self._whole[start:stop], dtype=self.dtype, order="C")

    @classmethod
    def of(cls, array: Array) -> LazyRows:
        n, d = array.shape
        return cls(lambda: array, (int(n), int(d)), array.dtype.newbyteorder("="))


@dataclass(frozen=True)
class JoinedRows:
    """The rows of several parts, one after another; a part is opened only while it is read."""

    parts: Sequence[Callable[[int, int], Array]]
    starts: Sequence[int]
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    def read(self, start: int, stop: int) -> Array:
        rows = np.empty((stop - start, self.shape[1]), dtype=self.dtype)
        for part, first, last in self._pieces(start, stop):
            offset = self.starts[part]
            rows[first - start : last - start] = self.parts[part](first - offset, last - offset)
        return rows

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        part = bisect_right(self.starts, start) - 1
        while start < stop:
            end = self.starts[part + 1] if part + 1 < len(self.starts) else self.shape[0]
            last = min(stop, end)
            yield part, start, last
            start, part = last, part + 1
