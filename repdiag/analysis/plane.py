"""`repdiag plane`: paths through the information plane over checkpoints, with their phases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from pydantic import JsonValue

from repdiag._version import __version__
from repdiag.analysis.frame import SAMPLE_ROWS
from repdiag.analysis.plane_defaults import Defaults
from repdiag.analysis.plane_journal import PlaneJournal, fingerprint
from repdiag.analysis.plane_notes import notes_on, why_unreadable
from repdiag.analysis.plane_paths import Path, PathKey, RunPaths, mean_trajectory, trajectory
from repdiag.analysis.plane_phases import phases_of, with_agreement
from repdiag.analysis.plane_request import PlaneRequest, refuse_without_inputs
from repdiag.analysis.plane_rows import PlaneSource
from repdiag.analysis.plane_samples import samples_of
from repdiag.analysis.plane_scale import scan
from repdiag.analysis.plane_series import series_of
from repdiag.analysis.plane_work import PlaneTask, measure_all, usual_pair
from repdiag.analysis.requests import resolve_device
from repdiag.analysis.source import Progress, no_progress
from repdiag.results import Phase, Results, Trajectory
from repdiag.store import Store
from repdiag.types import Status


def analyse_plane(
    stores: Sequence[Store],
    request: PlaneRequest,
    progress: Progress | None = None,
    journal: PlaneJournal | None = None,
) -> Results:
    """Paths of the chosen layers over their checkpoints, with an interval, null and ceiling on every point.

    `journal` keeps points as they are measured, so that a run that was cut off goes on from there.

    Raises:
        UsageError: an unknown estimator or device, globs that match nothing, stores of different samples, or
            stored inputs asked for where there are none.
    """
    device = resolve_device(request.device)
    named = request.choices()
    series = series_of(stores, request.choice)
    refuse_without_inputs(stores, series.layers, request, named)
    samples = samples_of(stores, request.target)
    if journal is not None:
        journal.open(fingerprint(stores, (request, device, __version__)))
    told = progress or no_progress
    quantiles = any(choice.all_options.get("edges") == "layer" for choice in named)
    scanned = scan(series, samples, request.bandwidth, quantiles, told)
    source = PlaneSource(samples, scanned, request.seed, device, request.inputs)
    task = PlaneTask(request, series, source, told, journal)
    defaults = Defaults(tuple(named), ()) if named else usual_pair(task)
    task.choices = defaults.choices
    measure_all(task)
    means = _means(task) if request.choice.grouped else []
    trajectories, phases = _found(task, means)
    notes = [*series.notes, *samples.notes, *defaults.notes, *notes_on(task, means)]
    if not readable(trajectories):
        notes.insert(0, why_unreadable(task))
    return Results(
        repdiag=__version__,
        command="plane",
        source=_source(task, notes),
        trajectories=trajectories,
        phases=phases,
    )


def readable(trajectories: Sequence[Trajectory]) -> bool:
    """Whether any figure of any point says something."""
    return any(
        figure.status is Status.OK
        for each in trajectories
        for point in each.points
        for figure in (point.ixt, point.ity)
    )


def _means(task: PlaneTask) -> list[RunPaths]:
    """The paths of two or more runs of one layer, split and estimator, together."""
    together: dict[PathKey, list[Path]] = {}
    for path in task.paths:
        together.setdefault(replace(path.key, run=None), []).append(path)
    made = [RunPaths.of(own, key, task.series.kind) for key, own in together.items() if len(own) > 1]
    return [runs for runs in made if runs.names]


def _found(task: PlaneTask, means: Sequence[RunPaths]) -> tuple[list[Trajectory], list[Phase]]:
    """Every path with its phases; of runs of one experiment, their means first and the phases of those."""
    paths, confidence = task.paths, task.request.confidence
    about: Sequence[Path | RunPaths] = means or paths
    phases = [phase for each in about for phase in phases_of(each, confidence)]
    drawn = [mean_trajectory(runs, confidence) for runs in means]
    return [*drawn, *map(trajectory, paths)], with_agreement(phases)


def _source(task: PlaneTask, notes: Sequence[str]) -> dict[str, JsonValue]:
    request, samples = task.request, task.source.samples
    meanings: dict[str, JsonValue] = {
        choice.key: {
            "says": choice.measure.says,
            "cannot": choice.measure.cannot,
            "cite": choice.measure.cite,
        }
        for choice in task.choices
    }
    return {
        "name": " and ".join(store.path.name for store in samples.stores),
        "stores": [dict(store.provenance) for store in samples.stores],
        "measures": meanings,
        "notes": list(dict.fromkeys(notes)),
        "order": task.series.kind,
        "runs": len(task.series.runs),
        "target": samples.targets[0].name,
        "inputs": "features" if request.inputs else "identity",
        "bandwidth": "median" if request.bandwidth is None else request.bandwidth,
        "scale_rows": SAMPLE_ROWS,
        "seed": request.seed,
        "device": task.source.device,
        "torch": torch.__version__,
    }
