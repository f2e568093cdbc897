"""`repdiag spectrum`: every one-representation figure of every chosen representation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from pydantic import JsonValue

from repdiag._version import __version__
from repdiag.analysis.estimates import estimate, records_of
from repdiag.analysis.frame import SampleFrame
from repdiag.analysis.representation import Evidence, Wanted, examine
from repdiag.analysis.requests import (
    LABELLED,
    WITHOUT_ROGUE,
    SpectrumRequest,
    applicable,
    resolve_device,
)
from repdiag.analysis.source import Progress, StoreSource, first_scale, no_progress
from repdiag.analysis.views import ViewRequest, examine_views, view_sets
from repdiag.measures.inputs import Need, Spectrum
from repdiag.measures.registry import Selection, find
from repdiag.results import Estimate, Representation, Results, SpectrumRecord
from repdiag.store import RepresentationInfo, Store


def analyse_spectrum(
    stores: Sequence[Store], request: SpectrumRequest, progress: Progress | None = None
) -> Results:
    """Figures, intervals and spectra of the representations that the request names.

    Raises:
        UsageError: an unknown measure or device, or globs that match nothing.
        InputError: a covariance that cannot be held.
    """
    device = resolve_device(request.device)
    representations = [
        each
        for store in stores
        for each in _analyse_store(SampleFrame(store), request, device, progress or no_progress)
    ]
    source: dict[str, JsonValue] = {
        "stores": [dict(store.provenance) for store in stores],
        "interval": request.interval,
        "seed": request.seed,
        "device": device,
        "torch": torch.__version__,
    }
    return Results(repdiag=__version__, command="spectrum", source=source, representations=representations)


def _analyse_store(
    frame: SampleFrame, request: SpectrumRequest, device: str, progress: Progress
) -> Iterator[Representation]:
    store = frame.store
    chosen = store.select(views=request.views, layers=request.layers, checkpoints=request.checkpoints)
    sets = view_sets(chosen)
    selections, notes = applicable(
        request.selections(), asked=bool(request.measures), labels=frame.has_labels, views=bool(sets)
    )
    over_views = [s for s in selections if s.needs is Need.OBJECTS]
    single = [s for s in selections if s.needs is not Need.OBJECTS]
    for info in chosen if single else ():
        found, estimates = _analyse(frame, info, single, request, device, progress)
        yield _representation(info, found, estimates, notes)
    for views in sets if over_views else ():
        asked = ViewRequest(over_views, request.method(views[0].d), request.confidence, device)
        yield examine_views(frame, views, asked)


def _analyse(
    frame: SampleFrame,
    info: RepresentationInfo,
    selections: Sequence[Selection],
    request: SpectrumRequest,
    device: str,
    progress: Progress,
) -> tuple[Evidence, dict[str, Estimate]]:
    needs = frozenset(need for s in [*selections, *_clean_asked(selections)] for need in s.every_need)
    source = StoreSource(frame, info.address, info.n, info.d, device, progress=progress)
    source.with_labels = bool(needs & LABELLED)
    source.with_sample = bool(needs & {Need.NEIGHBOURS, Need.POTENTIAL})
    source.scale = first_scale(source) if info.dtype == "float64" else 1.0
    found = examine(source, Wanted(needs, request.method(info.d), info.dtype, source.scale))
    every = [*selections, *(_clean_asked(selections) if found.facts.rogue else ())]
    records, facts = found.records, found.facts
    estimates = {s.key: estimate(s, records_of(s, records), facts, request.confidence) for s in every}
    return found, estimates


def _clean_asked(selections: Sequence[Selection]) -> list[Selection]:
    """The rank family again without rogue coordinates."""
    return [Selection(find(s.key), {"rogue": "drop"}) for s in selections if s.key in WITHOUT_ROGUE]


def _representation(
    info: RepresentationInfo, found: Evidence, estimates: dict[str, Estimate], notes: list[str]
) -> Representation:
    if found.facts.dropped:
        notes = [f"{found.facts.dropped} of {info.n} rows hold NaN or infinity and were left out", *notes]
    for rogue in found.facts.rogue:
        notes = [*notes, f"feature {rogue.index} alone carries {rogue.share:.1%} of the variance"]
    address = info.address
    return Representation(
        checkpoint=address.checkpoint,
        view=address.view,
        layer=address.layer,
        step=info.step,
        n=found.facts.n,
        d=info.d,
        estimates=estimates,
        spectrum=_spectrum_record(found),
        dropped=found.facts.dropped,
        rogue_features=list(found.facts.rogue),
        notes=notes + found.notes,
    )


def _spectrum_record(found: Evidence) -> SpectrumRecord | None:
    replicas = found.records.get(Need.SPECTRUM)
    if replicas is None or found.facts.n < 2:
        return None
    spectrum = replicas.total
    assert isinstance(spectrum, Spectrum)
    *values, floor = (
        value / spectrum.scale / spectrum.scale for value in (*spectrum.eigenvalues.tolist(), spectrum.floor)
    )
    if not all(map(math.isfinite, (*values, floor))):
        return None
    return SpectrumRecord(eigenvalues=values, resolution_floor=floor)
