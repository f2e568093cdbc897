"""Energy of each group along given directions: what a first-order interval needs of the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from repdiag.accumulators.batch import Batch
from repdiag.accumulators.moments import GroupedMoments


@dataclass(frozen=True, slots=True)
class GroupEnergies:
    """Per group and direction: sum of projections (g, k) and of their squares (g, k); count g ints.

    Rows are projected as (x - origin)' basis; basis (d, k), origin (d,). Projections are taken in
    float32: they only feed standard errors.
    """

    basis: Tensor
    origin: Tensor
    sums: Tensor
    squares: Tensor
    count: tuple[int, ...]
    unit: bool = False

    @classmethod
    def empty(cls, groups: int, basis: Tensor, origin: Tensor, *, unit: bool = False) -> GroupEnergies:
        zeros = basis.new_zeros(groups, basis.shape[1])
        return cls(basis.float(), origin, zeros, zeros.clone(), (0,) * groups, unit)

    def update(self, batch: Batch) -> GroupEnergies:
        sums, squares = self.sums.clone(), self.squares.clone()
        for group, part in enumerate(batch.unit_parts if self.unit else batch.parts):
            projected = (part - self.origin).float() @ self.basis
            sums[group] += projected.sum(0)
            squares[group] += projected.square().sum(0)
        count = tuple(a + len(index) for a, index in zip(self.count, batch.members, strict=True))
        return replace(self, sums=sums, squares=squares, count=count)

    def merge(self, other: GroupEnergies) -> GroupEnergies:
        count = tuple(a + b for a, b in zip(self.count, other.count, strict=True))
        return replace(self, sums=self.sums + other.sums, squares=self.squares + other.squares, count=count)

    @classmethod
    def of_moments(cls, moments: GroupedMoments, basis: Tensor, origin: Tensor) -> GroupEnergies:
        """The same from the scatter of each group, without the rows, in float64."""
        count = torch.tensor(moments.count, dtype=basis.dtype, device=basis.device)[:, None]
        shift = (moments.mean - origin) @ basis
        own = [((moments.group(g).scatter @ basis) * basis).sum(0) for g in range(len(moments.count))]
        squares = torch.stack(own) + count * shift.square()
        return cls(basis, origin, count * shift, squares, moments.count, moments.unit)
