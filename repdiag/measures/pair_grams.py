"""Gram matrices of a sample of rows, and the entropies of their eigenvalues.

Letters: m rows, d features. A Gram matrix is (m, m), symmetric, float64; entropies are in nats.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from repdiag import linalg

Kernel = Literal["gaussian", "cosine", "linear"]
KERNELS: tuple[Kernel, ...] = ("gaussian", "cosine", "linear")


def gram(rows: Tensor, kernel: str, width: float | Tensor) -> Tensor:
    """Gram matrix (m, m) of rows (m, d); `width` is the bandwidth of the Gaussian kernel."""
    if kernel == "gaussian":
        return gaussian_gram(rows, width)
    return factor_gram(factor(rows, kernel))


def gaussian_gram(rows: Tensor, width: float | Tensor) -> Tensor:
    """exp(-|a - b|^2 / (2 width^2)) (m, m), ones on the diagonal."""
    scaled = (rows - rows.mean(0)) / width
    return squared_distances(scaled).mul_(-0.5).exp_()


def delta_gram(labels: Tensor) -> Tensor:
    """One (m, m) where two samples have the same label (m,), else zero."""
    return (labels[:, None] == labels).to(linalg.DTYPE)


def factor(rows: Tensor, kernel: str) -> Tensor:
    """The rows whose inner products the cosine or the linear kernel is."""
    return linalg.unit_rows(rows) if kernel == "cosine" else rows


def factor_gram(rows: Tensor) -> Tensor:
    """Inner products (m, m)."""
    return rows @ rows.mT


def squared_distances(rows: Tensor) -> Tensor:
    """Squared Euclidean distances (m, m) of rows (m, d), zero on the diagonal."""
    energies = rows.square().sum(1)
    found = (energies[:, None] + energies).addmm_(rows, rows.mT, alpha=-2)
    return found.clamp_(min=0).fill_diagonal_(0)


def median_distance(rows: Tensor) -> Tensor:
    """Median distance of two different rows of (m, d): of an even number, the mean of the middle two."""
    m = rows.shape[0]
    distances = squared_distances(rows - rows.mean(0)).fill_diagonal_(math.inf)
    # Every pair stands there twice, and the diagonal at the end.
    pairs = m * (m - 1) // 2
    flat = distances.flatten()
    low = flat.kthvalue(min(max(2 * ((pairs + 1) // 2), 1), m * m)).values
    above = torch.where(flat > low, flat, math.inf).amin()
    high = torch.where((flat <= low).sum() >= 2 * (pairs // 2 + 1), low, above)
    return torch.stack([low, high]).sqrt().mean()


def marginal_entropy(rows: Tensor, kernel: str, width: float | Tensor, alpha: float) -> Tensor:
    """Entropy of order alpha of rows (m, d); through d x d where inner products allow it."""
    if kernel == "gaussian":
        return matrix_entropy(gaussian_gram(rows, width), alpha)
    left = factor(rows, kernel)
    return matrix_entropy(left.mT @ left if left.shape[1] < left.shape[0] else factor_gram(left), alpha)


def matrix_entropy(matrix: Tensor, alpha: float) -> Tensor:
    """Renyi entropy of order alpha of the eigenvalues of a positive semi-definite matrix over their sum.

    log sum p^alpha / (1 - alpha); -sum p log p at alpha = 1; at alpha = 2 from the entries alone.
    """
    if alpha == 2:
        found: Tensor = 2 * matrix.diagonal().sum().log() - matrix.square().sum().log()
        return found
    return renyi_entropy(linalg.eigenvalues(matrix, matrix.shape[-1]), alpha)


def renyi_entropy(weights: Tensor, alpha: float) -> Tensor:
    """Renyi entropy of order alpha of weights (k,) that are not negative, over their sum."""
    shares = weights / weights.sum()
    if alpha == 1:
        return -torch.xlogy(shares, shares).sum()
    found: Tensor = shares.pow(alpha).sum().log() / (1 - alpha)
    return found


def diffusion_matrix(kernel: Tensor, anisotropic: bool = False) -> Tensor:
    """D^-1/2 G D^-1/2 (m, m), D the row sums of G; `anisotropic` does it twice.

    Twice, it has the eigenvalues of the random walk on the kernel that the first pass leaves, which no
    longer depends on how densely the rows were sampled (Coifman & Lafon 2006).
    """
    lengths = kernel.sum(1).rsqrt()
    found = (kernel * lengths[:, None]).mul_(lengths)
    return diffusion_matrix(found) if anisotropic else found


def diffusion_entropy_of(kernel: Tensor, t: float, anisotropic: bool = False) -> Tensor:
    """-sum p log p in nats, p the |eigenvalue|^t of the diffusion matrix of a kernel over their sum."""
    values = linalg.eigenvalues(diffusion_matrix(kernel, anisotropic), kernel.shape[-1])
    return renyi_entropy(values.pow(t), 1)


def diffusion_spectral_entropy(
    rows: Tensor, width: float | Tensor, t: float = 1.0, anisotropic: bool = False
) -> Tensor:
    """Diffusion spectral entropy of rows (m, d) in nats, from 0 to log m; Gaussian kernel of `width`."""
    return diffusion_entropy_of(gaussian_gram(rows, width), t, anisotropic)


def dependence(left: Tensor, right: Tensor, unbiased: bool) -> Tensor:
    """Hilbert-Schmidt independence criterion of two Gram matrices (m, m).

    Biased: mean product of the centred entries. Unbiased: HSIC_1 of Song et al. 2012 (Feature selection
    via dependence maximization), which leaves the diagonal out and needs m > 3.
    """
    m = left.shape[0]
    if not unbiased:
        return (_centred(left) * right).sum() / m**2
    first, second = (matrix.clone().fill_diagonal_(0) for matrix in (left, right))
    rows = first.sum(1), second.sum(1)
    return hsic((first * second).sum(), rows[0].sum() * rows[1].sum(), rows[0] @ rows[1], m)


def hsic(product: Tensor, totals: Tensor, between: Tensor, n: int) -> Tensor:
    """HSIC_1 from tr(KL), (1'K1)(1'L1) and 1'KL1 of n x n Gram matrices without their diagonals."""
    if n < 4:
        return torch.full_like(product, math.nan)
    corner = totals / ((n - 1) * (n - 2)) - 2 * between / (n - 2)
    return (product + corner) / (n * (n - 3))


def _centred(matrix: Tensor) -> Tensor:
    means = matrix.mean(0)
    return matrix - means[:, None] - means + means.mean()
