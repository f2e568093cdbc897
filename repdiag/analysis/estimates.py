"""A measure, its record with and without each group, and the facts: one estimate with a status."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from repdiag.analysis.corrected import Corrected, Pair, corrected, plain
from repdiag.analysis.facts import Facts
from repdiag.analysis.replicas import Replicas
from repdiag.measures.declaration import Bound, Reading
from repdiag.measures.inputs import Need, Spectrum
from repdiag.measures.registry import Selection
from repdiag.results import Estimate
from repdiag.stats.jackknife import LEAST_GROUPS
from repdiag.types import IntervalMethod, Status

ABOUT_SPREAD = frozenset(
    {
        Need.SPECTRUM,
        Need.CLEAN_SPECTRUM,
        Need.NEIGHBOURS,
        Need.CLASS_MEANS,
        Need.CLASS_SPECTRA,
        Need.OBJECTS,
        Need.CLOUD,
        Need.OUTPUTS,
    }
)
"""Records that hold nothing when nothing varies; the others still describe a constant."""

CEILING = 0.01
"""Share of its ceiling within which a figure is saturated."""

NEVER_CONSTANT = frozenset({"trace"})
"""Figures that a constant has: its variance is zero, and that is an answer."""


def records_of(selection: Selection, records: Mapping[Need, Replicas]) -> Pair:
    """What one selected measure reads."""
    population = None if selection.population is None else records.get(selection.population)
    return Pair(records.get(selection.needs), population)


@dataclass(frozen=True, slots=True)
class Judged:
    """An estimate, with the figure behind its value and its plug-in; None where there is no value."""

    estimate: Estimate
    found: Corrected | None = None
    plain: Corrected | None = None


def estimate(selection: Selection, records: Pair, facts: Facts, confidence: float) -> Estimate:
    """The estimate of one selected measure: see `judge`."""
    return judge(selection, records, facts, confidence).estimate


def judge(selection: Selection, records: Pair, facts: Facts, confidence: float) -> Judged:
    """The estimate of one selected measure, and what a difference of two needs of it.

    Args:
        records: what it reads, from all samples and without each group.
        confidence: of the two-sided interval, in (0, 1).
    """
    status, reason = before(selection, facts)
    if reason or status is Status.CONSTANT:
        return _without_value(selection, status, confidence, reason)
    if records.plugin is None:
        return _without_value(selection, Status.INSUFFICIENT, confidence, "no class has 10 samples")
    reading = selection(records.plugin.total)
    plugin = float(reading.value)
    if math.isinf(plugin):
        return _without_value(selection, Status.NONFINITE, confidence, "overflows float64")
    if not math.isfinite(plugin):
        reason = str(reading.details.get("reason", "does not exist for these data"))
        return _without_value(selection, Status.INSUFFICIENT, confidence, reason)
    own = plain(selection, records.plugin)
    reason = _too_few(selection, facts, records.plugin.total)
    found = (None if reason else corrected(selection, records)) or own
    if not math.isfinite(found.value):
        found, reason = own, NO_CORRECTION[found.correction]
    low, high = _ends(selection, found, facts, confidence)
    if reason:
        status = Status.INSUFFICIENT
        low, high = _one_sided_ends(selection, low, high)
    elif status is Status.OK and _saturated(reading, plugin):
        status = Status.SATURATED
    shown = Estimate(
        value=None if reason else _clip(found.value, selection, facts),
        low=low,
        high=high,
        confidence=confidence,
        plugin=plugin,
        status=status,
        unit=selection.measure.unit,
        correction=found.correction,
        interval_method=found.sampled.method if low is not None or high is not None else IntervalMethod.NONE,
        definition=selection.definition,
        details=_details(reading, records.plugin.total, reason),
    )
    return Judged(shown) if reason else Judged(shown, found, own)


def _saturated(reading: Reading, plugin: float) -> bool:
    """Whether the figure is within a hundredth of the ceiling that stands beside it."""
    ceiling = reading.details.get("ceiling")
    return ceiling is not None and float(ceiling) - plugin <= CEILING * float(ceiling)


NO_CORRECTION: Mapping[str, str] = {
    "leading": "no direction stands apart from the others: a bound is all that n samples give",
    "unbiased": "n samples cannot tell the sum of squared eigenvalues from zero",
    "lev": "the inversion gave no finite figure",
}
"""Why a corrected value does not exist where the plug-in does."""


def before(selection: Selection, facts: Facts) -> tuple[Status, str]:
    """Status that is known before the figure, with the reason where not even the plug-in can be read."""
    rank = min(facts.n - 1, facts.d)
    if facts.n == 0 and facts.dropped:
        return Status.NONFINITE, "no row is finite"
    if facts.n < 2:
        return Status.INSUFFICIENT, f"n = {facts.n}: at least 2 samples are needed"
    if not math.isfinite(facts.mean_square):
        return Status.NONFINITE, "the sums overflow float64"
    varies = facts.variation
    empty = facts.zero or (varies is Status.CONSTANT and selection.needs in ABOUT_SPREAD)
    if empty and selection.measure.name not in NEVER_CONSTANT:
        return Status.CONSTANT, "nothing varies beyond rounding"
    if rank < selection.least_rank:
        return Status.INSUFFICIENT, f"min(n - 1, d) = {rank}; needs {selection.least_rank}"
    blurred = selection.needs in ABOUT_SPREAD and varies is not Status.OK
    return (Status.UNRESOLVED if blurred else Status.OK), ""


def _too_few(selection: Selection, facts: Facts, record: object) -> str:
    """What is missing for a value: groups, or n/d counted in rows of equal energy; empty where nothing is.

    The plug-in exists all the same, and one end of its interval holds where it errs to a known side.
    """
    if facts.intervals and facts.groups < LEAST_GROUPS:
        return f"{facts.groups} of 20 groups have samples; an interval needs {LEAST_GROUPS}"
    variation = record.energy_variation if isinstance(record, Spectrum) else 0.0
    needed = math.ceil(selection.least_ratio * facts.d * (1 + variation))
    if facts.n >= needed:
        return ""
    equal = f", worth {facts.n / (1 + variation):,.0f} rows of equal energy" if variation > 1 else ""
    return f"n = {facts.n:,}{equal}; d = {facts.d:,} needs n = {needed:,}"


def _one_sided_ends(
    selection: Selection, low: float | None, high: float | None
) -> tuple[float | None, float | None]:
    ends: dict[str, tuple[float | None, float | None]] = {"low": (low, None), "high": (None, high)}
    return ends.get(selection.measure.plugin_bias, (None, None))


def _without_value(selection: Selection, status: Status, confidence: float, reason: str) -> Judged:
    return Judged(
        Estimate(
            value=None,
            confidence=confidence,
            status=status,
            unit=selection.measure.unit,
            definition=selection.definition,
            details={"reason": reason} if reason else {},
        )
    )


def _ends(
    selection: Selection, found: Corrected, facts: Facts, confidence: float
) -> tuple[float | None, float | None]:
    if found.groups < LEAST_GROUPS or (interval := found.interval(selection, confidence)) is None:
        return None, None
    return _clip(interval.low, selection, facts), _clip(interval.high, selection, facts)


def _clip(value: float, selection: Selection, facts: Facts) -> float:
    """`value` within the declared bounds."""
    lower, upper = (bound_value(bound, facts.n, facts.d) for bound in selection.measure.bounds)
    value = value if lower is None else max(value, lower)
    return value if upper is None else min(value, upper)


def bound_value(bound: Bound, n: int, d: int) -> float | None:
    """A declared bound as a number: `rank` is min(n - 1, d)."""
    rank = max(min(n - 1, d), 1)
    logs = {"log d": math.log(d), "log rank": math.log(rank), "log n": math.log(max(n, 1))}
    named: dict[str, float] = {"d": d, "rank": rank, **logs}
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
