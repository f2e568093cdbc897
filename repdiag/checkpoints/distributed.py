"""Folders that torch.distributed.checkpoint writes: pieces of tensors in shards, and a pickled table.

The table is read as data; torch itself would unpickle it. Training state is not even read.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from repdiag.checkpoints.contents import Contents, aside_notes, flatten, is_bookkeeping
from repdiag.checkpoints.handover import Facts, handed_over
from repdiag.checkpoints.inert import Inert, read_inert
from repdiag.checkpoints.inside import inside
from repdiag.checkpoints.load import hash_stream, load_part
from repdiag.checkpoints.sniff import DISTRIBUTED_TABLE, open_regular
from repdiag.checkpoints.soundness import unusable
from repdiag.child import limits_for
from repdiag.errors import InputError
from repdiag.text import listing, printable

MAX_TABLE_BYTES = 256 << 20
MAX_VALUE_BYTES = 1 << 16
_KNOWN = (
    *("torch.distributed.checkpoint.", "torch.serialization.", "pathlib.", "collections.OrderedDict"),
    *("torch.Size", "builtins.getattr", "torch.strided", "torch.distributed._shard."),
)
_ADVICE = "convert it where it was written: torch.distributed.checkpoint.format_utils.dcp_to_torch_save"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of one shard: a stretch of a tensor from `start` on, or an object where `start` is None."""

    file: str
    offset: int
    length: int
    start: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor of the table, or, with no dtype, an object."""

    shape: tuple[int, ...]
    dtype: torch.dtype | None
    pieces: tuple[Piece, ...]


def load_distributed(folder: Path, *, max_bytes: int) -> tuple[Facts, Contents]:
    """Weights of a folder with `.metadata` and `*.distcp` files, each tensor put together from its pieces.

    Facts are `sha256`, of the table and of every shard's digest, and `size` in bytes.

    Raises:
        InputError: unfinished, damaged, hostile, over `max_bytes`, or of pieces that do not fit together.
    """
    shown = printable(folder)
    size = sum(one.stat().st_size for one in folder.iterdir() if one.is_file())
    if size > max_bytes:
        raise InputError(f"{shown}: has {size:,} bytes, over the limit of {max_bytes:,}; save weights alone")
    return handed_over(lambda: _read(folder, size, shown), shown, limits_for(size))


def _read(folder: Path, size: int, shown: str) -> tuple[Facts, Contents]:
    with open_regular(folder / DISTRIBUTED_TABLE) as stream:
        digests = hashlib.sha256(hash_stream(stream).encode())
        table = _table(stream.read(MAX_TABLE_BYTES), shown)
    wanted = {name: entry for name, entry in table.items() if not is_bookkeeping(tuple(name.split(".")))}
    aside = Counter(name.partition(".")[0] for name in table if name not in wanted)
    with ExitStack() as stack:
        files: dict[str, BufferedReader] = {}
        for name in sorted({piece.file for entry in wanted.values() for piece in entry.pieces}):
            files[name] = stack.enter_context(open_regular(inside(folder, name, shown)))
            digests.update(hash_stream(files[name]).encode())
        loaded = {name: _loaded(name, entry, files, shown) for name, entry in wanted.items()}
    held = flatten(
        {name: one for name, one in loaded.items() if one is not None}, shown, 4 * size + (1 << 30)
    )
    contents = Contents(held.tensors, held.values, (*held.notes, *aside_notes(aside)))
    return {"sha256": digests.hexdigest(), "size": size}, contents


def _table(raw: bytes, shown: str) -> dict[str, Entry]:
    """What `.metadata` says.

    Raises:
        InputError: names that have no business in it, or not such a table.
    """
    try:
        table, names = read_inert(raw)
        if strange := [name for name in names if not _is_known(name)]:
            raise InputError(f"{shown}: its {DISTRIBUTED_TABLE} contains {listing(strange, 3)}; refused")
        return _entries(table)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{shown}: its {DISTRIBUTED_TABLE} is damaged or not of torch.distributed.checkpoint; {_ADVICE}"
        ) from error


def _is_known(name: str) -> bool:
    return name.startswith(_KNOWN) or isinstance(_in_torch(name), torch.dtype)


def _in_torch(name: str) -> object:
    return vars(torch).get(name.removeprefix("torch."))


def _entries(table: Inert) -> dict[str, Entry]:
    pieces: dict[str, list[Piece]] = {}
    for index, info in table.state["storage_data"].items():
        if info.state.get("transform_descriptors"):
            raise ValueError("compressed pieces")
        start = index.state.get("offset")
        piece = Piece(
            file=info.state["relative_path"],
            offset=int(info.state["offset"]),
            length=int(info.state["length"]),
            start=None if start is None else _lengths(start),
        )
        pieces.setdefault(index.state["fqn"], []).append(piece)
    if any(len({piece.start for piece in found}) != len(found) for found in pieces.values()):
        raise ValueError("two pieces at one place")
    described = table.state["state_dict_metadata"].items()
    return {str(name): _entry(one, tuple(pieces.get(name, ()))) for name, one in described}


def _entry(described: Inert, pieces: tuple[Piece, ...]) -> Entry:
    if not described.name.endswith(".TensorStorageMetadata"):
        return Entry((), None, pieces)
    properties = described.state["properties"].state
    dtype = _in_torch((properties[0] if isinstance(properties, tuple) else properties["dtype"]).name)
    if not isinstance(dtype, torch.dtype):
        raise ValueError("a tensor of no dtype")
    return Entry(_lengths(described.state["size"]), dtype, pieces)


def _lengths(size: Any) -> tuple[int, ...]:
    found = size.args[0] if isinstance(size, Inert) else size
    if not all(isinstance(length, int) and length >= 0 for length in found):
        raise ValueError("a size of no lengths")
    return tuple(found)


def _loaded(name: str, entry: Entry, files: Mapping[str, BufferedReader], shown: str) -> object:
    """A whole tensor, a value, or None for an object that only code could restore and that is no weight."""
    if entry.dtype is not None:
        parts = ((piece.start, _part(piece, files, shown)) for piece in entry.pieces)
        return _joined(entry, entry.dtype, parts, f"{shown}: tensor {printable(name, 60)}")
    if len(entry.pieces) != 1 or not 0 <= entry.pieces[0].length <= MAX_VALUE_BYTES:
        return None
    try:
        return _part(entry.pieces[0], files, shown)
    except InputError:
        return None


def _joined(
    entry: Entry, dtype: torch.dtype, parts: Iterable[tuple[tuple[int, ...] | None, object]], label: str
) -> Tensor:
    """The whole tensor; pieces must be of its kind, lie inside and fill it."""
    claimed = math.prod(entry.shape) * dtype.itemsize
    if claimed > sum(piece.length for piece in entry.pieces):
        raise InputError(f"{label} claims {claimed:,} bytes, more than its pieces hold; fetch it again")
    whole = torch.zeros(entry.shape, dtype=dtype)
    filled = 0
    for start, part in parts:
        if not isinstance(part, Tensor) or start is None or unusable(part):
            raise InputError(f"{label} has a piece that is no plain tensor; {_ADVICE}")
        stops = tuple(map(sum, zip(start, part.shape, strict=False)))
        fits = part.dtype == dtype and len(start) == part.ndim == whole.ndim
        if not fits or any(stop > most for stop, most in zip(stops, whole.shape, strict=True)):
            raise InputError(f"{label} has a piece that does not fit into it; the shards are damaged")
        whole[tuple(map(slice, start, stops))] = part
        filled += part.numel()
    if filled != whole.numel():
        raise InputError(f"{label} is not whole: its pieces hold {filled:,} of {whole.numel():,} numbers")
    return whole


def _part(piece: Piece, files: Mapping[str, BufferedReader], shown: str) -> object:
    stream = files[piece.file]
    size = stream.seek(0, io.SEEK_END)
    if not 0 <= piece.offset <= piece.offset + piece.length <= size:
        raise InputError(f"{shown}: {printable(piece.file)} is shorter than its table says; fetch it again")
    stream.seek(piece.offset)
    return load_part(stream.read(piece.length), f"{shown}: {printable(piece.file)}")
