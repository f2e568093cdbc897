"""Sums over the rows of two views of the same samples, by group, in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators.batch import Batch


@dataclass(frozen=True, slots=True)
class JointSums:
    """Sums of each of g groups over rows z = [x, y] about `origin` (p,), p = d1 + d2.

    count g ints; shift (g, p) of z; scatter (g, p, p) of z z', upper triangles; weighted (g, p, 2) of
    z |x|^2 and z |y|^2; products (g, 3) of |x|^4, |x|^2 |y|^2 and |y|^4. `unit` says that the rows of each
    view are divided by their length first; their origin is zero.
    """

    count: tuple[int, ...]
    d1: int
    origin: Tensor
    shift: Tensor
    scatter: Tensor
    weighted: Tensor
    products: Tensor
    unit: bool = False

    @classmethod
    def empty(cls, groups: int, d1: int, origin: Tensor, *, unit: bool = False) -> JointSums:
        p = len(origin)
        made = origin.new_zeros
        return cls(
            count=(0,) * groups,
            d1=d1,
            origin=torch.zeros_like(origin) if unit else origin,
            shift=made(groups, p),
            scatter=made(groups, p, p),
            weighted=made(groups, p, 2),
            products=made(groups, 3),
            unit=unit,
        )

    @property
    def d2(self) -> int:
        return len(self.origin) - self.d1

    def update(self, batch: Batch) -> JointSums:
        """Take in rows (b, p) of both views side by side, of these groups; sums are updated in place."""
        count = list(self.count)
        for group, part in enumerate(batch.parts):
            if len(part):
                self._take(group, part.to(linalg.DTYPE))
                count[group] += len(part)
        return replace(self, count=tuple(count))

    def _take(self, group: int, part: Tensor) -> None:
        rows = self._unit(part) if self.unit else part - self.origin
        squares = rows.square()
        x, y = squares[:, : self.d1].sum(1), squares[:, self.d1 :].sum(1)
        lengths = torch.stack([x, y], dim=1)
        linalg.rank_k_update(self.scatter[group], rows)
        self.shift[group] += rows.sum(0)
        self.weighted[group] += rows.mT @ lengths
        self.products[group] += torch.stack([x @ x, x @ y, y @ y])

    def _unit(self, part: Tensor) -> Tensor:
        views = part[:, : self.d1], part[:, self.d1 :]
        return torch.cat([linalg.unit_rows(view) for view in views], dim=1)

    def merge(self, other: JointSums) -> JointSums:
        """Group by group the sums of both, which have one origin."""
        return replace(
            self,
            count=tuple(a + b for a, b in zip(self.count, other.count, strict=True)),
            shift=self.shift + other.shift,
            scatter=self.scatter + other.scatter,
            weighted=self.weighted + other.weighted,
            products=self.products + other.products,
        )

    def over(self, groups: Sequence[int]) -> JointSums:
        """Some groups as a single one."""
        index = list(groups)
        return replace(
            self,
            count=(sum(self.count[group] for group in index),),
            shift=self.shift[index].sum(0, keepdim=True),
            scatter=self._summed(index),
            weighted=self.weighted[index].sum(0, keepdim=True),
            products=self.products[index].sum(0, keepdim=True),
        )

    def _summed(self, index: Sequence[int]) -> Tensor:
        """Scatter (1, p, p) over groups, none of which is copied on the way."""
        total = torch.zeros_like(self.scatter[:1])
        for group in index:
            total += self.scatter[group]
        return total

    def without(self, group: int, total: JointSums) -> JointSums:
        """All groups but one as a single one; `total` is `over` all groups."""
        return replace(
            total,
            count=(total.count[0] - self.count[group],),
            shift=total.shift - self.shift[group],
            scatter=total.scatter - self.scatter[group],
            weighted=total.weighted - self.weighted[group],
            products=total.products - self.products[group],
        )
