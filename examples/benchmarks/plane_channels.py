"""Information through stated noise against its known value: `compressed_knn` on Gaussian channels.

    python examples/benchmarks/plane_channels.py [--dimensions 1 2 4] [--rows 1000 4000] [--seeds N]

A layer T = A X of Gaussian inputs X, A drawn anew for each seed, seen through Gaussian noise: I(X;T + N) is
half the log determinant of 1 + A A' over the noise variance. Columns: share of 95% intervals that hold it
(the target is 93%), mean and deviation of the error, mean standard error, all in nats, and the seeds whose
path over the noise falls throughout. `--features` puts the layer into more features, of which the estimator
keeps as many as the channel has. `--clusters N` draws N Gaussian clusters instead, where no figure has a
closed form: the truth is a mean over 50,000 draws, and no target is set.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp

from repdiag.measures.plane_inputs import LayerScale, PlaneRows
from repdiag.measures.plane_registry import parse_estimator

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]
NOISES = (0.1, 0.5, 2.0)
"""Of the deviation of the layer: from 2.3 to 0.1 nats a dimension."""

SPREAD, DRAWS = 6.0, 50_000
"""Deviation of centres of clusters over that of a cluster, and draws of which the truth is a mean."""

TARGET = 0.93
NORMAL = 1.959964
"""Half the width of a 95% interval, in standard errors."""


@dataclass(frozen=True)
class Channel:
    """n rows of a Gaussian layer, or of Gaussian clusters, of rank q in d features."""

    n: int
    q: int
    d: int
    clusters: int = 0

    def law(self, seed: int) -> tuple[Matrix, Matrix]:
        """Centres (c, q) of the clusters, and a factor (q, q) of the covariance of each."""
        if self.clusters:
            r = np.random.default_rng([self.clusters, self.q])
            centres = SPREAD * r.standard_normal((self.clusters, self.q))
            return centres - centres.mean(0), np.eye(self.q)
        r = np.random.default_rng([seed, self.n, self.q, self.d])
        return np.zeros((1, self.q)), r.standard_normal((self.q, self.q))

    def rows(self, seed: int) -> PlaneRows:
        r = np.random.default_rng([seed, self.n, self.q, self.d, 1])
        centres, factor = self.law(seed)
        basis = np.linalg.qr(r.standard_normal((self.d, self.q)))[0]
        t = torch.from_numpy(_drawn(centres, factor, self.n, r) @ basis.T)
        variance = float(np.square(centres).sum(1).mean() + np.square(factor).sum())
        scale = LayerScale(float(t.min()), float(t.max()), 1.0, math.sqrt(variance / self.d))
        labels = torch.zeros(1, self.n, dtype=torch.int64)
        return PlaneRows(t, torch.arange(self.n), labels, 1, scale)

    def truth(self, seed: int, variance: float) -> float:
        """I(X;T + N) for noise of this variance."""
        centres, factor = self.law(seed)
        if not self.clusters:
            return float(np.linalg.slogdet(np.eye(self.q) + factor @ factor.T / variance)[1]) / 2
        return _mixture_entropy(centres, 1 + variance) - _gaussian_entropy(self.q, variance)

    def errors(self, seed: int) -> Matrix:
        """For each of NOISES the figure, its error and its standard error (3, noises)."""
        rows = self.rows(seed)
        return np.array([self.one(seed, noise, rows) for noise in NOISES]).T

    def one(self, seed: int, noise: float, rows: PlaneRows) -> tuple[float, float, float]:
        reading = parse_estimator(f"compressed_knn{{noise={noise},dimensions={self.q}}}").read(rows)
        truth = self.truth(seed, float(reading.details["noise_deviation"]) ** 2)
        value = float(reading.ixt)
        return value, value - truth, float(reading.ixt_influence.norm()) / self.n


def _drawn(centres: Matrix, factor: Matrix, n: int, r: np.random.Generator) -> Matrix:
    found: Matrix = centres[r.integers(len(centres), size=n)]
    return found + r.standard_normal((n, len(factor))) @ factor.T


def _gaussian_entropy(q: int, variance: float) -> float:
    return q / 2 * math.log(2 * math.pi * math.e * variance)


@cache
def _standard_draws(clusters: int, q: int) -> tuple[Labels, Matrix]:
    r = np.random.default_rng(0)
    return r.integers(clusters, size=DRAWS), r.standard_normal((DRAWS, q))


def _mixture_entropy(centres: Matrix, variance: float) -> float:
    """Of clusters of one variance, equally likely: a mean over draws."""
    which, noise = _standard_draws(*centres.shape)
    drawn = centres[which] + math.sqrt(variance) * noise
    squares = np.square(drawn[:, None] - centres).sum(2)
    density = logsumexp(-squares / (2 * variance), axis=1) - math.log(len(centres))
    found: float = centres.shape[1] / 2 * math.log(2 * math.pi * variance) - float(density.mean())
    return found


def lines(channel: Channel, seeds: int) -> list[str]:
    """One line for each noise."""
    values, errors, standard = np.stack([channel.errors(seed) for seed in range(seeds)], axis=1)
    falling = int((np.diff(values, axis=1) < 0).all(1).sum())
    return [
        line(channel, noise, errors[:, index], standard[:, index], falling)
        for index, noise in enumerate(NOISES)
    ]


def line(channel: Channel, noise: float, errors: Matrix, standard: Matrix, falling: int) -> str:
    held = float((np.abs(errors) <= NORMAL * standard).mean())
    setting = f"{channel.q:3}{channel.d:9}{channel.n:7}{noise:7}"
    figures = f"{held:8.1%}{errors.mean():+9.4f}{errors.std():9.4f}{standard.mean():9.4f}"
    said = "" if channel.clusters else "met" if held >= TARGET else "NOT met"
    return f"{setting}{figures}{falling:9} of {len(errors)}  {said}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dimensions", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--features", type=int, default=0, help="default: as many as dimensions")
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 4000])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--clusters", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("  q features   rows  noise    held     bias       sd       se  falling")
    for q in options.dimensions:
        for n in options.rows:
            channel = Channel(n, q, max(q, options.features), options.clusters)
            print("\n".join(lines(channel, options.seeds)), flush=True)


if __name__ == "__main__":
    main()
