"""Findings: one sentence of the gate with its evidence, built in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from repdiag.check.decide import Outcome
from repdiag.check.figures import Figure
from repdiag.check.kinds import KINDS, UNDECIDED_STEP, Kind
from repdiag.check.known import CONSTANT, NONFINITE_ROWS, base_name
from repdiag.check.policy import Bound, Rule
from repdiag.results import Finding, Place, Representation

Severity = Literal["fail", "warn", "inconclusive", "info", "not_applicable"]

_KIND_OF: dict[str, Kind] = {
    CONSTANT: Kind.CONSTANT,
    NONFINITE_ROWS: Kind.NONFINITE,
    "mean_share": Kind.CONE,
    "mean_cosine": Kind.CONE,
    "spectral_cliff": Kind.DIMENSIONAL,
    "top1_share": Kind.ONE_DIRECTION,
    "dead_features": Kind.DEAD_FEATURES,
    "per_class_rank": Kind.CLASS_COLLAPSE,
}
_RANKS = (
    "effective_rank",
    "rankme",
    "participation_ratio",
    "stable_rank",
    "numerical_rank",
    "live_directions",
)
ONE_DIRECTION_BELOW = 2.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """The figure behind a finding and what it means."""

    measure: str
    figure: Figure
    threshold: float | None
    definition: str | None


def kind_of(rule: Rule, figure: Figure) -> Kind:
    """The kind of collapse that a broken rule is a sign of."""
    name = base_name(rule.measure)
    if name in _RANKS:
        line = rule.bound is Bound.MIN and figure.value is not None and figure.value < ONE_DIRECTION_BELOW
        return Kind.ONE_DIRECTION if line and name != "live_directions" else Kind.DIMENSIONAL
    return _KIND_OF.get(name, Kind.LIMIT)


def place_of(row: Representation) -> Place:
    """The address of a representation."""
    return Place(checkpoint=row.checkpoint, view=row.view, layer=row.layer)


def make_finding(
    kind: Kind, severity: Severity, rule: str, message: str, row: Representation, evidence: Evidence
) -> Finding:
    """A finding about one representation."""
    text, figure = KINDS[kind], evidence.figure
    undecided = severity == "inconclusive" and kind is not Kind.NO_EVIDENCE
    return Finding(
        id=text.id,
        kind=kind.value,
        severity=severity,
        rule=rule,
        place=place_of(row),
        measure=evidence.measure,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        confidence=figure.confidence if figure.is_sampled else None,
        threshold=evidence.threshold,
        n=row.n,
        definition=evidence.definition,
        message=message,
        cause="" if undecided else text.cause,
        next_step=UNDECIDED_STEP if undecided else text.next_step,
    )


def make_note(kind: Kind, severity: Severity, rule: str, message: str, place: Place | None = None) -> Finding:
    """A finding without a figure: what could not be judged, and why."""
    silent = severity == "not_applicable"
    return Finding(
        id=KINDS[kind].id,
        kind=kind.value,
        severity=severity,
        rule=rule,
        place=place,
        message=message,
        cause="" if silent else KINDS[kind].cause,
        next_step="" if silent else KINDS[kind].next_step,
    )


def severity_of(outcome: Outcome) -> Severity:
    """PASS has no finding; everything else is called what it is."""
    severities: dict[Outcome, Severity] = {
        Outcome.FAIL: "fail",
        Outcome.WARN: "warn",
        Outcome.INCONCLUSIVE: "inconclusive",
    }
    return severities[outcome]
