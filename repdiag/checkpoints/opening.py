"""From the path that a user names to a checkpoint: a file, an index of shards, or a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from repdiag.checkpoints.checkpoint import Checkpoint
from repdiag.checkpoints.contents import Value
from repdiag.checkpoints.distributed import load_distributed
from repdiag.checkpoints.inside import inside
from repdiag.checkpoints.load import MAX_BYTES, LoadedFile, hash_stream, load_file
from repdiag.checkpoints.sniff import (
    CODE_FORMATS,
    DISTRIBUTED_TABLE,
    Format,
    folder_file,
    open_regular,
    sniff,
)
from repdiag.checkpoints.steps import find_epoch, find_step
from repdiag.errors import InputError
from repdiag.text import listing, printable

MAX_INDEX_BYTES = 64 << 20
MAX_SHARDS = 4096
MAX_METADATA = 200
_SUFFIXES = {".safetensors": (Format.SAFETENSORS,), **dict.fromkeys((".pt", ".pth", ".th", ".ckpt", ".bin"), (
    Format.TORCH_ZIP, Format.TORCH_LEGACY))}  # fmt: skip


def load_checkpoint(
    path: Path, *, trust: bool = False, max_bytes: int | None = None, sha256: str | None = None
) -> Checkpoint:
    """Weights of a file, of an index of shards, or of a folder.

    Args:
        path: a checkpoint file, a `*.index.json`, a folder with one of them, or one that
            torch.distributed.checkpoint wrote.
        trust: allow TorchScript and torch.export files, which are code and are run.
        max_bytes: limit on the size of one file.
        sha256: what the digest must be.

    Raises:
        InputError: not a checkpoint, damaged, hostile, too large, or another digest.
    """
    found = sniff(path)
    if found is Format.FOLDER:
        raise InputError(_no_weights(path))
    if found is Format.DISTRIBUTED:
        checkpoint = _distributed(path, max_bytes)
    else:
        checkpoint = _by_file(path, found, trust, max_bytes)
    if sha256 is not None and sha256.lower() != checkpoint.sha256:
        digests = f"asked for {printable(sha256, 12)}, found {checkpoint.sha256[:12]}"
        raise InputError(f"{printable(path)}: sha256 mismatch ({digests}); fetch it again")
    return checkpoint


def _no_weights(folder: Path) -> str:
    """Why a folder is no checkpoint; torch writes the table of a distributed one last."""
    shown = printable(folder)
    if any(folder.glob("__*.metadata")):
        return f"{shown}: every rank wrote a table of its own; save it again with one coordinator"
    if any(folder.glob("*.distcp")):
        return (
            f"{shown}: has shards but no {DISTRIBUTED_TABLE}, so its writing never ended; take another step"
        )
    return f"{shown}: is a directory without model.safetensors or an index of shards; name a file"


def _by_file(path: Path, found: Format, trust: bool, max_bytes: int | None) -> Checkpoint:
    """A file, or the file that stands for a folder."""
    inner = folder_file(path) if found is Format.HF_FOLDER else None
    if inner is not None:
        inner = inside(path, inner.name, printable(path))
        found = sniff(inner)
    if found is Format.JSON:
        return _sharded(path, inner or path, max_bytes)
    return _single(path, load_file(inner or path, trust=trust, max_bytes=max_bytes))


def _distributed(path: Path, max_bytes: int | None) -> Checkpoint:
    facts, contents = load_distributed(path, max_bytes=max_bytes or MAX_BYTES)
    loaded = LoadedFile(Format.DISTRIBUTED, facts["sha256"], facts["size"], contents)
    return _checkpoint(path, loaded, contents.tensors, contents.values, contents.notes)


def load_tensors(path: Path, *, max_bytes: int | None = None) -> Mapping[str, Tensor]:
    """Named tensors of a torch or safetensors file that holds data; one bare tensor has the empty name.

    Raises:
        InputError: as for `load_checkpoint`; code is never run.
    """
    return load_file(path, max_bytes=max_bytes, bare=True).contents.tensors


def _single(path: Path, loaded: LoadedFile) -> Checkpoint:
    contents = loaded.contents
    expected = _SUFFIXES.get(path.suffix.lower())
    odd = expected is not None and loaded.format not in expected and loaded.format not in CODE_FORMATS
    notes = (f"named {path.suffix}, but the content is {loaded.format}",) if odd else ()
    return _checkpoint(path, loaded, contents.tensors, contents.values, (*contents.notes, *notes))


def _checkpoint(
    path: Path,
    loaded: LoadedFile,
    tensors: Mapping[str, Tensor],
    values: Mapping[str, Value],
    notes: tuple[str, ...],
) -> Checkpoint:
    shown = list(values.items())[:MAX_METADATA]
    return Checkpoint(
        path=path,
        sha256=loaded.sha256,
        format=str(loaded.format),
        tensors=tensors,
        step=find_step(values, path),
        epoch=find_epoch(values, path),
        metadata={printable(key): printable(value, 200) for key, value in shown},
        notes=notes,
        size=loaded.size,
    )


def _sharded(path: Path, index: Path, max_bytes: int | None) -> Checkpoint:
    """Every tensor of the shards that the index names, each from the shard it stands in."""
    shown = printable(index)
    weight_map, digest = _read_index(index, shown)
    digests = hashlib.sha256(digest.encode())
    tensors: dict[str, Tensor] = {}
    size, formats = index.stat().st_size, set()
    for name in sorted(set(weight_map.values())):
        loaded = load_file(inside(index.parent, name, shown), max_bytes=max_bytes)
        clashes = tensors.keys() & loaded.contents.tensors.keys()
        if clashes:
            raise InputError(
                f"{shown}: two shards hold {listing(sorted(clashes), 3)}; write the shards again"
            )
        tensors.update(loaded.contents.tensors)
        digests.update(loaded.sha256.encode())
        size += loaded.size
        formats.add(loaded.format)
    missing = sorted(weight_map.keys() - tensors.keys())
    if missing:
        raise InputError(f"{shown}: {listing(missing, 3)} stand in no shard; fetch the shards again")
    kind = "safetensors-sharded" if formats == {Format.SAFETENSORS} else "torch-sharded"
    extra = len(tensors.keys() - weight_map.keys())
    return Checkpoint(
        path=path,
        sha256=digests.hexdigest(),
        format=kind,
        tensors=tensors,
        step=find_step({}, path),
        epoch=find_epoch({}, path),
        metadata={},
        notes=(f"{extra} tensors of the shards are not in the index",) if extra else (),
        size=size,
    )


def _read_index(index: Path, shown: str) -> tuple[dict[str, str], str]:
    with open_regular(index) as stream:
        digest = hash_stream(stream)
        raw = stream.read(MAX_INDEX_BYTES + 1)
    try:
        weight_map: Any = json.loads(raw[:MAX_INDEX_BYTES])["weight_map"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{shown}: is JSON without a weight_map, not an index of shards; name a checkpoint"
        ) from error
    sound = isinstance(weight_map, dict) and all(isinstance(name, str) for name in weight_map.values())
    if not sound or not weight_map or len(set(weight_map.values())) > MAX_SHARDS:
        raise InputError(
            f"{shown}: its weight_map does not map tensors to shard files; write the index again"
        )
    return weight_map, digest
