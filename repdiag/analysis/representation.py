"""One representation: passes over its rows, the records that measures read, the facts about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from repdiag import linalg
from repdiag.accumulators import FeatureMoments, GroupedMoments
from repdiag.analysis.classes import ClassPlan, class_spectra
from repdiag.analysis.facts import Facts, facts_of
from repdiag.analysis.outputs import outputs
from repdiag.analysis.plan import LOCATIONS, PER_FEATURE, SPECTRAL, Plan, gather
from repdiag.analysis.reduce import CLEAN_OF, Records, reduce_statistics
from repdiag.analysis.replicas import Replicas
from repdiag.analysis.source import MemorySource, RowSource, StoreSource, in_memory
from repdiag.analysis.spectra import Aimed, Reduction
from repdiag.measures.inputs import Need
from repdiag.stats.jackknife import LEAST_GROUPS
from repdiag.types import IntervalMethod


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records, by which interval method, of rows stored as `dtype` and scaled by `scale`.

    `aimed` is told the leading directions on the way.
    """

    needs: frozenset[Need]
    method: IntervalMethod
    dtype: str
    scale: float = 1.0
    aimed: Aimed | None = None


@dataclass
class Evidence:
    """Records by need, with the facts; filled in step by step while statistics are at hand."""

    facts: Facts
    records: dict[Need, Replicas] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def examine(source: StoreSource, wanted: Wanted) -> Evidence:
    """All records that `wanted` names for one representation."""
    if source.most < source.d:
        found = _examine_narrow(source, wanted)
    else:
        plan = Plan(wanted.needs, source.d, wanted.method, _classes(source), source.device, source.most)
        found = _examine(source, source.frame.groups, plan, wanted)
        _add_class_spectra(found, source, source, wanted)
    _add_outputs(found, source, wanted)
    skipped = 0 if source.skip is None else int(source.skip[source.bad_rows].sum())
    found.facts = replace(found.facts, dropped=len(source.bad_rows) - skipped)
    return found


def _examine_narrow(source: StoreSource, wanted: Wanted) -> Evidence:
    """Fewer samples than features: everything rotation-invariant is computed in n coordinates."""
    rows = in_memory(source)
    features = frozenset({Need.LOCATION, *(wanted.needs & (PER_FEATURE | LOCATIONS))})
    device = source.device
    found = _examine(rows, rows.groups, Plan(features, source.d, wanted.method, 0, device), wanted)
    rest = wanted.needs - features
    if rest and found.facts.measurable:
        coordinates = replace(rows, rows=linalg.small_side(rows.rows))
        plan = Plan(rest, coordinates.d, wanted.method, _classes(source), device, rows.n)
        found.records |= _examine(coordinates, rows.groups, plan, wanted, found.facts).records
        clean = frozenset(need for need, other in CLEAN_OF.items() if other in rest)
        if clean and found.facts.rogue:
            found.records |= _clean_narrow(
                rows, found.facts, replace(wanted, needs=clean, aimed=None), device
            )
        _add_class_spectra(found, source, coordinates, wanted)
    return found


def _clean_narrow(rows: MemorySource, facts: Facts, wanted: Wanted, device: str) -> Records:
    kept = torch.tensor([j for j in range(rows.d) if j not in {r.index for r in facts.rogue}])
    clean = rows.rows[:, kept.to(rows.rows.device)]
    coordinates = replace(rows, rows=linalg.small_side(clean) if clean.shape[0] < clean.shape[1] else clean)
    plan = Plan(wanted.needs, coordinates.d, wanted.method, 0, device)
    varying = None if facts.varying is None else max(facts.varying - len(facts.rogue), 0)
    inner = replace(facts, d=clean.shape[1], rogue=(), varying=varying)
    found = _examine(coordinates, rows.groups, plan, wanted, inner).records
    return {CLEAN_OF[need]: record for need, record in found.items() if need in CLEAN_OF}


def _classes(source: StoreSource) -> int:
    return len(source.frame.classes) if source.with_labels else 0


def _examine(
    source: RowSource, groups: NDArray[np.uint8], plan: Plan, wanted: Wanted, facts: Facts | None = None
) -> Evidence:
    """Gather in as many passes as fit, and reduce each pass's statistics before the next."""
    if not plan.needs & (SPECTRAL | LOCATIONS):
        plan = replace(plan, needs=plan.needs | {Need.LOCATION})
    origin = source.origin()
    found: Evidence | None = None
    kept = torch.zeros(0, dtype=torch.int64)
    for names in plan.passes():
        gathered = gather(source, {name: plan.empty(name, origin) for name in names}, plan.pooled)
        total = cast(GroupedMoments, gathered["moments"]).total() if "moments" in gathered else None
        if found is None:
            first = total or cast(FeatureMoments, gathered["features"])
            own, kept = facts_of(first, _nonempty(source, groups), wanted.dtype, wanted.scale)
            found = Evidence(facts or replace(own, intervals=wanted.method is not IntervalMethod.NONE))
            if found.facts.groups < LEAST_GROUPS:
                plan = replace(plan, method=IntervalMethod.NONE)
        if not found.facts.measurable:
            return found
        how = Reduction(source, plan, kept, found.facts, aimed=wanted.aimed)
        found.records |= reduce_statistics(gathered, total, how)
        # The next pass needs the room.
        del gathered, total
    assert found is not None
    return found


def _nonempty(source: RowSource, groups: NDArray[np.uint8]) -> int:
    return len(np.unique(groups[source.used] if isinstance(source, StoreSource) else groups))


def _add_outputs(found: Evidence, source: StoreSource, wanted: Wanted) -> None:
    """Outputs of a classifier are read as they are stored: coordinates of them are no outputs."""
    if Need.OUTPUTS not in wanted.needs or not found.facts.measurable:
        return
    method = wanted.method if found.facts.groups >= LEAST_GROUPS else IntervalMethod.NONE
    found.records[Need.OUTPUTS] = outputs(source, _classes(source), method, source.scale)


def _add_class_spectra(found: Evidence, source: StoreSource, rows: RowSource, wanted: Wanted) -> None:
    if Need.CLASS_SPECTRA not in wanted.needs or not found.facts.measurable:
        return
    labels, order, names = source.frame.labels, source.frame.order, source.frame.classes
    if isinstance(rows, MemorySource):
        good = source.used
        labels, order = labels[good], order[good]
    plan = ClassPlan.of(labels, order, len(names), rows.d)
    if plan.thinned:
        found.notes.append(
            f"per_class_rank: {plan.thinned} large classes were thinned to the rows with the lowest id hashes"
        )
    method = wanted.method if found.facts.groups >= LEAST_GROUPS else IntervalMethod.NONE
    spectra = class_spectra(rows, plan, names, method)
    if spectra is not None:
        found.records[Need.CLASS_SPECTRA] = spectra
