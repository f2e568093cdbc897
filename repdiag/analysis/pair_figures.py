"""The figure of one measure of a pair from a record, and its interval over the samples."""

from __future__ import annotations

import math

import torch

from repdiag.analysis.pair_evidence import PairEvidence
from repdiag.analysis.pair_records import PairReplicas
from repdiag.measures.pair_inputs import JointMoments, PairRecord
from repdiag.measures.pair_registry import PairSelection
from repdiag.stats.jackknife import LEAST_GROUPS, Interval, around, interval
from repdiag.stats.slq import half_width

GAUSSIAN = "gaussian_mi"

SHRINKING = 1 / 3
"""Power of n by which errors of entropies fall: 0.34 and 0.37 were seen between 300 and 1,200 rows, not 1/2,
as more rows still find more small eigenvalues."""


def figure_of(selection: PairSelection, record: PairRecord, evidence: PairEvidence) -> float:
    """The figure as it is reported: corrected where a correction is declared."""
    (found,) = _figures(selection, record, shift_of(selection, record, evidence))
    return found


def interval_about(
    selection: PairSelection, held: PairReplicas, value: float, evidence: PairEvidence
) -> tuple[Interval | None, str]:
    """The jackknife interval about `value`, or why there is none."""
    if not evidence.extent.intervals:
        return None, ""
    some = held.sample or held
    if some.reason or len(some.sizes) < LEAST_GROUPS:
        return None, some.reason or f"{len(some.sizes)} of 20 groups have samples"
    centre = value if some is held else figure_of(selection, some.total, evidence)
    shift = shift_of(selection, some.total, evidence)
    figures = [each for record in some.without() for each in _figures(selection, record, shift)]
    if selection.has_bandwidth:
        figures = evidence.follow(selection.needs, figures, lambda each: _figures(selection, each, 0.0)[0])
    scale = selection.measure.scale
    found = interval(centre, figures, some.sizes, confidence=evidence.confidence, scale=scale)
    if found is None:
        return None, "the figure does not exist without some of the samples"
    if some is held:
        return found, ""
    error = found.error * (some.rows / held.rows) ** SHRINKING
    return around(value, error, len(some.sizes), confidence=evidence.confidence, scale=scale), ""


def widened(
    reach: Interval | None, value: float, own: torch.Tensor | None, evidence: PairEvidence
) -> Interval | None:
    """The interval of the samples with the error of the estimator itself in quadrature."""
    if reach is None or own is None:
        return reach
    error = float(own)
    half = math.hypot((reach.high - reach.low) / 2, half_width(error, evidence.confidence))
    return Interval(value - half, value + half, math.hypot(reach.error, error))


def shift_of(selection: PairSelection, record: PairRecord, evidence: PairEvidence) -> float:
    """What comes off the figure of a record beside its own correction: it knows no lengths of rows."""
    if selection.measure.name != GAUSSIAN or not isinstance(record, JointMoments):
        return 0.0
    return evidence.excess(record)


def _figures(selection: PairSelection, record: PairRecord, shift: float) -> list[float]:
    """The figure of one of many records, less `shift`; several where the record holds several."""
    found = selection.quick(record)
    if found is None or not bool(torch.isfinite(found)):
        corrected = selection.corrected(record)
        found = selection(record).value if corrected is None else corrected
    values: list[float] = torch.as_tensor(found).reshape(-1).tolist()
    return [value - shift for value in values]
