"""The tables under an information plane: phases, and every point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from repdiag.report import wording
from repdiag.report.plane_paths import Found, Path, detail, label, varying, when
from repdiag.report.plane_words import QUANTITY, runs_text, seen, size_text
from repdiag.results import Estimate

MOST_POINTS = 1_200
"""Points in the table; all of them are in the JSON of the page."""

_ANSWERS = {None: "cannot be read", True: "seen", False: "not seen"}
_AGREEMENT = {None: "no other can be read", True: "all estimators agree", False: "estimators disagree"}


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """One phase as text."""

    where: str
    estimator: str
    kind: str
    figure: str
    span: str
    size: str
    answer: str
    status: str
    p: str
    runs: str
    agrees: str
    message: str


@dataclass(frozen=True, slots=True)
class Coordinate:
    """I(X;T) or I(T;Y) of one point as text."""

    value: str
    interval: str
    null: str
    ceiling: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class PointRow:
    """One point as text."""

    where: str
    estimator: str
    checkpoint: str
    step: str
    rows: str
    ixt: Coordinate
    ity: Coordinate


def phase_rows(found: Sequence[Found]) -> list[PhaseRow]:
    """Every phase."""
    dimensions = varying(found)
    return [_phase_row(one, dimensions) for one in found]


def point_rows(drawn: Sequence[Path]) -> list[PointRow]:
    """The first `MOST_POINTS` points, path by path."""
    dimensions = varying(drawn)
    points = [(path, i) for path in drawn for i in range(len(path.points))]
    return [_point_row(path, i, dimensions) for path, i in points[:MOST_POINTS]]


def points_left(drawn: Sequence[Path]) -> int:
    """How many points the table leaves out."""
    return max(0, sum(len(path.points) for path in drawn) - MOST_POINTS)


def _phase_row(one: Found, dimensions: Sequence[str]) -> PhaseRow:
    phase = one.phase
    return PhaseRow(
        where=label(one, dimensions),
        estimator=phase.estimator,
        kind=phase.kind,
        figure=QUANTITY[phase.kind],
        span=f"{when(phase.start, phase.start_step)} to {when(phase.end, phase.end_step)}",
        size=size_text(phase.size) if phase.size.value is not None else wording.number(None),
        answer=_ANSWERS[seen(phase.size)],
        status=wording.status_word(phase.size.status),
        p="none" if phase.p_value is None else wording.number(phase.p_value),
        runs=runs_text(phase),
        agrees=_AGREEMENT[phase.agrees],
        message=phase.message,
    )


def _point_row(path: Path, at: int, dimensions: Sequence[str]) -> PointRow:
    point = path.points[at]
    rows = detail(point.ixt, "rows") or detail(point.ity, "rows")
    return PointRow(
        where=label(path, dimensions),
        estimator=path.names["estimator"],
        checkpoint=point.checkpoint,
        step="–" if point.step is None else f"{point.step:,}",
        rows=wording.number(rows),
        ixt=_coordinate(point.ixt),
        ity=_coordinate(point.ity),
    )


def _coordinate(estimate: Estimate) -> Coordinate:
    null, ceiling = detail(estimate, "null"), detail(estimate, "ceiling")
    ends = wording.interval(detail(estimate, "null_low"), detail(estimate, "null_high"))
    return Coordinate(
        value=wording.number(estimate.value),
        interval=wording.interval(estimate.low, estimate.high),
        null=f"{wording.number(null)} {ends}".strip(),
        ceiling=wording.number(ceiling),
        status=wording.status_word(estimate.status),
        reason=str(estimate.details.get("reason", "")),
    )
