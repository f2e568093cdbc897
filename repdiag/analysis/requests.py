"""What a user asks of an analysis, and which measures that means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from repdiag import linalg
from repdiag.errors import UsageError
from repdiag.measures.inputs import Need
from repdiag.measures.registry import Selection, all_measures, parse_selection
from repdiag.types import IntervalMethod

LABELLED = frozenset({Need.CLASS_MEANS, Need.CLASS_SPECTRA, Need.OUTPUTS})
WITHOUT_ROGUE = ("effective_rank", "top1_share", "mean_share")
"""Figures that are given without rogue coordinates too, where there are some."""


@dataclass(frozen=True, slots=True)
class SpectrumRequest:
    """Globs choose representations; `measures` are keys such as `rankme{center=true}`, none for all.

    `replicates` keeps every figure without each group, for whoever compares it later. `closer` adds single
    samples along the leading directions, rows that repeat, and how lengths and cosines are distributed.
    """

    layers: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    interval: Literal["auto", "fast", "full", "none"] = "auto"
    confidence: float = 0.95
    device: str = "auto"
    seed: int = 0
    replicates: bool = False
    closer: bool = False

    def selections(self) -> list[Selection]:
        """The measures asked for, or every declared one that is not opt-in, with its defaults."""
        if self.measures:
            return list({s.key: s for s in map(parse_selection, self.measures)}.values())
        return [Selection(measure) for measure in all_measures().values() if not measure.opt_in]

    def method(self, d: int) -> IntervalMethod:
        """How intervals are found for d features."""
        if self.interval != "auto":
            return IntervalMethod(self.interval)
        return IntervalMethod.FULL if d <= linalg.FULL_INTERVAL_FEATURES else IntervalMethod.FAST


def applicable(
    selections: Sequence[Selection], asked: bool, labels: bool, views: bool
) -> tuple[list[Selection], list[str]]:
    """Selections that the store can answer, and notes on those that it cannot.

    Raises:
        UsageError: a measure was asked for by name and lacks labels or views.
    """
    lacking = {
        s.key: "labels" if s.needs in LABELLED else "two or more views of each object"
        for s in selections
        if (s.needs in LABELLED and not labels) or (s.needs is Need.OBJECTS and not views)
    }
    if asked and lacking:
        name, what = next(iter(lacking.items()))
        raise UsageError(f"{name} needs {what}, which this store does not have")
    kept = [s for s in selections if s.key not in lacking]
    return kept, [f"{name}: not applicable, it needs {what}" for name, what in lacking.items()]


def resolve_device(wanted: str) -> str:
    """`auto` is CUDA where there is one, else the CPU.

    Raises:
        UsageError: the named device does not exist here, or has no float64.
    """
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "mps":
        raise UsageError("mps has no float64, which every statistic here needs; use --device cpu")
    kind, _, number = wanted.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise UsageError(f'--device "{wanted}" is not auto, cpu, cuda or cuda:N')
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError("no CUDA device is available here; use --device cpu")
    if number and int(number) >= torch.cuda.device_count():
        raise UsageError(f"there are {torch.cuda.device_count()} CUDA devices; {wanted} is not one of them")
    return wanted
