"""Gaussian mutual information of two views, its log determinants corrected for the number of rows.

The log determinant of a sample covariance is biased by an amount that depends on n and d alone where the
rows are Gaussian, and on the spread of their lengths too where the law is elliptical; never on the
covariance. So it can be taken off, as long as the covariance of both views together is not singular.

Letters: n samples, d1 and d2 features of the views, p features of a covariance, N its degrees of freedom
(n - 1 where the mean is estimated). Numpy arrays on the host, float64; information in nats.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from repdiag.measures.corrections import unbiased_participation_ratio
from repdiag.measures.inputs import Spectrum
from repdiag.types import Status

Real = NDArray[np.float64]

LEAST_WEIGHT = 1e-3
"""Floor of a radial weight: the estimate tau = 1 + s (t - 1) can fall to zero, a squared length cannot."""

RESOLVED = 1e-12
"""Share of a column's variance that the columns before it must leave unexplained; less is rounding."""


@dataclass(frozen=True, slots=True)
class GaussianInformation:
    """Mutual information of two views, in nats; None where it does not exist.

    `value` is the plug-in less `bias`; it is not clipped, so independent views can give a little under zero.
    `plugin` is never negative and, on average, too large.
    `needed` is the least number of rows at which views of these sizes have a value.
    """

    value: float | None
    plugin: float | None
    bias: float | None
    status: Status
    needed: int


def wishart_bias(p: int, degrees: int) -> float:
    """Mean of log det S - log det Sigma for the sample covariance S of Gaussian rows; exact.

    b(p) = sum_{i<p} psi((N - i) / 2) + p log(2 / N), in nats; negative for p >= 1, about -p^2 / (2N) for
    small p / N. From the Bartlett decomposition of a Wishart matrix (Muirhead 1982, Theorem 3.2.15).

    Args:
        p: features, at least 0.
        degrees: N, n - 1 where the mean is estimated.

    Raises:
        ValueError: p is negative, or N is under p or 1: the determinant is zero.
    """
    from scipy.special import psi

    if p < 0 or degrees < max(p, 1):
        raise ValueError(f"log det of {p} features needs {max(p, 1)} degrees of freedom, not {degrees}")
    return float(psi((degrees - np.arange(p)) / 2).sum() + p * np.log(2 / degrees))


def elliptical_bias(p: int, weights: ArrayLike) -> float:
    """The same mean, for large n and p, when row i is Gaussian times sqrt(tau_i), N = n - 1.

    e(p, tau) = N mean[log(1 + tau x)] - p log x - p + p log(p / N), x the root of
    mean[tau x / (1 + tau x)] = p / N; in nats, at most 0. With equal weights it is the limit of
    `wishart_bias`, -(N - p) log(1 - p / N) - p; the difference of the two is what unequal lengths add.
    From the deterministic equivalent of a log determinant with a variance profile over the rows (Couillet,
    Debbah & Silverstein 2011), its regulariser taken to 0.

    Args:
        p: features, at least 0.
        weights: tau (n,), squared lengths, not all zero; rescaled to mean 1, and not under 1e-3.

    Raises:
        ValueError: p is negative or not under N, or the weights are not finite, negative or all zero.
    """
    tau = _normalised(np.asarray(weights, dtype=np.float64))
    degrees = len(tau) - 1
    if not 0 <= p < degrees:
        raise ValueError(f"{p} features need over {p} degrees of freedom, not {degrees}")
    if p == 0:
        return 0.0
    x = _root(p / degrees, tau)
    spread = degrees * np.log1p(tau * x).mean()
    return float(spread - p * np.log(x) - p + p * np.log(p / degrees))


def radial_weights(rows: ArrayLike) -> Real:
    """Squared length of each row over the mean one, less what chance alone spreads.

    t is the energy of a row of standardised columns over its mean, v its variance. Gaussian rows have
    v = 2 / PR, PR the participation ratio of their correlation matrix (unbiased where it exists); a common
    factor of variance u gives v = u + 2 / PR (1 + u). So tau = 1 + s (t - 1) with s^2 = u / v.

    Args:
        rows: (n, p), any units and means. Columns that do not vary count for nothing.

    Returns:
        tau (n,), mean 1, over 0; all ones where nothing is spread wider than Gaussian rows are.

    Raises:
        ValueError: not two-dimensional, under two rows, or not finite.
    """
    z = _standardised(_matrix(rows))
    energies = np.square(z).sum(1)
    if energies.sum() == 0:
        return np.ones(len(z))
    t = energies / energies.mean()
    seen, chance = float(t.var()), 2 / _participation_ratio(z, energies)
    common = max(0.0, (seen - chance) / (1 + chance))
    return _normalised(np.maximum(1 + np.sqrt(common / seen) * (t - 1), 0)) if common else np.ones(len(z))


