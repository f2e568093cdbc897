"""Rows (n, d), float32: spectra, clusters, rogue coordinates, attention sinks, dead units, collapses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from repdiag import synthetic

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]
SINK_LENGTH = 30.0
"""Length of an attention sink in units of the length of a usual row."""


def spectrum(n: int, d: int, seed: int, exponent: float = 1.0, degrees: float | None = None) -> Rows:
    """Rows with eigenvalues i^-exponent, Gaussian or multivariate t."""
    if degrees is None:
        return _single(synthetic.power_law(n, d, exponent=exponent, seed=seed))
    return _single(synthetic.heavy_tail(n, d, exponent=exponent, degrees=degrees, seed=seed))


def exponential(n: int, d: int, seed: int, decay: float) -> Rows:
    """Rows with eigenvalues exp(-i / decay)."""
    return _single(synthetic.exponential(n, d, decay=decay, seed=seed))


def clustered(
    n: int, d: int, seed: int, classes: int, ratio: float, exponent: float = 1.0
) -> tuple[Rows, Labels]:
    """Classes whose centres carry `ratio` times the variance within, falling as i^-exponent; and labels."""
    generator = np.random.default_rng(seed)
    within = spectrum(n, d, seed, exponent)
    centres = generator.standard_normal((classes, d))
    centres -= centres.mean(0)
    trace = (np.arange(1, d + 1) ** -exponent).sum()
    centres *= np.sqrt(ratio * trace / np.square(centres).sum(1).mean())
    labels = generator.permutation(np.arange(n) % classes)
    return np.asarray(within + centres[labels], np.float32), labels


def rogue(n: int, d: int, seed: int, coordinates: int, factor: float) -> Rows:
    """A spectrum i^-1 with some coordinates `factor` times as wide as they were."""
    rows = spectrum(n, d, seed)
    rows[:, np.random.default_rng(seed).choice(d, coordinates, replace=False)] *= factor
    return rows


def sinks(n: int, d: int, seed: int, every: int) -> tuple[Rows, Labels]:
    """Texts of `every` tokens, the first of each a huge row along one direction; and the text of each row."""
    rows, generator = spectrum(n, d, seed), np.random.default_rng(seed)
    direction = generator.standard_normal(d)
    length = SINK_LENGTH * np.sqrt(np.square(rows).sum(1).mean())
    at = np.arange(0, n, every)
    strength = length * (1 + 0.05 * generator.standard_normal((len(at), 1)))
    rows[at] += (strength * direction / np.linalg.norm(direction)).astype(np.float32)
    return rows, np.arange(n) // every


def offset(n: int, d: int, seed: int, share: float, coordinates: int | None = None) -> Rows:
    """A spectrum i^-1 about a mean that holds `share` of the squared length.

    The mean is spread over all features, or sits in a few coordinates.
    """
    rows, generator = spectrum(n, d, seed), np.random.default_rng(seed)
    mean = np.zeros(d)
    chosen = generator.choice(d, coordinates or d, replace=False)
    mean[chosen] = generator.choice([-1.0, 1.0], len(chosen)) * generator.uniform(0.8, 1.2, len(chosen))
    trace = (1 / np.arange(1, d + 1)).sum()
    mean *= np.sqrt(share / (1 - share) * trace / np.square(mean).sum())
    return np.asarray(rows + mean, np.float32)


def relu(n: int, d: int, seed: int, dead: float) -> Rows:
    """Non-negative features of a two-layer ReLU network; a share `dead` of them hardly ever fire."""
    made, generator = _activations(n, d, seed)
    made[:, generator.permutation(d) < round(dead * d)] -= 20
    found: Rows = np.maximum(made, 0).astype(np.float32)
    return found


def rarely(n: int, d: int, seed: int) -> Rows:
    """The same, with one half of the units firing at rates log-uniform from 1e-4 to 0.5."""
    made, generator = _activations(n, d, seed)
    rates = 10 ** generator.uniform(-4, np.log10(0.5), d)
    thresholds = np.array([np.quantile(unit, 1 - rate) for unit, rate in zip(made.T, rates, strict=True)])
    made -= np.where(generator.permutation(d) < d // 2, thresholds, 0)
    found: Rows = np.maximum(made, 0).astype(np.float32)
    return found


def bottleneck(n: int, d: int, seed: int, rank: int, noise: float) -> Rows:
    """Rank-limited rows with a little noise in the other directions."""
    return _single(synthetic.low_rank(n, d, rank=rank, noise=noise, seed=seed))


def one_direction(n: int, d: int, seed: int, share: float) -> Rows:
    """A spectrum i^-1 with one more direction that holds `share` of all variance."""
    rows, generator = spectrum(n, d, seed), np.random.default_rng(seed)
    direction = generator.standard_normal(d)
    trace = (1 / np.arange(1, d + 1)).sum()
    strength = np.sqrt(share / (1 - share) * trace) * generator.standard_normal((n, 1))
    return np.asarray(rows + strength * direction / np.linalg.norm(direction), np.float32)


def constant(n: int, d: int, seed: int, deviation: float) -> Rows:
    """One vector for every row, but for noise of `deviation` times its length."""
    generator = np.random.default_rng(seed)
    vector = generator.standard_normal(d)
    noise = deviation * np.linalg.norm(vector) / np.sqrt(d) * generator.standard_normal((n, d))
    return np.asarray(vector + noise, np.float32)


def _activations(n: int, d: int, seed: int) -> tuple[NDArray[np.float64], np.random.Generator]:
    """Inputs (n, d) of the last ReLU, each of unit variance about a small offset; and the generator."""
    generator = np.random.default_rng(seed)
    inputs = spectrum(n, 128, seed, exponent=0.7)
    hidden = np.maximum(inputs @ generator.standard_normal((128, 512)), 0)
    made = hidden @ generator.standard_normal((512, d)) / np.sqrt(512)
    return made / made.std(0) + generator.normal(0, 0.3, d), generator


def _single(cloud: synthetic.Cloud) -> Rows:
    return np.asarray(cloud.samples.float().numpy())
