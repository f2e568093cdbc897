"""A measure of a pair as an estimate: value, interval, shuffled null, self-information, status."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from repdiag.analysis.bandwidth import BEST, FACTORS
from repdiag.analysis.pair_evidence import PairEvidence
from repdiag.analysis.pair_figures import GAUSSIAN, figure_of, interval_about, shift_of, widened
from repdiag.analysis.pair_nulls import itself
from repdiag.analysis.pair_records import PairReplicas
from repdiag.analysis.pair_status import Standing
from repdiag.measures.declaration import Reading
from repdiag.measures.pair_inputs import PairNeed, PairRecord
from repdiag.measures.pair_registry import MEDIAN, PairSelection
from repdiag.results import Estimate
from repdiag.text import printable
from repdiag.types import IntervalMethod, Status

LEAST_ROWS = 10
"""With fewer rows no figure of a pair means anything."""

DIRECTIONS_ONLY = frozenset({PairNeed.UNIT_MOMENTS})
"""Records that a constant view does not empty."""


SHARPEST = "s the multiple of the median distance, 1/16 to 4, with the most contrast of self and null"
"""How a definition names the bandwidth that was chosen."""


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
    plugin, corrected = float(reading.value), selection.corrected(held.total)
    value = plugin if corrected is None else float(corrected) - shift_of(selection, held.total, evidence)
    status, reason = _existing(plugin, value)
    if reason:
        found = _without(selection, status, reason, evidence.confidence)
        return found if not math.isfinite(plugin) else found.model_copy(update={"plugin": plugin})
    reach, why = interval_about(selection, held, value, evidence)
    reach = widened(reach, value, reading.details.get("estimator_error"), evidence)
    beside = _beside(selection, held, reading, value, evidence)
    told = _scalars(reading)
    top = math.log(held.rows) if str(selection.measure.bounds[1]) == "log n" else None
    top = float(told.get("ceiling", math.inf if top is None else top))
    known = reach.error if reach and selection.measure.scale == "linear" else None
    status, doubt = Standing(selection.measure.name, value, plugin, known, top).status(beside)
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
        correction="none" if corrected is None else "unbiased",
        interval_method=IntervalMethod.FULL if reach else IntervalMethod.NONE,
        definition=_definition(selection, evidence),
        details=details | {k: text for k, text in (("reason", doubt), ("no_interval", why)) if text},
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
    if selection.has_bandwidth and 0 in found.widths:
        name = "xy"[found.widths.index(0)]
        return Status.CONSTANT, f"over half of the distances in {name} are zero; give --bandwidth NUMBER"
    if selection.needs is PairNeed.GIVEN and found.spread == 0:
        return Status.CONSTANT, f"over half of the distances in what is given ({found.given}) are zero"
    needed = sum(map(_width, (found.rows.x, found.rows.y))) + 2
    if selection.measure.name == GAUSSIAN and n < needed:
        return Status.INSUFFICIENT, f"n = {n:,}; d1 + d2 = {needed - 2:,} needs n = {needed:,}"
    return Status.OK, ""


def _definition(selection: PairSelection, evidence: PairEvidence) -> str:
    """The definition with the bandwidth of this run, and what it is given."""
    text, bandwidth = selection.definition, evidence.extent.bandwidth
    if selection.has_bandwidth and bandwidth is not None:
        text = text.replace(MEDIAN, SHARPEST if bandwidth == BEST else f"s = {bandwidth:g}")
    if selection.needs is not PairNeed.GIVEN:
        return text
    return f"{text}; given {printable(evidence.extent.given or 'labels')}"


def _existing(plugin: float, value: float) -> tuple[Status, str]:
    if math.isinf(plugin):
        return Status.NONFINITE, "infinite: one view settles a direction of the other, or float64 overflows"
    if math.isnan(plugin):
        return Status.INSUFFICIENT, "does not exist for these rows"
    if not math.isfinite(value):
        return Status.INSUFFICIENT, "n samples do not give a corrected figure"
    return Status.OK, ""


def _beside(
    selection: PairSelection, held: PairReplicas, reading: Reading, value: float, evidence: PairEvidence
) -> dict[str, Any]:
    """Shuffled null, the figure of each view with itself, and where the figure stands between them."""
    if not selection.has_null:
        return {}
    found: dict[str, Any] = _null(selection, held, evidence)
    alike = reading.details if float(reading.value) == value else {}
    own = [_own(selection, held.total, alike, side, evidence) for side in (0, 1)]
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
    selection: PairSelection, record: PairRecord, alike: Mapping[str, Any], side: int, evidence: PairEvidence
) -> float:
    """The figure of a view with itself, which `alike` may hold already."""
    named = alike.get(("self_x", "self_y")[side])
    return figure_of(selection, itself(record, side), evidence) if named is None else float(named)


def _null(selection: PairSelection, held: PairReplicas, evidence: PairEvidence) -> dict[str, Any]:
    records = evidence.nulls(selection.needs)
    figures = [figure_of(selection, record, evidence) for record in records]
    figures = [figure for figure in figures if math.isfinite(figure)]
    if not figures:
        return {}
    found: dict[str, Any] = {"null": float(np.mean(figures))}
    if len(figures) > 1:
        error = float(np.std(figures, ddof=1))
        found |= {"null_low": min(figures), "null_high": max(figures), "null_error": error}
    rows = _rows_of(records[0])
    return found | ({"null_rows": rows} if rows != held.rows else {})


def _setting(selection: PairSelection, held: PairReplicas, evidence: PairEvidence) -> dict[str, Any]:
    """Rows, where not all were used, and bandwidths in the units of the store, with how they were chosen."""
    found: dict[str, Any] = {} if held.rows == evidence.found.n else {"rows": held.rows}
    if held.sample is not None:
        found["interval_rows"] = held.sample.rows
    if selection.needs is PairNeed.GIVEN:
        found["given"] = evidence.found.given
    if not selection.has_bandwidth:
        return found
    for name, kernel, scale in zip("xy", evidence.found.kernels, evidence.scales, strict=True):
        found |= {f"bandwidth_{name}": kernel.width / scale, f"mean_kernel_{name}": kernel.mean}
        if kernel.contrasts:
            found |= {"bandwidth_factors": list(FACTORS), f"contrast_{name}": list(kernel.contrasts)}
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
    details = reading.details.items()
    found = {name: each if isinstance(each, str | int) else float(each) for name, each in details}
    return {name: each for name, each in found.items() if isinstance(each, str) or math.isfinite(each)}


def _rows_of(record: PairRecord) -> int:
    return record.n if not hasattr(record, "x") else len(record.x)


def _width(rows: torch.Tensor) -> int:
    return rows.shape[1]
