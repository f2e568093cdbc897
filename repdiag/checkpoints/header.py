"""The header of a safetensors file, checked for what the library lets through."""

from __future__ import annotations

import json
import math
import os
from typing import Any, BinaryIO

from repdiag.errors import InputError
from repdiag.text import listing, printable

MAX_HEADER_BYTES = 100_000_000
_ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip
_NARROW_FLOATS = ("F8_", "F6_", "F4")


def check_header(stream: BinaryIO, shown: str) -> dict[str, str]:
    """The metadata of a safetensors file whose header is sound; the position is left at the start.

    Raises:
        InputError: lengths beyond the file, not JSON, duplicate names, unknown or narrow dtypes.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    length = int.from_bytes(stream.read(8), "little")
    if length > MAX_HEADER_BYTES:
        raise InputError(
            f"{shown}: its header claims {length:,} bytes, over {MAX_HEADER_BYTES:,}; fetch it again"
        )
    if size < 8 + length:
        raise InputError(
            f"{shown}: is truncated (header of {length:,} bytes, file of {size:,}); fetch it again"
        )
    header = _parsed(stream.read(length), shown)
    stream.seek(0)
    metadata = header.pop("__metadata__", {})
    for name, entry in header.items():
        _check_entry(name, entry, size, shown)
    return {str(key): str(value) for key, value in metadata.items()} if isinstance(metadata, dict) else {}


def _parsed(raw: bytes, shown: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            twice = (
                sorted({name for name in names if names.count(name) > 1})
                if len(names) < 10_000
                else names[:1]
            )
            raise InputError(f"{shown}: names {listing(twice, 3)} twice in its header; write it again")
        return dict(pairs)

    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{shown}: its safetensors header is not JSON; it is damaged, fetch it again"
        ) from error
    if not isinstance(header, dict):
        raise InputError(f"{shown}: its safetensors header is not a JSON object; write it again")
    return header


def _check_entry(name: str, entry: Any, size: int, shown: str) -> None:
    label = f"{shown}: tensor {printable(name, 60)}"
    dtype, shape = (entry.get("dtype"), entry.get("shape")) if isinstance(entry, dict) else (None, None)
    if not isinstance(dtype, str) or not isinstance(shape, list):
        raise InputError(f"{label} has no dtype and shape in the header; write the file again")
    if dtype.startswith(_NARROW_FLOATS):
        raise InputError(
            f"{label} is {printable(dtype, 20)}, a dtype not supported for analysis; save it as float16"
        )
    if dtype not in _ITEM_BYTES:
        raise InputError(
            f"{label} has the unknown dtype {printable(dtype, 20)}; save it as a common float or integer"
        )
    if not all(isinstance(length, int) and length >= 0 for length in shape):
        raise InputError(f"{label} has a shape that is not a list of lengths; write the file again")
    if math.prod(length for length in shape if length) * _ITEM_BYTES[dtype] > size:
        raise InputError(
            f"{label} claims the shape {printable(shape, 60)}, more than the file can hold; fetch it again"
        )
