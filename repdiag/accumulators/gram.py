"""Sums over all pairs of rows of the squared kernels of two views, without an n x n matrix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from repdiag import linalg

Kernel = Literal["gaussian", "cosine", "linear"]

BLOCK = 256
"""Rows a side of one block: two kernels of it stay in the cache of a core."""

SINGLE_ROUNDING = 2e-6
"""Largest error of one exponent up to which float32 blocks do: signs differ, so that sums over all pairs err
by far less."""

QUANTITIES = ("x", "y", "xy", "xx", "yy")
"""What is summed for every ordered pair of rows i, j: Kx^2, Ky^2, Kx^2 Ky^2, Kx^4 and Ky^4."""


@dataclass(frozen=True, slots=True)
class GramSums:
    """Sums of QUANTITIES over ordered pairs of rows, i = j included.

    rows (n, 5) for each row over all; between (g, g, 5) for each pair of groups, or None where no groups were
    asked for. Leaving out a row or a group is leaving out its row and its column. diagonal (n, 5) holds Kx,
    Ky, Kx Ky, Kx^2 and Ky^2 of each row with itself, ones for Gaussian kernels; i = j adds their squares.
    """

    rows: Tensor
    diagonal: Tensor
    between: Tensor | None = None
    kernel: Kernel = "gaussian"

    @property
    def n(self) -> int:
        return self.rows.shape[0]

    @property
    def total(self) -> Tensor:
        """Sums (5,) over all pairs."""
        return self.rows.sum(0)

    def without_row(self) -> Tensor:
        """Sums (n, 5) over the pairs that are left without each row."""
        return self.total - 2 * self.rows + self.diagonal.square()

    def without_group(self) -> Tensor:
        """Sums (g, 5) over the pairs that are left without each group."""
        assert self.between is not None
        own = self.between.diagonal(dim1=0, dim2=1).mT
        return self.total - 2 * self.between.sum(1) + own


def gram_sums(
    x: Tensor,
    y: Tensor,
    widths: tuple[float, float],
    members: Tensor | None = None,
    kernel: Kernel = "gaussian",
) -> GramSums:
    """Sums of squared kernels of both views over all pairs of rows.

    Kernels are exp(-|a - b|^2 / (2 width^2)), or a'b, not centred, of rows of mean square length one (linear)
    or of length one each (cosine). Symmetric blocks: each pair of rows is computed once. O(n^2 (d1 + d2))
    time, O(n) memory: blocks are scaled when they are needed, which costs one part in BLOCK.

    Args:
        x: (n, d1); y: (n, d2), the same samples in the same order, any float type.
        widths: bandwidth of each view, positive; only the Gaussian kernel has one.
        members: (n, g) float64, one where a row is in a group; None for sums by row alone.
    """
    views = [_prepared(rows, width, kernel) for rows, width in zip((x, y), widths, strict=True)]
    n = x.shape[0]
    sums = torch.zeros(n, len(QUANTITIES), dtype=linalg.DTYPE, device=x.device)
    between = None if members is None else sums.new_zeros(members.shape[1], members.shape[1], len(QUANTITIES))
    for start in range(0, n, BLOCK):
        left = slice(start, start + BLOCK)
        rows = [view.block(left) for view in views]
        for other in range(start, n, BLOCK):
            right = slice(other, other + BLOCK)
            for index, block in enumerate(_quantities(views, rows, left, right)):
                sums[left, index] += block.sum(1)
                if other > start:
                    sums[right, index] += block.sum(0)
                if between is not None and members is not None:
                    found = members[left].mT @ (block.to(linalg.DTYPE) @ members[right])
                    between[..., index] += found if other == start else found + found.mT
    first, second = (view.diagonal for view in views)
    alone = torch.stack([first, second, first * second, first.square(), second.square()], dim=1)
    return GramSums(sums, alone, between, kernel)


@dataclass(frozen=True, slots=True)
class _View:
    """Rows (n, d) as they came, and what makes of them centred ones in units of the bandwidth, rows of mean
    square length one, or unit rows.

    energies (n,) are their squared lengths in these units, in the type that blocks are computed in.
    """

    rows: Tensor
    mean: Tensor
    width: Tensor
    kernel: Kernel
    energies: Tensor

    def block(self, part: slice) -> Tensor:
        """Rows as the kernel reads them."""
        rows = self.rows[part].to(linalg.DTYPE)
        made = linalg.unit_rows(rows) if self.kernel == "cosine" else (rows - self.mean) / self.width
        return made.to(self.energies.dtype)

    @property
    def diagonal(self) -> Tensor:
        """The kernel of each row with itself (n,), float64."""
        found = self.energies.to(linalg.DTYPE)
        return torch.ones_like(found) if self.kernel == "gaussian" else found


def _prepared(rows: Tensor, width: float, kernel: Kernel) -> _View:
    """float32 where its rounding of the exponents does not matter, else float64."""
    mean = rows.mean(0, dtype=linalg.DTYPE)
    empty = torch.zeros(len(rows), dtype=linalg.DTYPE, device=rows.device)
    if kernel == "gaussian":
        whole = _measured(_View(rows, mean, torch.full_like(mean[:1], width), kernel, empty))
        little = rows.device.type != "meta" and _rounds_little(whole.energies)
        return replace(whole, energies=whole.energies.float()) if little else whole
    plain = _measured(_View(rows, torch.zeros_like(mean), torch.ones_like(mean[:1]), kernel, empty))
    if kernel == "linear":
        length = plain.energies.mean().sqrt().clamp(min=torch.finfo(linalg.DTYPE).tiny)
        plain = replace(plain, width=length, energies=plain.energies / length.square())
    return replace(plain, energies=plain.energies.float())


def _measured(view: _View) -> _View:
    """The view with the squared length of every row."""
    for start in range(0, len(view.rows), BLOCK):
        part = slice(start, start + BLOCK)
        view.energies[part] = view.block(part).square().sum(1)
    return view


def _rounds_little(energies: Tensor) -> bool:
    """Once for a view, before any block: the host has to choose the type."""
    return float(energies.mean()) * 2 * torch.finfo(torch.float32).eps <= SINGLE_ROUNDING


def _quantities(views: list[_View], rows: list[Tensor], left: slice, right: slice) -> list[Tensor]:
    first, second = (_squared_kernel(view, own, left, right) for view, own in zip(views, rows, strict=True))
    return [first, second, first * second, first.square(), second.square()]


def _squared_kernel(view: _View, rows: Tensor, left: slice, right: slice) -> Tensor:
    """exp(-|a - b|^2), in units of the bandwidth, or the squared inner product."""
    if view.kernel != "gaussian":
        return (rows @ view.block(right).mT).square_()
    exponent = view.energies[left, None] + view.energies[right]
    exponent = torch.addmm(exponent.neg_(), rows, view.block(right).mT, alpha=2)
    return exponent.clamp_(max=0).exp_()
