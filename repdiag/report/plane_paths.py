"""The paths of a page through the information plane, their names, and the checkpoints in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from repdiag.report.catalogue import run_names
from repdiag.report.wording import count
from repdiag.results import Estimate, Phase, Results, Trajectory, TrajectoryPoint

DIMENSIONS = ("result", "view", "split", "run", "layer", "estimator")
ALL_ROWS = "all rows"


@dataclass(frozen=True, slots=True)
class Named:
    """A path or a phase with the names that tell it from others."""

    names: Mapping[str, str]

    def key(self, *dimensions: str) -> tuple[str, ...]:
        """The names of some dimensions, for grouping and matching."""
        return tuple(self.names[name] for name in dimensions)


@dataclass(frozen=True, slots=True)
class Path(Named):
    """One trajectory that has points."""

    trajectory: Trajectory

    @property
    def points(self) -> Sequence[TrajectoryPoint]:
        return self.trajectory.points


@dataclass(frozen=True, slots=True)
class Found(Named):
    """One phase."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class Timeline:
    """All checkpoints in order; known by their steps where every path has one of its own for each point."""

    counted: bool
    moments: tuple[TrajectoryPoint, ...]
    places: Mapping[str | int | None, int]

    def place(self, checkpoint: str, step: int | None) -> int | None:
        """Which of the moments a checkpoint is; None where it is none of them."""
        return self.places.get(step if self.counted else checkpoint)


def paths(results: Sequence[Results]) -> list[Path]:
    """Every trajectory with points, in the order of the results."""
    named = zip(run_names(results), results, strict=True)
    return [Path(_names(name, one), one) for name, each in named for one in each.trajectories if one.points]


def phases(results: Sequence[Results]) -> list[Found]:
    """Every phase, in the order of the results."""
    named = zip(run_names(results), results, strict=True)
    return [Found(_names(name, one), one) for name, each in named for one in each.phases]


def varying(named: Sequence[Named], among: Sequence[str] = DIMENSIONS) -> tuple[str, ...]:
    """The dimensions with more than one name."""
    return tuple(name for name in among if len({one.names[name] for one in named}) > 1)


def label(one: Named, dimensions: Sequence[str]) -> str:
    """`fc1 · test`: the layer and what else tells it apart."""
    others = [name for name in dimensions if name not in ("layer", "estimator")]
    return " · ".join(one.names[name] for name in ("layer", *others))


def values(named: Sequence[Named]) -> dict[str, list[str]]:
    """The names of each dimension in order of appearance."""
    return {name: list(dict.fromkeys(one.names[name] for one in named)) for name in DIMENSIONS}


def timeline(drawn: Sequence[Path]) -> Timeline:
    """The checkpoints of all paths together."""
    counted = bool(drawn) and all(_counted(path.points) for path in drawn)
    found: list[TrajectoryPoint] = []
    for path in drawn:
        found = _merged(found, path.points, counted)
    ordered = sorted(found, key=lambda point: point.step or 0) if counted else found
    places = {_known_by(point, counted): i for i, point in enumerate(ordered)}
    return Timeline(counted, tuple(ordered), places)


def detail(estimate: Estimate, name: str) -> float | None:
    """A number that stands beside a figure."""
    found = estimate.details.get(name)
    return float(found) if isinstance(found, int | float) else None


def when(checkpoint: str, step: int | None) -> str:
    """`step 9,000`, or the name of a checkpoint without a step."""
    return checkpoint if step is None else f"step {step:,}"


def _names(result: str, one: Trajectory | Phase) -> dict[str, str]:
    aggregate = f"mean of {count(one.runs, 'run')}" if one.runs > 1 else "one run"
    split = ALL_ROWS if one.split is None else one.split
    run = aggregate if one.run is None else one.run
    return dict(zip(DIMENSIONS, (result, one.view, split, run, one.layer, one.estimator), strict=True))


def _counted(points: Sequence[TrajectoryPoint]) -> bool:
    steps = [point.step for point in points]
    return None not in steps and len(set(steps)) == len(steps)


def _known_by(point: TrajectoryPoint, counted: bool) -> str | int | None:
    return point.step if counted else point.checkpoint


def _merged(
    found: Sequence[TrajectoryPoint], points: Sequence[TrajectoryPoint], counted: bool
) -> list[TrajectoryPoint]:
    """`found` with each new one of `points` after the one that comes before it."""
    merged = list(found)
    keys = [_known_by(point, counted) for point in merged]
    at = 0
    for point in points:
        key = _known_by(point, counted)
        if key in keys:
            at = keys.index(key) + 1
            continue
        merged.insert(at, point)
        keys.insert(at, key)
        at += 1
    return merged
