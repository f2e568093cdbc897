"""What is to be said beside the paths: what was left out, and why nothing can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from repdiag.analysis.plane_paths import RunPaths
from repdiag.analysis.plane_work import PlaneTask
from repdiag.text import listing, printable


def notes_on(task: PlaneTask, means: Sequence[RunPaths]) -> list[str]:
    """Notes on samples, on layers that are missing somewhere, and on runs."""
    return [*_on_samples(task), *_on_layers(task), *_on_runs(task, means)]


def _on_samples(task: PlaneTask) -> Iterator[str]:
    samples, lost = task.source.samples, dict[int, list[str]]()
    for (view, layer), usable in task.source.scanned.finite.items():
        if not usable.all():
            lost.setdefault(int((~usable).sum()), []).append(f"{view}/{layer}")
    for count, names in lost.items():
        yield (
            f"{listing(names)}: {count:,} of {samples.n:,} rows hold NaN or infinity at some checkpoint and "
            "are left out at all of them"
        )
    for choice in task.choices:
        most = task.request.most_rows(choice)
        if most < samples.n:
            yield f"{choice.key}: the {most:,} of {samples.n:,} samples with the lowest id hashes are used"


def _on_layers(task: PlaneTask) -> Iterator[str]:
    for run in task.series.runs:
        of = "" if run.name is None else f" of run {printable(run.name, 60)}"
        for view, layer in task.series.layers:
            absent = [stop.checkpoint for stop in run.stops if (view, layer) not in stop.infos]
            if absent:
                yield f"{printable(f'{view}/{layer}')} is missing at {listing(absent, 3)}{of}"


def _on_runs(task: PlaneTask, means: Sequence[RunPaths]) -> Iterator[str]:
    if all(len(run.stops) == 1 for run in task.series.runs):
        yield "there is one checkpoint: points, but no path and no phases"
    lacking = max((runs.lacking for runs in means), default=0)
    if lacking:
        which = "1 checkpoint is" if lacking == 1 else f"{lacking:,} checkpoints are"
        yield f"{which} not in every run, and left out of means"


def why_unreadable(task: PlaneTask) -> str:
    """Why no figure says anything, in numbers."""
    estimates = [
        figure.estimate for path in task.paths for point in path.points for figure in (point.ixt, point.ity)
    ]
    counted = Counter(each.status.value for each in estimates)
    widths = sorted({info.d for stop in task.series.stops for info in stop.infos.values()})
    features = f"{widths[0]:,}" if len(widths) == 1 else f"{widths[0]:,} to {widths[-1]:,}"
    told = (each.details.get("patterns") for each in estimates)
    most = max((each for each in told if isinstance(each, int | float)), default=0)
    apart = f", up to {most:,.0f} distinct patterns" if most else ""
    names, figures = listing([choice.key for choice in task.choices]), len(estimates)
    return (
        f"nothing here can be read with {names}: of {figures} figures "
        f"{', '.join(f'{count} {name}' for name, count in counted.items())} (n {task.source.samples.n:,}, "
        f"d {features}{apart})"
    )
