"""How the effective rank reads on fewer of the same rows: what is left of its growth with n is bias."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from repdiag.analysis.corrected import figure
from repdiag.analysis.replicas import Replicas
from repdiag.measures.inputs import Need, Population, Spectrum
from repdiag.measures.registry import Selection, find
from repdiag.results import Estimate, RankPoint

RANK = "effective_rank"


def rank_curve(records: Mapping[Need, Replicas], estimate: Estimate | None) -> list[RankPoint]:
    """Points with n ascending, the last for all rows; empty where parts of the rows were not looked at."""
    plugin, population = records.get(Need.SPECTRUM), records.get(Need.POPULATION)
    if plugin is None or population is None or not plugin.parts:
        return []
    if estimate is None or estimate.plugin is None:
        return []
    whole: Spectrum = plugin.total
    last = RankPoint(n=whole.n, plugin=estimate.plugin, value=estimate.value)
    rank = Selection(find(RANK))
    before = [*_parts(rank, plugin.parts), *_half(rank, population, whole)]
    return [*sorted((point for point in before if point.n < last.n), key=lambda point: point.n), last]


def _parts(rank: Selection, parts: Sequence[Spectrum]) -> Iterator[RankPoint]:
    for part in parts:
        value = figure(rank, part)
        if math.isfinite(value):
            yield RankPoint(n=part.n, plugin=value)


def _half(rank: Selection, population: Replicas, whole: Spectrum) -> Iterator[RankPoint]:
    """One point for both halves, their means; corrected only where n/d would do for all rows as well."""
    if not population.parts:
        return
    n = sum(part.n for part in population.parts) // len(population.parts)
    enough = n >= rank.least_ratio * whole.d * (1 + whole.energy_variation)
    corrected = _mean(rank, population.halves) if enough else math.nan
    plain = _mean(rank, population.parts)
    if math.isfinite(plain):
        yield RankPoint(n=n, plugin=plain, value=corrected if math.isfinite(corrected) else None)


def _mean(rank: Selection, records: Sequence[Spectrum | Population]) -> float:
    """Mean on the scale of the measure, which is logarithmic."""
    return math.exp(sum(math.log(figure(rank, record)) for record in records) / len(records))
