"""A record from all samples, and the same record without each group: what every interval needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators.energies import GroupEnergies
from repdiag.accumulators.moments import GroupedMoments, Moments
from repdiag.accumulators.row_energies import RowEnergies
from repdiag.analysis.memory import give_back
from repdiag.measures.inputs import Spectrum
from repdiag.types import IntervalMethod


@dataclass(frozen=True, slots=True)
class Replicas:
    """`total` from all samples; `without[j]` lacks group j, of size `sizes[j]`. Empty groups are left out.

    `others` are records of the same quantity by another estimator, and `halves` those of two halves of the
    groups beside `peer`, that of all samples by the estimator of the halves: how far they are apart belongs
    into the interval. `parts` are spectra of some of the groups only; beside halves, of the same halves.
    """

    total: Any
    without: tuple[Any, ...] = ()
    sizes: tuple[int, ...] = ()
    method: IntervalMethod = IntervalMethod.NONE
    others: tuple[Any, ...] = ()
    halves: tuple[Any, ...] = ()
    peer: Any = None
    parts: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Matrix:
    """Which second-order matrix a spectrum belongs to."""

    n: int
    d: int
    centred: bool
    mean_square: float
    storage_epsilon: float
    scale: float = 1.0
    varying: int | None = None

    def spectrum(self, values: Tensor, n: int) -> Spectrum:
        """The record of eigenvalues (., descending) of this matrix over n samples."""
        largest = float(values[0]) if len(values) else 0.0
        size = min(self.n, self.d)
        floor = linalg.resolution_floor(self.mean_square, largest, size, self.storage_epsilon)
        kept = values[: min(n, self.d)]
        degrees = n - 1 if self.centred else n
        return Spectrum(kept, n, self.d, degrees, floor, self.scale, varying=self.varying)

    def select(self, count: int) -> Matrix:
        """The same matrix of `count` of its features, the others varying."""
        varying = None if self.varying is None else max(self.varying - (self.d - count), 0)
        return replace(self, d=count, varying=varying)

    def of(self, moments: Moments) -> Tensor:
        """The matrix itself."""
        return moments.covariance if self.centred else moments.second_moment


def with_fourth(replicas: Replicas, energies: RowEnergies, total: Moments) -> Replicas:
    """The same spectra with the fourth moment of the row energies in them."""
    each = energies.fourth_about(total)
    kept = _kept(energies.count)
    everything = each.sum()
    without = tuple(
        replace(record, fourth=everything - each[group])
        for record, group in zip(replicas.without, kept, strict=bool(replicas.without))
    )
    return replace(replicas, total=replace(replicas.total, fourth=everything), without=without)


def full_spectra(grouped: GroupedMoments, total: Moments, matrix: Matrix, values: Tensor) -> Replicas:
    """The spectrum of all samples, whose eigenvalues are known, and one decomposition without each group."""
    kept = _kept(grouped.count)
    without = []
    for group in kept:
        left = grouped.without(group, total)
        without.append(matrix.spectrum(_eigenvalues(left, matrix), left.count))
        del left
        give_back()
    sizes = tuple(grouped.count[g] for g in kept)
    return Replicas(matrix.spectrum(values, total.count), tuple(without), sizes, IntervalMethod.FULL)


def fast_spectra(
    grouped: GroupedMoments, total: Moments, matrix: Matrix, values: Tensor, basis: Tensor
) -> Replicas:
    """No further decomposition: without each group the eigenvalues change to first order."""
    origin = total.mean if matrix.centred else torch.zeros_like(total.mean)
    energies = GroupEnergies.of_moments(grouped, basis, origin, values)
    return first_order(values, energies, matrix)


def first_order(values: Tensor, energies: GroupEnergies, matrix: Matrix) -> Replicas:
    """Spectra without each group, with the eigenvectors of the whole kept.

    The eigenvalue along v without group g is v' S_-g v over its degrees of freedom: exact to first
    order in the change, non-negative, and free of further decompositions.
    """
    count, n = energies.count, sum(energies.count)
    record = matrix.spectrum(values, n)
    sums, squares = energies.sums.to(values), energies.squares.to(values)
    degrees = n - 1 if matrix.centred else n
    without = []
    kept = _kept(count)
    for group in kept:
        left = n - count[group]
        scatter = values * degrees - squares[group]
        if matrix.centred:
            scatter = scatter - sums[group].square() / max(left, 1)
        degrees_left = max(left - 1 if matrix.centred else left, 1)
        changed = (scatter / degrees_left).clamp(min=0).sort(descending=True)
        without.append(matrix.spectrum(changed.values, left))
    return Replicas(record, tuple(without), tuple(count[g] for g in kept), IntervalMethod.FAST)


def _eigenvalues(moments: Moments, matrix: Matrix) -> Tensor:
    return linalg.eigenvalues(matrix.of(moments), matrix.d)


def _kept(count: tuple[int, ...]) -> list[int]:
    return [group for group, size in enumerate(count) if size]
