"""From gathered moments to spectra with intervals: in one pass, or for wide data in two."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, cast

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators import GroupedMoments, Moments
from repdiag.accumulators.energies import GroupEnergies
from repdiag.analysis.facts import Facts
from repdiag.analysis.plan import Plan, gather
from repdiag.analysis.replicas import Matrix, Replicas, fast_spectra, first_order, full_spectra
from repdiag.analysis.source import RowSource, SomeGroups
from repdiag.types import GROUPS, IntervalMethod


class Aimed(Protocol):
    """Something that looks at the rows along the leading directions, once these are known."""

    def aim(self, of: Decomposition, rows: RowSource) -> None: ...


@dataclass(frozen=True, slots=True)
class Reduction:
    """Rows to read again (divided by their length if `unit`), the plan, the kept features, the facts.

    `aimed` is told the leading directions of all features.
    """

    source: RowSource
    plan: Plan
    kept: Tensor
    facts: Facts
    unit: bool = False
    aimed: Aimed | None = None

    def matrix(self, *, centred: bool, unit: bool = False) -> Matrix:
        """The matrix whose spectrum is wanted: of unit rows, or of rows as they are."""
        mean_square = 1 / self.facts.d if unit else self.facts.mean_square
        epsilon = 0.0 if unit else self.facts.storage_epsilon
        of = self.facts
        return Matrix(of.n, of.d, centred, mean_square, epsilon, of.scale, of.varying)


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A matrix of gathered moments with its eigenvalues (m,) and, where they are needed, vectors (m, m).

    `kept` (m,) are the features that it is about, None for all.
    """

    moments: GroupedMoments
    total: Moments
    matrix: Matrix
    kept: Tensor | None
    values: Tensor
    basis: Tensor | None

    @property
    def origin(self) -> Tensor:
        """What rows are taken relative to (m,)."""
        return self.total.mean if self.matrix.centred else torch.zeros_like(self.total.mean)

    def on_rows(self, d: int) -> tuple[Tensor, Tensor]:
        """Basis (d, m) and origin (d,) for rows with all their features."""
        return on_rows(cast(Tensor, self.basis), self.origin, self.kept, d)


def decompose(
    moments: GroupedMoments, total: Moments, matrix: Matrix, kept: Tensor | None, *, vectors: bool
) -> Decomposition:
    """The one decomposition that everything about a matrix shares."""
    if kept is not None:
        moments, total, matrix = select(moments, kept), total.select(kept), matrix.select(len(kept))
    if vectors:
        values, basis = linalg.eigenbasis(matrix.of(total))
        return Decomposition(moments, total, matrix, kept, values, basis)
    return Decomposition(moments, total, matrix, kept, linalg.eigenvalues(matrix.of(total), matrix.d), None)


def spectra(of: Decomposition, how: Reduction, energies: GroupEnergies | None = None) -> Replicas:
    """The spectrum with its replicas by the plan's method; `energies` along its basis where known."""
    method = how.plan.method
    if method is IntervalMethod.NONE or of.matrix.n < 2:
        return Replicas(of.matrix.spectrum(of.values, of.total.count))
    if method is IntervalMethod.FAST and energies is not None:
        return first_order(of.values, energies, of.matrix)
    if how.plan.grouped:
        if method is IntervalMethod.FULL:
            return full_spectra(of.moments, of.total, of.matrix, of.values)
        return fast_spectra(of.moments, of.total, of.matrix, of.values, cast(Tensor, of.basis))
    in_turns = _full_in_turns if method is IntervalMethod.FULL else _two_pass
    return in_turns(of, replace(how, unit=of.moments.unit))


def select(moments: GroupedMoments, kept: Tensor) -> GroupedMoments:
    """The moments of some features (k,) only."""
    scatter = torch.stack([linalg.symmetrise(each)[kept][:, kept] for each in moments.scatter])
    return replace(moments, mean=moments.mean[:, kept], scatter=scatter)


def on_rows(basis: Tensor, origin: Tensor, kept: Tensor | None, d: int) -> tuple[Tensor, Tensor]:
    """Basis (d, m) and origin (d,) over all d features, zero for those that are not kept."""
    if kept is None:
        return basis, origin
    basis = basis.new_zeros(d, basis.shape[1]).index_copy_(0, kept, basis)
    return basis, origin.new_zeros(d).index_copy_(0, kept, origin)


def _two_pass(of: Decomposition, how: Reduction) -> Replicas:
    """Energies of each group along the eigenvectors, from another pass over the rows."""
    basis, origin = of.on_rows(how.plan.d)
    start = GroupEnergies.empty(GROUPS, basis, origin, unit=how.unit)
    del basis
    gathered = gather(how.source, {"energies": start})
    return first_order(of.values, cast(GroupEnergies, gathered["energies"]), of.matrix)


def _full_in_turns(of: Decomposition, how: Reduction) -> Replicas:
    """Every group's scatter in its own pass, so that one of them is held at a time."""
    record = of.matrix.spectrum(of.values, of.total.count)
    without, sizes = [], []
    for group in range(GROUPS):
        only = gather_moments(how, (group,), of.kept)
        if only.count[0] == 0:
            continue
        left = only.without(0, of.total)
        values = linalg.eigenvalues(of.matrix.of(left), of.matrix.d)
        without.append(of.matrix.spectrum(values, left.count))
        sizes.append(only.count[0])
    return Replicas(record, tuple(without), tuple(sizes), IntervalMethod.FULL)


def gather_moments(how: Reduction, groups: tuple[int, ...], kept: Tensor | None) -> GroupedMoments:
    """Moments of the rows of some groups, as a single group, in a pass of their own."""
    empty = GroupedMoments.empty(1, how.plan.d, unit=how.unit, device=how.plan.device)
    found = cast(GroupedMoments, gather(SomeGroups(how.source, groups), {"some": empty})["some"])
    return found if kept is None else select(found, kept)
