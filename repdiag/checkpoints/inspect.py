"""What is in a checkpoint, without data or model code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from repdiag.checkpoints.checkpoint import Checkpoint
from repdiag.checkpoints.naming import name_architecture
from repdiag.checkpoints.opening import load_checkpoint
from repdiag.checkpoints.prefixes import ROOT
from repdiag.checkpoints.rank_bound import dead_notes, rank_bound
from repdiag.checkpoints.unwrap import Weights, choose_weights, weight_names
from repdiag.text import listing, printable

BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
MOST_GROUPS = 20


def inspect_checkpoint(path: Path, *, trust: bool = False, max_bytes: int | None = None) -> dict[str, Any]:
    """The `repdiag.inspect` document (schema version 1) of a checkpoint.

    `parameters` counts floating-point numbers that are not running statistics, over every set of weights.
    Names from the file are made printable: they may be hostile.

    Raises:
        InputError: not a checkpoint that can be opened safely.
    """
    checkpoint = load_checkpoint(path, trust=trust, max_bytes=max_bytes)
    names = weight_names(checkpoint)
    chosen = (
        [choose_weights(checkpoint, None, name) for name in names]
        if len(names) > 1
        else [choose_weights(checkpoint, None)]
    )
    tensors = checkpoint.tensors
    architecture, about_it = name_architecture(checkpoint)
    return {
        "schema": "repdiag.inspect",
        "schema_version": 1,
        "file": printable(checkpoint.path.name or checkpoint.path),
        "bytes": checkpoint.size,
        "format": checkpoint.format,
        "sha256": checkpoint.sha256,
        "wrappers": _wrappers(chosen),
        "weights": [printable(name) for name in names if name != ROOT],
        "parameters": sum(_parameters(weights.tensors) for weights in chosen),
        "tensors": len(tensors),
        "dtypes": dict(Counter(str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values())),
        "step": checkpoint.step,
        "epoch": checkpoint.epoch,
        "groups": _groups(tensors),
        "metadata": dict(checkpoint.metadata),
        "architecture": architecture,
        "rank_bound": _rank_bound(checkpoint, chosen),
        "notes": [*about_it, *_notes(checkpoint, chosen)],
    }


def tensor_notes(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """A sentence for tensors with NaN or infinite values, one for weights (not biases) that are all zero."""
    nonfinite = [
        name for name, tensor in tensors.items() if tensor.numel() and not bool(torch.isfinite(tensor).all())
    ]
    zero = [
        name
        for name, tensor in tensors.items()
        if _is_weight(name, tensor) and not name.endswith("bias") and not bool(tensor.any())
    ]
    if nonfinite:
        yield f"NaN or infinite values in {len(nonfinite)} of {len(tensors)} tensors: {listing(nonfinite)}"
    if zero:
        yield f"zero throughout, {len(zero)} of {len(tensors)} tensors: {listing(zero)}"


def _rank_bound(checkpoint: Checkpoint, chosen: list[Weights]) -> dict[str, Any] | None:
    """Of the first set of weights. safetensors files are sorted by name, others as they were defined."""
    found = rank_bound(chosen[0].tensors, ordered=not checkpoint.format.startswith("safetensors"))
    return found if found is None else {**found, "weights": printable(chosen[0].key)}


def _wrappers(chosen: list[Weights]) -> list[str]:
    """Everything that was peeled off any of the sets, each once, outermost first."""
    return list(dict.fromkeys(printable(part) for weights in chosen for part in weights.wrappers))


def _parameters(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() for name, tensor in tensors.items() if _is_weight(name, tensor))


def _is_weight(name: str, tensor: Tensor) -> bool:
    floating = tensor.is_floating_point() or tensor.is_complex()
    return floating and tensor.numel() > 0 and name.rpartition(".")[2] not in BUFFERS


def _groups(tensors: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """Tensors by their first component below what all names share; the tail is one group."""
    shared = _shared_prefix(list(tensors))
    sizes: dict[str, list[int]] = {}
    for name, tensor in tensors.items():
        sizes.setdefault(shared + name[len(shared) :].partition(".")[0], []).append(tensor.numel())
    rows = [(printable(name), len(found), sum(found)) for name, found in sizes.items()]
    tail = rows[MOST_GROUPS:]
    if tail:
        rows = [
            *rows[:MOST_GROUPS],
            (f"{len(tail)} more", sum(row[1] for row in tail), sum(row[2] for row in tail)),
        ]
    return [{"name": name, "tensors": count, "elements": elements} for name, count, elements in rows]


def _shared_prefix(names: list[str]) -> str:
    """The dotted prefix that all names have in common, with its dot."""
    shared = ""
    while True:
        first = names[0][len(shared) :].partition(".")
        if not first[1] or not all(name.startswith(f"{shared}{first[0]}.") for name in names):
            return shared
        shared += f"{first[0]}."


def _notes(checkpoint: Checkpoint, chosen: list[Weights]) -> Iterator[str]:
    yield from checkpoint.notes
    yield from tensor_notes(checkpoint.tensors)
    yield from dead_notes(checkpoint.tensors)
    if len(chosen) == 1 and chosen[0].ignored:
        yield f"{len(chosen[0].ignored)} tensors stand outside the weights: {listing(chosen[0].ignored)}"
