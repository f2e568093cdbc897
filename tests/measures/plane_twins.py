"""Slow, readable twins of the estimators of the information plane, in numpy, with a weight for each row.

Each gives I(X;T) and I(T;Y) for the labels as they are. Weights sum to one; a figure as published has equal
ones, and unequal ones show what influences must be.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import psi

from repdiag.measures.plane_inputs import LayerScale, PlaneRows
from tests.measures.plane_records import Codes, Matrix

Pair = tuple[float, float]


@dataclass(frozen=True)
class Weighted:
    """What an estimator reads, with weights w (m,); `y` (s + 1, m)."""

    t: Matrix
    x: Codes
    y: Codes
    w: Matrix
    scale: LayerScale
    inputs: Matrix | None
    input_width: float

    @property
    def width(self) -> float:
        return self.scale.width


def weighted(rows: PlaneRows, w: Matrix | None = None) -> Weighted:
    m = rows.m
    inputs = None if rows.inputs is None else rows.inputs.numpy()
    even = np.full(m, 1 / m)
    return Weighted(
        rows.t.numpy(),
        rows.x.numpy(),
        rows.labels.numpy(),
        even if w is None else w,
        rows.scale,
        inputs,
        rows.input_width,
    )


# --- Bins. ---


def entropy(keys: Sequence[Hashable], w: Matrix) -> float:
    share: dict[Hashable, float] = defaultdict(float)
    for key, weight in zip(keys, w, strict=True):
        share[key] += weight
    return -sum(p * math.log(p) for p in share.values())


def counted(rows: Weighted, cells: Any) -> Pair:
    t = [tuple(row) for row in cells.tolist()]
    x, y = rows.x.tolist(), rows.y[0].tolist()
    both = [entropy(list(zip(t, other, strict=True)), rows.w) for other in (x, y)]
    alone = entropy(t, rows.w)
    return alone + entropy(x, rows.w) - both[0], alone + entropy(y, rows.w) - both[1]


def binning(rows: Weighted, count: int = 30, width: float = 0.0, preset: str = "none") -> Pair:
    t = rows.t
    if preset == "idnns":
        edges = np.linspace(-1, 1, 30)
        return counted(rows, np.digitize(t, edges))
    step = {"ibsgd": 0.07, "ibsgd-mnist": 0.5}.get(preset, width)
    if step:
        return counted(rows, np.floor(t / step))
    low, high = rows.scale.low, rows.scale.high
    cells = np.floor((t - low) * (count / (high - low or 1.0)))
    return counted(rows, np.minimum(cells, count - 1))


def adaptive_binning(rows: Weighted, count: int = 30, edges: str = "step") -> Pair:
    if edges == "layer":
        kept = np.array(rows.scale.quantiles)
        chosen = [kept[k * (len(kept) - 1) // count] for k in range(count + 1)]
        return counted(rows, np.digitize(rows.t, chosen))
    low = [0.0] if rows.scale.low >= 0 else []
    values = np.setdiff1d(np.unique(rows.t), low)
    if not len(values):
        return counted(rows, np.zeros_like(rows.t))
    chosen = [*low, *(values[int(k * (len(values) / count))] for k in range(count)), values[-1]]
    return counted(rows, np.digitize(rows.t, np.array(chosen, dtype=np.float32)))


# --- Kernels. ---


def squares(rows: Matrix) -> Matrix:
    found: Matrix = np.square(rows[:, None] - rows[None]).sum(2)
    return found


def gaussian(rows: Matrix, width: float) -> Matrix:
    found: Matrix = np.exp(-squares(rows) / (2 * width**2))
    return found


def alike(codes: Codes) -> Matrix:
    return np.array([[float(a == b) for a in codes] for b in codes])


def own_width(rows: Weighted, bandwidth: str) -> float:
    if bandwidth == "layer":
        return rows.width or 1.0
    pairs = np.triu_indices(len(rows.t), 1)
    return float(np.median(np.sqrt(squares(rows.t)[pairs]))) or 1.0


def kernels(rows: Weighted, bandwidth: str) -> tuple[Matrix, Matrix, Matrix]:
    """Of the layer, of the inputs and of the labels."""
    x = alike(rows.x) if rows.inputs is None else gaussian(rows.inputs, rows.input_width)
    return gaussian(rows.t, own_width(rows, bandwidth)), x, alike(rows.y[0])


def kde(rows: Weighted, noise: float = 1e-3, preset: str = "none") -> Pair:
    variance = {"ibsgd": 1e-3, "ibsgd-mnist": 1e-1}.get(preset, noise)
    return kde_bound(rows, variance)


def kde_bound(rows: Weighted, variance: float) -> Pair:
    def spread(part: Any) -> float:
        w = rows.w[part] / rows.w[part].sum()
        density = np.exp(-squares(rows.t[part]) / (2 * variance)) @ w
        return float(-(w * np.log(density)).sum())

    whole = spread(slice(None))
    classes = [rows.y[0] == c for c in np.unique(rows.y[0])]
    return whole, whole - sum(rows.w[part].sum() * spread(part) for part in classes)


def spectral(kernel: Matrix, w: Matrix, alpha: float) -> float:
    values = np.linalg.eigvalsh(np.sqrt(w)[:, None] * kernel * np.sqrt(w))
    p = values[values > 1e-14] / values.sum()
    if alpha == 1:
        return float(-(p * np.log(p)).sum())
    return float(np.log((p**alpha).sum()) / (1 - alpha))


def renyi(rows: Weighted, alpha: float = 2.0, bandwidth: str = "layer") -> Pair:
    t, x, y = kernels(rows, bandwidth)
    found = [
        sum(spectral(k, rows.w, alpha) for k in (t, other)) - spectral(t * other, rows.w, alpha)
        for other in (x, y)
    ]
    return found[0], found[1]


def cs(rows: Weighted, bandwidth: str = "layer") -> Pair:
    t, x, y = kernels(rows, bandwidth)
    w = rows.w

    def divergence(other: Matrix) -> float:
        joint, apart = w @ (t * other) @ w, (w @ t @ w) * (w @ other @ w)
        return float(np.log(joint * apart / (w @ ((t @ w) * (other @ w))) ** 2))

    return divergence(x), divergence(y)


def walk_entropy(kernel: Matrix, w: Matrix, steps: int) -> float:
    """From the random walk itself, which is not symmetric."""
    walk = kernel * w / (kernel @ w)[:, None]
    values = np.abs(np.linalg.eigvals(walk)) ** steps
    p = values[values > 1e-14] / values.sum()
    return float(-(p * np.log(p)).sum())


def diffusion(rows: Weighted, preset: str = "median", bandwidth: str = "layer", t: int = 1) -> Pair:
    kernel = gaussian(rows.t, 10.0 if preset == "published" else own_width(rows, bandwidth))

    def within(labels: Codes) -> float:
        parts = [labels == c for c in np.unique(labels)]
        return math.fsum(
            rows.w[p].sum() * walk_entropy(kernel[np.ix_(p, p)], rows.w[p] / rows.w[p].sum(), t)
            for p in parts
        )

    found = [within(labels) for labels in rows.y]
    return walk_entropy(kernel, rows.w, t), float(np.mean(found[1:])) - found[0]


# --- Neighbours. ---


def noisy(rows: Weighted, noise: float, q: int) -> tuple[Matrix, float]:
    """The layer with noise, compressed (m, q), and the deviation of the noise."""
    m, d = rows.t.shape
    drawn = torch.Generator().manual_seed(20)
    z = torch.randn(m, d, dtype=torch.float64, generator=drawn).numpy()
    deviation = noise * rows.scale.deviation * math.sqrt(d / q) or 1.0
    about = rows.t - rows.t.mean(0)
    basis = np.linalg.eigh(about.T @ about)[1][:, ::-1][:, :q]
    found: Matrix = (about + deviation * z) @ basis
    return found, deviation


def compressed_knn(rows: Weighted, noise: float = 0.1, dimensions: int = 4, k: int = 5) -> Pair:
    from repdiag.measures.plane_neighbours import gaussian_bias

    q = min(dimensions, rows.t.shape[1])
    seen, deviation = noisy(rows, noise, q)
    covariance = np.atleast_2d(np.cov(seen.T, bias=True))
    white = seen @ np.linalg.inv(np.linalg.cholesky(covariance)).T
    m = len(white)
    of_noise = q / 2 * math.log(2 * math.pi * math.e * deviation**2)
    volume = math.log(np.linalg.det(covariance)) / 2
    ixt = kozachenko_leonenko(white, k) + volume - gaussian_bias(m, k, q) - of_noise
    return ixt, ross(white, rows.y[0], k)


def kozachenko_leonenko(rows: Matrix, k: int) -> float:
    m, q = rows.shape
    distances = np.sort(np.sqrt(squares(rows)), axis=1)[:, k]
    unit_ball = math.pi ** (q / 2) / math.gamma(q / 2 + 1)
    return float(psi(m) - psi(k) + math.log(unit_ball) + q * np.log(distances).mean())


def ross(rows: Matrix, labels: Codes, k: int) -> float:
    """As scikit-learn does it: rows alone in their class do not count."""
    distances = np.sqrt(squares(rows))
    terms = []
    for i, label in enumerate(labels):
        own = np.sort(distances[i][labels == label])
        if len(own) == 1:
            continue
        near = min(k, len(own) - 1)
        crowd = (distances[i] <= own[near]).sum() - 1
        terms.append(psi(near) - psi(len(own)) - psi(crowd))
    return float(psi(len(terms)) + np.mean(terms))


TWINS: dict[str, Callable[..., Pair]] = {
    each.__name__: each for each in (binning, adaptive_binning, kde, renyi, diffusion, cs, compressed_knn)
}
