"""Where a path of figures turns and how far it falls from there: on the same samples, and over runs.

Letters: k checkpoints, b blocks of samples, r runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from repdiag.stats.jackknife import around

Real = NDArray[np.float64]

LEAST_RUNS = 5
"""A p-value from fewer runs would take samples of one run for repetitions of the experiment."""

CHOOSING = 2
"""Other runs that choose where a run turns."""

EXACT_RUNS = 13
FLIPS = 10_000
"""Up to here all 2^r patterns of signs are counted, above so many at random."""

LEAST_ROUGH = 10
"""Checkpoints from which on a path shows how far it jumps from one to the next, a single break set aside."""


@dataclass(frozen=True, slots=True)
class PairedPath:
    """Figures (k,) of the same samples, and what each block of samples adds to them (k, b).

    `parts` are sums over a block of the influences of its samples, over the number of all samples: they sum
    to zero over blocks. `shares` (b,) of the samples sum to one; none is zero.
    """

    values: Real
    parts: Real
    shares: Real

    def reversed(self) -> PairedPath:
        """The same from the last checkpoint to the first."""
        return PairedPath(self.values[::-1], self.parts[::-1], self.shares)


@dataclass(frozen=True, slots=True)
class Fall:
    """From the largest figure, at index `turn`, down to the last one, in the unit of the figures.

    `size` is free of having chosen the largest; low and high are None where there is nothing to measure.
    `roughness` is the standard deviation of what each checkpoint adds for itself beyond sampling noise.
    """

    turn: int
    size: float
    low: float | None
    high: float | None
    roughness: float = 0.0

    @property
    def seen(self) -> bool:
        """The interval is above zero."""
        return self.low is not None and self.low > 0


def paired_fall(path: PairedPath, confidence: float) -> Fall:
    """The fall of one path, with an interval over samples.

    Each half of the blocks chooses where the path turns and is measured by the other half, so that the
    largest of many noisy figures is not taken for a peak. What checkpoints add for themselves (a figure jumps
    from step to step, for all samples alike) cannot be split so: it widens the interval, for as many
    comparisons as there are checkpoints (Bonferroni).
    """
    turn, size, parts = _cross_fitted(path)
    if not parts.any() and size == 0.0:
        return Fall(turn, 0.0, None, None)
    blocks = len(path.shares)
    if blocks < 2:
        return Fall(turn, size, None, None)
    error = math.sqrt(blocks / (blocks - 1) * float((parts**2).sum()))
    rough = roughness(path)
    extra = (math.sqrt(2) * rough * _of_many(confidence, len(path.values)),) if rough else ()
    found = around(size, error, blocks, confidence=confidence, scale="linear", extra=extra)
    return Fall(turn, size, found.low, found.high, rough)


def _cross_fitted(path: PairedPath) -> tuple[int, float, Real]:
    """Index of the largest figure, the fall from where the other half finds it, and its parts (b,)."""
    even = np.arange(len(path.shares)) % 2 == 0
    size, parts = 0.0, np.zeros(len(path.shares))
    for chooses, measures in ((even, ~even), (~even, even)):
        at = _largest(path, chooses)
        size += float(path.shares[measures].sum() * (path.values[at] - path.values[-1]))
        parts[measures] = path.parts[at, measures] - path.parts[-1, measures]
    return int(path.values.argmax()), size + float(parts.sum()), parts


def _largest(path: PairedPath, blocks: NDArray[np.bool_]) -> int:
    """Where the figure of some of the blocks is largest; of all where there are none."""
    share = float(path.shares[blocks].sum())
    own = path.parts[:, blocks].sum(1) / share if share else 0.0
    return int(np.argmax(path.values + own))


def roughness(path: PairedPath) -> float:
    """Standard deviation of what each checkpoint adds for itself, from third differences.

    They are blind to a course that bends evenly; the median is blind to a break. Twice the sampling noise is
    taken out, so that it alone is seldom taken for roughness. Zero for fewer than ten checkpoints.
    """
    if len(path.values) < LEAST_ROUGH:
        return 0.0
    scale = 20.0  # variance of 1, -3, 3, -1 over that of one term
    jumps = np.diff(path.values, 3) ** 2
    sampled = (np.diff(path.parts, 3, axis=0) ** 2).sum(1)
    middle = float(np.median(jumps)) / NormalDist().inv_cdf(0.75) ** 2 - 2 * float(np.median(sampled))
    return math.sqrt(max(0.0, middle) / scale)


def _of_many(confidence: float, checkpoints: int) -> float:
    """t quantile of the largest of so many comparisons with the last (Bonferroni)."""
    from scipy.special import stdtrit

    return float(stdtrit(checkpoints - 3, 1 - (1 - confidence) / 2 / (checkpoints - 1)))


def falls_of_runs(values: Real) -> Real:
    """Fall (r,) of each run of figures (r, k), from where the mean of the next two runs is largest.

    Were all other runs to choose, nearly all would choose from the same noise: falls (r,) would then be so
    much alike that their scatter says nothing about their mean.
    """
    others = sum(np.roll(values, -ahead, axis=0) for ahead in range(1, min(CHOOSING, len(values) - 1) + 1))
    turns = np.argmax(others, axis=1)
    found: Real = values[np.arange(len(values)), turns] - values[:, -1]
    return found


def fall_over_runs(values: Real, confidence: float) -> tuple[Fall, float | None]:
    """The mean fall of r >= 2 runs (r, k) with a t interval over runs, and its p-value.

    The p-value is one-sided, by flipping the signs of runs; None below five runs.
    """
    turn, falls = int(values.mean(0).argmax()), falls_of_runs(values)
    size, runs = float(falls.mean()), len(falls)
    if not falls.any():
        return Fall(turn, 0.0, None, None), (1.0 if runs >= LEAST_RUNS else None)
    error = float(falls.std(ddof=1)) / math.sqrt(runs)
    found = around(size, error, runs, confidence=confidence, scale="linear")
    return Fall(turn, size, found.low, found.high), sign_flip(falls)


def sign_flip(sizes: Real, seed: int = 0) -> float | None:
    """Share of sign patterns whose mean is not below that of `sizes` (r,): its one-sided p-value.

    Exact up to 13 runs, where the smallest is 2^-r; None below five runs.
    """
    runs = len(sizes)
    if runs < LEAST_RUNS:
        return None
    if runs <= EXACT_RUNS:
        signs = np.array(list(product((1.0, -1.0), repeat=runs)))
    else:
        drawn = np.random.default_rng(seed).choice((1.0, -1.0), (FLIPS - 1, runs))
        signs = np.concatenate([np.ones((1, runs)), drawn])
    sums = signs @ sizes
    slack = 1e-12 * float(np.abs(sizes).sum())
    return float((sums >= sums[0] - slack).mean())
