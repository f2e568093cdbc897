"""All numerical policy: precision, symmetry, tolerances, the small side, degenerate input.

No other module has an epsilon of its own. Shapes: n samples, d features, k = min(n, d).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

DTYPE = torch.float64
"""Every statistic is accumulated and decomposed in float64; float32 loses 3.7% of an effective
rank when the mean is a hundred times the deviation."""

EPSILON = torch.finfo(DTYPE).eps
SPREAD_FLOOR = 1e-8
"""Share of the mean square below which variance is rounding of a float32 forward pass: deviations
under 1e-4 of the length, while a few float32 layers err by about 1e-5."""

TWO_PASS_FEATURES = 1500
"""From here on 20 scatters of d x d take more than 360 MB, so intervals come from a second pass."""

FULL_INTERVAL_FEATURES = 1024
"""Up to here 20 more decompositions are cheap, so the full interval is the default."""


def rank_k_update(scatter: Tensor, rows: Tensor) -> None:
    """Add rows' rows to `scatter` in place. rows (m, d) float64; scatter (d, d) float64.

    On CPU only the upper triangle is updated (BLAS dsyrk, half the flops, which torch lacks);
    `symmetrise` completes it. Elsewhere the whole matrix is.
    """
    if rows.device.type == "cpu" and rows.shape[0] and rows.shape[1]:
        _blas_update(scatter, rows)
    else:
        scatter.addmm_(rows.mT, rows)


def _blas_update(scatter: Tensor, rows: Tensor) -> None:
    from scipy.linalg.blas import dsyrk

    # A C-ordered array is its transpose in Fortran order: lower there is upper here.
    target = scatter.numpy().T
    updated = dsyrk(1.0, rows.contiguous().numpy().T, beta=1.0, c=target, overwrite_c=1, lower=1)
    if updated is not target and updated.ctypes.data != target.ctypes.data:
        target[...] = updated


def symmetrise(scatter: Tensor) -> Tensor:
    """The symmetric matrix whose upper triangle is that of `scatter` (..., d, d)."""
    return scatter.triu().add_(scatter.triu(1).mT)


def eigenvalues(covariance: Tensor, rank_bound: int) -> Tensor:
    """Descending eigenvalues (..., k) of symmetric (..., d, d), the first k = rank_bound of them.

    Values below the resolution of float64 are set to zero; nothing negative is returned.
    """
    values = torch.linalg.eigvalsh(covariance).flip(-1)
    return clip_unresolved(values, covariance.shape[-1])[..., :rank_bound]


def eigenbasis(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Descending eigenvalues (d,) and eigenvectors (d, d, one a column) of a symmetric matrix."""
    values, vectors = torch.linalg.eigh(covariance)
    return clip_unresolved(values.flip(-1), covariance.shape[-1]), vectors.flip(-1)


def clip_unresolved(values: Tensor, size: int) -> Tensor:
    """`values` (..., d, descending) with those under size * eps * the largest set to zero."""
    floor = values[..., :1].clamp(min=0) * (size * EPSILON)
    return torch.where(values > floor, values, torch.zeros_like(values))


def resolution_floor(mean_square: float, largest: float, size: int, storage_epsilon: float) -> float:
    """Eigenvalue below which the spectrum shows rounding, not data.

    Rounding to the stored type adds a variance of about mean_square * eps^2 / 12 in every direction
    (`mean_square` is per entry); squaring the data in float64 adds size * 2.2e-16 of the largest.
    """
    return max(mean_square * storage_epsilon**2 / 12, size * EPSILON * largest)


def safe_scale(largest: float) -> float:
    """The power of two that brings entries of size `largest` near one, so that squares stay finite.

    One for ordinary data: only magnitudes outside 1e-60 to 1e60 are rescaled.
    """
    if largest == 0 or not math.isfinite(largest) or 1e-60 < largest < 1e60:
        return 1.0
    return 2.0 ** min(-math.floor(math.log2(largest)), 1000)


def small_side(rows: Tensor) -> Tensor:
    """Coordinates (n, n) of rows (n, d), n < d, in an orthonormal basis of the space they span.

    Inner products, hence every rotation-invariant figure, are kept; the basis comes from a QR
    decomposition, which does not square the data as a Gram matrix would.
    """
    upper: Tensor = torch.linalg.qr(rows.mT, mode="r").R
    return upper.mT


def unit_rows(rows: Tensor) -> Tensor:
    """Rows (n, d) divided by their length; a zero row stays zero."""
    length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return rows / torch.where(length > 0, length, torch.ones_like(length))
