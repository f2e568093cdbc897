"""Tensors from one process to another, through memory that both can reach.

Raw bytes, then a table in JSON, then its length. The reader takes nothing on trust: the writer had
a hostile file in its hands.
"""

from __future__ import annotations

import json
import math
import mmap
from collections.abc import Callable
from typing import IO, Any

import torch
from torch import Tensor

from repdiag.checkpoints.contents import Contents
from repdiag.child import FORKS, Limits, in_child
from repdiag.errors import InputError

_ALIGNMENT = 64
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex32, torch.complex64),
        *(torch.complex128, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
        *(torch.uint16, torch.uint32, torch.uint64),
    )
}

Facts = dict[str, Any]


def handed_over(
    make: Callable[[], tuple[Facts, Contents]], shown: str, limits: Limits
) -> tuple[Facts, Contents]:
    """What `make` gives, made in a child process; facts are plain JSON.

    Raises:
        InputError: of `make`, or because it crashed or ran out of its limits.
    """

    def work(sink: IO[bytes]) -> None:
        if FORKS:
            torch.set_num_threads(1)  # the threads of a pool do not come along in a fork
        write_contents(*make(), sink)

    with in_child(work, shown, limits) as sink:
        return read_contents(sink, shown)


def write_contents(facts: Facts, contents: Contents, sink: IO[bytes]) -> None:
    """Every tensor once, also where it has two names, then the table."""
    places: dict[tuple[object, ...], int] = {}
    table = []
    for name, tensor in contents.tensors.items():
        key = (tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride(), tensor.is_conj())
        if key not in places:
            places[key] = _append(tensor, sink)
        dtype = str(tensor.dtype).removeprefix("torch.")
        table.append([name, dtype, list(tensor.shape), places[key]])
    record = {"facts": facts, "tensors": table, "values": contents.values, "notes": contents.notes}
    raw = json.dumps(record).encode()
    sink.write(raw)
    sink.write(len(raw).to_bytes(8, "little"))


def _append(tensor: Tensor, sink: IO[bytes]) -> int:
    place = sink.tell()
    if tensor.numel():
        flat = tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
        sink.write(flat.view(torch.uint8).numpy().data)
        sink.write(bytes(-sink.tell() % _ALIGNMENT))
    return place


def read_contents(source: IO[bytes], shown: str) -> tuple[Facts, Contents]:
    """Facts and contents; the tensors are views of the memory, which lives as long as they do.

    Raises:
        InputError: not what `write_contents` writes.
    """
    try:
        buffer = mmap.mmap(source.fileno(), 0)
        end = len(buffer) - 8 - int.from_bytes(buffer[-8:], "little")
        record = json.loads(buffer[max(end, 0) : -8])
        tensors = {
            str(name): _tensor(buffer, _DTYPES[dtype], shape, place, end)
            for name, dtype, shape, place in record["tensors"]
        }
        contents = Contents(tensors, dict(record["values"]), tuple(record["notes"]))
        return dict(record["facts"]), contents
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{shown}: crashed the loader, which answered nonsense; fetch it again") from error


def _tensor(buffer: mmap.mmap, dtype: torch.dtype, shape: list[int], place: int, end: int) -> Tensor:
    count = math.prod(shape)
    if min(shape, default=0) < 0 or not 0 <= place <= end - count * dtype.itemsize:
        raise ValueError("a tensor outside of the memory")
    if not count:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(buffer, dtype=dtype, count=count, offset=place).reshape(shape)
