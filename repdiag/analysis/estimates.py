"""A measure, its record with and without each group, and the facts: one estimate with a status."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from repdiag.analysis.facts import Facts
from repdiag.analysis.replicas import Replicas
from repdiag.measures.inputs import Need
from repdiag.measures.registry import Bound, Reading, Selection
from repdiag.results import Estimate
from repdiag.stats.jackknife import LEAST_GROUPS, Interval, interval
from repdiag.types import IntervalMethod, Status

ABOUT_SPREAD = frozenset(
    {
        Need.SPECTRUM,
        Need.CLEAN_SPECTRUM,
        Need.NEIGHBOURS,
        Need.CLASS_MEANS,
        Need.CLASS_SPECTRA,
        Need.OBJECTS,
    }
)
"""Records that hold nothing when nothing varies; the others still describe a constant."""

NEVER_CONSTANT = frozenset({"trace"})
"""Figures that a constant has: its variance is zero, and that is an answer."""


def estimate(selection: Selection, replicas: Replicas | None, facts: Facts, confidence: float) -> Estimate:
    """The estimate of one selected measure.

    Args:
        selection: the measure and its options.
        replicas: what it reads, from all samples and without each group.
        facts: size and scale of the representation.
        confidence: of the two-sided interval, in (0, 1).
    """
    status, reason = before(selection, facts)
    if status in (Status.CONSTANT, Status.NONFINITE) or (reason and not _one_sided(selection, facts)):
        return _without_value(selection, status, confidence, reason)
    if replicas is None:
        return _without_value(selection, Status.INSUFFICIENT, confidence, "no class has two samples")
    reading = selection(replicas.total)
    plugin = float(reading.value)
    if math.isinf(plugin):
        return _without_value(selection, Status.NONFINITE, confidence, "overflows float64")
    if not math.isfinite(plugin):
        return _without_value(selection, Status.INSUFFICIENT, confidence, "does not exist for these data")
    found = _interval(selection, plugin, replicas, confidence)
    low, high = _clipped(found, selection.measure.bounds, facts) if found else (None, None)
    if reason:
        low, high = _one_sided_ends(selection, low, high)
    return Estimate(
        value=None if reason else plugin,
        low=low,
        high=high,
        confidence=confidence,
        plugin=plugin,
        status=status,
        unit=selection.measure.unit,
        correction="none",
        interval_method=replicas.method if found else IntervalMethod.NONE,
        definition=selection.definition,
        details=_details(reading, replicas.total, reason),
    )


def before(selection: Selection, facts: Facts) -> tuple[Status, str]:
    """Status that is known before the figure, with the reason where there can be no figure."""
    measure = selection.measure
    rank = min(facts.n - 1, facts.d)
    if facts.n == 0 and facts.dropped:
        return Status.NONFINITE, "no row is finite"
    if facts.n < 2:
        return Status.INSUFFICIENT, f"n = {facts.n}: at least 2 samples are needed"
    if not math.isfinite(facts.mean_square):
        return Status.NONFINITE, "the sums overflow float64"
    varies = facts.variation
    empty = facts.zero or (varies is Status.CONSTANT and selection.needs in ABOUT_SPREAD)
    if empty and measure.name not in NEVER_CONSTANT:
        return Status.CONSTANT, "nothing varies beyond rounding"
    if facts.intervals and facts.groups < LEAST_GROUPS:
        return (
            Status.INSUFFICIENT,
            f"{facts.groups} of 20 groups have samples; an interval needs {LEAST_GROUPS}",
        )
    if rank < selection.least_rank:
        return Status.INSUFFICIENT, f"min(n - 1, d) = {rank}; needs {selection.least_rank}"
    if facts.n < measure.least_ratio * facts.d:
        needed = math.ceil(measure.least_ratio * facts.d)
        return Status.INSUFFICIENT, f"n/d = {facts.n / facts.d:.2g}; needs n = {needed}"
    blurred = selection.needs in ABOUT_SPREAD and varies is not Status.OK
    return (Status.UNRESOLVED if blurred else Status.OK), ""


def _one_sided(selection: Selection, facts: Facts) -> bool:
    """Too few samples for the figure, enough for a bound: the plug-in errs to a known side."""
    measure = selection.measure
    enough = facts.groups >= LEAST_GROUPS and min(facts.n - 1, facts.d) >= selection.least_rank
    return enough and measure.plugin_bias != "none" and facts.n >= 2


def _one_sided_ends(
    selection: Selection, low: float | None, high: float | None
) -> tuple[float | None, float | None]:
    return (low, None) if selection.measure.plugin_bias == "low" else (None, high)


def _without_value(selection: Selection, status: Status, confidence: float, reason: str) -> Estimate:
    return Estimate(
        value=None,
        confidence=confidence,
        status=status,
        unit=selection.measure.unit,
        definition=selection.definition,
        details={"reason": reason} if reason else {},
    )


def _interval(selection: Selection, plugin: float, replicas: Replicas, confidence: float) -> Interval | None:
    if len(replicas.sizes) < LEAST_GROUPS:
        return None
    figures = [float(selection(record).value) for record in replicas.without]
    return interval(plugin, figures, replicas.sizes, confidence=confidence, scale=selection.measure.scale)


def _clipped(found: Interval, bounds: tuple[Bound, Bound], facts: Facts) -> tuple[float, float]:
    lower, upper = (bound_value(bound, facts.n, facts.d) for bound in bounds)
    low = found.low if lower is None else max(found.low, lower)
    high = found.high if upper is None else min(found.high, upper)
    return low, high


def bound_value(bound: Bound, n: int, d: int) -> float | None:
    """A declared bound as a number: `rank` is min(n - 1, d)."""
    rank = max(min(n - 1, d), 1)
    named: dict[str, float] = {"d": d, "rank": rank, "log rank": math.log(rank)}
    return named[bound] if isinstance(bound, str) else bound


def _details(reading: Reading, record: Any, reason: str) -> dict[str, Any]:
    """What stands beside the figure, with classes by name."""
    found = {name: _plain(value) for name, value in reading.details.items()}
    kept = {name: value for name, value in found.items() if value is not None}
    if names := getattr(record, "names", ()):
        kept["class"] = names[kept["class"]]
    return kept | ({"reason": reason} if reason else {})


def _plain(value: Any) -> float | int | str | Sequence[float] | None:
    """A detail as JSON can carry it; what is not finite is left out."""
    if isinstance(value, Tensor):
        if value.ndim:
            return [float(each) for each in value.tolist() if math.isfinite(each)]
        value = int(value) if not torch.is_floating_point(value) else float(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
