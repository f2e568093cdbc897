"""One reading of an estimator as two estimates: interval, shuffled null, ceiling, status and remark."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repdiag.measures.plane_inputs import PlaneReading, PlaneRows
from repdiag.measures.plane_registry import EstimatorChoice
from repdiag.results import Estimate
from repdiag.stats.jackknife import LEAST_GROUPS, around
from repdiag.types import IntervalMethod, Status

Real = NDArray[np.float64]

LEAST_ROWS = 50
LEAST_CLASSES = 2
NEAR_CEILING = 0.99
ERRORS = 3.0
"""A figure is saturated from this share of its ceiling on, and unresolved within so many standard errors."""

NOISY = ("compressed_knn",)
"""Estimators that add noise, so that I(X;T) is finite and means what it says."""


@dataclass(frozen=True, slots=True)
class Figure:
    """An estimate, and what each block of samples adds to it (b,): sums of influences over m, of sum zero."""

    estimate: Estimate
    parts: Real

    @property
    def value(self) -> float | None:
        return self.estimate.value


@dataclass(frozen=True, slots=True)
class Measured:
    """I(X;T) and I(T;Y) of a layer at a checkpoint, from blocks with these shares (b,) of the samples."""

    ixt: Figure
    ity: Figure
    shares: Real


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a point is judged on besides its reading: blocks (m,) of the samples, and what is known of them.

    `constant` says that the rows do not differ; `target` names the column of I(T;Y), empty without one;
    `tied` says that blocks are groups of samples that belong together.
    """

    blocks: NDArray[np.int64]
    constant: bool
    target: str
    tied: bool
    confidence: float = 0.95

    @property
    def shares(self) -> Real:
        found: Real = np.bincount(self.blocks) / max(1, len(self.blocks))
        return found


def measured(choice: EstimatorChoice, rows: PlaneRows, evidence: Evidence) -> Measured:
    """Both figures of one layer at one checkpoint."""
    plain = Estimate(
        value=None,
        confidence=evidence.confidence,
        unit="nats",
        definition=choice.definition,
        details={"rows": rows.m},
    )
    if rows.m < LEAST_ROWS:
        reason = f"{rows.m} usable rows, {LEAST_ROWS} are needed"
        return _without(plain, Status.INSUFFICIENT, reason, evidence)
    if evidence.constant:
        return _without(plain, Status.CONSTANT, "all rows are alike", evidence)
    return Measurement(choice, rows, evidence, choice.read(rows), plain).found()


def _without(plain: Estimate, status: Status, reason: str, evidence: Evidence) -> Measured:
    empty = _nothing(plain, status, reason, evidence)
    return Measured(empty, empty, evidence.shares)


def _nothing(plain: Estimate, status: Status, reason: str, evidence: Evidence) -> Figure:
    told = plain.model_copy(update={"status": status, "details": {**plain.details, "reason": reason}})
    return Figure(told, np.zeros(len(evidence.shares)))


