"""Energies |x - mean|^2 of the rows up to their second moment, in one pass and without knowing the mean."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators.batch import Batch
from repdiag.accumulators.moments import Moments


@dataclass(frozen=True, slots=True)
class RowEnergies:
    """Per group, with y = x - origin: sums of y (g, d), |y|^2 (g,), |y|^2 y (g, d) and |y|^4 (g,).

    `origin` (d,) is any vector near the mean, the same for all parts of one pass: what it is changes
    rounding only. `features` (m,) restricts rows to some features; d is then m.
    """

    origin: Tensor
    first: Tensor
    second: Tensor
    third: Tensor
    fourth: Tensor
    count: tuple[int, ...]
    features: Tensor | None = None

    @classmethod
    def empty(cls, groups: int, origin: Tensor, features: Tensor | None = None) -> RowEnergies:
        origin = origin if features is None else origin[features]
        vectors, scalars = origin.new_zeros(groups, len(origin)), origin.new_zeros(groups)
        return cls(origin, vectors, scalars, vectors.clone(), scalars.clone(), (0,) * groups, features)

    def update(self, batch: Batch) -> RowEnergies:
        parts = [self._sums(part) for part in batch.parts]
        first, second, third, fourth = (torch.stack(column) for column in zip(*parts, strict=True))
        count = tuple(a + len(index) for a, index in zip(self.count, batch.members, strict=True))
        return replace(
            self,
            first=self.first + first,
            second=self.second + second,
            third=self.third + third,
            fourth=self.fourth + fourth,
            count=count,
        )

    def _sums(self, part: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        rows = part if self.features is None else part[:, self.features]
        y = torch.sub(rows, self.origin)
        energy = torch.linalg.vector_norm(y, dim=1).square()
        first, third = torch.stack([torch.ones_like(energy), energy]) @ y
        return first, energy.sum(), third, energy.square().sum()

    def merge(self, other: RowEnergies) -> RowEnergies:
        return replace(
            self,
            first=self.first + other.first,
            second=self.second + other.second,
            third=self.third + other.third,
            fourth=self.fourth + other.fourth,
            count=tuple(a + b for a, b in zip(self.count, other.count, strict=True)),
        )

    def fourth_about(self, total: Moments) -> Tensor:
        """Sum over each group of |x - mean|^4 (g,), `total` being the moments of all rows.

        Their sum is exact; the part of it that needs a group's own scatter is shared out by size.
        """
        shift = total.mean - self.origin
        square = shift @ shift
        n = max(total.count, 1)
        along = shift @ total.scatter @ shift + total.count * square.square()
        size = torch.tensor(self.count, dtype=linalg.DTYPE, device=shift.device)
        return (
            self.fourth
            - 4 * (self.third @ shift)
            + 4 * along * (size / n)
            + 2 * square * self.second
            - 4 * square * (self.first @ shift)
            + size * square.square()
        )