def gaussian_information(x: ArrayLike, y: ArrayLike) -> GaussianInformation:
    """Mutual information of two views under a Gaussian law, corrected for the number of rows.

    The plug-in is 1/2 (log det Sx + log det Sy - log det Sxy). Off it comes the same combination of
    `wishart_bias`, exact for Gaussian rows, and of e(., tau) - e(., 1) of `elliptical_bias` with the
    `radial_weights` of both views together. For an elliptical law the figure is the information of
    Gaussian rows of the same covariance: what a common length alone tells is not in it.

    An invertible linear map of a view changes neither the plug-in nor the Gaussian part of the bias; the
    elliptical part a little, as the weights are estimated from standardised columns.

    Args:
        x: (n, d1), any units. y: (n, d2), the same samples in the same order.

    Returns:
        In nats. Status insufficient where n - 1 <= d1 + d2 (the plug-in is infinite or has no
        correction); nonfinite where a value is not finite or one view settles a direction of the other
        (the information is infinite); constant where a column, or a combination of those of one view,
        does not vary.

    Raises:
        ValueError: not two-dimensional, no columns, or unequal numbers of rows.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    needed = _needed(x, y)
    if (missing := _refusal(x, y, needed)) is not None:
        return GaussianInformation(None, None, None, missing, needed)
    views = _standardised(x), _standardised(y)
    both = np.hstack(views)
    first, second, joint = (_log_determinant(z) for z in (*views, both))
    if first is None or second is None or joint is None:
        status = Status.CONSTANT if first is None or second is None else Status.NONFINITE
        return GaussianInformation(None, None, None, status, needed)
    plugin = max(0.0, (first + second - joint) / 2)
    bias = _information_bias(x.shape[1], y.shape[1], radial_weights(both))
    return GaussianInformation(plugin - bias, plugin, bias, Status.OK, needed)


def _information_bias(first: int, second: int, weights: Real) -> float:
    """Bias of the plug-in information of views of so many features, in nats."""
    even = np.ones_like(weights)

    def log_determinant(p: int) -> float:
        uneven = elliptical_bias(p, weights) - elliptical_bias(p, even)
        return wishart_bias(p, len(weights) - 1) + uneven

    return (log_determinant(first) + log_determinant(second) - log_determinant(first + second)) / 2


def _needed(x: Real, y: Real) -> int:
    """Least number of rows: one more than degrees of freedom that exceed the features of both views."""
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or not x.shape[1] or not y.shape[1]:
        raise ValueError(f"two views of the same samples, (n, d1) and (n, d2), not {x.shape} and {y.shape}")
    return int(x.shape[1] + y.shape[1] + 2)


def _refusal(x: Real, y: Real, needed: int) -> Status | None:
    """Why there is no figure, before anything is computed."""
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return Status.NONFINITE
    if len(x) < needed:
        return Status.INSUFFICIENT
    still = any((view == view[0]).all(0).any() for view in (x, y))
    return Status.CONSTANT if still else None


def _matrix(rows: ArrayLike) -> Real:
    """Rows as float64, checked."""
    matrix = np.asarray(rows, dtype=np.float64)
    if matrix.ndim != 2 or len(matrix) < 2 or not np.isfinite(matrix).all():
        raise ValueError(f"needs at least two rows of finite numbers, (n, p), not {matrix.shape}")
    return matrix


def _standardised(rows: Real) -> Real:
    """Columns of mean 0 and variance 1 (ddof=1); zeros where a column does not vary."""
    # Scaled first, so that no sum and no square leaves the range of float64.
    largest = np.abs(rows).max(0)
    found: Real = rows / np.where(largest > 0, largest, 1)
    found -= found.mean(0)
    found[:, (rows == rows[0]).all(0)] = 0
    deviation = found.std(0, ddof=1)
    found /= np.where(deviation > 0, deviation, 1)
    return found


def _log_determinant(z: Real) -> float | None:
    """Log determinant of the correlation matrix of standardised rows; None where it is singular."""
    try:
        factor = np.linalg.cholesky(z.T @ z / (len(z) - 1))
    except np.linalg.LinAlgError:
        return None
    unexplained = np.square(np.diag(factor))
    return float(np.log(unexplained).sum()) if unexplained.min() > RESOLVED else None


def _participation_ratio(z: Real, energies: Real) -> float:
    """(tr R)^2 / tr R^2 of the population's correlation matrix; of the sample's where no other exists."""
    n, p = z.shape
    gram = z.T @ z if p <= n else z @ z.T
    eigenvalues = np.maximum(np.linalg.eigvalsh(gram / (n - 1))[::-1], 0)
    fourth = torch.tensor(float(np.square(energies).sum()), dtype=torch.float64)
    spectrum = Spectrum(torch.from_numpy(eigenvalues.copy()), n, p, n - 1, fourth=fourth)
    unbiased = float(unbiased_participation_ratio(spectrum))
    if np.isfinite(unbiased) and unbiased > 0:
        return unbiased
    return float(eigenvalues.sum() ** 2 / np.square(eigenvalues).sum())


def _normalised(weights: Real) -> Real:
    """Weights of mean 1, none under the floor before a last rescaling."""
    if weights.ndim != 1 or not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ValueError("weights are finite, not negative and not all zero, (n,)")
    floored = np.maximum(weights / weights.mean(), LEAST_WEIGHT)
    found: Real = floored / floored.mean()
    return found


def _root(share: float, tau: Real) -> float:
    """x with mean[tau x / (1 + tau x)] = share, 0 < share < 1."""
    from scipy.optimize import brentq

    def excess(log_x: float) -> float:
        tx = tau * np.exp(log_x)
        return float((tx / (1 + tx)).mean()) - share

    # Jensen: equal weights need the least x; were all as light as the lightest, it would be the most.
    low = np.log(share / (1 - share))
    # A little room on both sides, since with equal weights the two bounds meet.
    return float(np.exp(brentq(excess, low - 0.1, low - np.log(tau.min()) + 0.1, xtol=1e-12)))
