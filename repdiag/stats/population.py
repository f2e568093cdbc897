"""The population spectrum behind a sample's: leverage inversion (LEV) and contour integrals.

With Q(z) = (S - z)^-1 the resolvent of the sample covariance, the mean over rows of x' Q_{-i} x, each row
left out of its own resolvent, estimates tr(Sigma Q) for any law of independent rows. It links z to a point w
where the Stieltjes transform M(w) of the *population* spectrum is known. `docs/methods.md` derives it.

Letters: n samples, d features, p points of the complex plane; numpy arrays on the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

RADII, ANGLES = 24, (0.35, 1.0, 2.4)
"""Where the spectrum is looked at: moduli over the whole range of eigenvalues, and angles off the axis."""

NODES, DEPTH, REACH = 90, 1e-5, 1.3
"""Grid of the fitted histogram: so many log-spaced values down to DEPTH, up to REACH of the largest."""

CONSTRAINT = 50.0
"""Weight of the two sums that the histogram must meet: its mass and its mean."""

RESOLVED = 1e-12
"""Eigenvalues under this share of the largest are rounding and set no grid."""

CONTOUR_RATIO = 4.0
"""From this n/d on the sample spectrum keeps clear of zero, so that a contour around it does."""

CONTOUR_POINTS, CONTOUR_MARGIN, CONTOUR_HEIGHT = 96, 0.7, 1.6
CONTOUR_TOLERANCE = 1e-6
"""A path that does not give back the trace to this relative error, for any leverages, is not used."""

HALVINGS = 60
"""Of the bracket around the place of an edge: to the precision of float64."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Eigenvalues (m,) of a sample covariance (ddof=1), descending, m = min(n - 1, d), of n rows."""

    eigenvalues: Real
    n: int
    d: int

    @property
    def trace(self) -> float:
        return float(self.eigenvalues.sum())

    @property
    def resolved(self) -> Real:
        """Eigenvalues that are not rounding."""
        found: Real = self.eigenvalues[self.eigenvalues > RESOLVED * self.eigenvalues[0]]
        return found

    def factors(self, z: Complex) -> Complex:
        """1 / (l_j - z) (m, p)."""
        return 1.0 / (self.eigenvalues[:, None] - z)

    def stieltjes(self, z: Complex) -> Complex:
        """(1/d) sum over all d eigenvalues of 1 / (l - z): those that are missing are zero."""
        missing = self.d - len(self.eigenvalues)
        found: Complex = (self.factors(z).sum(0) - missing / z) / self.d
        return found

    def mean_leverage(self, z: Complex) -> Complex:
        """Mean over rows of the leverage h(z) of `Leverages`, (p,); needs no rows."""
        found: Complex = (self.eigenvalues[:, None] * self.factors(z)).sum(0) / (self.n - 1)
        return found


@dataclass(frozen=True, slots=True)
class Quadrature:
    """Nodes and weights (m,), real or complex: sum w f(node) is the sum of f over the d eigenvalues."""

    nodes: NDArray[Any]
    weights: NDArray[Any]


def points(sample: Sample) -> Complex:
    """Where LEV looks (p = 72)."""
    values = sample.resolved
    radii = np.geomspace(0.2 * values[-1] * np.exp(-0.5), 1.3 * values[0] * np.exp(0.5), RADII)
    return np.outer(radii, np.exp(1j * np.array(ANGLES))).ravel()


def contour(sample: Sample) -> Complex:
    """A closed path around the non-zero sample spectrum: an ellipse in log z, off zero."""
    values = sample.resolved
    low, high = np.log(values[-1]), np.log(values[0])
    count = CONTOUR_POINTS * (1 + int((high - low) / 8))
    angle = 2 * np.pi * (np.arange(count) + 0.5) / count
    middle, reach = (high + low) / 2, (high - low) / 2 + CONTOUR_MARGIN
    path: Complex = np.exp(middle + reach * np.cos(angle) + 1j * CONTOUR_HEIGHT * np.sin(angle))
    return path


def alike(leverage: Complex) -> Complex:
    """h / (1 - h): the left-out form when all rows have the mean leverage."""
    return leverage / (1 - leverage)


def spread(leverage: Complex, variation: float) -> Complex:
    """Left-out form over that of equal leverages, to first order, when leverages follow row energies.

    `variation` is the squared coefficient of variation of the energies.
    """
    return 1 + leverage * variation


