"""The bandwidth of a Gaussian kernel: the median distance of the rows, a number, or the one that tells most.

Letters: m rows, d features; N = m (m - 1) ordered pairs of different rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators.pairs import BLOCK, squared_distances

BEST = "best"
Bandwidth = float | Literal["best"] | None
"""A width, None for the median distance, or `best` for the multiple of it with the highest contrast."""

FACTORS = tuple(2.0 ** (step / 2) for step in range(-8, 5))
"""Multiples of the median distance, 1/16 to 4, among which the best one is chosen."""

ABOUT = 0.05
"""Either side of the median, on the log scale, from which the density of distances at it is taken."""

CONTRAST_ROWS = 2000
"""Rows that contrasts are taken on: half a second a view."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Bandwidth of a view, in units of its rows, and the mean Gaussian kernel of two different rows.

    `median` is the median distance that the bandwidth is or is a multiple of, zero where it is a number;
    `contrasts` are those of FACTORS times it, where the best one was chosen.
    """

    width: float
    mean: float
    median: float = 0.0
    contrasts: tuple[float, ...] = ()


def chosen_kernel(rows: Tensor, bandwidth: Bandwidth, scale: float = 1.0) -> Kernel:
    """The kernel of rows (m, d), which are `scale` times those that a bandwidth in numbers is meant for."""
    if bandwidth == BEST:
        return sharpest_kernel(rows)
    if bandwidth is None:
        found = kernel_of(rows)
        return replace(found, median=found.width)
    return kernel_of(rows, float(bandwidth) * scale)


def kernel_of(rows: Tensor, width: float | None = None) -> Kernel:
    """The median distance of rows (m, d), or `width`, and the mean of exp(-distance^2 / (2 width^2)).

    Exact over all m (m - 1) / 2 pairs, of which one array is held. Zero and one where there is no pair, or
    where over half of the distances are zero.
    """
    squares = _squares(rows)
    if not len(squares):
        return Kernel(width or 0.0, 1.0)
    if width is None:
        half = len(squares) // 2
        middle = [half] if len(squares) % 2 else [half - 1, half]
        squares.partition(middle)
        width = float(np.sqrt(squares[middle]).mean())
    if width == 0:
        return Kernel(0.0, 1.0)
    squares *= -0.5 / width**2
    return Kernel(width, float(np.exp(squares, out=squares).mean()))


def sharpest_kernel(rows: Tensor) -> Kernel:
    """The multiple of the median distance of rows (m, d) that tells the view from its shuffled self best.

    One view alone decides, so that the information of two views is not tuned by the choice.
    """
    median = kernel_of(rows)
    if median.width == 0 or len(rows) < 4:
        return median
    some = rows[:CONTRAST_ROWS].to(linalg.DTYPE)
    squares = squared_distances(some - some.mean(0), some - some.mean(0))
    contrasts = tuple(contrast(squares, factor * median.width) for factor in FACTORS)
    best = FACTORS[int(np.argmax(contrasts))]
    return replace(kernel_of(rows, best * median.width), median=median.width, contrasts=contrasts)


def contrast(squares: Tensor, width: float) -> float:
    """(self - null) / spread of null, of the order-2 information of a view with squared distances (m, m).

    With a_ij = Kx_ij^2 over its mean, self is log mean a^2. Shuffled it is log mean a_ij a_p(i)p(j), nearly
    zero on average; its spread over all orders p is known in closed form (Mantel 1967). From 0 upwards.
    """
    m = len(squares)
    kernel = squares.div(-(width**2)).exp_().fill_diagonal_(0)
    pairs, mean = m * (m - 1), kernel.sum() / (m * (m - 1))
    if not mean > 0:
        return 0.0
    apart = kernel.div_(mean).sub_(1).fill_diagonal_(0)
    second, third = float(apart.square().sum()), float(apart.sum(1).square().sum())
    variance = (
        2 * second**2 / pairs
        + 4 * (third - second) ** 2 / (pairs * (m - 2))
        + (2 * second - 4 * third) ** 2 / (pairs * (m - 2) * (m - 3))
    )
    return math.log1p(second / pairs) * pairs / math.sqrt(variance) if variance > 0 else 0.0


def pulls(rows: Tensor, median: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What leaving out each row of (m, d) adds to the log of the median distance, to first order (m,).

    A row that is near to more than half of the others holds the median down by as much as the number of
    distances about the median allows.
    """
    centred = rows.to(linalg.DTYPE) - rows.to(linalg.DTYPE).mean(0)
    m, edges = len(rows), [(median * math.exp(step)) ** 2 for step in (-ABOUT, 0.0, ABOUT)]
    counts = np.zeros((3, m))
    for start in range(0, m, BLOCK):
        block = squared_distances(centred[start : start + BLOCK], centred)
        for i, edge in enumerate(edges):
            # Each row is within every edge of itself.
            counts[i, start : start + BLOCK] = (block <= edge).sum(1).cpu().numpy() - 1
    density = (counts[2] - counts[0]).sum() / (m * (m - 1)) / (2 * ABOUT)
    found: np.ndarray[Any, np.dtype[np.float64]] = (counts[1] / (m - 1) - 0.5) * 2 / max(m - 2, 1)
    return found / density if density > 0 else np.zeros(m)


def _squares(rows: Tensor) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Squared distances of all pairs of rows."""
    m = len(rows)
    centred = rows.to(linalg.DTYPE) - rows.to(linalg.DTYPE).mean(0)
    found, at = np.empty(m * (m - 1) // 2), 0
    for start in range(0, m, BLOCK):
        block = squared_distances(centred[start : start + BLOCK], centred[start:]).cpu().numpy()
        for i, line in enumerate(block):
            count = len(line) - i - 1
            found[at : at + count] = line[i + 1 :]
            at += count
    return found