@dataclass(frozen=True, slots=True)
class Measurement:
    """A reading with what it is judged on; `plain` is an estimate without a value."""

    choice: EstimatorChoice
    rows: PlaneRows
    evidence: Evidence
    reading: PlaneReading
    plain: Estimate

    def found(self) -> Measured:
        """Both figures with their intervals and statuses."""
        return Measured(self._ixt(), self._ity(), self.evidence.shares)

    def _ixt(self) -> Figure:
        value, ceiling = float(self.reading.ixt), float(self.reading.ixt_ceiling)
        details = {**_scalars(self.reading.details, without="ity_"), "ceiling": ceiling}
        if self.choice.measure.name not in NOISY:
            details["remark"] = remark(self.choice)
        parts, error = self._parts(self.reading.ixt_influence)
        status, reason = Status.OK, ""
        if value >= NEAR_CEILING * ceiling:
            status, reason = Status.SATURATED, f"within 1% of the ceiling of {ceiling:.3g} nats"
        elif value <= ERRORS * error:
            status, reason = Status.UNRESOLVED, "within three standard errors of zero"
        return self._figure(value, parts, error, {**details, **_reason(reason)}, status)

    def _ity(self) -> Figure:
        lacking = self._lacking()
        if lacking:
            return _nothing(self.plain, Status.INSUFFICIENT, lacking, self.evidence)
        figures = self.reading.ity.cpu().numpy()
        value, null, ceiling = float(figures[0]), figures[1:], float(self.reading.ity_ceiling)
        details = {**_scalars(self.reading.details, without="ixt_"), "ceiling": ceiling}
        details |= {"null": null.mean(), "null_low": null.min(), "null_high": null.max()}
        parts, error = self._parts(self.reading.ity_influence)
        status, reason = Status.OK, ""
        if value >= NEAR_CEILING * ceiling:
            status, reason = Status.SATURATED, f"within 1% of H(Y), {ceiling:.3g} nats"
        elif value - null.mean() <= ERRORS * math.hypot(error, null.std(ddof=1)):
            status, reason = Status.UNRESOLVED, "within three standard errors of what shuffled labels give"
        return self._figure(value, parts, error, {**details, **_reason(reason)}, status)

    def _lacking(self) -> str:
        if not self.evidence.target:
            return "no target: name a column of the samples with --target"
        classes = len(np.unique(self.rows.labels[0].cpu().numpy()))
        return f"{classes} class, {LEAST_CLASSES} are needed" if classes < LEAST_CLASSES else ""

    def _parts(self, influence: Any) -> tuple[Real, float]:
        """Sums of influences by block over m, and the standard error that they give."""
        weights = influence.cpu().numpy().astype(np.float64) / self.rows.m
        parts = np.bincount(self.evidence.blocks, weights, len(self.evidence.shares)).astype(np.float64)
        count = len(parts)
        return parts, math.sqrt(count / (count - 1) * float((parts**2).sum())) if count > 1 else math.inf

    def _figure(
        self, value: float, parts: Real, error: float, details: Mapping[str, Any], status: Status
    ) -> Figure:
        if not math.isfinite(value):
            return _nothing(
                self.plain, Status.NONFINITE, "the estimator gives no finite figure", self.evidence
            )
        made = self.plain.model_copy(
            update={
                "value": value,
                "plugin": value,
                "status": status,
                "details": {**self.plain.details, **_finite(details)},
            }
        )
        count, least = len(parts), LEAST_GROUPS if self.evidence.tied else 2
        if not math.isfinite(error) or count < least:
            reason = {"no_interval": f"{count} groups of samples, {least} are needed"}
            return Figure(
                made.model_copy(update={"details": {**made.details, **reason}}), np.nan_to_num(parts)
            )
        near = around(value, error, count, confidence=self.evidence.confidence, scale="linear")
        interval = {"low": near.low, "high": near.high, "interval_method": IntervalMethod.FAST}
        return Figure(made.model_copy(update=interval), parts)


def remark(choice: EstimatorChoice) -> str:
    """What I(X;T) of a network without noise stands for."""
    return (
        "deterministic: a layer without noise is a function of its input, so that I(X;T) itself is infinite "
        f"or merely H(T); this is {choice.measure.says}"
    )


def _scalars(details: Mapping[str, Any], without: str) -> dict[str, float | int | str]:
    """Details of a reading as numbers and texts, without those of the other figure."""
    return {
        "bandwidth" if name == "width" else name: held if isinstance(held, str) else float(held)
        for name, held in details.items()
        if not name.startswith(without)
    }


def _finite(details: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: float(held) if isinstance(held, np.floating) else held for name, held in details.items()}
    return {name: held for name, held in kept.items() if not isinstance(held, float) or math.isfinite(held)}


def _reason(text: str) -> dict[str, str]:
    return {"reason": text} if text else {}
