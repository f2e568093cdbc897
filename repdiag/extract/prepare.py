"""Decisions made once, on a probe batch: which layers, how each is pooled, how wide its rows are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import nn

from repdiag.data import Reading, SampleSource, read_batch
from repdiag.errors import UsageError
from repdiag.extract.causal import is_causal
from repdiag.extract.features import check_features
from repdiag.extract.hooks import Tap, output_tap, submodule
from repdiag.extract.inputs import Encoder, ModelInput, call
from repdiag.extract.penultimate import default_taps
from repdiag.extract.pooling import Pool, choose_pool
from repdiag.extract.probe import Heard, Probe, probe
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
    asked for and do not run, `rowless` those that a glob matched and that give no rows of samples.
    """

    layers: tuple[Layer, ...]
    causal: bool
    rows: float
    seconds: float
    features: int = 0
    asleep: tuple[str, ...] = ()
    rowless: tuple[str, ...] = ()


def layer_notes(layers: Sequence[Layer]) -> list[str]:
    """One line for each way of pooling, with the layers that it is used for."""
    ways: dict[str, list[str]] = {}
    for layer in layers:
        ways.setdefault(layer.how, []).append(layer.name)
    return [f"pooling: {how} ({listing(names)})" for how, names in ways.items()]


def left_out(prepared: Prepared, view: str) -> list[str]:
    """One line for the layers that do not run, and one for those that give no rows of samples."""
    reasons = {"do not run": prepared.asleep, "give no rows of samples": prepared.rowless}
    return [
        f"view {printable(view)}: left out, as they {reason}: {listing(names)}"
        for reason, names in reasons.items()
        if names
    ]


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
    prepared = replace(_measured(model, taps, given, len(batch), request, where), causal=causal)
    _refuse_asleep(prepared, request, batch.key)
    if not request.keep_inputs:
        return prepared
    pools = tuple(layer.pool.method for layer in prepared.layers)
    return replace(prepared, features=check_features(batch, pools))


def _refuse_asleep(prepared: Prepared, request: ExtractRequest, key: str | None) -> None:
    """A layer may sleep where it was only matched, or where one entry of a sample does not reach it."""
    named = [name for name in prepared.asleep if not key and _named(name, request)]
    refused = named if prepared.layers else prepared.asleep
    if refused:
        raise UsageError(
            f'layer "{printable(refused[0])}" does not run in a forward pass; choose another --layer'
        )


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
    request: ExtractRequest,
    where: str,
) -> Prepared:
    found = probe(model, taps, given, samples, where)
    layers, faults = _layers(model, taps, found, given, request.pool)
    severe = [fault for tap, fault in faults.items() if not layers or _named(tap.layer, request)]
    if severe:
        raise severe[0]
    rows = _rows(layers, found, given) / samples if layers else 0.0
    asleep = tuple(tap.layer for tap in taps if tap not in found.heard and tap not in faults)
    return Prepared(layers, False, rows, found.seconds, 0, asleep, tuple(tap.layer for tap in faults))


def _named(layer: str, request: ExtractRequest) -> bool:
    """Whether it was asked for by its name or by default, not only matched by a glob."""
    return not request.layers or layer in request.layers


def _layers(
    model: nn.Module, taps: Sequence[Tap], found: Probe, given: ModelInput, wanted: str
) -> tuple[tuple[Layer, ...], dict[Tap, UsageError]]:
    layers, faults = [], dict(found.faults)
    for tap in taps:
        try:
            if tap in found.heard and tap not in faults:
                layers.append(_layer(model, tap, found.heard[tap], given, wanted))
        except UsageError as error:
            faults[tap] = error
    return tuple(layers), {tap: faults[tap] for tap in taps if tap in faults}


def _layer(model: nn.Module, tap: Tap, heard: Heard, given: ModelInput, wanted: str) -> Layer:
    module = submodule(model, tap.module) if tap.side == "output" and tap.layer != OUTPUT_LAYER else None
    try:
        pool = choose_pool(heard.value, wanted, module, given.mask)
    except UsageError as error:
        raise UsageError(f'layer "{printable(tap.layer)}": {error}') from error
    d = pool(heard.value, given.mask).shape[1]
    return Layer(tap, pool, tuple(heard.value.shape), d, heard.took)


def _rows(layers: Sequence[Layer], found: Probe, given: ModelInput) -> int:
    """Rows that the probe batch gives; the same for every layer, or there is no common row."""
    counts = {layer.name: len(layer.pool(found.heard[layer.tap].value, given.mask)) for layer in layers}
    if len(set(counts.values())) > 1:
        (one, rows), (other, others) = min(counts.items(), key=_count), max(counts.items(), key=_count)
        raise UsageError(
            f"--pool none gives {rows} rows at {printable(one)} but {others} at {printable(other)}; "
            "extract them one by one"
        )
    return next(iter(counts.values()))


def _count(item: tuple[str, int]) -> int:
    return item[1]
