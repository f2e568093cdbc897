"""The self-test: every kind of collapse planted into every chosen representation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import JsonValue

from repdiag._version import __version__
from repdiag.analysis import SpectrumRequest, analyse_spectrum
from repdiag.analysis.requests import LABELLED
from repdiag.check import Kind, Policy
from repdiag.results import Results
from repdiag.selftest.copies import clean_copies, rogue
from repdiag.selftest.draws import draws
from repdiag.selftest.drop import against_clean, drop_rule
from repdiag.selftest.examine import examine
from repdiag.selftest.gate import Bench, Reading, absolute, columns_of
from repdiag.selftest.ladder import Trial
from repdiag.selftest.plantings import PLANTINGS, Planting, Specimen
from repdiag.selftest.records import LimitRecord, PlaceRecord, SelftestRecord, overall
from repdiag.store import RepresentationInfo, Store, memory_store
from repdiag.synthetic import isotropic, power_law
from repdiag.types import DEFAULT_VIEW, Address

Index = NDArray[np.int64]
Progress = Callable[[str, int, int], None]
MOST_NUMBERS = 2_000_000
"""Rows times features of one representation that are used unless more are asked for."""

LEAST_ROWS, CLASSES = 500, 10


@dataclass(frozen=True, slots=True)
class SelftestRequest:
    """What is asked. `policy` and `spectrum` are the gate's; `every` plants in all that it names, else in
    the last of them; `limit` rows are used at most, chosen by `seed`."""

    policy: Policy
    spectrum: SpectrumRequest
    every: bool = False
    limit: int | None = None
    seed: int = 0
    plantings: Sequence[Planting] = PLANTINGS


@dataclass(frozen=True, slots=True, eq=False)
class Clean:
    """Rows as they are, and what the gate says of them."""

    bench: Bench
    specimen: Specimen
    reading: Reading


def selftest(store: Store, request: SelftestRequest, progress: Progress | None = None) -> SelftestRecord:
    """What this gate can and cannot see in the representations of a store.

    Raises:
        UsageError: globs that match nothing.
        ConfigError: a rule written in the configuration that cannot be evaluated.
    """
    request = replace(request, spectrum=answerable(request.spectrum, store))
    asked = request.spectrum
    chosen = store.select(views=asked.views, layers=asked.layers, checkpoints=asked.checkpoints)
    clean = analyse_spectrum([store], asked)
    under_test = chosen if request.every else chosen[-1:]
    places = [_place(store, info, clean, request, progress or _unwatched) for info in under_test]
    source: dict[str, JsonValue] = {"file": store.path.name, **store.provenance}
    return SelftestRecord(
        repdiag=__version__,
        source=source,
        profile=request.policy.profile,
        confidence=request.policy.confidence,
        seed=request.seed,
        representations=len(chosen),
        places=places,
        verdict=overall(places),
    )


def answerable(request: SpectrumRequest, store: Store) -> SpectrumRequest:
    """The request without the measures of labels where the store has none."""
    if "label" in store.columns:
        return request
    kept = (one.key for one in request.selections() if one.needs not in LABELLED)
    return replace(request, measures=tuple(kept))


def synthetic_store(n: int, d: int, seed: int = 0) -> Store:
    """Two views of n rows of d features with the spectrum 1/i and ten meaningless classes, in memory.

    Each view adds noise of a tenth of the length to the same rows.
    """
    rows = power_law(n, d, seed=seed).samples
    size = 0.1 * (rows.square().sum() / n / d).sqrt()
    views = {
        name: (rows + size * isotropic(n, d, seed=seed + step).samples).numpy().astype(np.float32)
        for step, name in enumerate(("noise", DEFAULT_VIEW), 1)
    }
    return memory_store(
        {Address("synthetic", name): each for name, each in views.items()},
        ids=[str(row) for row in range(n)],
        labels=np.arange(n) % CLASSES,
    )


def _place(
    store: Store, info: RepresentationInfo, clean: Results, request: SelftestRequest, progress: Progress
) -> PlaceRecord:
    whole = store.read(info.address, 0, store.n)
    finite = np.flatnonzero(np.isfinite(whole).all(axis=1))
    kept = _chosen_rows(finite, info.d, request)
    bench = _bench(store, info, clean, kept, request)
    specimen = Specimen(torch.from_numpy(whole[kept].astype(np.float64)), _codes(bench))
    reading = bench.read(specimen).plain
    varies = Kind.CONSTANT not in reading.failed
    with TemporaryDirectory(prefix="repdiag-selftest-") as folder:
        trial = _trial(store, kept, Clean(bench, specimen, reading), request, Path(folder))
        limits = _limits(trial, request, progress) if varies else []
    return PlaceRecord(
        checkpoint=info.address.checkpoint,
        view=info.address.view,
        layer=info.address.layer,
        n=len(kept),
        d=info.d,
        rows=store.n,
        clean="inconclusive" if reading.failed or reading.undecided else "pass",
        copies=clean_copies(bench, specimen, reading, request.seed) if varies else [],
        limits=limits,
        notes=_notes(bench, store.n, len(finite), reading, request.seed),
    )


def _limits(trial: Trial, request: SelftestRequest, progress: Progress) -> list[LimitRecord]:
    found, label = [], str(trial.bench.address)
    for number, planting in enumerate(request.plantings, 1):
        found.append(examine(planting, trial))
        progress(label, number, len(request.plantings))
    return found


def _bench(
    store: Store, info: RepresentationInfo, clean: Results, kept: Index, request: SelftestRequest
) -> Bench:
    spectrum = replace(request.spectrum, layers=(), views=(), checkpoints=(), replicates=False)
    ids = tuple(store.ids[i] for i in kept.tolist())
    return Bench(
        info.address, info.dtype, absolute(request.policy), spectrum, clean, ids, columns_of(store, kept)
    )


def _trial(store: Store, kept: Index, of: Clean, request: SelftestRequest, folder: Path) -> Trial:
    varies = Kind.CONSTANT not in of.reading.failed
    judged = (
        varies and any("baseline" in one.needs for one in request.plantings) and drop_rule(request.policy)
    )
    paired = against_clean(of.bench, of.specimen, request.policy, folder) if judged else None
    other = _other_view(store, of.bench.address)
    viewed, specimen = None, of.specimen
    if other is not None:
        second = store.read(other, 0, store.n)[kept].astype(np.float64)
        if np.isfinite(second).all():
            viewed = replace(of.bench, views=(other,))
            specimen = replace(specimen, views=(torch.from_numpy(second),))
    trial = Trial(of.bench, paired, viewed, specimen, of.reading, request.policy, request.seed)
    return replace(trial, draws=draws(trial, folder)) if varies else trial


def _other_view(store: Store, address: Address) -> Address | None:
    """The first other view of the same layer and checkpoint with as many features."""
    d = store.info(address).d
    for info in store.representations:
        other = info.address
        same = (other.checkpoint, other.layer) == (address.checkpoint, address.layer)
        if same and other != address and info.d == d:
            return other
    return None


def _chosen_rows(finite: Index, d: int, request: SelftestRequest) -> Index:
    most = request.limit or max(LEAST_ROWS, MOST_NUMBERS // d)
    if len(finite) <= most:
        return finite
    return np.sort(np.random.default_rng(request.seed).permutation(finite)[:most])


def _codes(bench: Bench) -> torch.Tensor | None:
    labels = bench.columns.get("label")
    return None if labels is None else torch.from_numpy(np.unique(labels, return_inverse=True)[1]).long()


def _notes(bench: Bench, rows: int, finite: int, reading: Reading, seed: int) -> list[str]:
    notes = []
    if finite < rows:
        notes.append(f"{rows - finite:,} rows that are not finite were left out")
    if len(bench.ids) < finite:
        notes.append(
            f"limits are those of {len(bench.ids):,} of {finite:,} rows, chosen at random with seed {seed}; "
            f"--limit {finite} takes all"
        )
    if reading.failed:
        notes.append(f"the gate fails these rows as they are ({', '.join(sorted(reading.failed))})")
    if rogue(bench):
        notes.append("no copy in another basis: one coordinate stands out here, and would not there")
    return notes


def _unwatched(what: str, done: int, total: int) -> None:
    pass
