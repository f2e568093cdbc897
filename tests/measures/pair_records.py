"""Records of two views from rows, as the tests of pair measures read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators.gram import Kernel, gram_sums
from repdiag.analysis.pair_records import GRAMS
from repdiag.analysis.pair_spectra import SPECTRA
from repdiag.measures.declaration import Reading
from repdiag.measures.pair_entropies import KernelRows
from repdiag.measures.pair_grams import median_distance
from repdiag.measures.pair_inputs import GramTotals, JointMoments, PairNeed, PairRecord, RowPairs
from repdiag.measures.pair_registry import parse_pair_selection

Matrix = NDArray[np.float64]
Widths = tuple[float, float]


def median_widths(x: Matrix, y: Matrix) -> Widths:
    first, second = (float(median_distance(torch.from_numpy(rows))) for rows in (x, y))
    return first, second


def joint_moments(x: Matrix, y: Matrix, unit: bool = False, origin: Tensor | None = None) -> JointMoments:
    """Sums about `origin`; by default about the first row, or zero for unit rows."""
    views = [torch.from_numpy(rows) for rows in (x, y)]
    if unit:
        views = [linalg.unit_rows(rows) for rows in views]
    both = torch.cat(views, dim=1)
    if origin is None:
        origin = torch.zeros_like(both[0]) if unit else both[0]
    z = both - origin
    parts = z[:, : x.shape[1]], z[:, x.shape[1] :]
    energies = torch.stack([part.square().sum(1) for part in parts], dim=1)
    first, second = energies.unbind(1)
    products = torch.stack([first @ first, first @ second, second @ second])
    sizes = len(x), x.shape[1], y.shape[1]
    return JointMoments(*sizes, origin, z.sum(0), z.mT @ z, z.mT @ energies, products)


def row_pairs(x: Matrix, y: Matrix, widths: Widths | None = None, **beside: Any) -> RowPairs:
    extra = {name: torch.from_numpy(value) for name, value in beside.items() if value is not None}
    chosen = median_widths(x, y) if widths is None else widths
    return RowPairs(torch.from_numpy(x), torch.from_numpy(y), len(x), chosen, **extra)


def gram_totals(
    x: Matrix, y: Matrix, widths: Widths | None = None, kernel: Kernel = "gaussian"
) -> GramTotals:
    chosen = median_widths(x, y) if widths is None else widths
    sums = gram_sums(torch.from_numpy(x), torch.from_numpy(y), chosen, kernel=kernel)
    traces = None if kernel == "gaussian" else sums.diagonal.sum(0)
    return GramTotals(sums.total, len(x), chosen, (float("nan"), float("nan")), traces)


def kernel_rows(x: Matrix, y: Matrix, widths: Widths | None = None) -> KernelRows:
    chosen = median_widths(x, y) if widths is None else widths
    return KernelRows(torch.from_numpy(x), torch.from_numpy(y), len(x), chosen)


def record(need: PairNeed, x: Matrix, y: Matrix, widths: Widths | None = None, **beside: Any) -> PairRecord:
    if need in GRAMS:
        return gram_totals(x, y, widths, GRAMS[need])
    if need in SPECTRA:
        return kernel_rows(x, y, widths)
    if need in (PairNeed.ROWS, PairNeed.GIVEN):
        return row_pairs(x, y, widths, **beside)
    return joint_moments(x, y, unit=need is PairNeed.UNIT_MOMENTS)


def reading(key: str, x: Matrix, y: Matrix, widths: Widths | None = None, **beside: Any) -> Reading:
    """What a measure of a pair gives for rows x (n, d1) and y (n, d2)."""
    selection = parse_pair_selection(key)
    return selection(record(selection.needs, x, y, widths, **beside))


def value(key: str, x: Matrix, y: Matrix, widths: Widths | None = None, **beside: Any) -> float:
    return float(reading(key, x, y, widths, **beside).value)


def corrected(key: str, x: Matrix, y: Matrix) -> float:
    """The value with the bias of few samples taken off."""
    selection = parse_pair_selection(key)
    return float(selection.corrected(record(selection.needs, x, y)))
