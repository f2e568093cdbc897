"""Leverages at points of the complex plane: how much each row weighs in the spectrum that it is part of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators.batch import Batch


@dataclass(frozen=True, slots=True)
class Leverages:
    """Per group and point z (g, p), complex: sums of h and of h / (1 - h); count g ints.

    h(z) = k / (n - 1) * sum_j ((x - origin)' v_j)^2 / (l_j - z) with k = n / (n - 1): the leverage of row x,
    scaled so that h / (1 - h) is the quadratic form of x in the resolvent of the other rows.
    basis (d, m) holds the v_j; weights (m, 2p) the real and then the imaginary parts of the factors.
    """

    basis: Tensor
    origin: Tensor
    weights: Tensor
    sums: Tensor
    left_out: Tensor
    count: tuple[int, ...]

    @classmethod
    def empty(cls, groups: int, basis: Tensor, origin: Tensor, factors: Tensor) -> Leverages:
        """`factors` (m, p) complex: k / (n - 1) / (l_j - z)."""
        zeros = factors.new_zeros(groups, factors.shape[1])
        weights = torch.cat([factors.real, factors.imag], dim=1).to(linalg.DTYPE)
        return cls(basis, origin, weights, zeros, zeros.clone(), (0,) * groups)

    def update(self, batch: Batch) -> Leverages:
        sums, left_out = self.sums.clone(), self.left_out.clone()
        for group, part in enumerate(batch.parts):
            leverage = self._of(part)
            sums[group] += leverage.sum(0)
            left_out[group] += (leverage / (1 - leverage)).sum(0)
        count = tuple(a + len(index) for a, index in zip(self.count, batch.members, strict=True))
        return replace(self, sums=sums, left_out=left_out, count=count)

    def _of(self, rows: Tensor) -> Tensor:
        """h (b, p) of rows (b, d)."""
        both = ((rows.to(linalg.DTYPE) - self.origin) @ self.basis).square_() @ self.weights
        points = self.weights.shape[1] // 2
        return torch.complex(both[:, :points], both[:, points:])

    def merge(self, other: Leverages) -> Leverages:
        count = tuple(a + b for a, b in zip(self.count, other.count, strict=True))
        sums, left_out = self.sums + other.sums, self.left_out + other.left_out
        return replace(self, sums=sums, left_out=left_out, count=count)
