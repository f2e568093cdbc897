"""One shard: forward passes over a fixed run of samples, all layers of each pass together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from repdiag.data import Batch, Reading, SampleSource, read_batches
from repdiag.errors import UsageError
from repdiag.extract.columns import sample_columns, token_columns
from repdiag.extract.dropout import active_dropout
from repdiag.extract.features import FEATURE_BYTES, feature_rows
from repdiag.extract.hooks import Tap, check_batch, listening, tensor_of
from repdiag.extract.inputs import Encoder, ModelInput, call
from repdiag.extract.prepare import Layer, Prepared
from repdiag.text import printable

SHARD_ROWS = 4096
SHARD_BYTES = 64 << 20

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Shard:
    """Rows of all layers for samples from `start` on, their columns and, where kept, their features."""

    start: int
    layers: dict[str, np.ndarray]
    columns: dict[str, Any]
    inputs: np.ndarray | None = None


@dataclass(frozen=True)
class Machine:
    """What turns samples into rows: the model, how it is fed, what is taken from it.

    `features` are those of a sample that are kept beside the layers, 0 for none.
    """

    model: nn.Module
    encoder: Encoder
    layers: tuple[Layer, ...]
    precision: str = "fp32"
    dtype: str = "float32"
    features: int = 0


def shard_samples(prepared: Prepared, batch_size: int, itemsize: int) -> int:
    """Samples in a shard: a whole number of batches, about 4,096 rows or 64 MiB, whichever is less."""
    width = sum(layer.d for layer in prepared.layers) * itemsize + prepared.features * FEATURE_BYTES
    rows = min(SHARD_ROWS, SHARD_BYTES // max(1, width))
    return max(1, int(rows / max(1.0, prepared.rows)) // batch_size) * batch_size


def make_shard(
    machine: Machine,
    source: SampleSource,
    span: tuple[int, int],
    reading: Reading,
    batch_size: int,
    workers: int,
    tick: Callable[[int], None],
) -> Shard:
    """Rows of samples span[0]..span[1]-1 under a view. `tick` gets the samples of each finished batch.

    Raises:
        UsageError: the model fails, or a layer gives what it did not give before.
    """
    start, stop = span
    ranges = [(at, min(at + batch_size, stop)) for at in range(start, stop, batch_size)]
    parts: dict[str, list[np.ndarray]] = {layer.name: [] for layer in machine.layers}
    counts: list[int] = []
    inputs: list[np.ndarray] = []
    for batch in read_batches(source, ranges, reading, workers):
        rows, batch_counts = forward_rows(machine, batch, reading)
        counts += batch_counts
        for name, part in rows.items():
            parts[name].append(part)
        if machine.features:
            inputs.append(feature_rows(batch, machine.features))
        tick(len(batch))
    layers = {name: np.concatenate(blocks) for name, blocks in parts.items()}
    tokens = any(layer.pool.method == "none" for layer in machine.layers)
    columns = token_columns(source, start, counts) if tokens else sample_columns(source, start, stop)
    return Shard(start, layers, columns, np.concatenate(inputs) if inputs else None)


def forward_rows(machine: Machine, batch: Batch, reading: Reading) -> tuple[dict[str, np.ndarray], list[int]]:
    """(rows, d) of every layer in the storage dtype, and how many rows each sample gave.

    Raises:
        UsageError: the model fails, or layers do not give the same rows.
    """
    given = machine.encoder(batch)
    where = f"samples {printable(batch.ids[0], 60)} to {printable(batch.ids[-1], 60)}"
    where = f"{where} (view {printable(reading.view.name)})"
    taken: dict[str, np.ndarray] = {}
    counts: dict[str, list[int]] = {}
    by_tap = {layer.tap: layer for layer in machine.layers}

    def take(tap: Tap, value: Any) -> None:
        layer = by_tap[tap]
        tensor = check_batch(tensor_of(value, tap.layer)[0], len(batch), tap.layer)
        taken[tap.layer] = _stored(layer, tensor, given, machine.dtype)
        if layer.pool.method == "none":
            counts[tap.layer] = layer.pool.counts(tensor, given.mask)

    with _computing(machine), _view(machine, batch, reading), listening(machine.model, list(by_tap), take):
        output = call(machine.model, given, where)
        for tap in by_tap:
            if not tap.module:
                take(tap, output)
    for layer in machine.layers:
        if layer.name not in taken or taken[layer.name].shape[1] != layer.d:
            found = taken[layer.name].shape[1] if layer.name in taken else "no"
            raise UsageError(
                f'layer "{printable(layer.name)}" gives {found} features at {where}, not {layer.d} as before'
            )
    return taken, _agreed(counts, len(batch), where)


def _agreed(counts: dict[str, list[int]], samples: int, where: str) -> list[int]:
    found = list(counts.values()) or [[1] * samples]
    if any(other != found[0] for other in found):
        raise UsageError(
            f"--pool none: layers give different numbers of tokens at {where}; extract them one by one"
        )
    return found[0]


def _stored(layer: Layer, tensor: torch.Tensor, given: ModelInput, dtype: str) -> np.ndarray:
    rows = layer.pool(tensor, given.mask)
    target = torch.float16 if dtype == "float16" else torch.float32
    return np.ascontiguousarray(rows.to(device="cpu", dtype=target).numpy())


def _computing(machine: Machine) -> Any:
    wanted = _AUTOCAST.get(machine.precision)
    return torch.autocast(machine.encoder.device.type, wanted) if wanted else nullcontext()


def _view(machine: Machine, batch: Batch, reading: Reading) -> Any:
    if reading.view.in_model:
        return active_dropout(machine.model, batch.ids, reading.view.name, reading.seed)
    return nullcontext()


def spans(samples: int, size: int) -> Iterator[tuple[int, int]]:
    """The fixed plan: start and stop of every shard."""
    return ((start, min(start + size, samples)) for start in range(0, samples, size))
