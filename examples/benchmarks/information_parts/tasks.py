"""Two views whose Shannon information is known in closed form.

A map of one view that can be undone leaves the information as it is, so that rolls, spirals and curved
coordinates have the truth of the Gaussian views they are made of (Czyz et al. 2023, Beyond normal).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln, ndtr

Rows = NDArray[np.float64]
Views = tuple[Rows, Rows]
Draw = Callable[[int, np.random.Generator], Views]
RHO = 0.75
PAIRS, STRONG = 2, 0.8
"""Correlated pairs of features of a sparse task, and their correlation."""


@dataclass(frozen=True)
class Task:
    """Views (n, d1) and (n, d2) of a law whose information is `truth` nats."""

    name: str
    truth: float
    draw: Draw


def gaussian_pair(d: int, rho: float) -> Task:
    """d features a side, each correlated with its own partner."""

    def draw(n: int, generator: np.random.Generator) -> Views:
        x, noise = generator.standard_normal((2, n, d))
        return x, rho * x + math.sqrt(1 - rho**2) * noise

    return Task(f"{d}+{d}, rho = {rho:g}", -d / 2 * math.log(1 - rho**2), draw)


def closed_forms() -> list[Task]:
    """The bivariate, the multivariate and the mapped tasks."""
    return [*_bivariate(), *_normal(), *_heavy(), *_mapped()]


def _bivariate() -> list[Task]:
    base = gaussian_pair(1, RHO)
    return [
        Task("bivariate normal 0.75", base.truth, base.draw),
        Task("additive noise 0.1", 0.1 + math.log(5), _additive(0.1)),
        Task("additive noise 0.75", 1 / 3, _additive(0.75)),
        _through("half-cube", base, _half_cube),
        _through("normal CDF", base, ndtr),
        _through("bimodal", base, _bimodal),
        _through("wiggly", base, lambda z: z + 0.4 * np.sin(2 * z)),
    ]


def _normal() -> list[Task]:
    dense = [multinormal(f"dense {d}+{d}", _dense(d), d) for d in (2, 5, 25, 50)]
    return [*dense, *(multinormal(f"sparse {d}+{d}", _sparse(d), d) for d in (2, 5, 25))]


def _heavy() -> list[Task]:
    dense = [student(f"Student t{k} dense 2+2", _dense(2), 2, k) for k in (1, 2, 3, 5)]
    return [*dense, *(student(f"Student t2 sparse {d}+{d}", _sparse(d), d, 2) for d in (3, 5))]


def _mapped() -> list[Task]:
    three, wide = (multinormal(f"sparse {d}+{d}", _sparse(d), d) for d in (3, 25))
    return [
        _through("normal CDF, sparse 3+3", three, ndtr),
        _through("half-cube, sparse 25+25", wide, _half_cube),
        _through("spiral, sparse 3+3", three, lambda z: _spiral(z, 0), lambda z: _spiral(z, 1)),
        _through("Swiss roll, 2+1", gaussian_pair(1, RHO), lambda z: _roll(ndtr(z)), ndtr),
    ]


def multinormal(name: str, covariance: Rows, d: int) -> Task:
    """Gaussian views of d features a side."""
    root = np.linalg.cholesky(covariance)

    def draw(n: int, generator: np.random.Generator) -> Views:
        both = generator.standard_normal((n, 2 * d)) @ root.T
        return both[:, :d], both[:, d:]

    logs = [np.linalg.slogdet(part)[1] for part in (covariance[:d, :d], covariance[d:, d:], covariance)]
    return Task(f"normal {name}", float(logs[0] + logs[1] - logs[2]) / 2, draw)


def student(name: str, dispersion: Rows, d: int, degrees: int) -> Task:
    """Student views: one length for both, so that they depend on each other without correlation too."""
    base = multinormal("", dispersion, d)

    def draw(n: int, generator: np.random.Generator) -> Views:
        lengths = np.sqrt(degrees / generator.chisquare(degrees, (n, 1)))
        x, y = base.draw(n, generator)
        return x * lengths, y * lengths

    return Task(name, base.truth + 2 * _radial(d, degrees) - _radial(2 * d, degrees), draw)


def _radial(p: int, degrees: int) -> float:
    """Entropy of a p-variate Student law of unit dispersion."""
    half, whole = degrees / 2, (degrees + p) / 2
    volume = p / 2 * math.log(degrees * math.pi) + gammaln(half) - gammaln(whole)
    return float(volume + whole * (digamma(whole) - digamma(half)))


def _additive(reach: float) -> Draw:
    def draw(n: int, generator: np.random.Generator) -> Views:
        x = generator.uniform(size=(n, 1))
        return x, x + generator.uniform(-reach, reach, (n, 1))

    return draw


def _through(
    name: str, base: Task, left: Callable[[Rows], Rows], right: Callable[[Rows], Rows] | None = None
) -> Task:
    """The same law seen through a map of each view that can be undone."""

    def draw(n: int, generator: np.random.Generator) -> Views:
        x, y = base.draw(n, generator)
        return left(x), (right or left)(y)

    return Task(name, base.truth, draw)


def _dense(d: int) -> Rows:
    return np.full((2 * d, 2 * d), 0.5) + 0.5 * np.eye(2 * d)


def _sparse(d: int) -> Rows:
    covariance = np.eye(2 * d)
    pairs = np.arange(PAIRS)
    covariance[pairs, pairs + d] = covariance[pairs + d, pairs] = STRONG
    return covariance


def _half_cube(rows: Rows) -> Rows:
    return np.asarray(np.sign(rows) * np.abs(rows) ** 1.5)


def _bimodal(rows: Rows) -> Rows:
    """Quantiles of two unit normal laws five deviations apart."""
    grid = np.linspace(-12, 12, 24_001)
    return np.asarray(np.interp(ndtr(rows), (ndtr(grid - 2.5) + ndtr(grid + 2.5)) / 2, grid))


def _spiral(rows: Rows, first: int, speed: float = 1 / 3) -> Rows:
    """Two coordinates turned the further, the longer the row."""
    angle = speed * (rows**2).sum(1)
    turned = rows.copy()
    a, b = rows[:, first], rows[:, first + 1]
    turned[:, first] = np.cos(angle) * a - np.sin(angle) * b
    turned[:, first + 1] = np.sin(angle) * a + np.cos(angle) * b
    return turned


def _roll(shares: Rows) -> Rows:
    angle = 1.5 * math.pi * (1 + 2 * shares)
    return np.concatenate([angle * np.cos(angle), angle * np.sin(angle)], axis=1) / 21
