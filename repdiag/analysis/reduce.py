"""From the statistics of one pass to the records that measures read."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from torch import Tensor

from repdiag.accumulators import (
    Accumulator,
    ClassSums,
    FeatureActivity,
    FeatureMoments,
    GroupedMoments,
    Moments,
    RowEnergies,
    Sample,
)
from repdiag.analysis import evidence
from repdiag.analysis.memory import give_back
from repdiag.analysis.plan import gather, needs_rows
from repdiag.analysis.population import look, parts, populations
from repdiag.analysis.replicas import Replicas, with_fourth
from repdiag.analysis.spectra import Reduction, decompose, spectra
from repdiag.measures.inputs import Need
from repdiag.types import GROUPS, IntervalMethod

Records = dict[Need, Replicas]

WHOLE = frozenset({Need.SPECTRUM, Need.POPULATION})
CLEAN_OF = {Need.SPECTRUM: Need.CLEAN_SPECTRUM, Need.POPULATION: Need.CLEAN_POPULATION}
CLEAN = frozenset(CLEAN_OF.values())


def reduce_statistics(gathered: dict[str, Accumulator], total: Moments | None, how: Reduction) -> Records:
    """Every record that these statistics give; `gathered` is consumed, largest first."""
    records: Records = {}
    if total is not None:
        records |= _of_moments(gathered, total, how)
        del gathered["moments"]
        give_back()
    method = how.plan.method
    if "unit_moments" in gathered:
        unit = cast(GroupedMoments, gathered.pop("unit_moments"))
        matrix = how.matrix(centred=False, unit=True)
        vectors = method is IntervalMethod.FAST
        of = decompose(unit, unit.total(), matrix, None, vectors=vectors)
        records[Need.DIRECTION_SPECTRUM] = spectra(of, how)
        del unit, of
    if isinstance(features := gathered.get("features"), FeatureMoments):
        records[Need.LOCATION] = evidence.locations(features, method)
        records[Need.CLEAN_LOCATION] = evidence.locations(features, method, how.kept)
    if isinstance(unit_features := gathered.get("unit_features"), FeatureMoments):
        records[Need.DIRECTIONS] = evidence.directions(unit_features, method)
    if isinstance(activity := gathered.get("activity"), FeatureActivity):
        records[Need.ACTIVITY] = evidence.activity(activity, method)
    if "sample" in gathered:
        records |= _of_sample(cast(Sample, gathered.pop("sample")), how)
    give_back()
    return records


def _of_sample(sample: Sample, how: Reduction) -> Records:
    rows = sample.sorted()
    del sample
    records: Records = {}
    if Need.POTENTIAL in how.plan.needs:
        records[Need.POTENTIAL] = evidence.potentials(rows, how.plan.method)
        give_back()
    if Need.NEIGHBOURS in how.plan.needs:
        records[Need.NEIGHBOURS] = evidence.neighbours(rows, how.plan.method)
    if Need.CLOUD in how.plan.needs:
        records[Need.CLOUD] = evidence.clouds(rows, how.plan.method, how.facts.scale)
    return records


def _of_moments(gathered: dict[str, Accumulator], total: Moments, how: Reduction) -> Records:
    needs = how.plan.needs
    moments = cast(GroupedMoments, gathered["moments"])
    rogue = bool(how.facts.rogue) and len(how.kept) < moments.mean.shape[1]
    clean, whole = needs & CLEAN, needs & WHOLE
    records: Records = {}
    if whole or (clean and not rogue):
        energies = cast(RowEnergies, gathered["energies"])
        population = bool(needs & {Need.POPULATION, *(() if rogue else [Need.CLEAN_POPULATION])})
        records |= _centred(moments, total, energies, how, None, population)
    if clean and rogue:
        empty = {"energies": RowEnergies.empty(GROUPS, total.mean, how.kept)}
        energies = cast(RowEnergies, gather(how.source, empty)["energies"])
        found = _centred(moments, total, energies, how, how.kept, Need.CLEAN_POPULATION in needs)
        records |= {CLEAN_OF[need]: record for need, record in found.items()}
    elif clean:
        records |= {CLEAN_OF[need]: record for need, record in records.items()}
    if Need.SECOND_MOMENT in needs:
        uncentred = how.matrix(centred=False)
        vectors = how.plan.method is IntervalMethod.FAST
        give_back()
        of = decompose(moments, total, uncentred, None, vectors=vectors)
        records[Need.SECOND_MOMENT] = spectra(of, how)
    if isinstance(sums := gathered.get("classes"), ClassSums):
        records[Need.CLASS_MEANS] = evidence.class_means(sums, moments, total, how.plan.method)
    return records


def _centred(
    moments: GroupedMoments,
    total: Moments,
    energies: RowEnergies,
    how: Reduction,
    kept: Tensor | None,
    population: bool,
) -> Records:
    """The spectrum of the centred covariance and, where wanted, the population behind it."""
    matrix = how.matrix(centred=True)
    d = matrix.d if kept is None else len(kept)
    rows = population and needs_rows(total.count, d, _variation(total, energies, kept))
    vectors = rows or how.plan.method is IntervalMethod.FAST
    of = decompose(moments, total, matrix, kept, vectors=vectors)
    if kept is None and how.aimed is not None:
        how.aimed.aim(of, how.source)
    give_back()
    plain = with_fourth(Replicas(of.matrix.spectrum(of.values, total.count)), energies, of.total)
    seen = look(of, plain.total, how) if population else None
    if how.plan.method is IntervalMethod.FULL:
        of = replace(of, basis=None)  # the passes that follow need the room
    gathered = None if seen is None else seen.energies
    plugin = with_fourth(spectra(of, how, gathered), energies, of.total)
    found = None if seen is None else populations(seen, of, plugin, how)
    if found is None:
        return {Need.SPECTRUM: plugin}
    # Only the figures of all coordinates are followed over n.
    some = parts(of, how) if kept is None else ()
    return {Need.SPECTRUM: replace(plugin, parts=some), Need.POPULATION: found}


def _variation(total: Moments, energies: RowEnergies, kept: Tensor | None) -> float:
    """Squared coefficient of variation of the row energies, before any spectrum is known."""
    some = total if kept is None else total.select(kept)
    energy = float(some.scatter.diagonal().sum())
    fourth = float(energies.fourth_about(some).sum())
    return max(total.count * fourth / energy**2 - 1, 0.0) if energy > 0 else 0.0
