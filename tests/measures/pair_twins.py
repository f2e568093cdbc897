"""Slow, readable twins of the measures of a pair, in numpy, from all n x n pairs of rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import psi

from tests.measures.pair_records import Matrix, Widths


@dataclass(frozen=True)
class Views:
    """Two views of the same samples, their bandwidths, and labels and a third view for what needs them."""

    x: Matrix
    y: Matrix
    widths: Widths
    labels: NDArray[np.int64] | None = None
    z: Matrix | None = None


def logdet(matrix: Any) -> float:
    return float(np.linalg.slogdet(matrix)[1])


def logdet_mi(views: Views, eps: float = 1e-6, relative: bool = True) -> float:
    """1/2 log det(Rx + eI) - 1/2 log det(Re + eI), Re what a ridge regression on y leaves of x."""
    x, y = (rows - rows.mean(0) for rows in (views.x, views.y))
    n = len(x)
    rx, ry, rxy = x.T @ x / n, y.T @ y / n, x.T @ y / n
    ex, ey = (eps * (np.trace(r) / len(r) if relative else 1.0) * np.eye(len(r)) for r in (rx, ry))
    left: Matrix = rx - rxy @ np.linalg.inv(ry + ey) @ rxy.T
    return (logdet(rx + ex) - logdet(left + ex)) / 2


def gaussian_mi(views: Views) -> float:
    bases = [np.linalg.qr(rows - rows.mean(0))[0] for rows in (views.x, views.y)]
    correlations = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)
    return float(-np.log(1 - correlations**2).sum() / 2)


def joint_total_correlation(views: Views) -> float:
    return -logdet(np.corrcoef(np.hstack([views.x, views.y]).T)) / 2


def unit(rows: Matrix) -> Matrix:
    found: Matrix = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return found


def total_coding_rate(views: Views, eps_sq: float = 0.25) -> float:
    both = np.hstack([unit(rows) * rows.shape[1] ** 0.5 for rows in (views.x, views.y)])
    return logdet(np.eye(both.shape[1]) + both.T @ both / (len(both) * eps_sq)) / 2


def gaussian(rows: Matrix, width: float) -> Matrix:
    distances = np.square(rows[:, None] - rows[None]).sum(2)
    found: Matrix = np.exp(-distances / (2 * width**2))
    return found


def kernel_of(rows: Matrix, kernel: str, width: float) -> Matrix:
    if kernel == "gaussian":
        return gaussian(rows, width)
    found: Matrix = unit(rows) @ unit(rows).T if kernel == "cosine" else rows @ rows.T
    return found


def kernels_of(views: Views, kernel: str) -> tuple[Matrix, Matrix]:
    first, second = views.widths
    return kernel_of(views.x, kernel, first), kernel_of(views.y, kernel, second)


def hsic_unbiased(k: Matrix, other: Matrix) -> float:
    n = len(k)
    k, other = (a - np.diag(np.diag(a)) for a in (k, other))
    one = np.ones(n)
    corner = (one @ k @ one) * (one @ other @ one) / ((n - 1) * (n - 2))
    between = one @ k @ other @ one
    return float((np.trace(k @ other) + corner - 2 / (n - 2) * between) / (n * (n - 3)))


def hsic_biased(k: Matrix, other: Matrix) -> float:
    centring = np.eye(len(k)) - 1 / len(k)
    return float(np.trace(centring @ k @ centring @ other))


def cka(views: Views, kernel: str = "linear", unbiased: bool = True) -> float:
    k, other = kernels_of(views, kernel)
    hsic = hsic_unbiased if unbiased else hsic_biased
    return hsic(k, other) / math.sqrt(hsic(k, k) * hsic(other, other))


def alignment(views: Views) -> float:
    return float(np.square(unit(views.x) - unit(views.y)).sum(1).mean())


def mmcr(views: Views) -> float:
    centroids = (unit(views.x) + unit(views.y)) / 2
    return float(np.linalg.norm(centroids, "nuc") / math.sqrt(len(centroids) * min(centroids.shape)))


def entropy(matrix: Any, alpha: float) -> float:
    values = np.linalg.eigvalsh(matrix)
    shares = values[values > 1e-13 * values[-1]] / values.sum()
    if alpha == 1:
        return float(-(shares * np.log(shares)).sum())
    return float(np.log((shares**alpha).sum()) / (1 - alpha))


def renyi_mi(views: Views, alpha: float = 2, kernel: str = "gaussian") -> float:
    k, other = kernels_of(views, kernel)
    return entropy(k, alpha) + entropy(other, alpha) - entropy(k * other, alpha)


def renyi_joint_entropy(views: Views, alpha: float = 2, kernel: str = "gaussian") -> float:
    k, other = kernels_of(views, kernel)
    return entropy(k * other, alpha)


def renyi_conditional_entropy(views: Views, alpha: float = 2, kernel: str = "gaussian") -> float:
    k, other = kernels_of(views, kernel)
    return entropy(k * other, alpha) - entropy(other, alpha)


def conditional_renyi_mi(views: Views, alpha: float = 2, kernel: str = "gaussian") -> float:
    k, other = kernels_of(views, kernel)
    assert views.labels is not None
    z = np.array([[float(a == b) for a in views.labels] for b in views.labels])
    parts = [entropy(matrix, alpha) for matrix in (k * z, other * z, k * other * z, z)]
    return parts[0] + parts[1] - parts[2] - parts[3]


def matrix_mi(views: Views, space: str = "sample", alpha: float = 1) -> float:
    if space == "sample":
        return renyi_mi(views, alpha, "cosine")
    k, other = (np.corrcoef(rows.T) for rows in (views.x, views.y))
    return entropy(k, alpha) + entropy(other, alpha) - entropy(k * other, alpha)


def diffusion_entropy(kernel: Matrix, t: float, anisotropic: bool) -> float:
    """From the random walk of the kernel, which is not symmetric and has the same eigenvalues."""
    if anisotropic:
        density = np.sqrt(kernel.sum(1))
        kernel = kernel / np.outer(density, density)
    values = np.abs(np.linalg.eigvals(kernel / kernel.sum(1, keepdims=True))) ** t
    shares = values[values > 1e-13] / values.sum()
    return float(-(shares * np.log(shares)).sum())


def diffusion_mi(views: Views, preset: str = "median", t: float = 1, anisotropic: bool = False) -> float:
    widths = (10.0, 10.0) if preset == "published" else views.widths
    k, other = (gaussian(rows, width) for rows, width in zip((views.x, views.y), widths, strict=True))
    parts = [diffusion_entropy(matrix, t, anisotropic) for matrix in (k, other, k * other)]
    return parts[0] + parts[1] - parts[2]


def cs_qmi(views: Views) -> float:
    k, other = kernels_of(views, "gaussian")
    n = len(k)
    joint = sum(k[i, j] * other[i, j] for i in range(n) for j in range(n)) / n**2
    apart = k.sum() * other.sum() / n**4
    between = sum(k[i].sum() * other[i].sum() for i in range(n)) / n**3
    return float(np.log(joint * apart / between**2))


def ksg_mi(
    views: Views, k: int = 3, norm: str = "max", standardize: bool = True, components: int = 0
) -> float:
    order = np.inf if norm == "max" else 2
    spaces = [leading(rows, components) if components else rows for rows in (views.x, views.y)]
    spaces = [rows / rows.std(0) if standardize else rows for rows in spaces]
    n = len(views.x)
    total = 0.0
    for i in range(n):
        others = np.arange(n) != i
        near = [np.linalg.norm(rows - rows[i], ord=order, axis=1)[others] for rows in spaces]
        radius = np.sort(np.maximum(*near))[k - 1]
        total += sum(psi((distances < radius).sum() + 1) for distances in near)
    return float(psi(k) + psi(n) - total / n)


def leading(rows: Matrix, components: int) -> Matrix:
    centred = rows - rows.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    found: Matrix = u[:, :components] * s[:components]
    return found


def conditional_ksg_mi(views: Views, k: int = 3, norm: str = "max", standardize: bool = True) -> float:
    """Given z by Frenzel & Pompe; given labels the mean over rows of the figure within their class."""
    if views.z is None:
        assert views.labels is not None
        return within_classes(views, k, norm, standardize)
    order = np.inf if norm == "max" else 2
    spaces = [rows / rows.std(0) if standardize else rows for rows in (views.x, views.y, views.z)]
    total = 0.0
    for i in range(len(views.x)):
        x, y, z = (np.delete(np.linalg.norm(rows - rows[i], ord=order, axis=1), i) for rows in spaces)
        radius = np.sort(np.max([x, y, z], axis=0))[k - 1]
        total += psi((z < radius).sum() + 1)
        total -= sum(psi((np.maximum(each, z) < radius).sum() + 1) for each in (x, y))
    return float(psi(k) + total / len(views.x))


def within_classes(views: Views, k: int, norm: str, standardize: bool) -> float:
    """Standardised over all rows, classes of at most k rows left out."""
    assert views.labels is not None
    x, y = (rows / rows.std(0) if standardize else rows for rows in (views.x, views.y))
    found, counts = [], []
    for label in np.unique(views.labels):
        own = views.labels == label
        if own.sum() > k:
            found.append(ksg_mi(Views(x[own], y[own], views.widths), k, norm, standardize=False))
            counts.append(own.sum())
    return float(np.average(found, weights=counts))


TWINS: dict[str, Callable[..., float]] = {
    each.__name__: each
    for each in (
        logdet_mi,
        gaussian_mi,
        joint_total_correlation,
        total_coding_rate,
        cka,
        alignment,
        mmcr,
        renyi_mi,
        renyi_joint_entropy,
        renyi_conditional_entropy,
        conditional_renyi_mi,
        matrix_mi,
        diffusion_mi,
        cs_qmi,
        ksg_mi,
        conditional_ksg_mi,
    )
}


def twin(name: str, views: Views, **options: Any) -> float:
    return TWINS[name](views, **options)