def lev(sample: Sample, z: Complex, left_out: Complex) -> Quadrature:
    """LEV: the histogram on a grid whose Stieltjes transform fits what is seen at z best.

    Args:
        sample: what was observed.
        z: points (p,) off the real axis.
        left_out: mean over rows of h / (1 - h) at each z (p,).
    """
    from scipy.optimize import nnls

    w, stieltjes = _seen(sample, z, left_out)
    top, mean = sample.eigenvalues[0], sample.trace / sample.d
    lowest = min(DEPTH * REACH * top, sample.resolved[-1])
    nodes = np.concatenate([[0.0], np.geomspace(lowest, REACH * top, NODES)])
    kernel, target = nodes / (nodes - w[:, None]), 1 + w * stieltjes
    sums = CONSTRAINT * np.stack([np.ones_like(nodes), nodes / mean])
    rows = np.concatenate([kernel.real, kernel.imag, sums])
    shares, _ = nnls(rows, np.concatenate([target.real, target.imag, [CONSTRAINT] * 2]), maxiter=100 * NODES)
    return Quadrature(nodes, sample.d * shares)


def girko(sample: Sample, z: Complex, left_out: Complex) -> Quadrature | None:
    """Contour quadrature from the same map: no grid, but the sample spectrum must keep clear of zero.

    None where the contour does not give back the trace.
    """
    w, stieltjes = _seen(sample, z, left_out)
    count = len(z)
    step = np.fft.ifft(1j * np.fft.fftfreq(count, 1 / count) * np.fft.fft(w)) * (2 * np.pi / count)
    weights = -sample.d * stieltjes * step / (2j * np.pi)
    trace = complex((weights * w).sum())
    fits = abs(trace - sample.trace) <= CONTOUR_TOLERANCE * sample.trace
    return Quadrature(w, weights) if fits else None


def _seen(sample: Sample, z: Complex, left_out: Complex) -> tuple[Complex, Complex]:
    """The points w = z / beta that z is linked to, and the population's Stieltjes transform there."""
    beta = sample.mean_leverage(z) / left_out
    return z / beta, beta * sample.stieltjes(z)


def noise_edge(histogram: Quadrature, sample: Sample) -> float:
    """Upper edge of the sample spectrum that the population gives without the eigenvalues that stand apart.

    As many eigenvalues stand apart as possible, up to half of them, so that all lie above the edge that the
    rest of the population has. Counted from above: an eigenvalue apart has an edge of its own around it, so
    that a count from zero would end at zero. 0 where the rest does not vary.

    Args:
        histogram: LEV of the sample.
        sample: what was observed.
    """
    order = np.argsort(histogram.nodes)[::-1]
    nodes, weights = histogram.nodes[order], histogram.weights[order]
    apart = len(sample.eigenvalues) // 2
    while True:
        edge = _edge(*_without_top(nodes, weights, apart), sample.n - 1)
        above = int((sample.eigenvalues > edge).sum())
        if above >= apart:
            return edge
        apart = above


def _without_top(nodes: Real, weights: Real, apart: int) -> tuple[Real, Real]:
    """A histogram (m,), nodes descending, without the mass of `apart` eigenvalues at its top.

    Of what remains, mass above the middle of the first eigenvalue is moved down to it: weights are no whole
    numbers, and a remainder of one that stood apart is none.
    """
    above = np.cumsum(weights) - weights
    left = np.clip(weights + np.minimum(above - apart, 0), 0, None)
    mass = np.cumsum(left)
    first = int(np.searchsorted(mass, 0.5))
    return nodes[first:], np.concatenate([mass[first : first + 1], left[first + 1 :]])


def _edge(nodes: Real, weights: Real, degrees: int) -> float:
    """Least psi(a) = a + (a/N) sum w t / (a - t) over a above all nodes t (m,), nodes descending.

    psi is convex there, and its derivative is zero where sum w t^2 / (a - t)^2 = N.
    """
    if not len(nodes) or nodes[0] <= 0:
        return 0.0
    top, t = float(nodes[0]), nodes / nodes[0]
    low, high = 1.0, 1 + float(np.sqrt(weights.sum() / degrees))
    for _ in range(HALVINGS):
        a = (low + high) / 2
        inside = a == 1 or float((weights * (t / (a - t)) ** 2).sum()) > degrees
        low, high = (a, high) if inside else (low, a)
    return top * high * (1 + float((weights * t / (high - t)).sum()) / degrees)
