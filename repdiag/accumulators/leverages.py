"""Leverages at points of the complex plane: how much each row weighs in the spectrum that it is part of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators.batch import Batch
from repdiag.accumulators.energies import GroupEnergies


@dataclass(frozen=True, slots=True)
class Leverages:
    """Per group and point z (g, p), complex: sums of h and of h / (1 - h); count g ints.

    h(z) = k / (n - 1) * sum_j ((x - origin)' v_j)^2 / (l_j - z) with k = n / (n - 1): the leverage of row x,
    scaled so that h / (1 - h) is the quadratic form of x in the resolvent of the other rows.
    basis (d, m) holds the v_j; weights (m, 2p) the real and then the imaginary parts of the factors.
    `energies` gathers the projections themselves, which a first-order interval needs.
    """

    basis: Tensor
    origin: Tensor
    weights: Tensor
    sums: Tensor
    left_out: Tensor
    energies: GroupEnergies

    @property
    def count(self) -> tuple[int, ...]:
        """Rows in each group."""
        return self.energies.count

    @classmethod
    def empty(cls, groups: int, basis: Tensor, origin: Tensor, factors: Tensor) -> Leverages:
        """`factors` (m, p) complex: k / (n - 1) / (l_j - z)."""
        zeros = factors.new_zeros(groups, factors.shape[1])
        weights = torch.cat([factors.real, factors.imag], dim=1).to(linalg.DTYPE)
        sums = basis.new_zeros(groups, basis.shape[1])
        energies = GroupEnergies(basis, origin, sums, sums.clone(), (0,) * groups)
        return cls(basis, origin, weights, zeros, zeros.clone(), energies)

    def update(self, batch: Batch) -> Leverages:
        sums, left_out = self.sums.clone(), self.left_out.clone()
        projections, squares = self.energies.sums.clone(), self.energies.squares.clone()
        for group, part in enumerate(batch.parts):
            projected = (part.to(linalg.DTYPE) - self.origin) @ self.basis
            projections[group] += projected.sum(0)
            energy = projected.square_()
            squares[group] += energy.sum(0)
            leverage = self._of(energy)
            sums[group] += leverage.sum(0)
            left_out[group] += (leverage / (1 - leverage)).sum(0)
        count = tuple(a + len(index) for a, index in zip(self.count, batch.members, strict=True))
        energies = replace(self.energies, sums=projections, squares=squares, count=count)
        return replace(self, sums=sums, left_out=left_out, energies=energies)

    def _of(self, energy: Tensor) -> Tensor:
        """h (b, p) from squared projections (b, m)."""
        both = energy @ self.weights
        points = self.weights.shape[1] // 2
        return torch.complex(both[:, :points], both[:, points:])

    def merge(self, other: Leverages) -> Leverages:
        sums, left_out = self.sums + other.sums, self.left_out + other.left_out
        return replace(self, sums=sums, left_out=left_out, energies=self.energies.merge(other.energies))
