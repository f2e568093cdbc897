"""Compression and fitting as records: how far a figure falls or rises, and whether estimators agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from repdiag.analysis.plane_course import FIGURES, SPELLED, Course, Kind, message, too_few
from repdiag.analysis.plane_paths import Path, RunPaths
from repdiag.analysis.plane_points import Figure
from repdiag.results import Estimate, Phase
from repdiag.stats.phases import Fall, PairedPath, Real, fall_over_runs, paired_fall
from repdiag.types import IntervalMethod, Status

DEFINITIONS = {
    "compression": "I(X;T) at its largest minus I(X;T) at the last checkpoint, the largest chosen on other "
    "samples or runs than it is measured on",
    "fitting": "I(T;Y) at its largest minus I(T;Y) at the first checkpoint, the largest chosen on other "
    "samples or runs than it is measured on",
}


def phases_of(path: Path | RunPaths, confidence: float) -> list[Phase]:
    """Compression and fitting along a path; none where it has a single checkpoint."""
    courses = (_course(kind, path) for kind in FIGURES)
    return [_phase(course, confidence) for course in courses if course is not None]


def with_agreement(phases: Sequence[Phase]) -> list[Phase]:
    """The same, each with whether every other estimator that can be read sees the same."""
    return [each.model_copy(update={"agrees": _agrees(each, phases)}) for each in phases]


def _agrees(phase: Phase, phases: Sequence[Phase]) -> bool | None:
    own = seen(phase)
    others = [
        answer
        for other in phases
        if _place(other) == _place(phase) and other.estimator != phase.estimator
        if (answer := seen(other)) is not None
    ]
    return None if own is None or not others else all(answer is own for answer in others)


def seen(phase: Phase) -> bool | None:
    """Whether the phase is there; None where that cannot be read."""
    return None if phase.size.low is None else phase.size.low > 0


def _place(phase: Phase) -> tuple[object, ...]:
    return phase.view, phase.layer, phase.split, phase.run, phase.kind


def _course(kind: Kind, path: Path | RunPaths) -> Course | None:
    paths = (path,) if isinstance(path, Path) else path.paths
    names = tuple(stop.checkpoint for stop in path.stops) if isinstance(path, Path) else path.names
    steps = tuple(stop.step for stop in path.stops) if isinstance(path, Path) else tuple(path.steps)
    if len(names) < 2:
        return None
    figures = [each.figures(FIGURES[kind]) for each in paths]
    kept = [at for at in range(len(names)) if all(own[at].value is not None for own in figures)]
    every = list(kept) if len(kept) > 1 else list(range(len(names)))
    if kind == "fitting":
        kept.reverse()
    paired = _paired(figures[0], paths[0].points[0].shares, kept) if isinstance(path, Path) and kept else None
    statuses = tuple(
        tuple(own[at].estimate.status for own in figures) for at in (kept if len(kept) > 1 else every)
    )
    return Course(
        kind=kind,
        key=path.key,
        names=tuple(names[at] for at in kept),
        steps=tuple(steps[at] for at in kept),
        statuses=statuses,
        runs=np.array([[own[at].value for at in kept] for own in figures], dtype=np.float64),
        paired=paired,
        checkpoints=(names[every[0]], steps[every[0]], names[every[-1]], steps[every[-1]]),
    )


def _paired(figures: Sequence[Figure], shares: Real, kept: Sequence[int]) -> PairedPath:
    values = np.array([figures[at].value for at in kept], dtype=np.float64)
    return PairedPath(values, np.stack([figures[at].parts for at in kept]), shares)


def _phase(course: Course, confidence: float) -> Phase:
    if len(course.names) < 2:
        return _record(course, None, Estimate(value=None, status=_first_ill(course)), None, too_few(course))
    if course.paired is None:
        fall, p_value = fall_over_runs(course.runs, confidence)
    else:
        fall, p_value = paired_fall(course.paired, confidence), None
    own = _ill_at(course, fall)
    size = _size(course, fall, confidence, own[0] if own else None)
    if own:
        return _record(course, fall, size, None, own[1])
    return _record(course, fall, size, p_value, message(course, fall, p_value))


def _size(course: Course, fall: Fall, confidence: float, ill: Status | None) -> Estimate:
    """The fall as an estimate; without an interval where it cannot be read."""
    details: dict[str, float | int | str | list[float]] = {"checkpoints": len(course.names)}
    if fall.roughness:
        details["roughness"] = fall.roughness
    if course.from_ceiling(fall):
        details["bound"] = "at least: I(X;T) is at its ceiling where it is largest"
    if ill is not None:
        value = fall.size if ill.has_value else None
        return Estimate(value=value, status=ill, unit="nats", details=details)
    flat = fall.low is None and fall.size == 0.0
    low, high = (0.0, 0.0) if flat else (fall.low, fall.high)
    return Estimate(
        value=fall.size,
        low=low,
        high=high,
        confidence=confidence,
        plugin=float(course.runs.mean(0)[fall.turn] - course.runs.mean(0)[-1]),
        status=Status.OK if fall.seen or flat else Status.UNRESOLVED,
        unit="nats",
        interval_method=IntervalMethod.FAST if course.paired is not None else IntervalMethod.FULL,
        definition=DEFINITIONS[course.kind],
        details=details,
    )


def _ill_at(course: Course, fall: Fall) -> tuple[Status, str] | None:
    """Why a fall cannot be read: both ends at the ceiling, or I(T;Y) as with shuffled labels."""
    figure = SPELLED[FIGURES[course.kind]]
    top, end = course.statuses[fall.turn], course.statuses[-1]
    if all(status is Status.SATURATED for status in (*top, *end)):
        return Status.SATURATED, f"{figure} is at its ceiling where it is largest and at the other end"
    if course.kind == "fitting" and all(status is Status.UNRESOLVED for status in top):
        return Status.UNRESOLVED, f"{figure} is nowhere above what shuffled labels give"
    if fall.low is None and fall.size != 0.0:
        return Status.INSUFFICIENT, "too few groups of samples for an interval"
    return None


def _first_ill(course: Course) -> Status:
    """The commonest status of a figure without a value."""
    held = [status for statuses in course.statuses for status in statuses if not status.has_value]
    return max(set(held), key=held.count) if held else Status.INSUFFICIENT


def _record(course: Course, fall: Fall | None, size: Estimate, p_value: float | None, message: str) -> Phase:
    start, start_step, end, end_step = course.checkpoints
    if fall is not None and course.kind == "compression":
        start, start_step = course.names[fall.turn], course.steps[fall.turn]
    elif fall is not None:
        end, end_step = course.names[fall.turn], course.steps[fall.turn]
    unit = size.model_copy(update={"unit": "nats", "definition": DEFINITIONS[course.kind]})
    return Phase(
        layer=course.key.layer,
        view=course.key.view,
        split=course.key.split,
        run=course.key.run,
        runs=len(course.runs),
        estimator=course.key.estimator,
        kind=course.kind,
        start=start,
        start_step=start_step,
        end=end,
        end_step=end_step,
        size=unit,
        p_value=p_value,
        message=message,
    )
