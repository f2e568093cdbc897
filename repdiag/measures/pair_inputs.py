"""What measures of two representations read: records reduced from the rows of both.

Letters: n samples; d1 and d2 features of the views x and y. All tensors float64 on one device.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from repdiag.measures.pair_entropies import KernelRows


class PairNeed(StrEnum):
    """The record that a measure of a pair reads; the plan computes each once for all measures."""

    GRAM = "sums over all pairs of rows of squared Gaussian kernels"
    COSINE_GRAM = "sums over all pairs of rows of squared cosines"
    LINEAR_GRAM = "sums over all pairs of rows of squared inner products"
    KERNELS = "rows of both views, as many as a stochastic entropy takes"
    KERNEL_SAMPLE = "a sample of rows of both views and their entropies"
    MOMENTS = "joint moments of both views"
    UNIT_MOMENTS = "joint moments of unit rows of both views"
    ROWS = "a sample of rows of both views"
    GIVEN = "a sample of rows of both views beside a third view or labels"


@dataclass(frozen=True, slots=True)
class GramTotals:
    """Sums (5,) over ordered pairs i, j (i = j included) of Kx^2, Ky^2, Kx^2 Ky^2, Kx^4 and Ky^4.

    `widths` are the bandwidths, `means` the mean kernel of two different rows of each view. `traces` (5,) are
    the sums over i = j of Kx, Ky, Kx Ky, Kx^2 and Ky^2; None for Gaussian kernels, where they are n.
    """

    sums: Tensor
    n: int
    widths: tuple[float, float]
    means: tuple[float, float]
    traces: Tensor | None = None


@dataclass(frozen=True, slots=True)
class JointMoments:
    """Sums over the rows z = [x, y] about a reference point near the mean.

    shift (d1 + d2,) is the sum of z, scatter (d1 + d2, d1 + d2) that of z z', weighted (d1 + d2, 2) that of
    z |x|^2 and z |y|^2, products (3,) those of |x|^4, |x|^2 |y|^2 and |y|^4. `origin` is the reference
    point; for unit rows it is zero.
    """

    n: int
    d1: int
    d2: int
    origin: Tensor
    shift: Tensor
    scatter: Tensor
    weighted: Tensor
    products: Tensor

    @property
    def mean(self) -> Tensor:
        """Mean of [x, y] (d1 + d2,)."""
        return self.origin + self.shift / self.n

    @property
    def centred(self) -> Tensor:
        """Scatter (d1 + d2, d1 + d2) about the mean."""
        return self.scatter - torch.outer(self.shift, self.shift) / self.n

    def blocks(self, matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The parts xx, yy and xy of a matrix over both views."""
        a, b = slice(0, self.d1), slice(self.d1, self.d1 + self.d2)
        return matrix[a, a], matrix[b, b], matrix[a, b]


@dataclass(frozen=True, slots=True)
class RowPairs:
    """Rows x (m, d1) and y (m, d2) of a sample of at most 4,000 of n, in the order of their id hashes.

    `widths` are the bandwidths of both views; labels (m,) int64 codes and a third view z (m, d3) where there
    are such.
    """

    x: Tensor
    y: Tensor
    n: int
    widths: tuple[float, float]
    labels: Tensor | None = None
    z: Tensor | None = None


NOTHING_GIVEN = "needs a third view or labels to condition on, and has neither: say --given VIEW"

PairRecord = GramTotals | JointMoments | RowPairs | KernelRows
