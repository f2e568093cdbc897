"""Estimates of two arrays through the library call, what a call costs, and Markdown."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from repdiag import InformationRequest, analyse_information, memory_store
from repdiag.analysis.bandwidth import kernel_of
from repdiag.measures.pair_entropies import KernelRows
from repdiag.measures.pair_inputs import PairNeed, RowPairs
from repdiag.measures.pair_registry import parse_pair_selection
from repdiag.results import Estimate

T = TypeVar("T")
STATUS = Path("/proc/self/status")


def estimates(
    x: np.ndarray[Any, Any],
    y: np.ndarray[Any, Any],
    measures: Sequence[str],
    interval: str = "none",
    labels: np.ndarray[Any, Any] | None = None,
) -> Mapping[str, Estimate]:
    """What `repdiag information` says of two views, every row used."""
    request = InformationRequest(
        measures=tuple(measures),
        interval=interval,  # type: ignore[arg-type]
        device="cpu",
        rows=min(len(x), 4000),
    )
    (pair,) = analyse_information([memory_store({"x": x, "y": y}, labels=labels)], request).pairs
    return pair.estimates


def figures(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], measures: Sequence[str]) -> dict[str, float]:
    """Bare figures of measures that compare all rows: null and interval cost many times more."""
    views = torch.from_numpy(x), torch.from_numpy(y)
    widths = kernel_of(views[0]).width, kernel_of(views[1]).width
    rows, kernels = (record(*views, len(x), widths) for record in (RowPairs, KernelRows))
    chosen = map(parse_pair_selection, measures)
    return {
        each.key: float(each(kernels if each.needs is PairNeed.KERNELS else rows).value) for each in chosen
    }


def cost(action: Callable[[], T]) -> tuple[T, float, float]:
    """The result, CPU seconds, and MB of memory above what was held before (NaN where /proc is missing)."""
    before = _memory("VmRSS", forget=True)
    start = time.process_time()
    result = action()
    return result, time.process_time() - start, _memory("VmHWM") - before


def _memory(field: str, *, forget: bool = False) -> float:
    if not STATUS.exists():
        return float("nan")
    if forget:
        STATUS.with_name("clear_refs").write_text("5")
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def short(value: float | None) -> str:
    """Three figures, or a word where there is no figure."""
    if value is None:
        return "none"
    if abs(value) < 1e-5:
        return "0"
    return f"{value:.2f}" if 1 <= abs(value) < 100 else f"{value:.3g}"
