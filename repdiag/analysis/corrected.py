"""The corrected value of a figure, and what its interval is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from repdiag.analysis.replicas import Replicas
from repdiag.measures.registry import Correction, Selection
from repdiag.stats.jackknife import Interval, around, error_of
from repdiag.types import IntervalMethod

FLOOR = 0.005
"""Half-width, on the log scale, of what an inversion is never trusted below: the error of its grid."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The records of one figure: of the plug-in, and of the population where the correction reads that."""

    plugin: Replicas | None
    population: Replicas | None = None


@dataclass(frozen=True, slots=True)
class Corrected:
    """A value with its standard error; `extra` are half-widths that the jackknife cannot see.

    The error and they are on the measure's scale; `error` is None where there is no interval.
    """

    value: float
    correction: Correction
    error: float | None = None
    groups: int = 0
    method: IntervalMethod = IntervalMethod.NONE
    extra: tuple[float, ...] = ()

    def interval(self, selection: Selection, confidence: float) -> Interval | None:
        """Two-sided interval about the value."""
        if self.error is None:
            return None
        scale = selection.measure.scale
        return around(
            self.value, self.error, self.groups, confidence=confidence, scale=scale, extra=self.extra
        )


def plain(selection: Selection, replicas: Replicas) -> Corrected:
    """The plug-in with its own interval."""
    value = figure(selection, replicas.total)
    return _with_error(selection, value, "none", replicas, [figure(selection, r) for r in replicas.without])


def corrected(selection: Selection, records: Pair) -> Corrected | None:
    """The value as its measure corrects it; None where it declares nothing or the inversion found no fit.

    The value is NaN where the correction does not exist for these data.
    """
    assert records.plugin is not None
    if selection.correction == "none":
        return None
    if selection.correction == "lev":
        return (
            None if records.population is None else _inverted(selection, records.plugin, records.population)
        )
    formula = selection.measure.corrected
    assert formula is not None
    replicas = records.plugin
    value = float(formula(replicas.total))
    replicates = [float(formula(record)) for record in replicas.without]
    if not all(map(math.isfinite, replicates)):
        own = plain(selection, replicas)
        return replace(own, value=value, correction=selection.correction)
    return _with_error(selection, value, selection.correction, replicas, replicates)


def figure(selection: Selection, record: object) -> float:
    """The measure's figure of one record."""
    return float(selection(record).value)


def _inverted(selection: Selection, plugin: Replicas, population: Replicas) -> Corrected:
    """From the population spectrum: its own replicates, or to first order those of the plug-in."""
    value = figure(selection, population.total)
    extra = (FLOOR, *_apart(selection, value, population))
    if not population.without:
        return replace(plain(selection, plugin), value=value, correction="lev", extra=extra)
    replicates = [figure(selection, record) for record in population.without]
    return replace(_with_error(selection, value, "lev", population, replicates), extra=extra)


def _apart(selection: Selection, value: float, population: Replicas) -> Sequence[float]:
    """How far another estimator, and two halves of the groups, are from the value; on the log scale."""
    others = [abs(math.log(value / figure(selection, other))) for other in population.others]
    if not population.halves:
        return others
    halves = [math.log(figure(selection, half)) for half in population.halves]
    return [*others, abs(math.log(figure(selection, population.peer)) - sum(halves) / len(halves))]


def _with_error(
    selection: Selection,
    value: float,
    correction: Correction,
    replicas: Replicas,
    replicates: Sequence[float],
) -> Corrected:
    error = error_of(value, replicates, replicas.sizes, selection.measure.scale) if replicates else None
    return Corrected(value, correction, error, len(replicas.sizes), replicas.method)
