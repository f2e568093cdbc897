"""Linear algebra on the joint moments of two views, behind the declared measures.

Letters: n samples, d1 and d2 features. Nothing here reads rows.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.measures.pair_corrections import information_bias, wishart_bias
from repdiag.measures.pair_grams import hsic
from repdiag.measures.pair_inputs import JointMoments

SETTLED = 1e-12
"""1 - rho^2 under which one view settles a direction of the other, and their information is infinite."""

CLEAR = 1e4
"""Times the resolution of float64 that a Cholesky factor keeps away from, so that its logarithms hold."""


def nuclear_norm(scatter: Tensor) -> Tensor:
    """Sum of the singular values of a matrix C from C'C (d, d)."""
    return linalg.eigenvalues(scatter, scatter.shape[-1]).sqrt().sum()


def linear_hsic(moments: JointMoments, a: int, b: int) -> Tensor:
    """HSIC_1 of linear kernels of views a and b (0 is x, 1 is y) in closed form, from sums over rows."""
    views = slice(0, moments.d1), slice(moments.d1, moments.d1 + moments.d2)
    first, second = moments.shift[views[a]], moments.shift[views[b]]
    energies = [moments.scatter[view, view].diagonal().sum() for view in (views[a], views[b])]
    cross = moments.scatter[views[a], views[b]]
    fourth = moments.products[a + b]
    between = first @ cross @ second + fourth
    between = between - first @ moments.weighted[views[a], b] - second @ moments.weighted[views[b], a]
    totals = (first @ first - energies[0]) * (second @ second - energies[1])
    return hsic(cross.square().sum() - fourth, totals, between, moments.n)


def canonical_information(moments: JointMoments) -> tuple[Tensor, Tensor, Tensor]:
    """Plug-in information, the canonical correlations of standardised columns, and the bias of the plug-in.

    Directions without variance count for nothing; infinite where one view settles a direction of the other.
    """
    x, y, xy = moments.blocks(correlation(moments))
    (left, first), (right, second) = whitening(x), whitening(y)
    correlations = torch.linalg.svdvals(left.mT @ xy @ right).clamp(max=1)
    unexplained = (1 - correlations) * (1 + correlations)
    settled = (unexplained < SETTLED).any()
    bias = information_bias(first, second, moments.d1 + moments.d2, moments.n - 1)
    return torch.where(settled, torch.inf, -unexplained.log().sum() / 2), correlations, bias


def debiased_information(moments: JointMoments) -> Tensor:
    """The plug-in information less its bias."""
    value, _, bias = canonical_information(moments)
    return value - bias


def quick_information(moments: JointMoments) -> Tensor:
    """`debiased_information` from Cholesky factors; NaN near directions that do not vary or are settled."""
    matrix = correlation(moments)
    ranks = torch.tensor([moments.d1, moments.d2], device=matrix.device)
    bias = information_bias(ranks[0], ranks[1], moments.d1 + moments.d2, moments.n - 1)
    return shared(moments, matrix) - bias


def shared(moments: JointMoments, matrix: Tensor) -> Tensor:
    """1/2 (log det Mx + log det My - log det M) of a matrix over both views, from Cholesky factors."""
    x, y, _ = moments.blocks(matrix)
    parts = [half_log_determinant(each) for each in (x, y, matrix)]
    return parts[0] + parts[1] - parts[2]


def half_log_determinant(matrix: Tensor) -> Tensor:
    """1/2 log det of a positive definite matrix (p, p); NaN where rounding could show in it."""
    factor, failed = torch.linalg.cholesky_ex(matrix)
    energies = factor.diagonal().square()
    floor = CLEAR * matrix.shape[0] * linalg.EPSILON * matrix.diagonal().max()
    sound = (failed == 0) & (energies.min() > floor)
    return torch.where(sound, energies.log().sum() / 2, math.nan)


def total_correlation(moments: JointMoments) -> Tensor:
    matrix = correlation(moments)
    values = linalg.eigenvalues(matrix, matrix.shape[0])
    return (-values.log().sum() / 2).clamp(min=0)


def total_correlation_bias(moments: JointMoments) -> Tensor:
    """Half the bias of the log determinant of a correlation matrix: negative."""
    size = moments.d1 + moments.d2
    ranks = torch.tensor([size, 1], device=moments.scatter.device)
    whole, single = wishart_bias(ranks, size, moments.n - 1)
    found: Tensor = (whole - size * single) / 2
    return found


def whitening(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """W (d, d) with W'RW the identity on the directions that vary and zero elsewhere, and their number."""
    values, vectors = linalg.eigenbasis(matrix)
    varies = values > 0
    return vectors * torch.where(varies, values, 1).rsqrt() * varies, varies.sum()


def correlation(moments: JointMoments) -> Tensor:
    """Correlation matrix of both views; a feature that does not vary has a row of zeros."""
    covariance = moments.centred
    variances = covariance.diagonal().clamp(min=0)
    return scaled(covariance, variances)


def scaled(matrix: Tensor, variances: Tensor) -> Tensor:
    """The matrix with rows and columns divided by the root of `variances`; zero where that is zero."""
    inverse = torch.where(variances > 0, variances, torch.inf).rsqrt()
    return matrix * inverse[:, None] * inverse


def mean_variances(moments: JointMoments, covariance: Tensor) -> Tensor:
    """The mean eigenvalue of its own view for every feature."""
    x, y, _ = moments.blocks(covariance)
    means = [z.diagonal().mean().expand(z.shape[0]) for z in (x, y)]
    return torch.cat(means)


def widths_of(moments: JointMoments) -> Tensor:
    """The number of features of its own view for every feature."""
    like = moments.scatter
    return torch.cat([like.new_full((d,), float(d)) for d in (moments.d1, moments.d2)])
