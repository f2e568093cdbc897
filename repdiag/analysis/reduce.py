"""From the statistics of one pass to the records that measures read."""

from __future__ import annotations

from typing import cast

from repdiag.accumulators import (
    Accumulator,
    ClassSums,
    FeatureActivity,
    FeatureMoments,
    GroupedMoments,
    Moments,
    Sample,
)
from repdiag.analysis import evidence
from repdiag.analysis.replicas import Replicas
from repdiag.analysis.spectra import Reduction, spectra
from repdiag.measures.inputs import Need

Records = dict[Need, Replicas]


def reduce_statistics(gathered: dict[str, Accumulator], total: Moments | None, how: Reduction) -> Records:
    """Every record that these statistics give; `gathered` is consumed, largest first."""
    records: Records = {}
    if total is not None:
        records |= _of_moments(gathered, total, how)
        del gathered["moments"]
    method = how.plan.method
    if "unit_moments" in gathered:
        unit = cast(GroupedMoments, gathered.pop("unit_moments"))
        matrix = how.matrix(centred=False, unit=True)
        records[Need.DIRECTION_SPECTRUM] = spectra(unit, unit.total(), matrix, how)
        del unit
    if isinstance(features := gathered.get("features"), FeatureMoments):
        records[Need.LOCATION] = evidence.locations(features, method)
        records[Need.CLEAN_LOCATION] = evidence.locations(features, method, how.kept)
    if isinstance(unit_features := gathered.get("unit_features"), FeatureMoments):
        records[Need.DIRECTIONS] = evidence.directions(unit_features, method)
    if isinstance(activity := gathered.get("activity"), FeatureActivity):
        records[Need.ACTIVITY] = evidence.activity(activity, method)
    if "sample" in gathered:
        records |= _of_sample(cast(Sample, gathered.pop("sample")), how)
    return records


def _of_sample(sample: Sample, how: Reduction) -> Records:
    rows = sample.sorted()
    del sample
    records: Records = {}
    if Need.POTENTIAL in how.plan.needs:
        records[Need.POTENTIAL] = evidence.potentials(rows, how.plan.method)
    if Need.NEIGHBOURS in how.plan.needs:
        records[Need.NEIGHBOURS] = evidence.neighbours(rows, how.plan.method)
    return records


def _of_moments(gathered: dict[str, Accumulator], total: Moments, how: Reduction) -> Records:
    needs = how.plan.needs
    moments = cast(GroupedMoments, gathered["moments"])
    rogue = bool(how.facts.rogue) and len(how.kept) < moments.mean.shape[1]
    records: Records = {}
    if Need.SPECTRUM in needs or (Need.CLEAN_SPECTRUM in needs and not rogue):
        records[Need.SPECTRUM] = spectra(moments, total, how.matrix(centred=True), how)
    if Need.CLEAN_SPECTRUM in needs:
        centred = how.matrix(centred=True)
        clean = spectra(moments, total, centred, how, how.kept) if rogue else records[Need.SPECTRUM]
        records[Need.CLEAN_SPECTRUM] = clean
    if Need.SECOND_MOMENT in needs:
        records[Need.SECOND_MOMENT] = spectra(moments, total, how.matrix(centred=False), how)
    if isinstance(sums := gathered.get("classes"), ClassSums):
        records[Need.CLASS_MEANS] = evidence.class_means(sums, moments, total, how.plan.method)
    return records
