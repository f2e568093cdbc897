"""The pairs of arrays behind the golden values of two views; see `inputs.py`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.golden.inputs import (
    Matrix,
    correlated_views,
    digits,
    gaussian,
    left_half_of_digits,
    nearly_low_rank,
)

Pair = tuple[Matrix, Matrix]

CORRELATIONS: Matrix = np.linspace(0.9, 0.0, 32)
"""Canonical correlations of the population behind `correlated_views`."""


def many_correlated_views(n: int = 20_000) -> Pair:
    """The views of `correlated_views` with more rows; the mixing is drawn after them and differs."""
    r = np.random.default_rng(2)
    shared, own = (r.standard_normal((n, 32)) for _ in range(2))
    other = CORRELATIONS * shared + np.sqrt(1.0 - CORRELATIONS**2) * own
    mixing = [np.eye(32) + 0.3 * r.standard_normal((32, 32)) / np.sqrt(32) for _ in range(2)]
    return shared @ mixing[0], other @ mixing[1]


def population_covariance() -> Matrix:
    """Exact joint covariance (64, 64) behind `correlated_views`."""
    r = np.random.default_rng(2)
    for _ in range(2):
        r.standard_normal((512, 32))
    mixing = [np.eye(32) + 0.3 * r.standard_normal((32, 32)) / np.sqrt(32) for _ in range(2)]
    cross = mixing[0].T @ np.diag(CORRELATIONS) @ mixing[1]
    found: Matrix = np.block([[mixing[0].T @ mixing[0], cross], [cross.T, mixing[1].T @ mixing[1]]])
    return found


def halves_of_digits() -> Pair:
    """The left and the right half of every digit."""
    pixels, _ = digits()
    right: Matrix = pixels.reshape(-1, 8, 8)[:, :, 4:].reshape(-1, 32).copy()
    return left_half_of_digits(), right


def bivariate(n: int = 2000, correlation: float = 0.75) -> Pair:
    """A Gaussian pair of one feature each."""
    r = np.random.default_rng(5)
    x = r.standard_normal((n, 1))
    return x, correlation * x + np.sqrt(1 - correlation**2) * r.standard_normal((n, 1))


def _part(pair: Pair, rows: int) -> Pair:
    return pair[0][:rows], pair[1][:rows]


def _brighter(pair: Pair) -> Pair:
    return pair[0] / 16, pair[1] / 16


PAIRS: dict[str, Callable[[], Pair]] = {
    "A/B": lambda: (gaussian(), nearly_low_rank()),
    "C_views": correlated_views,
    "C_views(20000)": many_correlated_views,
    "F_views": halves_of_digits,
    "F_views[:512]": lambda: _part(halves_of_digits(), 512),
    "F_views/16": lambda: _brighter(halves_of_digits()),
    "G_bivariate": bivariate,
}
