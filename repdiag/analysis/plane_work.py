"""Every point of every path, each layer of a checkpoint read once; kept as it is measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from repdiag.analysis.memory import give_back
from repdiag.analysis.plane_defaults import (
    FIXED,
    FREE,
    PILOT_LAYERS,
    PILOT_ROWS,
    Defaults,
    Pilot,
    chosen_defaults,
)
from repdiag.analysis.plane_journal import PlaneJournal
from repdiag.analysis.plane_paths import Path, PathKey
from repdiag.analysis.plane_points import Evidence, Measured, measured
from repdiag.analysis.plane_request import PlaneRequest
from repdiag.analysis.plane_rows import LayerRows, PlaneSource, Ranks, Spot, is_constant
from repdiag.analysis.plane_series import Layer, Series
from repdiag.analysis.source import Progress
from repdiag.measures.plane_inputs import PlaneRows
from repdiag.measures.plane_registry import EstimatorChoice


@dataclass
class PlaneTask:
    """What is asked of every layer, where its rows come from, and what has been measured so far."""

    request: PlaneRequest
    series: Series
    source: PlaneSource
    progress: Progress
    journal: PlaneJournal | None = None
    choices: Sequence[EstimatorChoice] = ()
    points: dict[PathKey, list[tuple[Spot, Measured]]] = field(default_factory=dict)

    @property
    def paths(self) -> list[Path]:
        """The points as paths, by layer, split, estimator and run."""
        layers = {layer: at for at, layer in enumerate(self.series.layers)}
        found = [
            Path(key, tuple(spot.stop for spot, _ in held), tuple(point for _, point in held))
            for key, held in self.points.items()
        ]
        return sorted(found, key=lambda path: layers[path.key.view, path.key.layer])


def usual_pair(task: PlaneTask) -> Defaults:
    """Estimators for a user who names none, from a pilot at the first, the middle and the last checkpoint."""
    held = list(_pilot(task))
    most = len(FIXED) + len(FREE)
    count = iter(range(1, most + 1))

    def pilot(choice: EstimatorChoice) -> Pilot:
        found: dict[str, list[Measured]] = {}
        for layer, given in held:
            point = measured(choice, given.rows, given.evidence)
            found.setdefault("/".join(layer), []).append(point)
        task.progress("choice of estimators", next(count), most)
        return found

    return chosen_defaults(pilot)


def _pilot(task: PlaneTask) -> Iterator[tuple[Layer, Given]]:
    """A few samples of some layers at the first, the middle and the last checkpoint."""
    most = min(PILOT_ROWS, task.request.rows or PILOT_ROWS)
    run, layers = task.series.runs[0], task.series.layers
    every = max(1, -(-len(layers) // PILOT_LAYERS))
    for at in dict.fromkeys((0, len(run.stops) // 2, len(run.stops) - 1)):
        for layer in layers[::every]:
            if layer in run.stops[at].infos:
                spot = Spot(run.name, run.stops[at], layer)
                ranks = task.source.splits(layer, most)[None]
                yield layer, _given(task, spot, task.source.read(spot, {None: ranks}), ranks)


def measure_all(task: PlaneTask) -> None:
    """Fill in the points of a task, checkpoint by checkpoint and layer by layer."""
    spots = [
        Spot(run.name, stop, layer) for run in task.series.runs for stop in run.stops for layer in stop.infos
    ]
    each = len(task.source.samples.splits) * len(task.choices)
    for done, spot in enumerate(spots):
        for number, (key, point) in enumerate(_points(task, spot), start=1):
            task.points.setdefault(key, []).append((spot, point))
            task.progress("points", done * each + number, len(spots) * each)
        give_back()


def _points(task: PlaneTask, spot: Spot) -> Iterator[tuple[PathKey, Measured]]:
    """The points of a layer at a checkpoint; its rows are read when the first one is not in the journal."""
    most = max(task.request.most_rows(choice) for choice in task.choices)
    splits = task.source.splits(spot.layer, most)
    rows: LayerRows | None = None
    for split, ranks in splits.items():
        given: Given | None = None
        for choice in task.choices:
            key = PathKey(*spot.layer, split, spot.run, choice.key)
            place = (spot.stop.source, spot.stop.checkpoint, *spot.layer, split, spot.run, choice.key)
            point = task.journal.find(place) if task.journal is not None else None
            if point is None:
                rows = rows or task.source.read(spot, splits)
                wanted = ranks[: task.request.most_rows(choice)]
                if given is None or given.rows.m != len(wanted):
                    given = _given(task, spot, rows, wanted)
                point = measured(choice, given.rows, given.evidence)
                if task.journal is not None:
                    task.journal.keep(place, point)
            yield key, point


@dataclass(frozen=True, slots=True)
class Given:
    """What estimators of equally many samples read, and what their points are judged on."""

    rows: PlaneRows
    evidence: Evidence


def _given(task: PlaneTask, spot: Spot, found: LayerRows, ranks: Ranks) -> Given:
    samples = task.source.samples
    target = samples.targets[spot.stop.source]
    rows = task.source.plane_rows(spot, found, ranks)
    evidence = Evidence(
        blocks=samples.blocks(ranks),
        constant=is_constant(rows.t, found.dtype),
        target="" if target.codes is None else target.name,
        tied=samples.groups is not None,
        confidence=task.request.confidence,
    )
    return Given(rows, evidence)
