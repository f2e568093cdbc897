"""Distributions whose eigenspectrum is known: for tests, examples and the self-test.

Every function takes n samples, d features and a seed, and returns a `Cloud`. Except for `rogue`, the
principal directions are spread over all features by a random orthogonal map, so that no feature is
special.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.errors import UsageError


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Samples and what is known of the population that they come from.

    samples (n, d) float64; eigenvalues (d,) of the population covariance, descending; mean (d,) of the
    population; labels (n,) int64 class codes where the population has classes.
    """

    samples: Tensor
    eigenvalues: Tensor
    mean: Tensor
    labels: Tensor | None = None

    @property
    def n(self) -> int:
        return self.samples.shape[0]

    @property
    def d(self) -> int:
        return self.samples.shape[1]

    @property
    def effective_rank(self) -> float:
        """Exponential of the entropy of the population spectrum, in dimensions, 1 to d."""
        shares = self.eigenvalues / self.eigenvalues.sum()
        return float(torch.special.entr(shares).sum().exp())

    @property
    def participation_ratio(self) -> float:
        """(sum l)^2 / sum l^2 of the population spectrum, in dimensions, 1 to d."""
        return float(self.eigenvalues.sum() ** 2 / self.eigenvalues.square().sum())

    @property
    def trace(self) -> float:
        """Total population variance, in squared units."""
        return float(self.eigenvalues.sum())

    @property
    def mean_share(self) -> float:
        """|mean|^2 over the mean squared length in the population, 0 to 1."""
        square = float(self.mean.square().sum())
        return square / (square + self.trace)


def power_law(n: int, d: int, *, exponent: float = 1.0, seed: int) -> Cloud:
    """Gaussian rows with l_i = i^-exponent."""
    ranks = torch.arange(1, d + 1, dtype=linalg.DTYPE)
    return _gaussian(n, ranks**-exponent, seed)


def isotropic(n: int, d: int, *, seed: int) -> Cloud:
    """Standard Gaussian rows: every eigenvalue is one."""
    return _gaussian(n, torch.ones(d, dtype=linalg.DTYPE), seed)


def exponential(n: int, d: int, *, decay: float, seed: int) -> Cloud:
    """Gaussian rows with l_i = exp(-i / decay), i from 0: no power law fits this."""
    ranks = torch.arange(d, dtype=linalg.DTYPE)
    return _gaussian(n, (-ranks / decay).exp(), seed)


def low_rank(n: int, d: int, *, rank: int, noise: float = 0.0, seed: int) -> Cloud:
    """Gaussian rows on `rank` equal directions, plus isotropic noise.

    `noise` is the standard deviation of the noise in units of the signal's, per feature.

    Raises:
        UsageError: rank is not in 1..d.
    """
    if not 1 <= rank <= d:
        raise UsageError(f"rank = {rank} is not in 1..{d}; take a rank that the features can hold")
    eigenvalues = torch.full((d,), noise**2, dtype=linalg.DTYPE)
    eigenvalues[:rank] += d / rank
    return _gaussian(n, eigenvalues, seed)


def heavy_tail(n: int, d: int, *, exponent: float = 1.0, degrees: float = 5.0, seed: int) -> Cloud:
    """Rows of a multivariate t distribution with covariance eigenvalues i^-exponent.

    One factor per row stretches all its features, as the lengths of real embeddings do; `degrees`
    must be over 2, and the fourth moment needs over 4.

    Raises:
        UsageError: degrees is not over 2, where there is no covariance.
    """
    if degrees <= 2:
        raise UsageError(f"degrees = {degrees:g} has no covariance; take more than 2")
    cloud = power_law(n, d, exponent=exponent, seed=seed)
    # A second stream, so that the Gaussian part is that of `power_law` with the same seed.
    factors = _gamma(n, degrees / 2, seed + 1) / (degrees / 2 - 1)
    return Cloud(cloud.samples / factors.sqrt()[:, None], cloud.eigenvalues, cloud.mean)


def clusters(n: int, d: int, *, classes: int, separation: float, seed: int) -> Cloud:
    """Equally likely classes, Gaussian within with unit variance per feature, centres orthogonal.

    Centres lie at `separation` from the origin; labels go round in the order of rows. Eigenvalues are
    1 + separation^2 / classes (classes - 1 of them) and 1.

    Raises:
        UsageError: classes is not in 1..d.
    """
    if not 1 <= classes <= d:
        raise UsageError(f"classes = {classes} is not in 1..{d}; orthogonal centres need as many features")
    labels = torch.arange(n) % classes
    eigenvalues = torch.ones(d, dtype=linalg.DTYPE)
    eigenvalues[: classes - 1] += separation**2 / classes
    centres = separation * _rotated(torch.eye(classes, d, dtype=linalg.DTYPE), seed)
    samples = _normal(n, d, seed) + centres[labels]
    return Cloud(samples, eigenvalues, centres.mean(0), labels)


def cone(n: int, d: int, *, offset: float, seed: int) -> Cloud:
    """Isotropic rows about a mean of length `offset` * sqrt(d): mean_share is offset^2/(1 + offset^2)."""
    first = torch.zeros(1, d, dtype=linalg.DTYPE)
    first[0, 0] = offset * d**0.5
    mean = _rotated(first, seed)[0]
    return Cloud(_normal(n, d, seed) + mean, torch.ones(d, dtype=linalg.DTYPE), mean)


def rogue(n: int, d: int, *, feature: int, factor: float, seed: int) -> Cloud:
    """Isotropic rows with one feature `factor` times the others; nothing is rotated."""
    samples = _normal(n, d, seed)
    samples[:, feature] *= factor
    eigenvalues = torch.ones(d, dtype=linalg.DTYPE)
    eigenvalues[0] = factor**2
    return Cloud(samples, eigenvalues.sort(descending=True).values, torch.zeros(d, dtype=linalg.DTYPE))


def _gaussian(n: int, eigenvalues: Tensor, seed: int) -> Cloud:
    rows = _normal(n, len(eigenvalues), seed) * eigenvalues.sqrt()
    return Cloud(_rotated(rows, seed), eigenvalues, torch.zeros_like(eigenvalues))


def _normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, dtype=linalg.DTYPE, generator=torch.Generator().manual_seed(seed))


def _rotated(rows: Tensor, seed: int) -> Tensor:
    """rows (m, d) under an orthogonal map that depends on d and the seed only.

    A cosine transform between two random sign flips mixes all features in O(m d log d); a QR
    decomposition of a random d x d matrix takes seconds at d = 4,096.
    """
    from scipy.fft import dct

    generator = torch.Generator().manual_seed(seed)
    d = rows.shape[1]
    signs = torch.randint(0, 2, (2, d), generator=generator).to(rows.dtype) * 2 - 1
    mixed = dct((rows * signs[0]).numpy(), axis=1, norm="ortho")
    return torch.from_numpy(mixed) * signs[1]


def _gamma(n: int, shape: float, seed: int) -> Tensor:
    """n draws of a gamma distribution with this shape and rate one; torch's takes no generator."""
    import numpy as np

    return torch.from_numpy(np.random.default_rng(seed).gamma(shape, size=n))
