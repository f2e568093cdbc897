"""A measure of a pair as an estimate: value, interval, shuffled null, self-information, status."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from repdiag.analysis.pair_evidence import PairEvidence
from repdiag.analysis.pair_nulls import itself
from repdiag.analysis.pair_records import PairReplicas
from repdiag.measures.pair_inputs import JointMoments, PairNeed, PairRecord
from repdiag.measures.pair_registry import PairSelection
from repdiag.measures.registry import Reading
from repdiag.results import Estimate
from repdiag.stats.jackknife import LEAST_GROUPS, Interval, interval
from repdiag.types import IntervalMethod, Status

LEAST_ROWS = 10
"""With fewer rows no figure of a pair means anything."""

TOLD_APART = 3.0
"""Standard errors between self and null, or figure and ceiling, from which on they are told apart."""

CEILING = 0.01
"""Share of the ceiling log n within which a figure is saturated."""

DIRECTIONS_ONLY = frozenset({PairNeed.UNIT_MOMENTS})
"""Records that a constant view does not empty."""

DESCRIPTIVE = frozenset(
    {"renyi_joint_entropy", "renyi_conditional_entropy", "joint_total_correlation", "total_coding_rate"}
)
"""Figures of both views together that mean something where null and self are alike too."""

GAUSSIAN = "gaussian_mi"
KERNELS = frozenset({PairNeed.GRAM, PairNeed.ROWS})


def pair_estimate(selection: PairSelection, evidence: PairEvidence) -> Estimate:
    """The estimate of one measure of one pair.

    Raises:
        UsageError: the measure does not apply to views of these sizes, or to this store.
    """
    status, reason = _before(selection, evidence)
    if reason:
        return _without(selection, status, reason, evidence.confidence)
    held = evidence.of(selection.needs)
    reading = selection(held.total)
    plugin, value = float(reading.value), _value(selection, held.total, evidence)
    status, reason = _existing(plugin, value)
    if reason:
        found = _without(selection, status, reason, evidence.confidence)
        return found if not math.isfinite(plugin) else found.model_copy(update={"plugin": plugin})
    reach, why = _interval(selection, held, value, evidence)
    beside = _beside(selection, held, reading, value, evidence)
    told = _scalars(reading)
    top = told.get("ceiling", math.log(held.rows) if str(selection.measure.bounds[1]) == "log n" else None)
    status = _status(selection, plugin, top, reach, beside)
    beside.pop("null_error", None)
    details = {**told, **beside, **_setting(selection, held, evidence)}
    return Estimate(
        value=value,
        low=reach.low if reach else None,
        high=reach.high if reach else None,
        confidence=evidence.confidence,
        plugin=plugin,
        status=status,
        unit=selection.measure.unit,
        correction="none" if selection.corrected(held.total) is None else "unbiased",
        interval_method=IntervalMethod.FULL if reach else IntervalMethod.NONE,
        definition=selection.definition,
        details=details | ({"no_interval": why} if why else {}),
    )


def _before(selection: PairSelection, evidence: PairEvidence) -> tuple[Status, str]:
    """Status and reason that are known before the figure."""
    found, n = evidence.found, evidence.found.n
    if n == 0 and found.dropped:
        return Status.NONFINITE, "no row is finite in both views"
    if n < LEAST_ROWS:
        return Status.INSUFFICIENT, f"n = {n}: at least {LEAST_ROWS} samples are needed"
    if selection.needs in DIRECTIONS_ONLY:
        return Status.OK, ""
    if name := evidence.constant:
        return Status.CONSTANT, f"{name} does not vary beyond rounding"
    if selection.needs in KERNELS and 0 in found.widths:
        name = "xy"[found.widths.index(0)]
        return Status.CONSTANT, f"over half of the distances in {name} are zero; give --bandwidth NUMBER"
    needed = sum(map(_width, (found.rows.x, found.rows.y))) + 2
    if selection.measure.name == GAUSSIAN and n < needed:
        return Status.INSUFFICIENT, f"n = {n:,}; d1 + d2 = {needed - 2:,} needs n = {needed:,}"
    return Status.OK, ""


def _existing(plugin: float, value: float) -> tuple[Status, str]:
    if math.isinf(plugin):
        return Status.NONFINITE, "infinite: one view settles a direction of the other, or float64 overflows"
    if math.isnan(plugin):
        return Status.INSUFFICIENT, "does not exist for these rows"
    if not math.isfinite(value):
        return Status.INSUFFICIENT, "n samples do not give a corrected figure"
    return Status.OK, ""


def _value(selection: PairSelection, record: PairRecord, evidence: PairEvidence) -> float:
    """The figure as it is reported: corrected where a correction is declared."""
    corrected = selection.corrected(record)
    found = selection(record).value if corrected is None else corrected
    return float(found) - _shift(selection, record, evidence)


def _shift(selection: PairSelection, record: PairRecord, evidence: PairEvidence) -> float:
    """What comes off the figure of a record beside its own correction: it knows no lengths of rows."""
    if selection.measure.name != GAUSSIAN or not isinstance(record, JointMoments):
        return 0.0
    return evidence.excess(record)


def _interval(
    selection: PairSelection, held: PairReplicas, value: float, evidence: PairEvidence
) -> tuple[Interval | None, str]:
    """The jackknife interval about `value`, or why there is none."""
    if not evidence.extent.intervals:
        return None, ""
    if held.reason or len(held.sizes) < LEAST_GROUPS:
        return None, held.reason or f"{len(held.sizes)} of 20 groups have samples"
    shift = _shift(selection, held.total, evidence)
    figures = [each for record in held.without() for each in _figures(selection, record, shift)]
    scale = selection.measure.scale
    found = interval(value, figures, held.sizes, confidence=evidence.confidence, scale=scale)
    return found, "" if found else "the figure does not exist without some of the samples"


def _figures(selection: PairSelection, record: PairRecord, shift: float) -> list[float]:
    """The figure of a record that lacks some rows; several where the record holds several."""
    corrected = selection.corrected(record)
    found = selection(record).value if corrected is None else corrected
    values: list[float] = torch.as_tensor(found).reshape(-1).tolist()
    return [value - shift for value in values]


def _beside(
    selection: PairSelection, held: PairReplicas, reading: Reading, value: float, evidence: PairEvidence
) -> dict[str, Any]:
    """Shuffled null, the figure of each view with itself, and where the figure stands between them."""
    if not selection.has_null:
        return {}
    found: dict[str, Any] = _null(selection, held, evidence)
    own = [_own(selection, held, reading, side, evidence) for side in (0, 1)]
    known = zip(("self_x", "self_y"), own, strict=True)
    found |= {name: each for name, each in known if math.isfinite(each)}
    null = found.get("null")
    graded = (
        selection.measure.symmetric and _is_similarity(selection, reading) and all(map(math.isfinite, own))
    )
    if graded and null is not None and min(own) > null:
        found["normalised"] = (value - null) / math.sqrt((own[0] - null) * (own[1] - null))
    return found


def _is_similarity(selection: PairSelection, reading: Reading) -> bool:
    """Whether a view with itself is a fair top of the scale; a floor or a ceiling of the estimator is not."""
    return selection.measure.unit == "ratio" or "self_x" in reading.details


def _own(
    selection: PairSelection, held: PairReplicas, reading: Reading, side: int, evidence: PairEvidence
) -> float:
    """The figure of a view with itself, from the reading where that is of the same kind as the value."""
    named = reading.details.get(("self_x", "self_y")[side])
    if named is not None and selection.corrected(held.total) is None:
        return float(named)
    return _value(selection, itself(held.total, side), evidence)


def _null(selection: PairSelection, held: PairReplicas, evidence: PairEvidence) -> dict[str, Any]:
    records = evidence.nulls(selection.needs)
    figures = [_value(selection, record, evidence) for record in records]
    figures = [figure for figure in figures if math.isfinite(figure)]
    if not figures:
        return {}
    found: dict[str, Any] = {"null": float(np.mean(figures))}
    if len(figures) > 1:
        error = float(np.std(figures, ddof=1))
        found |= {"null_low": min(figures), "null_high": max(figures), "null_error": error}
    rows = _rows_of(records[0])
    return found | ({"null_rows": rows} if rows != held.rows else {})


def _status(
    selection: PairSelection,
    plugin: float,
    top: Any,
    reach: Interval | None,
    beside: Mapping[str, Any],
) -> Status:
    """Saturated near the ceiling `top`, unresolved where self and null cannot be told apart."""
    error = reach.error if reach is not None and selection.measure.scale == "linear" else 0.0
    if top is not None and top - plugin <= max(CEILING * top, TOLD_APART * error):
        return Status.SATURATED
    own = [beside[name] for name in ("self_x", "self_y") if name in beside]
    if own and "null" in beside and selection.measure.name not in DESCRIPTIVE:
        apart = min(abs(each - beside["null"]) for each in own)
        if apart < TOLD_APART * math.hypot(error, beside.get("null_error", 0.0)):
            return Status.UNRESOLVED
    return Status.OK


def _setting(selection: PairSelection, held: PairReplicas, evidence: PairEvidence) -> dict[str, Any]:
    """Rows, where not all were used, and the bandwidths in the units of the store."""
    found: dict[str, Any] = {} if held.rows == evidence.found.n else {"rows": held.rows}
    if selection.needs in KERNELS:
        for name, kernel, scale in zip("xy", evidence.found.kernels, evidence.scales, strict=True):
            found |= {f"bandwidth_{name}": kernel.width / scale, f"mean_kernel_{name}": kernel.mean}
    return found


def _without(selection: PairSelection, status: Status, reason: str, confidence: float) -> Estimate:
    return Estimate(
        value=None,
        confidence=confidence,
        status=status,
        unit=selection.measure.unit,
        definition=selection.definition,
        details={"reason": reason},
    )


def _scalars(reading: Reading) -> dict[str, float | str]:
    """What the measure itself puts beside the figure, as far as it is finite."""
    found = {name: each if isinstance(each, str) else float(each) for name, each in reading.details.items()}
    return {name: each for name, each in found.items() if isinstance(each, str) or math.isfinite(each)}


def _rows_of(record: PairRecord) -> int:
    return record.n if not hasattr(record, "x") else len(record.x)


def _width(rows: torch.Tensor) -> int:
    return rows.shape[1]
