"""Sample columns: text or integers, one for each row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from repdiag.errors import UsageError
from repdiag.store import schema
from repdiag.store.complaints import bad_input
from repdiag.store.guarded import damage
from repdiag.store.rows import Array
from repdiag.store.texts import BLOCK, Texts
from repdiag.text import printable

LONGEST_FIXED_TEXT = 256
_TEXT_BLOCK_BYTES = 1 << 30
MAX_TEXT_BYTES = 4 << 30


def clean_text(text: str) -> str:
    """`text` as valid Unicode without NUL: what is not is shown as an escape."""
    valid = text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
    return valid.replace("\0", "\\x00") if "\0" in valid else valid


def as_column(values: Sequence[Any] | Array, name: str) -> Array:
    """Values as (n,) int64 or an object array of text.

    Raises:
        UsageError: another dtype, shape, or an integer beyond int64.
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise UsageError(
            f'column "{printable(name)}" has shape {array.shape}; one value for each row is needed'
        )
    if array.dtype.kind in "biu" and not (array.dtype.kind == "u" and array.size and array.max() >> 63):
        return array.astype(np.int64)
    if array.dtype.kind in "USO" and all(isinstance(value, str | bytes) for value in array.tolist()):
        return text_array([_decoded(value) for value in array.tolist()])
    raise UsageError(f'column "{printable(name)}" is {array.dtype}; 64-bit integers or text are needed')


def text_array(texts: Sequence[str]) -> Array:
    """Texts as an (n,) object array."""
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


def column_sha256(column: Array | Texts) -> str:
    """Checksum of a column: little-endian int64, or UTF-8 texts that each end in a NUL."""
    if isinstance(column, np.ndarray) and column.dtype.kind == "i":
        return hashlib.sha256(column.astype("<i8").tobytes()).hexdigest()
    digest, texts = hashlib.sha256(), iter(column)
    while block := list(islice(texts, BLOCK)):
        digest.update(("\0".join(block) + "\0").encode("utf-8"))
    return digest.hexdigest()


def write_column(group: h5py.Group, name: str, column: Array) -> None:
    """Write a column as made by `as_column`, with its checksum."""
    data, dtype = (column, np.dtype("<i8")) if column.dtype.kind == "i" else _encoded(column)
    dataset = group.create_dataset(name, data=data, dtype=dtype)
    dataset.attrs[schema.ATTR_SHA256] = column_sha256(column)


@dataclass(frozen=True, slots=True)
class ColumnReader:
    """A sample column in a dataset that the guard has checked, read when it is asked for."""

    dataset: h5py.Dataset
    path: Path

    def __call__(self) -> Array:
        """The column as (n,) int64, or an object array of text.

        Raises:
            InputError: it does not match its sha256, or holds what no column holds.
        """
        column = self._read()
        return text_array(list(column)) if isinstance(column, Texts) else column

    def texts(self) -> Texts:
        """The column as n texts in little memory; raises what a call raises."""
        column = self._read()
        return column if isinstance(column, Texts) else Texts(map(str, column.tolist()))

    def _read(self) -> Array | Texts:
        with damage(self.path):
            text = _is_text(self.dataset.dtype)
            column = Texts(_texts(self.dataset, self.path)) if text else _integers(self.dataset, self.path)
            expected = self.dataset.attrs.get(schema.ATTR_SHA256)
        if isinstance(expected, str) and expected != column_sha256(column):
            where = printable(self.dataset.name)
            raise bad_input(self.path, f"{where} does not match its sha256; the file is damaged")
        return column


def _integers(dataset: h5py.Dataset, path: Path) -> Array:
    values = np.asarray(dataset[()])
    if values.dtype.kind == "u" and values.max() > np.iinfo(np.int64).max:
        raise bad_input(path, f"{printable(dataset.name)} holds integers beyond 64 bits, signed")
    return values.astype(np.int64)


def _texts(dataset: h5py.Dataset, path: Path) -> Iterator[str]:
    """Texts in blocks: variable texts of a few bytes may all point at one that is huge."""
    total, fixed = 0, dataset.dtype.kind == "S"
    block = BLOCK if fixed else min(BLOCK, max(16, _TEXT_BLOCK_BYTES // max(1, path.stat().st_size)))
    for start in range(0, len(dataset), block):
        raw = dataset[start : start + block].tolist()
        total += 0 if fixed else sum(map(len, raw))
        if total > MAX_TEXT_BYTES:
            raise bad_input(path, f"{printable(dataset.name)} is over {MAX_TEXT_BYTES >> 30} GiB of text")
        yield from _all_decoded(raw)


def _is_text(dtype: np.dtype[Any]) -> bool:
    return dtype.kind not in "iub"


def _all_decoded(values: list[Any]) -> list[str]:
    """Every value as clean text; plain ASCII, which is the rule, without a look at each."""
    if all(type(value) is bytes for value in values):
        together = b"".join(values)
        if together.isascii() and b"\0" not in together:
            return list(map(bytes.decode, values))
    return [_decoded(value) for value in values]


def _decoded(value: str | bytes) -> str:
    return clean_text(value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value)


def _encoded(column: Array) -> tuple[Array, np.dtype[Any]]:
    """Short texts at a fixed length, which reads ten times faster; long ones at their own."""
    encoded = [text.encode("utf-8") for text in column]
    longest = max(map(len, encoded), default=0)
    dtype = h5py.string_dtype("utf-8", max(1, longest) if longest <= LONGEST_FIXED_TEXT else None)
    return np.array(encoded, dtype=dtype), dtype
