"""One representation: passes over its rows, the records that measures read, the facts about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import torch

from repdiag import linalg
from repdiag.accumulators import ClassSums, FeatureActivity, FeatureMoments, GroupedMoments, Sample
from repdiag.analysis import evidence
from repdiag.analysis.classes import ClassPlan, class_spectra
from repdiag.analysis.facts import Facts, facts_of
from repdiag.analysis.plan import LOCATIONS, PER_FEATURE, SPECTRAL, Plan, gather, passes
from repdiag.analysis.replicas import Replicas
from repdiag.analysis.source import MemorySource, RowSource, StoreSource, in_memory
from repdiag.analysis.spectra import Reduction, spectra
from repdiag.measures.inputs import Need
from repdiag.types import IntervalMethod


@dataclass
class Evidence:
    """Records by need, with the facts; filled in step by step while statistics are at hand."""

    facts: Facts
    records: dict[Need, Replicas] = field(default_factory=dict)
    dropped: int = 0
    notes: list[str] = field(default_factory=list)


def examine(source: StoreSource, needs: frozenset[Need], method: IntervalMethod, dtype: str) -> Evidence:
    """All records that `needs` names for one representation."""
    if source.n < source.d:
        return _examine_narrow(source, needs, method, dtype)
    plan = Plan(needs, source.d, method, _classes(source), source.device)
    found = _examine(source, source.frame.groups, plan, dtype, source.scale)
    found.dropped = len(source.bad_rows)
    _add_class_spectra(found, source, source, needs, method)
    return found


def _examine_narrow(
    source: StoreSource, needs: frozenset[Need], method: IntervalMethod, dtype: str
) -> Evidence:
    """Fewer samples than features: everything rotation-invariant is computed in n coordinates."""
    rows = in_memory(source)
    features = {Need.LOCATION, *(needs & (PER_FEATURE | LOCATIONS))}
    found = _examine(
        rows, rows.groups, Plan(frozenset(features), source.d, method, 0, source.device), dtype, source.scale
    )
    found.dropped = len(source.bad_rows)
    rest = needs - features
    if rest and rows.n:
        facts = found.facts
        coordinates = replace(rows, rows=linalg.small_side(rows.rows))
        plan = Plan(rest, coordinates.d, method, _classes(source), source.device)
        spectral = _examine(coordinates, rows.groups, plan, dtype, source.scale, facts)
        found.records |= spectral.records
        if Need.CLEAN_SPECTRUM in needs and facts.rogue:
            found.records[Need.CLEAN_SPECTRUM] = _clean_narrow(rows, facts, method, source.device)
        _add_class_spectra(found, source, coordinates, needs, method)
    return found


def _clean_narrow(rows: MemorySource, facts: Facts, method: IntervalMethod, device: str) -> Replicas:
    kept = torch.tensor([j for j in range(rows.d) if j not in {r.index for r in facts.rogue}])
    clean = rows.rows[:, kept.to(rows.rows.device)]
    coordinates = replace(rows, rows=linalg.small_side(clean) if clean.shape[0] < clean.shape[1] else clean)
    plan = Plan(frozenset({Need.SPECTRUM}), coordinates.d, method, 0, device)
    inner = replace(facts, d=clean.shape[1], rogue=())
    return _examine(coordinates, rows.groups, plan, "float64", facts.scale, inner).records[Need.SPECTRUM]


def _classes(source: StoreSource) -> int:
    return len(source.frame.classes) if source.with_labels else 0


def _examine(
    source: RowSource,
    groups: np.ndarray[tuple[int], np.dtype[np.uint8]],
    plan: Plan,
    dtype: str,
    scale: float,
    facts: Facts | None = None,
) -> Evidence:
    """Gather in as many passes as fit, and reduce each pass's statistics before the next."""
    if not plan.needs & (SPECTRAL | LOCATIONS):
        plan = replace(plan, needs=plan.needs | {Need.LOCATION})
    statistics = plan.statistics()
    pool = set() if plan.grouped else {"moments", "unit_moments"}
    found: Evidence | None = None
    kept = torch.zeros(0, dtype=torch.int64)
    order = sorted(passes(statistics), key=lambda names: not {"moments", "features"} & set(names))
    for names in order:
        chosen = {name: statistics.pop(name) for name in names}
        gathered = gather(source, chosen, pool & set(names))
        del chosen
        if found is None:
            first = cast(GroupedMoments | FeatureMoments, gathered.get("moments", gathered.get("features")))
            nonempty = _nonempty(source, groups)
            own, kept = facts_of(first, nonempty, dtype, scale)
            found = Evidence(facts or own)
        _reduce(found, gathered, Reduction(source, plan, kept, found.facts))
    assert found is not None
    return found


