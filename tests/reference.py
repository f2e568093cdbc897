"""Slow, readable twins of every measure: numpy loops straight from the definitions.

Nothing is shared with the package. Each twin takes `Data` and the measure's options, and returns the
textbook figure, or None where it does not exist.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
EPS = 2.0**-52


@dataclass(frozen=True)
class Data:
    """rows (n, d); labels (n,) and views (q, n, d) where a measure needs them; epsilon of the storage."""

    rows: Matrix
    labels: NDArray[np.int64] | None = None
    views: Matrix | None = None
    epsilon: float = EPS


Twin = Callable[..., float | None]
TWINS: dict[str, Twin] = {}


def twin(function: Twin) -> Twin:
    """Register under the function's name, which is the measure's."""
    TWINS[function.__name__] = function
    return function


def reference(name: str, data: Data, *, rogue: str = "keep", **options: Any) -> float | None:
    """The textbook figure of a measure; `rogue="drop"` leaves rogue coordinates out, for any of them."""
    if rogue == "drop":
        data = replace(data, rows=without_rogue(data.rows))
    return TWINS[name](data, **options)


# --- Small pieces. ---


def centred(rows: Matrix) -> Matrix:
    """Rows minus their mean, the mean taken twice so that its own rounding goes too."""
    once: Matrix = rows - rows.mean(axis=0)
    twice: Matrix = once - once.mean(axis=0)
    return twice


def singular_values(rows: Matrix) -> list[float]:
    """Descending, min(n, d) of them."""
    return [float(s) for s in np.linalg.svd(rows, compute_uv=False)]


def covariance_eigenvalues(rows: Matrix) -> list[float]:
    """min(n - 1, d) eigenvalues of the centred covariance, ddof=1, descending."""
    n, d = rows.shape
    return [s * s / (n - 1) for s in singular_values(centred(rows))][: min(n - 1, d)]


def entropy_rank(values: list[float]) -> float:
    total = sum(values)
    entropy = 0.0
    for value in values:
        if value > 0:
            entropy -= value / total * math.log(value / total)
    return math.exp(entropy)


def unit(rows: Matrix) -> Matrix:
    """Rows divided by their length; a zero row stays."""
    out = rows.copy()
    for i, row in enumerate(rows):
        length = math.sqrt(sum(float(x) ** 2 for x in row))
        if length > 0:
            out[i] = row / length
    return out


def resolution_floor(data: Data, values: list[float]) -> float:
    """Rounding to the stored type spreads evenly; float64 resolves min(n, d) * 2^-52 of the largest."""
    n, d = data.rows.shape
    mean_square = float((data.rows**2).sum(axis=1).mean()) / d
    rounding: float = mean_square * data.epsilon**2 / 12
    return float(max(rounding, min(n, d) * EPS * values[0]))


def rogue_features(rows: Matrix) -> list[int]:
    """At most three coordinates that together hold over half of the variance, or of the mean square,
    each of them more than a hundred times the median coordinate."""
    found: list[int] = []
    for energy in (rows.var(axis=0), (rows**2).mean(axis=0)):
        if len(energy) <= 6:
            continue
        middle = sorted(energy)[(len(energy) - 1) // 2]
        held, taken = 0.0, []
        for j in sorted(range(len(energy)), key=lambda j: -energy[j])[:3]:
            if energy[j] <= 100 * middle:
                break
            held += energy[j]
            taken.append(j)
            if held > energy.sum() / 2:
                found += [j for j in taken if j not in found]
                break
    return found[:3]


def without_rogue(rows: Matrix) -> Matrix:
    return np.delete(rows, rogue_features(rows), axis=1)


# --- Ranks. ---


@twin
def effective_rank(data: Data) -> float:
    return entropy_rank(covariance_eigenvalues(data.rows))


@twin
def rankme(data: Data, eps: float = 1e-7, center: bool = False) -> float:
    values = singular_values(centred(data.rows) if center else data.rows)
    exponent = 0.0
    for value in values:
        p = value / sum(values) + eps
        if p > 0:
            exponent -= p * math.log(p)
    return math.exp(exponent)


@twin
def participation_ratio(data: Data) -> float:
    values = covariance_eigenvalues(data.rows)
    return sum(values) ** 2 / sum(value**2 for value in values)


@twin
def stable_rank(data: Data, center: bool = False) -> float:
    rows = centred(data.rows) if center else data.rows
    return float(np.linalg.norm(rows, "fro") ** 2 / np.linalg.norm(rows, 2) ** 2)


@twin
def nesum(data: Data) -> float:
    values = covariance_eigenvalues(data.rows)
    return sum(value / values[0] for value in values)


@twin
def numerical_rank(data: Data) -> float:
    values = covariance_eigenvalues(data.rows)
    floor = resolution_floor(data, values)
    return float(len([value for value in values if value > floor]))


@twin
def live_directions(data: Data, share: float = 0.01, reference: int = 4) -> float:
    values = singular_values(centred(data.rows))
    return float(len([value for value in values if value > share * values[reference - 1]]))


# --- Shape and size of the spectrum. ---


@twin
def trace(data: Data) -> float:
    total = 0.0
    for column in data.rows.T:
        total += sum((x - column.mean()) ** 2 for x in column) / (len(column) - 1)
    return float(total)


@twin
def top1_share(data: Data) -> float:
    values = covariance_eigenvalues(data.rows)
    return values[0] / sum(values)


@twin
def mean_share(data: Data) -> float:
    mean = data.rows.mean(axis=0)
    lengths = [float(row @ row) for row in data.rows]
    return float(mean @ mean) / (sum(lengths) / len(lengths))


@twin
def spectral_cliff(data: Data, stretch: float = 1.25) -> float:
    rows = without_rogue(data.rows)
    n, d = rows.shape
    values = covariance_eigenvalues(rows)
    floor = resolution_floor(data, values)
    singular = [math.sqrt(max(value, floor) * (n - 1)) for value in values]
    steepest = 0.0
    varying = sum(1 for column in rows.T if np.ptp(column) > 0)
    counted = varying if varying >= max(8, math.ceil(2 * stretch)) else d
    for k in range(2, min(n - 1, counted) // 2 + 1):
        below = max(k + 1, math.ceil(stretch * k))
        if below > min(n - 1, counted):
            break
        steepest = max(steepest, singular[k - 1] / singular[below - 1])
    return steepest


@twin
def power_law_alpha(data: Data, first: int = 11, last: int = 100, weights: str = "1/rank") -> float | None:
    values = covariance_eigenvalues(data.rows)
    floor = resolution_floor(data, values)
    ranks = [i for i in range(first, min(last, len(values)) + 1) if values[i - 1] > floor]
    if len(ranks) < 5:
        return None
    x, y = np.log(ranks), np.log([values[i - 1] for i in ranks])
    weight = [1 / i if weights == "1/rank" else 1.0 for i in ranks]
    return -float(np.polyfit(x, y, 1, w=np.sqrt(weight))[0])


# --- Directions. ---


@twin
def mean_cosine(data: Data) -> float:
    rows, cosines = unit(data.rows), []
    for i in range(len(rows)):
        for j in range(i + 1, len(rows)):
            cosines.append(float(rows[i] @ rows[j]))
    return math.fsum(cosines) / len(cosines)


@twin
def feature_std(data: Data) -> float:
    return float(np.mean([np.std(column, ddof=1) for column in unit(data.rows).T]))


@twin
def uniformity(data: Data) -> float:
    rows, potentials = unit(data.rows), []
    for i in range(len(rows)):
        for j in range(i + 1, len(rows)):
            potentials.append(math.exp(-2 * float(((rows[i] - rows[j]) ** 2).sum())))
    return math.log(math.fsum(potentials) / len(potentials))


@twin
def coding_rate(data: Data, eps_sq: float = 0.25) -> float:
    rows = unit(data.rows)
    n, d = rows.shape
    return 0.5 * float(np.linalg.slogdet(np.eye(d) + d / (n * eps_sq) * rows.T @ rows)[1])


# --- Features. ---


@twin
def dead_features(data: Data) -> float:
    from scipy.stats import beta

    n, d = data.rows.shape
    dead = 0
    for column in data.rows.T:
        fired = sum(1 for x in column if x > 0)
        rare = bool(n >= 3000 and min(column) >= 0 and beta.ppf(0.95, fired + 1, n - fired) <= 1e-3)
        dead += int(rare or min(column) == max(column))
    return float(dead / d)


# --- The cloud. ---


@twin
def twonn(data: Data, discard: float = 0.1) -> float:
    rows = np.unique(data.rows, axis=0)
    logs = []
    for i, row in enumerate(rows):
        first, second = sorted(math.dist(row, other) for j, other in enumerate(rows) if j != i)[:2]
        logs.append(math.log(second / first))
    kept = sorted(logs)[: int((1 - discard) * len(rows))]
    targets = [-math.log(1 - i / len(rows)) for i in range(1, len(kept) + 1)]
    return sum(x * y for x, y in zip(kept, targets, strict=True)) / sum(x * x for x in kept)


@twin
def diffusion_entropy(
    data: Data, preset: str = "median", t: float = 1.0, anisotropic: bool = False
) -> float | None:
    """From the random walk of the kernel, which is not symmetric and has the same eigenvalues."""
    n = len(data.rows)
    distances = np.array([[math.dist(a, b) for a in data.rows] for b in data.rows])
    width = 10.0 if preset == "published" else float(np.median(distances[np.triu_indices(n, 1)]))
    if width == 0:
        return None
    kernel = np.exp(-(distances**2) / (2 * width**2))
    if anisotropic:
        density = np.sqrt(kernel.sum(axis=1))
        kernel = kernel / np.outer(density, density)
    values = np.abs(np.linalg.eigvals(kernel / kernel.sum(axis=1, keepdims=True))) ** t
    return -sum(float(p) * math.log(p) for p in values / values.sum() if p > 1e-300)


# --- Labels and views. ---


@twin
def per_class_rank(data: Data) -> float | None:
    assert data.labels is not None
    ranks = []
    for label in np.unique(data.labels):
        rows = data.rows[data.labels == label]
        if len(rows) >= 10:
            varies = bool((rows != rows[0]).any())
            ranks.append(entropy_rank(covariance_eigenvalues(rows)) if varies else 0.0)
    return min(ranks) / float(np.median(ranks)) if ranks else None


@twin
def neural_collapse_nc1(data: Data) -> float:
    assert data.labels is not None
    n, d = data.rows.shape
    classes = np.unique(data.labels)
    within, between = np.zeros((d, d)), np.zeros((d, d))
    for label in classes:
        rows = data.rows[data.labels == label]
        step = rows.mean(axis=0) - data.rows.mean(axis=0)
        between += np.outer(step, step) / len(classes)
        for row in rows:
            within += np.outer(row - rows.mean(axis=0), row - rows.mean(axis=0)) / n
    return float(np.trace(within @ np.linalg.pinv(between, rcond=1e-12, hermitian=True))) / len(classes)


@twin
def conditional_mutual_information(
    data: Data, outputs: str = "auto", weighting: str = "sample"
) -> float | None:
    assert data.labels is not None
    classes = [int(label) for label in np.unique(data.labels)]
    proper = all(min(row) >= 0 and abs(sum(row) - 1) <= 1e-3 for row in data.rows)
    if outputs == "probabilities" and not proper:
        return None
    as_they_are = proper if outputs == "auto" else outputs == "probabilities"
    exponentials = [row if as_they_are else np.exp(row - max(row)) for row in data.rows]
    rows = [row / sum(row) for row in exponentials]
    if len(rows) < 5 * len(classes):
        return None
    by_class = []
    for label in classes:
        own = [row for row, of in zip(rows, data.labels, strict=True) if of == label]
        mean = sum(own) / len(own)
        by_class.append(
            [sum(p * math.log(p / q) for p, q in zip(row, mean, strict=True) if p) for row in own]
        )
    if weighting == "class":
        return float(np.mean([np.mean(each) for each in by_class]))
    return math.fsum(kl for each in by_class for kl in each) / len(rows)


@twin
def lidar(data: Data, delta: float = 1e-4, eps: float = 1e-7) -> float:
    assert data.views is not None
    q, n, d = data.views.shape
    within, means = delta * np.eye(d), data.views.mean(axis=0)
    for view in data.views:
        for row, mean in zip(view, means, strict=True):
            within += np.outer(row - mean, row - mean) / (n * q)
    between = centred(means).T @ centred(means) / n
    values, vectors = np.linalg.eigh(within)
    root = vectors @ np.diag(values**-0.5) @ vectors.T
    found = [max(float(value), 0.0) for value in np.linalg.eigvalsh(root @ between @ root)]
    shares = [value / sum(found) + eps for value in found]
    return math.exp(-sum(p * math.log(p) for p in shares if p > 0))
