"""Points as paths: of one run, and the mean over runs with an interval over them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from repdiag.analysis.plane_points import Figure, Measured
from repdiag.analysis.plane_series import Stop
from repdiag.results import Estimate, Trajectory, TrajectoryPoint
from repdiag.stats.jackknife import around
from repdiag.types import IntervalMethod

Name = Literal["ixt", "ity"]
Time = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PathKey:
    """Which path: `run` is None for one run and for the mean of several."""

    view: str
    layer: str
    split: str | None
    run: str | None
    estimator: str


@dataclass(frozen=True, slots=True)
class Path:
    """The points of one run, in order."""

    key: PathKey
    stops: tuple[Stop, ...]
    points: tuple[Measured, ...]

    def figures(self, name: Name) -> list[Figure]:
        """One figure at every stop."""
        return [getattr(point, name) for point in self.points]

    def at(self, times: Iterable[Time]) -> Path:
        """The part at these times."""
        wanted = set(times)
        kept = [at for at, stop in enumerate(self.stops) if stop.at in wanted]
        return Path(self.key, tuple(self.stops[at] for at in kept), tuple(self.points[at] for at in kept))


@dataclass(frozen=True, slots=True)
class RunPaths:
    """Paths of two or more runs of one experiment, cut to the times that all of them have."""

    key: PathKey
    paths: tuple[Path, ...]
    names: tuple[str, ...]
    lacking: int

    @classmethod
    def of(cls, paths: Sequence[Path], key: PathKey, kind: str) -> RunPaths:
        times = [stop.at for stop in paths[0].stops]
        for path in paths[1:]:
            times = [time for time in times if time in {stop.at for stop in path.stops}]
        every = {stop.at for path in paths for stop in path.stops}
        cut = tuple(path.at(times) for path in paths)
        named = tuple(_name([path.stops[at] for path in cut], kind, at) for at in range(len(times)))
        return cls(key, cut, named, len(every) - len(times))

    @property
    def steps(self) -> list[int | None]:
        """The step of each time, where all runs agree on it."""
        shared = [{path.stops[at].step for path in self.paths} for at in range(len(self.names))]
        return [next(iter(found)) if len(found) == 1 else None for found in shared]


def _name(stops: Sequence[Stop], kind: str, at: int) -> str:
    """What the checkpoints of all runs at one time are called together."""
    names = {stop.checkpoint for stop in stops}
    if len(names) == 1:
        return next(iter(names))
    time, again = stops[0].at
    return (
        f"checkpoint {at + 1}" if kind == "order" else f"{kind} {time}" + (f" ({again + 1})" if again else "")
    )


def trajectory(path: Path) -> Trajectory:
    """The record of one run's path."""
    points = [
        TrajectoryPoint(
            checkpoint=stop.checkpoint, step=stop.step, ixt=point.ixt.estimate, ity=point.ity.estimate
        )
        for stop, point in zip(path.stops, path.points, strict=True)
    ]
    return _record(path.key, 1, points)


def mean_trajectory(runs: RunPaths, confidence: float) -> Trajectory:
    """The record of the mean over runs."""
    points = []
    for at, (name, step) in enumerate(zip(runs.names, runs.steps, strict=True)):
        own = [path.points[at] for path in runs.paths]
        ixt, ity = (
            mean_estimate([getattr(point, figure).estimate for point in own], confidence)
            for figure in ("ixt", "ity")
        )
        points.append(TrajectoryPoint(checkpoint=name, step=step, ixt=ixt, ity=ity))
    return _record(runs.key, len(runs.paths), points)


def mean_estimate(runs: Sequence[Estimate], confidence: float) -> Estimate:
    """The mean of the runs that have a value, with a t interval over them; the status of most runs."""
    values = np.array([each.value for each in runs if each.value is not None])
    details = {**_shared(runs), "runs": len(values)}
    if not len(values):
        return runs[0].model_copy(update={"details": details})
    valued = [each for each in runs if each.value is not None]
    counts = Counter(each.status for each in valued)
    status = counts.most_common(1)[0][0]
    if len(counts) > 1 or len(valued) < len(runs):
        details["statuses"] = ", ".join(
            f"{count} {name.value}" for name, count in Counter(each.status for each in runs).most_common()
        )
    mean = float(values.mean())
    found = {"value": mean, "plugin": mean, "status": status, "low": None, "high": None, "details": details}
    if len(values) > 1:
        error = float(values.std(ddof=1)) / math.sqrt(len(values))
        near = around(mean, error, len(values), confidence=confidence, scale="linear")
        found |= {"low": near.low, "high": near.high, "interval_method": IntervalMethod.FULL}
    return valued[0].model_copy(update=found)


def _shared(runs: Sequence[Estimate]) -> dict[str, float | int | str]:
    """Details of all runs: the mean of numbers that all have, texts that are the same in all."""
    found: dict[str, float | int | str] = {}
    for name in runs[0].details:
        held = [each.details.get(name) for each in runs]
        if all(isinstance(each, int | float) for each in held):
            numbers = [float(each) for each in held if isinstance(each, int | float)]
            found[name] = int(numbers[0]) if _same_whole(held) else float(np.mean(numbers))
        elif isinstance(held[0], str) and all(each == held[0] for each in held):
            found[name] = held[0]
    return found


def _same_whole(held: Sequence[object]) -> bool:
    return isinstance(held[0], int) and all(each == held[0] for each in held)


def _record(key: PathKey, runs: int, points: list[TrajectoryPoint]) -> Trajectory:
    return Trajectory(
        layer=key.layer,
        view=key.view,
        split=key.split,
        run=key.run,
        runs=runs,
        estimator=key.estimator,
        points=points,
    )
