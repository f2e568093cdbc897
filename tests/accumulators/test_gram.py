"""Sums over all pairs of rows of squared kernels, against the matrices themselves."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from repdiag.accumulators.gram import QUANTITIES, Kernel, gram_sums

WIDTHS = (math.sqrt(8.0), 2.0)


def views(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    made = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 5, generator=made, dtype=torch.float64) + 30
    return x, 0.7 * x[:, :3] + torch.randn(n, 3, generator=made, dtype=torch.float64)


def matrices(x: Tensor, y: Tensor) -> Tensor:
    """All QUANTITIES as n x n matrices, (n, n, 5)."""
    kernels = []
    for rows, width in zip((x, y), WIDTHS, strict=True):
        distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist").square()
        kernels.append((-distances / (2 * width**2)).exp().square())
    first, second = kernels
    return torch.stack([first, second, first * second, first.square(), second.square()], dim=-1)


@pytest.mark.parametrize("n", [1, 7, 256, 300, 700])
def test_sums_are_those_of_the_matrices(n: int) -> None:
    x, y = views(n)
    found, wanted = gram_sums(x, y, WIDTHS), matrices(x, y)
    assert found.rows.shape == (n, len(QUANTITIES))
    torch.testing.assert_close(found.rows, wanted.sum(1), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.total, wanted.sum((0, 1)), rtol=1e-6, atol=0)


def test_leaving_out_a_row_or_a_group_is_leaving_it_out() -> None:
    x, y = views(300)
    groups = torch.arange(300) % 7
    members = torch.nn.functional.one_hot(groups, 7).double()
    found, wanted = gram_sums(x, y, WIDTHS, members), matrices(x, y)
    for row in (0, 299):
        kept = torch.arange(300) != row
        torch.testing.assert_close(
            found.without_row()[row], wanted[kept][:, kept].sum((0, 1)), rtol=1e-5, atol=0
        )
    for group in (0, 6):
        kept = groups != group
        torch.testing.assert_close(
            found.without_group()[group], wanted[kept][:, kept].sum((0, 1)), rtol=1e-6, atol=0
        )


@pytest.mark.parametrize("kernel", ["linear", "cosine"])
def test_inner_products_without_a_row_or_a_group(kernel: Kernel) -> None:
    """Not centred, a zero row, and units that do not matter: sums over their traces are those of matrices."""
    x, y = views(300)
    x[5] = 0
    groups = torch.arange(300) % 7
    found = gram_sums(1e12 * x, y, WIDTHS, torch.nn.functional.one_hot(groups, 7).double(), kernel)
    rows = [x / x.norm(dim=1, keepdim=True).clamp(min=1e-300), y / y.norm(dim=1, keepdim=True)]
    first, second = (each @ each.mT for each in (rows if kernel == "cosine" else (x, y)))
    wanted = [first, second, first * second, first.square(), second.square()]
    left = [found.without_row()[7], found.without_row()[5], found.without_group()[3]]
    kept = [torch.arange(300) != 7, torch.arange(300) != 5, groups != 3]
    for sums, some in ((found.total, groups >= 0), *zip(left, kept, strict=True)):
        for index, matrix in enumerate(wanted):
            part = matrix[some][:, some]
            purity = sums[index] / found.diagonal[some, index].sum() ** 2
            torch.testing.assert_close(purity, part.square().sum() / part.trace() ** 2, rtol=2e-6, atol=0)


def test_far_rows_and_narrow_kernels_are_computed_in_float64() -> None:
    x, y = views(200)
    x[:3] += 1e5
    found, wanted = gram_sums(x, y, WIDTHS), matrices(x, y)
    torch.testing.assert_close(found.total, wanted.sum((0, 1)), rtol=1e-7, atol=0)


def test_half_precision_rows_are_upcast() -> None:
    x, y = views(100)
    half = gram_sums(x.half(), y.bfloat16(), WIDTHS)
    exact = gram_sums(x.half().double(), y.bfloat16().double(), WIDTHS)
    torch.testing.assert_close(half.total, exact.total, rtol=1e-7, atol=0)
