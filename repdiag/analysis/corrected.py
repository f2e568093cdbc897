"""The corrected value of a figure, and what its interval is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from repdiag.analysis.replicas import Replicas
from repdiag.measures.registry import Correction, Selection
from repdiag.stats.jackknife import INVERSION_FLOOR, Interval, around, error_of
from repdiag.types import IntervalMethod


@dataclass(frozen=True, slots=True)
class Pair:
    """The records of one figure: of the plug-in, and of the population where the correction reads that."""

    plugin: Replicas | None
    population: Replicas | None = None


@dataclass(frozen=True, slots=True)
class Sampled:
    """A figure from all samples and without each group of `sizes`; no groups where there is no interval."""

    whole: float
    without: tuple[float, ...] = ()
    sizes: tuple[int, ...] = ()
    method: IntervalMethod = IntervalMethod.NONE

    def error(self, selection: Selection) -> float | None:
        """Standard error on the scale of the measure; None where it does not exist."""
        if not self.without:
            return None
        return error_of(self.whole, self.without, self.sizes, selection.measure.scale)


@dataclass(frozen=True, slots=True)
class Inverted:
    """What an inversion is checked by: figures of another estimator, and of two halves of the groups beside
    `peer`, that of all samples by the estimator of the halves."""

    others: tuple[float, ...] = ()
    halves: tuple[float, ...] = ()
    peer: float = math.nan

    def apart(self, value: float) -> Sequence[float]:
        """How far the other estimator, and the two halves, are from the value; on the log scale."""
        others = [abs(math.log(value / other)) for other in self.others]
        return [*others, abs(math.log(self.peer) - self.mean_half)] if self.halves else others

    @property
    def mean_half(self) -> float:
        """Mean logarithm of the halves' figures."""
        return sum(map(math.log, self.halves)) / len(self.halves)


@dataclass(frozen=True, slots=True)
class Corrected:
    """A value with what its sampling error is read from, and the checks of an inversion.

    `sampled` is about the plug-in where the value itself was not found without each group.
    """

    value: float
    correction: Correction
    sampled: Sampled
    inverted: Inverted | None = None

    @property
    def groups(self) -> int:
        """How many groups the error comes from."""
        return len(self.sampled.sizes)

    @property
    def extra(self) -> tuple[float, ...]:
        """Half-widths, on the measure's scale, that the jackknife cannot see."""
        return () if self.inverted is None else (INVERSION_FLOOR, *self.inverted.apart(self.value))

    def interval(self, selection: Selection, confidence: float) -> Interval | None:
        """Two-sided interval about the value."""
        error = self.sampled.error(selection)
        if error is None:
            return None
        scale = selection.measure.scale
        return around(self.value, error, self.groups, confidence=confidence, scale=scale, extra=self.extra)


def plain(selection: Selection, replicas: Replicas) -> Corrected:
    """The plug-in with its own interval."""
    value = figure(selection, replicas.total)
    return Corrected(
        value, "none", _sampled(value, [figure(selection, r) for r in replicas.without], replicas)
    )


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
        return Corrected(value, selection.correction, plain(selection, replicas).sampled)
    return Corrected(value, selection.correction, _sampled(value, replicates, replicas))


def figure(selection: Selection, record: object) -> float:
    """The measure's figure of one record."""
    return float(selection(record).value)


def _inverted(selection: Selection, plugin: Replicas, population: Replicas) -> Corrected:
    """From the population spectrum: its own replicates, or to first order those of the plug-in."""
    value = figure(selection, population.total)
    checks = Inverted(
        tuple(figure(selection, other) for other in population.others),
        tuple(figure(selection, half) for half in population.halves),
        figure(selection, population.peer) if population.halves else math.nan,
    )
    if not population.without:
        return Corrected(value, "lev", plain(selection, plugin).sampled, checks)
    replicates = [figure(selection, record) for record in population.without]
    return Corrected(value, "lev", _sampled(value, replicates, population), checks)


def _sampled(whole: float, without: Sequence[float], replicas: Replicas) -> Sampled:
    return Sampled(whole, tuple(without), replicas.sizes, replicas.method)
