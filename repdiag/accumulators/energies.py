"""Energy of each group along given directions: what a first-order interval needs of the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators.batch import Batch
from repdiag.accumulators.moments import GroupedMoments

FLOAT32_RANGE = 1e-3
"""Directions above this share of the largest eigenvalue are projected in float32: its error there is
a thousandth at most, and the figures only feed standard errors."""


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
    def of_moments(
        cls, moments: GroupedMoments, basis: Tensor, origin: Tensor, values: Tensor
    ) -> GroupEnergies:
        """The same from the scatter of each group, without the rows; `values` (k,) are the eigenvalues."""
        count = torch.tensor(moments.count, dtype=basis.dtype, device=basis.device)[:, None]
        shift = (moments.mean - origin) @ basis
        strong = int((values > FLOAT32_RANGE * values[0]).sum())
        own = [_energies(scatter, basis, strong) for scatter in moments.scatter]
        squares = torch.stack(own) + count * shift.square()
        return cls(basis, origin, count * shift, squares, moments.count, moments.unit)


def _energies(scatter: Tensor, basis: Tensor, strong: int) -> Tensor:
    """v' S v for each column v (k,), in half the time for the first `strong` of them."""
    whole = linalg.symmetrise(scatter)
    scale = whole.diagonal().amax().clamp(min=torch.finfo(linalg.DTYPE).tiny)
    single, leading = (whole / scale).float(), basis[:, :strong].float()
    rough = ((single @ leading) * leading).sum(0).to(linalg.DTYPE) * scale
    return torch.cat([rough, ((whole @ basis[:, strong:]) * basis[:, strong:]).sum(0)])
