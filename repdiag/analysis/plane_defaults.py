"""Which estimators are drawn where none is named: one of fixed scale, and one that no scale moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from repdiag.analysis.plane_points import Measured
from repdiag.measures.plane_registry import EstimatorChoice, parse_estimator
from repdiag.types import Status

FIXED = ("binning", "kde", "renyi", "diffusion")
FREE = ("adaptive_binning", "renyi{bandwidth=step}", "diffusion{bandwidth=step}")
"""In the order of preference: a change of scale moves figures of the first kind, not of the second."""

PILOT_ROWS = 1000
PILOT_LAYERS = 8
"""At most so many samples and layers, evenly taken, at the first, the middle and the last checkpoint."""

PATH = 2
"""Points of a layer that must tell something: one point is no path."""

Pilot = Mapping[str, Sequence[Measured]]
"""Points by layer."""


@dataclass(frozen=True, slots=True)
class Tried:
    """In how many layers of the pilot an estimator resolved something, and what its points were."""

    key: str
    layers: int
    resolved: int
    statuses: tuple[Status, ...]

    @property
    def enough(self) -> bool:
        return self.resolved > 0 and 2 * self.resolved >= self.layers


@dataclass(frozen=True, slots=True)
class Defaults:
    """The chosen estimators and why."""

    choices: tuple[EstimatorChoice, ...]
    notes: tuple[str, ...]


def chosen_defaults(measure: Callable[[EstimatorChoice], Pilot]) -> Defaults:
    """The first estimator of each kind that resolves something in half of the layers, else in most.

    `measure` gives the points of a pilot. Where none resolves anything the first of each kind stands.
    """
    choices, notes = [], []
    for kind, keys in (("fixed scale", FIXED), ("no scale of its own", FREE)):
        tried: list[Tried] = []
        for key in keys:
            tried.append(_tried(key, measure(parse_estimator(key))))
            if tried[-1].enough:
                break
        best = max(tried, key=lambda each: each.resolved)
        choices.append(parse_estimator(best.key))
        notes.append(_note(kind, best, tried))
    return Defaults(tuple(choices), tuple(notes))


def resolves(point: Measured) -> bool:
    """Whether either figure can be read."""
    return Status.OK in (point.ixt.estimate.status, point.ity.estimate.status)


def _tried(key: str, pilot: Pilot) -> Tried:
    points = [point for points in pilot.values() for point in points]
    return Tried(
        key, len(pilot), sum(map(_is_path, pilot.values())), tuple(p.ixt.estimate.status for p in points)
    )


def _is_path(points: Sequence[Measured]) -> bool:
    return bool(points) and sum(map(resolves, points)) >= min(PATH, len(points))


def _note(kind: str, best: Tried, tried: Sequence[Tried]) -> str:
    others = [f"{each.key} {_result(each)}" for each in tried if each is not best]
    because = f"; passed over: {', '.join(others)}" if others else ""
    if not best.resolved:
        return f"estimator of {kind}: none resolves anything in a pilot, so {best.key} is drawn{because}"
    return f"estimator of {kind}: {best.key}, which {_result(best)} of a pilot{because}"


def _result(each: Tried) -> str:
    where = f"in {each.resolved} of {each.layers} layers"
    if each.resolved:
        return f"resolves something {where}"
    unread = [status for status in each.statuses if status is not Status.OK]
    status = max(unread, key=unread.count, default=Status.INSUFFICIENT)
    return f"resolves nothing (I(X;T) {status.value}) {where.replace('0 of ', 'any of ')}"
