"""`repdiag compare`: every figure of A and B, and the difference from the same groups of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from pydantic import JsonValue

from repdiag._version import __version__
from repdiag.analysis.difference import Sides, difference
from repdiag.analysis.estimates import Judged
from repdiag.analysis.frame import SampleFrame
from repdiag.analysis.matching import Side, match, names_of
from repdiag.analysis.pairing import Pairing, pair_samples
from repdiag.analysis.requests import SpectrumRequest, applicable, resolve_device
from repdiag.analysis.source import Progress, StoreSource, no_progress
from repdiag.analysis.spectrum import analyse, concerns_of, concerns_seen, representation_of
from repdiag.errors import UsageError
from repdiag.measures.inputs import Need
from repdiag.measures.registry import Selection, parse_selection
from repdiag.results import Finding, Pair, Place, Representation, Results
from repdiag.store import RepresentationInfo, Store


@dataclass(frozen=True, slots=True)
class Examined:
    """One side of one pair: its record, what is wrong with its rows, and its figures by measure."""

    representation: Representation
    findings: list[Finding]
    judged: dict[str, Judged]


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of every pair; `frames` hold the samples of both sides."""

    request: SpectrumRequest
    selections: Sequence[Selection]
    frames: tuple[SampleFrame, SampleFrame]
    pairing: Pairing
    device: str
    progress: Progress


def compare(a: Side, b: Side, request: SpectrumRequest, progress: Progress | None = None) -> Results:
    """Figures of both sides, and for each view and layer that both have the difference of every figure.

    Raises:
        UsageError: no interval, several checkpoints on a side, nothing in common, or made differently.
        InputError: a covariance that cannot be held.
    """
    if request.interval == "none":
        raise UsageError("a difference without an interval says nothing; use --interval auto, fast or full")
    device = resolve_device(request.device)
    matches = match(a, b, request)
    pairing = pair_samples(a.store, b.store)
    selections, notes = _selections(request, pairing)
    frames = SampleFrame(pairing.a), SampleFrame(pairing.b)
    task = Task(request, selections, frames, pairing, device, progress or no_progress)
    pairs, sides = [], []
    for x, y in matches.pairs:
        names = names_of(a, b, x.address, y.address)
        pair, both = _compared(x, y, names, task)
        pairs.append(pair)
        sides.append(both)
    every = [side for place in (0, 1) for side in (both[place] for both in sides)]
    return Results(
        repdiag=__version__,
        command="compare",
        source=_source(a, b, task, [*pairing.notes, *matches.notes, *notes]),
        representations=[side.representation for side in every],
        pairs=pairs,
        findings=[finding for side in every for finding in side.findings],
    )


def _selections(request: SpectrumRequest, pairing: Pairing) -> tuple[list[Selection], list[str]]:
    several = [s for s in request.selections() if s.needs is Need.OBJECTS]
    if several and request.measures:
        raise UsageError(
            f"{several[0].key} reads several views at once and is no figure of one representation; "
            "compare it by eye: repdiag spectrum A B"
        )
    single = [s for s in request.selections() if s not in several]
    labels = all("label" in store.columns for store in (pairing.a, pairing.b))
    return applicable(single, asked=bool(request.measures), labels=labels, views=False)


def _compared(
    x: RepresentationInfo, y: RepresentationInfo, names: tuple[str, str], task: Task
) -> tuple[Pair, tuple[Examined, Examined]]:
    method = task.request.method(max(x.d, y.d))
    task = replace(task, request=replace(task.request, interval=method.value))
    both = _examined(x, names[0], task, 0), _examined(y, names[1], task, 1)
    if task.pairing.paired and any(side.representation.dropped for side in both):
        task = _only_finite(x, y, task)
        both = _examined(x, names[0], task, 0), _examined(y, names[1], task, 1)
    first, second = both
    pairing, confidence = task.pairing, task.request.confidence
    estimates = {
        key: difference(
            Sides(parse_selection(key), judged, second.judged[key], pairing.shown, pairing.paired, confidence)
        )
        for key, judged in first.judged.items()
        if key in second.judged
    }
    n = min(side.representation.n for side in both)
    return Pair(x=_place(first), y=_place(second), n=n, estimates=estimates), both


def _only_finite(x: RepresentationInfo, y: RepresentationInfo, task: Task) -> Task:
    """Both sides without the samples that either side has dropped: pairs are of the same samples."""
    pairing = task.pairing.finite_in_both(x.address, y.address)
    return replace(task, pairing=pairing, frames=(SampleFrame(pairing.a), SampleFrame(pairing.b)))


def _examined(info: RepresentationInfo, name: str, task: Task, side: int) -> Examined:
    frame = task.frames[side]
    source = StoreSource(frame, info.address, frame.store.n, info.d, task.device, progress=task.progress)
    found, judged = analyse(source, info.dtype, task.selections, task.request)
    notes = [note for note in task.pairing.notes if frame.store.n != info.n]
    made = representation_of(replace(info, n=frame.store.n), found, judged, notes, frame.store)
    named = made.model_copy(update={"checkpoint": name})
    return Examined(
        named, concerns_of(source, info.dtype, found, named, concerns_seen(source, found)), judged
    )


def _place(side: Examined) -> Place:
    one = side.representation
    return Place(checkpoint=one.checkpoint, view=one.view, layer=one.layer)


def _source(a: Side, b: Side, task: Task, notes: Sequence[str]) -> dict[str, JsonValue]:
    stores: list[Store] = [a.store] if a.store is b.store else [a.store, b.store]
    return {
        "name": " against ".join(store.path.name for store in stores),
        "stores": [dict(store.provenance) for store in stores],
        "pairing": task.pairing.shown,
        "notes": list(notes),
        "interval": task.request.interval,
        "seed": task.request.seed,
        "device": task.device,
        "torch": torch.__version__,
    }
