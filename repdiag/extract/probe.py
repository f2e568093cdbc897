"""One forward pass on a probe batch: what each layer gives, or why it gives no rows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from repdiag.errors import UsageError
from repdiag.extract.hooks import Tap, check_batch, listening, tensor_of
from repdiag.extract.inputs import ModelInput, call


@dataclass(frozen=True)
class Heard:
    """What a layer gave: its tensor, (b, ...), and a clause on which one that was ("" if it was alone)."""

    value: Tensor
    took: str


@dataclass(frozen=True)
class Probe:
    """The pass: a layer is in `heard`, in `faults` (it ran but its rows are no samples), or did not run.

    `seconds` are per sample.
    """

    heard: dict[Tap, Heard]
    faults: dict[Tap, UsageError]
    seconds: float


def probe(model: nn.Module, taps: Sequence[Tap], given: ModelInput, samples: int, where: str) -> Probe:
    """Run the model once on `samples` samples and listen at `taps`.

    Raises:
        UsageError: the model fails, or a tap is inside TorchScript.
    """
    heard: dict[Tap, Heard] = {}
    faults: dict[Tap, UsageError] = {}
    runs: Counter[Tap] = Counter()

    def take(tap: Tap, value: Any) -> None:
        runs[tap] += 1
        try:
            heard[tap] = _rows(tap, value, samples, runs[tap])
        except UsageError as error:
            faults[tap] = error

    started = time.perf_counter()
    with listening(model, taps, take):
        output = call(model, given, where)
    for tap in taps:
        if not tap.module:
            take(tap, output)
    return Probe(heard, faults, (time.perf_counter() - started) / samples)


def _rows(tap: Tap, value: Any, samples: int, run: int) -> Heard:
    tensor, took = tensor_of(value, tap.layer)
    kept = check_batch(tensor, samples, tap.layer).detach().clone()
    return Heard(kept, took if run == 1 else f"the last of {run} runs")
