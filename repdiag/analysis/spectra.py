"""From gathered moments to spectra with intervals: in one pass, or for wide data in two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators import Batch, GroupedMoments, Moments
from repdiag.accumulators.energies import GroupEnergies
from repdiag.analysis.facts import Facts
from repdiag.analysis.plan import Plan, gather
from repdiag.analysis.replicas import (
    Matrix,
    Replicas,
    fast_spectra,
    first_order,
    full_spectra,
    plain_spectrum,
)
from repdiag.analysis.source import RowSource
from repdiag.types import GROUPS, IntervalMethod


@dataclass(frozen=True, slots=True)
class Reduction:
    """Rows to read again (divided by their length if `unit`), the plan, the kept features, the facts."""

    source: RowSource
    plan: Plan
    kept: Tensor
    facts: Facts
    unit: bool = False

    def matrix(self, *, centred: bool, unit: bool = False) -> Matrix:
        """The matrix whose spectrum is wanted: of unit rows, or of rows as they are."""
        mean_square = 1 / self.facts.d if unit else self.facts.mean_square
        epsilon = 0.0 if unit else self.facts.storage_epsilon
        return Matrix(self.facts.n, self.facts.d, centred, mean_square, epsilon, self.facts.scale)


def spectra(
    moments: GroupedMoments, total: Moments, matrix: Matrix, how: Reduction, kept: Tensor | None = None
) -> Replicas:
    """Spectrum of `matrix` with its replicas by the plan's method; of the features `kept` only."""
    if kept is not None:
        moments, total, matrix = select(moments, kept), total.select(kept), replace(matrix, d=len(kept))
    method = how.plan.method
    if method is IntervalMethod.NONE or matrix.n < 2:
        return plain_spectrum(total, matrix)
    if how.plan.grouped:
        return (full_spectra if method is IntervalMethod.FULL else fast_spectra)(moments, total, matrix)
    in_turns = _full_in_turns if method is IntervalMethod.FULL else _two_pass
    return in_turns(total, matrix, replace(how, unit=moments.unit), kept)


def select(moments: GroupedMoments, kept: Tensor) -> GroupedMoments:
    """The moments of some features (k,) only."""
    scatter = torch.stack([linalg.symmetrise(each)[kept][:, kept] for each in moments.scatter])
    return replace(moments, mean=moments.mean[:, kept], scatter=scatter)


def _two_pass(total: Moments, matrix: Matrix, how: Reduction, kept: Tensor | None) -> Replicas:
    """Energies of each group along the eigenvectors, from another pass over the rows."""
    values, basis = linalg.eigenbasis(matrix.of(total))
    origin = total.mean if matrix.centred else torch.zeros_like(total.mean)
    if kept is not None:
        basis = basis.new_zeros(how.plan.d, basis.shape[1]).index_copy_(0, kept, basis)
        origin = origin.new_zeros(how.plan.d).index_copy_(0, kept, origin)
    start = GroupEnergies.empty(GROUPS, basis, origin, unit=how.unit)
    del basis
    gathered = gather(how.source, {"energies": start})
    return first_order(values, cast(GroupEnergies, gathered["energies"]), matrix)


def _full_in_turns(total: Moments, matrix: Matrix, how: Reduction, kept: Tensor | None) -> Replicas:
    """Every group's scatter in its own pass, so that one of them is held at a time."""
    record = plain_spectrum(total, matrix).total
    without, sizes = [], []
    for group in range(GROUPS):
        empty = GroupedMoments.empty(1, how.plan.d, unit=how.unit, device=how.plan.device)
        only = cast(GroupedMoments, gather(OneGroup(how.source, group), {"group": empty})["group"])
        if only.count[0] == 0:
            continue
        left = (only if kept is None else select(only, kept)).without(0, total)
        without.append(matrix.spectrum(linalg.eigenvalues(matrix.of(left), matrix.d), left.count))
        sizes.append(only.count[0])
    return Replicas(record, tuple(without), tuple(sizes), IntervalMethod.FULL)


@dataclass(frozen=True, slots=True)
class OneGroup:
    """The rows of one group of a source, as its only group."""

    source: RowSource
    group: int

    @property
    def n(self) -> int:
        return self.source.n

    @property
    def d(self) -> int:
        return self.source.d

    def batches(self) -> Iterator[Batch]:
        """Batches in the order of the source."""
        for batch in self.source.batches():
            yield replace(batch, members=[batch.members[self.group]])
