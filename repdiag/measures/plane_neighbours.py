"""Information of a layer seen through stated noise, from the distances of rows to their neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from repdiag import linalg
from repdiag.measures import plane_codes
from repdiag.measures.plane_codes import centred
from repdiag.measures.plane_inputs import PlaneReading, PlaneRows
from repdiag.measures.plane_registry import plane_estimator

MOST_ROWS = 4000
BLOCK = 256
"""Rows compared with all others at a time: 8 MB of distances for 4,000 rows."""

_SEED = 20
_NODES = 256, 32
"""Quantiles of the radius and of the share of rows inside it, in the bias of Gaussian rows."""


@plane_estimator(
    definition="T' = T compressed to at most <dimensions> principal components plus Gaussian noise N of "
    "<noise> times the deviation of the layer over all steps, spread over the components kept; I(X;T') = "
    "h(T') - h(N), h(T') from Euclidean distances to neighbour k = <k> of whitened rows, less the bias that "
    "Gaussian rows would have; I(T';Y) by neighbours within classes",
    cite="Goldfeld et al. 2019, Estimating information flow in deep neural networks; Kozachenko & Leonenko "
    "1987; Ross 2014, Mutual information between discrete and continuous data sets",
    says="the Shannon information that a network with this stated noise would keep of its input, the one "
    "figure here that is finite for a deterministic layer with continuous input",
    cannot="it is that of the noisy, compressed layer: it turns with the noise, sees the components kept "
    "only, and where it nears log n it rests on the law being smooth between rows",
    most_rows=MOST_ROWS,
    scale_free=False,
    invariant_to=(),
    requires=(
        ("noise is above zero", lambda o: o["noise"] > 0),
        ("dimensions is from 1 to 10", lambda o: 1 <= o["dimensions"] <= 10),
        ("k is at least 1", lambda o: o["k"] >= 1),
    ),
)
def compressed_knn(rows: PlaneRows, *, noise: float = 0.1, dimensions: int = 4, k: int = 5) -> PlaneReading:
    """Information of a stochastic network with stated noise, compressed by principal components.

    Influences of I(X;T') are those of leaving a row out, widened by the correction for bias: it is that of
    Gaussian rows, and rows in clusters may need none.
    """
    q = min(dimensions, rows.t.shape[1])
    k = min(k, rows.m - 2)
    basis, kept = _principal(rows.t, q)
    deviation = noise * rows.scale.deviation * math.sqrt(rows.t.shape[1] / q) or 1.0
    seen, volume = _whitened((rows.t - rows.t.mean(0) + deviation * _noise_like(rows.t)) @ basis)
    near = _neighbours(seen, rows.labels, k)
    terms, moved = _entropy_terms(near, q, k)
    bias = gaussian_bias(rows.m, k, q)
    of_noise = q / 2 * math.log(2 * math.pi * math.e * deviation**2)
    ity = near.class_terms
    return PlaneReading(
        ixt=terms.mean() + volume - bias - of_noise,
        ity=ity.mean(1),
        ixt_influence=_widened(moved, bias),
        ity_influence=centred(ity[0]),
        ixt_ceiling=plane_codes.class_entropy(rows.x),
        ity_ceiling=plane_codes.class_entropy(rows.labels[0]),
        details={
            "noise_deviation": deviation,
            "dimensions": float(q),
            "variance_kept": kept,
            "bias_correction": -bias,
        },
    )


@dataclass(frozen=True, slots=True)
class Near:
    """Of each row: squared distances to its k + 1 nearest (m, k + 1), which rows these are, and what it adds
    to the information about each row of labels (s + 1, m)."""

    squares: Tensor
    places: Tensor
    class_terms: Tensor


def _neighbours(rows: Tensor, labels: Tensor, k: int) -> Near:
    sizes = plane_codes.shares(labels) * rows.shape[0]
    parts = [_block(rows, labels, sizes, start, k) for start in range(0, rows.shape[0], BLOCK)]
    squares, places, inside = zip(*parts, strict=True)
    found = _class_terms(sizes, torch.cat(inside, dim=1), k)
    return Near(torch.cat(squares), torch.cat(places), found)


def _block(rows: Tensor, labels: Tensor, sizes: Tensor, start: int, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Squared distances and places (b, k + 1) of the nearest, and crowds (s + 1, b), of a block of rows.

    A crowd is how many rows are no farther than neighbour k of the own class.
    """
    part = slice(start, start + BLOCK)
    mode = "donot_use_mm_for_euclid_dist"
    distances = torch.cdist(rows[part], rows, compute_mode=mode)
    own = torch.arange(distances.shape[0], device=rows.device)
    distances[own, own + start] = torch.inf
    nearest = distances.topk(k + 1, dim=1, largest=False)
    crowds = []
    for codes, size in zip(labels, sizes, strict=True):
        alike = torch.where(codes[part, None] == codes, distances, torch.inf)
        within = alike.topk(k, dim=1, largest=False).values
        which = (size[part, None] - 2).clamp(0, k - 1).to(torch.int64)
        crowds.append((distances <= within.gather(1, which)).sum(1))
    return nearest.values.square(), nearest.indices, torch.stack(crowds)


def _class_terms(sizes: Tensor, crowds: Tensor, k: int) -> Tensor:
    """psi(n) + psi(k) - psi(size of the class) - psi(crowd), (s + 1, m).

    In a class of k rows or fewer, k is its size less one; a row alone in its class adds nothing.
    """
    psi = torch.special.digamma
    together = sizes > 1
    kept = together.sum(1, keepdim=True).clamp(min=1).to(sizes.dtype)
    own_k = (sizes - 1).clamp(1, k)
    terms = psi(kept) + psi(own_k) - psi(sizes) - psi(crowds.clamp(min=1).to(sizes.dtype))
    return torch.where(together, terms, 0.0) * (sizes.shape[1] / kept)


def _entropy_terms(near: Near, q: int, k: int) -> tuple[Tensor, Tensor]:
    """What each row adds to the Kozachenko-Leonenko entropy, and how far leaving it out moves that (m,).

    Without a row, those that count it among their k nearest reach out to the next one.
    """
    m = near.squares.shape[0]
    logs = near.squares.log() * (q / 2)
    constant = q / 2 * math.log(math.pi) - math.lgamma(q / 2 + 1) + _digamma(m) - _digamma(k)
    terms = logs[:, k - 1] + constant
    farther = logs[:, k] - logs[:, k - 1]
    pulled = torch.zeros_like(terms).scatter_add_(
        0, near.places[:, :k].flatten(), farther.repeat_interleave(k)
    )
    return terms, centred(terms - pulled)


def _widened(influence: Tensor, error: float) -> Tensor:
    """Influences (m,) whose standard error includes an error of the value."""
    variance = influence.square().sum() / len(influence) ** 2
    return influence * (1 + error**2 / variance).sqrt()


def _principal(rows: Tensor, q: int) -> tuple[Tensor, Tensor]:
    """Orthonormal directions (d, q) of the largest variance, and the share () of it that they hold."""
    about = rows - rows.mean(0)
    values, vectors = linalg.eigenbasis(about.mT @ about)
    total = values.sum()
    return vectors[:, :q], torch.where(total > 0, values[:q].sum() / total, 1.0)


def _whitened(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (m, q) of unit covariance, and half the log determinant () of the covariance that they had."""
    about = rows - rows.mean(0)
    values, vectors = linalg.eigenbasis(about.mT @ about / len(rows))
    return about @ (vectors * values.rsqrt()), values.log().sum() / 2


def _noise_like(rows: Tensor) -> Tensor:
    """Standard normal (m, d), the same at every step and on every device."""
    generator = torch.Generator().manual_seed(_SEED)
    return torch.randn(rows.shape, dtype=linalg.DTYPE, generator=generator).to(rows.device)


def _digamma(count: int) -> float:
    from scipy.special import digamma

    return float(digamma(count))


@lru_cache(maxsize=64)
def gaussian_bias(m: int, k: int, q: int) -> float:
    """Bias of the Kozachenko-Leonenko entropy of m Gaussian rows in q dimensions, in nats.

    The share of the law that lies within reach of neighbour k is Beta(k, m - k), whatever the law; the mean
    of log(density x volume / share) is the bias, by midpoints in quantiles of the radius and of the share.
    """
    from scipy.special import chndtrix
    from scipy.stats import beta, chi2

    radii, shares = ((np.arange(nodes) + 0.5) / nodes for nodes in _NODES)
    squares, inside = chi2.ppf(radii, q)[:, None], beta.ppf(shares, k, m - k)
    reach = q / 2 * np.log(chndtrix(inside, q, squares))
    density = -q / 2 * math.log(2 * math.pi) - squares / 2
    volume = q / 2 * math.log(math.pi) - math.lgamma(q / 2 + 1)
    return float((density + volume + reach - np.log(inside)).mean())
