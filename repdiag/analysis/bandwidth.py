"""The bandwidth of a Gaussian kernel: the median distance of the rows, and how much is left at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators.pairs import BLOCK, squared_distances


@dataclass(frozen=True, slots=True)
class Kernel:
    """Bandwidth of a view, in units of its rows, and the mean Gaussian kernel of two different rows."""

    width: float
    mean: float


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
