"""Tensors in files: .safetensors by ranges of rows, .pt through the guarded loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from repdiag.errors import InputError
from repdiag.store.candidates import Found, kind_of
from repdiag.store.complaints import bad_input
from repdiag.store.rows import Array, FileRows, LazyRows, Rows
from repdiag.text import printable

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "BOOL": "?",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "<i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "<u1",
}  # fmt: skip


def safetensors_arrays(path: Path) -> list[Found]:
    """The tensors of a .safetensors file; rows are read as they are needed, bfloat16 as float32.

    Raises:
        InputError: the header does not fit the file.
    """
    from repdiag.checkpoints.header import check_header

    shown = printable(path)
    try:
        with path.open("rb") as stream:
            check_header(stream, shown)
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(length))
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{shown}: {(error.strerror or 'cannot be read').lower()}") from error
    header.pop("__metadata__", None)
    return [_tensor(path, name, entry, 8 + length, size) for name, entry in sorted(header.items())]


def _tensor(path: Path, name: str, entry: dict[str, Any], data: int, size: int) -> Found:
    shape = tuple(int(length) for length in entry["shape"])
    dtype = np.dtype(_DTYPES.get(entry["dtype"], "V1"))
    half = entry["dtype"] == "BF16"
    offset = data + _offset(entry, shape, dtype, f"{printable(path)}: {printable(name)}")
    if offset + _count(shape) * dtype.itemsize > size:
        raise bad_input(path, f"{printable(name)} ends beyond the file; it is truncated")

    def rows() -> Rows:
        return FileRows(path, offset, (shape[0], shape[1]), dtype, bfloat16=half)

    def values() -> Array:
        return np.fromfile(path, dtype, _count(shape), offset=offset).reshape(shape)

    kind = "f" if half else ("c" if entry["dtype"] == "C64" else kind_of(dtype))
    return Found(name, shape, str(entry["dtype"]), kind, rows, values)


def _offset(entry: dict[str, Any], shape: tuple[int, ...], dtype: np.dtype[Any], shown: str) -> int:
    offsets = entry.get("data_offsets")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(type(end) is int for end in offsets):
        raise InputError(f"{shown} has no data offsets; write the file again")
    known = dtype.kind != "V"
    if offsets[0] < 0 or (known and offsets[1] - offsets[0] != _count(shape) * dtype.itemsize):
        raise InputError(f"{shown} has data offsets that do not fit its shape; write the file again")
    return int(offsets[0])


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for length in shape:
        count *= length
    return count


def torch_arrays(path: Path) -> list[Found]:
    """The tensors of a .pt file, which is only ever loaded as data: a mapping of them, or a bare one.

    Raises:
        InputError: whatever the guarded loader refuses.
    """
    from repdiag.checkpoints import load_tensors

    return [_torch_array(name or path.stem, tensor) for name, tensor in load_tensors(path).items()]


def _torch_array(name: str, tensor: Any) -> Found:
    import torch

    plain = tensor.detach().cpu()
    plain = plain.float() if plain.dtype == torch.bfloat16 else plain
    array: Array = plain.numpy()
    shape = tuple(int(length) for length in array.shape)
    kind = kind_of(array.dtype)
    return Found(name, shape, str(array.dtype), kind, lambda: LazyRows.of(array), lambda: array)
