"""Sums of Gaussian kernels over all pairs of rows, block by block: O(m) memory, each pair computed once.

Letters: m rows, d features, q ways of grouping the rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.measures.plane_codes import ranks
from repdiag.measures.plane_inputs import PlaneRows

View = tuple[Tensor, Tensor | float]
"""Rows (m, d) and the rate of their kernel exp(-rate |a - b|^2)."""

MOST_ROWS = 10_000
BLOCK = 512
"""Rows a side of one block: 2 MB in float64."""

FEW = 20
"""Up to so many classes a product with their indicators is cheaper than comparing the labels of each pair."""

SINGLE_ROUNDING = 1e-4
"""Largest error of one exponent, whatever the row, up to which blocks are float32; signs differ, so that a
sum over all pairs errs by far less."""

SINGLE_ROWS = 2000
"""Fewer rows take no time in float64 either."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """exp(-|a - b|^2) of scaled rows (m, d), whose squared lengths are energies (m,)."""

    scaled: Tensor
    energies: Tensor

    def exponents(self, left: slice, right: slice) -> Tensor:
        """-|a - b|^2 (b, c), zero for a row beside itself; not so low that exponentials become slow."""
        lowest = math.log(torch.finfo(self.scaled.dtype).tiny) + 1
        found = (self.energies[left, None] + self.energies[right]).neg_()
        found.addmm_(self.scaled[left], self.scaled[right].mT, alpha=2).clamp_(lowest, 0)
        return found.fill_diagonal_(0) if left == right else found


@dataclass(frozen=True, slots=True)
class Groups:
    """Ways to group the rows: for each, sums over the rows of the own group, times `weights` (q, m).

    codes (q, m) are from 0 to classes - 1.
    """

    codes: Tensor
    classes: int
    weights: Tensor

    @property
    def few(self) -> bool:
        return self.classes <= FEW

    def indicators(self) -> Tensor:
        """The weight of each row in the column of its group (m, q * classes), zero in the others."""
        one_hot = self.weights.new_zeros(*self.codes.shape, self.classes)
        one_hot.scatter_(2, self.codes[..., None], self.weights[..., None])
        return one_hot.transpose(0, 1).flatten(1)

    def own(self, sums: Tensor) -> Tensor:
        """Of sums (m, q * classes), those of the own group of each row (q, m)."""
        every = sums.view(sums.shape[0], -1, self.classes)
        return every.gather(2, self.codes.mT[..., None]).squeeze(2).mT


def kernel(views: Sequence[View], single: bool = False) -> Kernel:
    """The product of the kernels of several views of the same rows."""
    parts = [(rows - rows.mean(0)) * rate**0.5 for rows, rate in views]
    scaled = torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]
    scaled = scaled.float() if single else scaled
    return Kernel(scaled, scaled.square().sum(1))


def rounds_little(rows: PlaneRows, rate: float) -> bool:
    """Whether float32 will do, and saves time: the host chooses without reading a row."""
    if rows.m < SINGLE_ROWS:
        return False
    across = rows.scale.high - rows.scale.low
    return rate * rows.t.shape[1] * across**2 * 2 * torch.finfo(torch.float32).eps <= SINGLE_ROUNDING


def same_input(rows: PlaneRows) -> Groups:
    """The rows of the same input."""
    return alike(ranks(rows.x)[None], rows.m)


def everyone(rows: Tensor, weights: Tensor | None = None) -> Groups:
    """One group of all rows; weights (m,) or ones."""
    one = torch.ones_like(rows[:, 0]) if weights is None else weights
    return Groups(torch.zeros_like(one, dtype=torch.int64)[None], 1, one[None])


def alike(codes: Tensor, classes: int, weights: Tensor | None = None) -> Groups:
    """The rows that share a code, for each of codes (q, m); weights (q, m) or ones."""
    one = torch.ones_like(codes, dtype=linalg.DTYPE) if weights is None else weights
    return Groups(codes, classes, one)


def kernel_sums(
    kernel: Kernel, *asked: Sequence[Groups], powers: Sequence[float] = (1.0,)
) -> list[list[Tensor]]:
    """For each power of the kernel, what is asked of it: weighted sums (q, m) float64 over the own group.

    Symmetric blocks in one pass, O(m^2 (d + q)) time and O(m (d + q classes)) memory.
    """
    m = kernel.scaled.shape[0]
    totals = [_Totals.empty(kernel.scaled, groups) for groups in asked]
    for start in range(0, m, BLOCK):
        left = slice(start, min(start + BLOCK, m))
        for other in range(start, m, BLOCK):
            right = slice(other, min(other + BLOCK, m))
            exponents = kernel.exponents(left, right)
            for total, power in zip(totals, powers, strict=True):
                block = (exponents if power == 1 else exponents * power).exp()
                total.add(block, left, right)
                if other > start:
                    total.add(block.mT, right, left)
    return [total.own() for total in totals]


@dataclass(frozen=True, slots=True)
class _Totals:
    asked: Sequence[Groups]
    columns: Tensor
    weights: list[Tensor]
    sums: Tensor
    compared: list[Tensor]

    @classmethod
    def empty(cls, like: Tensor, asked: Sequence[Groups]) -> _Totals:
        columns = [each.indicators() for each in asked if each.few]
        together = torch.cat(columns, dim=1) if columns else like.new_zeros(like.shape[0], 0)
        many = [each for each in asked if not each.few]
        return cls(
            asked,
            together.to(like.dtype),
            [each.weights.to(like.dtype) for each in many],
            torch.zeros_like(together, dtype=linalg.DTYPE),
            [torch.zeros_like(each.weights, dtype=linalg.DTYPE) for each in many],
        )

    def add(self, block: Tensor, left: slice, right: slice) -> None:
        self.sums[left] += block @ self.columns[right]
        many = [each for each in self.asked if not each.few]
        for groups, weights, found in zip(many, self.weights, self.compared, strict=True):
            for index, codes in enumerate(groups.codes):
                same = torch.where(codes[left, None] == codes[right], block, torch.zeros_like(block[:1, :1]))
                found[index, left] += same @ weights[index, right]

    def own(self) -> list[Tensor]:
        compared = iter(self.compared)
        widths = [each.codes.shape[0] * each.classes if each.few else 0 for each in self.asked]
        parts = torch.split(self.sums, widths, dim=1)
        pairs = zip(self.asked, parts, strict=True)
        return [each.own(part) if each.few else next(compared) for each, part in pairs]
