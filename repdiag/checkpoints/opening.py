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
from repdiag.checkpoints.load import LoadedFile, hash_stream, load_file
from repdiag.checkpoints.sniff import CODE_FORMATS, Format, folder_file, open_regular, sniff
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
    """Weights of a file, of an index of shards, or of a Hugging Face folder.

    Args:
        path: a checkpoint file, a `*.index.json`, or a folder with one of them.
        trust: allow TorchScript and torch.export files, which are code and are run.
        max_bytes: limit on the size of one file.
        sha256: what the digest must be.

    Raises:
        InputError: not a checkpoint, damaged, hostile, too large, or another digest.
    """
    found = sniff(path)
    inner = folder_file(path) if found is Format.HF_FOLDER else path
    if found is Format.FOLDER or inner is None:
        raise InputError(
            f"{printable(path)}: is a directory without model.safetensors or an index of shards; name a file"
        )
    if found is Format.HF_FOLDER:
        inner = _inside(path, inner.name, printable(path))
        found = sniff(inner)
    if found is Format.JSON:
        checkpoint = _sharded(path, inner, max_bytes)
    else:
        checkpoint = _single(path, load_file(inner, trust=trust, max_bytes=max_bytes))
    if sha256 is not None and sha256.lower() != checkpoint.sha256:
        digests = f"asked for {printable(sha256, 12)}, found {checkpoint.sha256[:12]}"
        raise InputError(f"{printable(path)}: sha256 mismatch ({digests}); fetch it again")
    return checkpoint


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
        loaded = load_file(_inside(index.parent, name, shown), max_bytes=max_bytes)
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


def _inside(folder: Path, name: str, shown: str) -> Path:
    """`folder/name`, which must neither point nor link out of the folder.

    The cache of the Hugging Face hub keeps links from snapshots/<revision>/ to blobs/ beside it: allowed.
    """
    wanted = folder / name
    try:
        real, root = wanted.resolve(strict=True), folder.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{shown}: names {printable(name, 60)}, which is not there; fetch all shards"
        ) from error
    roots = [root, *([root.parent.parent / "blobs"] if root.parent.name == "snapshots" else [])]
    plain = name == Path(name).name and name not in ("", ".", "..")
    if not plain or not any(real.is_relative_to(allowed) for allowed in roots):
        raise InputError(f"{shown}: names {printable(name, 60)}, which leads out of its folder; refused")
    return wanted
