"""`repdiag spectrum`: every one-representation figure of every chosen representation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from pydantic import JsonValue

from repdiag._version import __version__
from repdiag.analysis.agreement import Agreement
from repdiag.analysis.closer import looked_at, seen_rows
from repdiag.analysis.concerns import FIGURE, Subject, findings
from repdiag.analysis.distributed import WHOLE, Team
from repdiag.analysis.estimates import Judged, judge, records_of
from repdiag.analysis.frame import SampleFrame
from repdiag.analysis.leading import LeadingWatch
from repdiag.analysis.plan import CENTRED, SAMPLED
from repdiag.analysis.population import noise_edge
from repdiag.analysis.rank_curve import RANK, rank_curve
from repdiag.analysis.replicates import comparable, preprocessing_of
from repdiag.analysis.representation import Evidence, Wanted, examine
from repdiag.analysis.requests import (
    LABELLED,
    WITHOUT_ROGUE,
    SpectrumRequest,
    applicable,
    resolve_device,
)
from repdiag.analysis.row_display import watch_over, with_rows_shown
from repdiag.analysis.rows import RowConcerns
from repdiag.analysis.shown_samples import to_show
from repdiag.analysis.source import Progress, StoreSource, first_scale, no_progress
from repdiag.analysis.typical import with_typical_rows
from repdiag.analysis.views import ViewRequest, examine_views, view_sets
from repdiag.measures.inputs import Need, Spectrum
from repdiag.measures.registry import Selection, find
from repdiag.results import Finding, Place, Representation, Results, SpectrumRecord
from repdiag.store import RepresentationInfo, Store
from repdiag.types import Status

CONE, CONE_APART = ("mean_share", "mean_cosine"), 0.1
"""Two figures of one thing, and how far apart they are when that deserves a word."""


def analyse_spectrum(
    stores: Sequence[Store],
    request: SpectrumRequest,
    progress: Progress | None = None,
    team: Team = WHOLE,
) -> Results:
    """Figures, intervals and spectra of the representations that the request names.

    The ranks of `team` share the passes over the rows; each of them gets all results.

    Raises:
        UsageError: an unknown measure or device, or globs that match nothing.
        InputError: a covariance that cannot be held.
    """
    device = resolve_device(request.device)
    agreements = [Agreement(request.confidence) for _ in stores]
    found = [
        each
        for store, agreement in zip(stores, agreements, strict=True)
        for each in _analyse_store(
            SampleFrame(store, team), request, device, agreement, progress or no_progress
        )
    ]
    source: dict[str, JsonValue] = {
        "stores": [dict(store.provenance) for store in stores],
        "interval": request.interval,
        "seed": request.seed,
        "device": device,
        "torch": torch.__version__,
    }
    return Results(
        repdiag=__version__,
        command="spectrum",
        source=source,
        representations=[representation for representation, _ in found],
        pairs=[pair for agreement in agreements for pair in agreement.pairs],
        findings=[finding for _, findings in found for finding in findings],
    )


def _analyse_store(
    frame: SampleFrame, request: SpectrumRequest, device: str, agreement: Agreement, progress: Progress
) -> Iterator[tuple[Representation, list[Finding]]]:
    store = frame.store
    chosen = store.select(views=request.views, layers=request.layers, checkpoints=request.checkpoints)
    sets, shown = view_sets(chosen), to_show(chosen)
    selections, notes = applicable(
        request.selections(), asked=bool(request.measures), labels=frame.has_labels, views=bool(sets)
    )
    over_views = [s for s in selections if s.needs is Need.OBJECTS]
    single = [s for s in selections if s.needs is not Need.OBJECTS]
    for info in chosen if single else ():
        source = StoreSource(frame, info.address, info.n, info.d, device, progress=progress)
        found, judged = analyse(source, info.dtype, single, request, ends=info.address in shown)
        made = representation_of(info, found, judged, notes, store)
        representation = looked_at(made, source, found, request.confidence)
        if request.closer:
            representation = with_rows_shown(representation, source, found, request.confidence)
        if sets and (sample := seen_rows(source, found)) is not None:
            agreement.add(info.address, sample)
        if request.replicates:
            representation = comparable(representation, judged, source)
        seen = concerns_seen(source, found)
        outlying = None if seen is None else seen.outlying
        representation = with_typical_rows(representation, source, outlying, request, info.dtype)
        yield representation, concerns_of(source, info.dtype, found, representation, seen)
    for views in sets if over_views else ():
        asked = ViewRequest(over_views, request.method(views[0].d), request.confidence, device)
        yield examine_views(frame, views, asked), []


def analyse(
    source: StoreSource,
    dtype: str,
    selections: Sequence[Selection],
    request: SpectrumRequest,
    *,
    ends: bool = False,
) -> tuple[Evidence, dict[str, Judged]]:
    """The records of one representation, and every selected measure judged by them.

    `ends` also keeps the scores of all rows along the leading directions, where rows are looked at closer.
    """
    needs = frozenset(need for s in [*selections, *_clean_asked(selections)] for need in s.every_need)
    source.with_labels = bool(needs & LABELLED)
    source.with_sample = bool(needs & SAMPLED)
    source.scale = first_scale(source) if dtype == "float64" else 1.0
    if needs & CENTRED:
        source.watch = watch_over(source, closer=request.closer, ends=ends)
    aimed = source.watch if isinstance(source.watch, LeadingWatch) else None
    found = examine(source, Wanted(needs, request.method(source.d), dtype, source.scale, aimed))
    every = [*selections, *(_clean_asked(selections) if found.facts.rogue else ())]
    records, facts = found.records, found.facts
    return found, {s.key: judge(s, records_of(s, records), facts, request.confidence) for s in every}


def concerns_seen(source: StoreSource, found: Evidence) -> RowConcerns | None:
    """What is wrong with the rows as samples; nothing where they do not vary anyway."""
    if source.watch is None or found.facts.variation in (Status.CONSTANT, Status.INSUFFICIENT):
        return None
    labels = source.frame.labels if source.frame.has_labels else None
    return source.watch.concerns(labels, source.frame.store.column("group"))


def concerns_of(
    source: StoreSource,
    dtype: str,
    found: Evidence,
    representation: Representation,
    seen: RowConcerns | None,
) -> list[Finding]:
    """The findings about what is wrong with the rows as samples."""
    if seen is None:
        return []
    place = Place(checkpoint=representation.checkpoint, view=representation.view, layer=representation.layer)
    subject = Subject(place, source, found.facts, dtype, representation.estimates.get(FIGURE))
    return list(findings(subject, seen))


def _clean_asked(selections: Sequence[Selection]) -> list[Selection]:
    """The rank family again without rogue coordinates."""
    return [Selection(find(s.key), {"rogue": "drop"}) for s in selections if s.key in WITHOUT_ROGUE]


def representation_of(
    info: RepresentationInfo, found: Evidence, judged: Mapping[str, Judged], notes: list[str], store: Store
) -> Representation:
    """The typed record of one representation."""
    if found.facts.dropped:
        notes = [f"{found.facts.dropped} of {info.n} rows hold NaN or infinity and were left out", *notes]
    for rogue in found.facts.rogue:
        notes = [*notes, f"feature {rogue.index} alone carries {rogue.share:.1%} of the variance"]
    notes = [*notes, *_unequal_lengths(judged)]
    address = info.address
    rank = judged.get(RANK)
    return Representation(
        checkpoint=address.checkpoint,
        view=address.view,
        layer=address.layer,
        step=info.step,
        n=found.facts.n,
        d=info.d,
        estimates={key: each.estimate for key, each in judged.items()},
        spectrum=_spectrum_record(found),
        dropped=found.facts.dropped,
        rogue_features=list(found.facts.rogue),
        pool=str(info.attrs["pool"]) if "pool" in info.attrs else None,
        preprocessing=preprocessing_of(store, address.checkpoint),
        rank_curve=rank_curve(found.records, None if rank is None else rank.estimate),
        notes=notes + found.notes,
    )


def _unequal_lengths(judged: Mapping[str, Judged]) -> list[str]:
    """A word where the two figures of a cone disagree: they are one figure only for rows of equal length."""
    share, cosine = (judged[name].estimate.value if name in judged else None for name in CONE)
    if share is None or cosine is None or abs(share - cosine) <= CONE_APART:
        return []
    return [
        f"mean_share {share:.2f} and mean_cosine {cosine:.2f} differ because the rows have unequal lengths: "
        "long rows set the first, every row counts alike in the second"
    ]


def _spectrum_record(found: Evidence) -> SpectrumRecord | None:
    replicas = found.records.get(Need.SPECTRUM)
    if replicas is None or found.facts.n < 2:
        return None
    spectrum = replicas.total
    assert isinstance(spectrum, Spectrum)
    *values, floor, edge = (
        value / spectrum.scale / spectrum.scale
        for value in (*spectrum.eigenvalues.tolist(), spectrum.floor, _edge(found, spectrum))
    )
    if not all(map(math.isfinite, (*values, floor))):
        return None
    known = edge if math.isfinite(edge) else None
    return SpectrumRecord(eigenvalues=values, resolution_floor=floor, noise_edge=known)


def _edge(found: Evidence, spectrum: Spectrum) -> float:
    """The noise edge in units of the scaled rows; not a number where no population was fitted."""
    population = found.records.get(Need.POPULATION)
    return math.nan if population is None else noise_edge(population.peer, spectrum)
