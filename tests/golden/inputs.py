"""The arrays behind the golden values: float64, rebuilt from fixed seeds, nothing stored.

What a number was computed on is part of it, so the order of the draws must not change.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def gaussian() -> Matrix:
    """Isotropic, 512 x 64."""
    drawn: Matrix = np.random.default_rng(0).standard_normal((512, 64))
    return drawn


def nearly_low_rank() -> Matrix:
    """Rank 8 of 64 with noise of 1e-3."""
    r = np.random.default_rng(1)
    left, right = r.standard_normal((512, 8)), r.standard_normal((8, 64))
    signal: Matrix = left @ right
    return signal + 1e-3 * r.standard_normal((512, 64))


def correlated_views() -> tuple[Matrix, Matrix]:
    """Two Gaussian views, 512 x 32 each, with canonical correlations from 0.9 down to 0, both mixed."""
    r = np.random.default_rng(2)
    shared, own = (r.standard_normal((512, 32)) for _ in range(2))
    correlation = np.linspace(0.9, 0.0, 32)
    other = correlation * shared + np.sqrt(1.0 - correlation**2) * own
    mixing = [np.eye(32) + 0.3 * r.standard_normal((32, 32)) / np.sqrt(32) for _ in range(2)]
    return shared @ mixing[0], other @ mixing[1]


def power_law() -> Matrix:
    """Eigenvalues 1/i for i = 1..128, 2048 rows, reflected about a random plane."""
    r = np.random.default_rng(3)
    rows = r.standard_normal((2048, 128)) * np.arange(1, 129) ** -0.5
    normal = r.standard_normal(128)
    reflected: Matrix = rows - 2.0 * np.outer(rows @ normal, normal) / (normal @ normal)
    return reflected


def constant() -> Matrix:
    return np.full((256, 32), 0.5)


def nearly_constant() -> Matrix:
    """The constant with jitter of 1e-6."""
    jitter: Matrix = np.random.default_rng(4).standard_normal((256, 32))
    return constant() + 1e-6 * jitter


def digits() -> tuple[Matrix, NDArray[np.int64]]:
    """Raw pixels 0 to 16 of the 1797 digits of scikit-learn, and which digit each is."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    return loaded.data.astype(np.float64), loaded.target.astype(np.int64)


def left_half_of_digits() -> Matrix:
    pixels, _ = digits()
    half: Matrix = pixels.reshape(-1, 8, 8)[:, :, :4].reshape(-1, 32).copy()
    return half


def augmented_objects() -> Matrix:
    """64 objects in 16 dimensions, 8 noisy views of each: (objects, views, dimensions)."""
    r = np.random.default_rng(7)
    objects = r.standard_normal((64, 1, 16)) * np.arange(1, 17) ** -0.5
    noise: Matrix = 0.2 * r.standard_normal((64, 8, 16))
    return objects + noise


def logits_of_digits() -> tuple[Matrix, NDArray[np.int64]]:
    """Ten logits of every digit, linear in its pixels as nearest class means would have it; its class."""
    pixels, labels = digits()
    scaled = pixels / 16.0
    means = np.stack([scaled[labels == label].mean(axis=0) for label in range(10)])
    logits: Matrix = 4.0 * (scaled @ means.T - 0.5 * (means**2).sum(axis=1))
    return logits, labels


INPUTS: dict[str, Callable[[], Matrix]] = {
    "A_gauss": gaussian,
    "B_lowrank": nearly_low_rank,
    "C_views[0]": lambda: correlated_views()[0],
    "C_views[1]": lambda: correlated_views()[1],
    "D_powerlaw": power_law,
    "E_const": constant,
    "E_near_const": nearly_constant,
    "F_digits": lambda: digits()[0],
    "F_views[0]": left_half_of_digits,
    "H_augs": augmented_objects,
}