def _nonempty(source: RowSource, groups: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> int:
    bad = source.bad_rows if isinstance(source, StoreSource) else []
    return len(np.unique(np.delete(groups, bad) if bad else groups))


def _reduce(found: Evidence, gathered: Mapping[str, object], how: Reduction) -> None:
    """Add to `found` every record that these statistics give."""
    needs, method = how.plan.needs, how.plan.method
    records = found.records
    moments = gathered.get("moments")
    if isinstance(moments, GroupedMoments):
        _reduce_moments(records, moments, how)
    if isinstance(unit := gathered.get("unit_moments"), GroupedMoments):
        matrix = how.matrix(centred=False, unit=True)
        records[Need.DIRECTION_SPECTRUM] = spectra(unit, matrix, how)
    if isinstance(features := gathered.get("features"), FeatureMoments):
        records[Need.LOCATION] = evidence.locations(features, method)
        if Need.CLEAN_LOCATION in needs:
            records[Need.CLEAN_LOCATION] = evidence.locations(features, method, how.kept)
    if isinstance(unit_features := gathered.get("unit_features"), FeatureMoments):
        records[Need.DIRECTIONS] = evidence.directions(unit_features, method)
    if isinstance(activity := gathered.get("activity"), FeatureActivity):
        records[Need.ACTIVITY] = evidence.activity(activity, method)
    if isinstance(sample := gathered.get("sample"), Sample):
        if Need.POTENTIAL in needs:
            records[Need.POTENTIAL] = evidence.potentials(sample, method)
        if Need.NEIGHBOURS in needs:
            records[Need.NEIGHBOURS] = evidence.neighbours(sample, method)
    if isinstance(sums := gathered.get("classes"), ClassSums) and isinstance(moments, GroupedMoments):
        records[Need.CLASS_MEANS] = evidence.class_means(sums, moments, method)


def _reduce_moments(records: dict[Need, Replicas], moments: GroupedMoments, how: Reduction) -> None:
    needs = how.plan.needs
    rogue = bool(how.facts.rogue) and len(how.kept) < moments.mean.shape[1]
    if Need.SPECTRUM in needs or (Need.CLEAN_SPECTRUM in needs and not rogue):
        records[Need.SPECTRUM] = spectra(moments, how.matrix(centred=True), how)
    if Need.CLEAN_SPECTRUM in needs:
        records[Need.CLEAN_SPECTRUM] = (
            spectra(moments, how.matrix(centred=True), how, how.kept) if rogue else records[Need.SPECTRUM]
        )
    if Need.SECOND_MOMENT in needs:
        records[Need.SECOND_MOMENT] = spectra(moments, how.matrix(centred=False), how)


def _add_class_spectra(
    found: Evidence, source: StoreSource, rows: RowSource, needs: frozenset[Need], method: IntervalMethod
) -> None:
    if Need.CLASS_SPECTRA not in needs:
        return
    labels, order, names = source.frame.labels, source.frame.order, source.frame.classes
    if isinstance(rows, MemorySource):
        good = np.setdiff1d(np.arange(source.n), np.array(source.bad_rows, dtype=np.int64))
        labels, order = labels[good], order[good]
    plan = ClassPlan.of(labels, order, len(names), rows.d)
    if plan.thinned:
        found.notes.append(
            f"per_class_rank: {plan.thinned} large classes were thinned to the rows with the lowest id hashes"
        )
    found.records[Need.CLASS_SPECTRA] = class_spectra(rows, plan, names, method)
