"""Decisions made once, on a probe batch: which layers, how each is pooled, how wide its rows are."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from repdiag.data import Reading, SampleSource, read_batch
from repdiag.errors import UsageError
from repdiag.extract.causal import is_causal
from repdiag.extract.features import check_features
from repdiag.extract.hooks import Tap, check_batch, listening, output_tap, submodule, tensor_of
from repdiag.extract.inputs import Encoder, ModelInput, call
from repdiag.extract.penultimate import default_taps
from repdiag.extract.pooling import Pool, choose_pool
from repdiag.extract.request import ExtractRequest, PlannedLayer
from repdiag.models import resolve_layers
from repdiag.text import listing, printable
from repdiag.types import OUTPUT_LAYER

PROBE = 2


@dataclass(frozen=True)
class Layer:
    """One layer to extract: where to listen, how to pool, what its rows are."""

    tap: Tap
    pool: Pool
    shape: tuple[int, ...]
    d: int
    took: str = ""

    @property
    def name(self) -> str:
        return self.tap.layer

    @property
    def attributes(self) -> dict[str, str]:
        """For the store."""
        module = f"{self.tap.side} of {self.tap.module}" if self.tap.side == "input" else self.tap.module
        took = {"took": self.took} if self.took else {}
        return {
            "module": module or "the whole model",
            "pool": self.pool.method,
            "pool_note": self.pool.note,
            **took,
        }

    @property
    def how(self) -> str:
        """What was taken and how it is pooled, in one clause."""
        return f"{self.took}, {self.pool.note}" if self.took else self.pool.note

    def planned(self) -> PlannedLayer:
        return PlannedLayer(self.name, self.shape, self.d, self.how)


@dataclass(frozen=True)
class Prepared:
    """The layers of a run; `rows` and `seconds` are per sample, of the probe batch.

    `features` are those of a sample that are kept, 0 without --keep-inputs. `asleep` are layers that were
    asked for and do not run for this entry of the samples.
    """

    layers: tuple[Layer, ...]
    causal: bool
    rows: float
    seconds: float
    features: int = 0
    asleep: tuple[str, ...] = ()


def layer_notes(layers: Sequence[Layer]) -> list[str]:
    """One line for each way of pooling, with the layers that it is used for."""
    ways: dict[str, list[str]] = {}
    for layer in layers:
        ways.setdefault(layer.how, []).append(layer.name)
    return [f"pooling: {how} ({listing(names)})" for how, names in ways.items()]


def prepare(
    model: nn.Module, encoder: Encoder, source: SampleSource, reading: Reading, request: ExtractRequest
) -> Prepared:
    """Run the probe batch and decide.

    Raises:
        UsageError: the model fails on it, no layer matches, a layer cannot be pooled as asked, or inputs
            cannot be kept.
    """
    batch = read_batch(source, 0, min(PROBE, len(source)), reading)
    given = encoder(batch)
    where = f"the first {len(batch)} samples (view {printable(reading.view.name)})"
    causal = not request.keep_special and is_causal(model, given, where)
    if causal:
        given = replace(encoder, causal=True)(batch)
    taps = chosen_taps(model, request.layers, given, where)
    prepared = _measured(model, taps, given, len(batch), request.pool, where, causal)
    if prepared.asleep and not (batch.key and prepared.layers):
        asleep = printable(prepared.asleep[0])
        raise UsageError(f'layer "{asleep}" does not run in a forward pass; choose another --layer')
    if not request.keep_inputs:
        return prepared
    pools = tuple(layer.pool.method for layer in prepared.layers)
    return replace(prepared, features=check_features(batch, pools))


def chosen_taps(model: nn.Module, globs: Sequence[str], given: ModelInput, where: str) -> tuple[Tap, ...]:
    """The layers that the globs name, in the order of the model, `output` last; the default without globs.

    Raises:
        UsageError: a glob that matches nothing.
    """
    if not globs:
        return default_taps(model, lambda: call(model, given, where))
    names = resolve_layers(model, tuple(globs))
    return tuple(output_tap(name) for name in names)


def _measured(
    model: nn.Module,
    taps: Sequence[Tap],
    given: ModelInput,
    samples: int,
    wanted: str,
    where: str,
    causal: bool,
) -> Prepared:
    seen: dict[Tap, tuple[Tensor, str]] = {}
    runs: Counter[Tap] = Counter()

    def take(tap: Tap, value: Any) -> None:
        tensor, took = tensor_of(value, tap.layer)
        runs[tap] += 1
        took = took if runs[tap] == 1 else f"the last of {runs[tap]} runs"
        seen[tap] = (check_batch(tensor, samples, tap.layer).detach().clone(), took)

    started = time.perf_counter()
    with listening(model, taps, take):
        output = call(model, given, where)
    for tap in taps:
        if not tap.module:
            take(tap, output)
    seconds = (time.perf_counter() - started) / samples
    asleep = tuple(tap.layer for tap in taps if tap not in seen)
    layers = tuple(_layer(model, tap, *seen[tap], given, wanted) for tap in taps if tap in seen)
    rows = _rows(layers, seen, given) / samples if layers else 0.0
    return Prepared(layers, causal, rows, seconds, asleep=asleep)


def _layer(model: nn.Module, tap: Tap, value: Tensor, took: str, given: ModelInput, wanted: str) -> Layer:
    module = submodule(model, tap.module) if tap.side == "output" and tap.layer != OUTPUT_LAYER else None
    try:
        pool = choose_pool(value, wanted, module, given.mask)
    except UsageError as error:
        raise UsageError(f'layer "{printable(tap.layer)}": {error}') from error
    return Layer(tap, pool, tuple(value.shape), pool(value, given.mask).shape[1], took)


def _rows(layers: Sequence[Layer], seen: Mapping[Tap, tuple[Tensor, str]], given: ModelInput) -> int:
    """Rows that the probe batch gives; the same for every layer, or there is no common row."""
    counts = {layer.name: len(layer.pool(seen[layer.tap][0], given.mask)) for layer in layers}
    if len(set(counts.values())) > 1:
        (one, rows), (other, others) = min(counts.items(), key=_count), max(counts.items(), key=_count)
        raise UsageError(
            f"--pool none gives {rows} rows at {printable(one)} but {others} at {printable(other)}; "
            "extract them one by one"
        )
    return next(iter(counts.values()))


def _count(item: tuple[str, int]) -> int:
    return item[1]
