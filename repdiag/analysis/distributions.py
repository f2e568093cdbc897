"""How long the rows are and which cosines they have, beside what isotropy would give."""

from __future__ import annotations

import math

import numpy as np

from repdiag import linalg
from repdiag.analysis.leading import LeadingWatch
from repdiag.results import Distributions, Histogram, SpectrumRecord
from repdiag.stats.rowtests import Real

BINS = 60
CENTRAL = (0.001, 0.999)
"""Quantiles that the bins span: a single row far out would leave all others in one bin."""

MARGIN = 0.15
"""Of the span, added at both ends as far as there are values."""

WIDTH_DIGITS, MOST_DECIMALS = 3, 200
"""Digits of the width of a bin after its first; powers of ten beyond which nothing is rounded."""

LEAST_SPAN = 1e-300
LEAST_VALUES = 20

PAIRED_ROWS = 500
"""Rows whose pairs are looked at: an eighth of a million pairs."""

LENGTHS = "Lengths: Euclidean length of each finite row"
COSINES = (
    "Cosines: of the angle between two rows, about the origin; all pairs of the {rows} rows with the lowest "
    "id hashes"
)


def distributions(watch: LeadingWatch, d: int, spectrum: SpectrumRecord | None) -> Distributions:
    """Histograms of the finite rows of a watched pass; None in place of one with too few values."""
    pairs, rows = _cosines(watch)
    return Distributions(
        lengths=histogram(watch.lengths[watch.usable], LENGTHS),
        cosines=histogram(pairs, COSINES.format(rows=f"{rows:,}")),
        isotropic_deviation=1 / math.sqrt(d),
        spectrum_deviation=None if spectrum is None else spectrum_deviation(np.array(spectrum.eigenvalues)),
    )


def spectrum_deviation(eigenvalues: Real) -> float | None:
    """Standard deviation of the cosine of two independent rows without a mean, to first order.

    sqrt(sum l^2) / sum l: their inner product has variance sum l^2, their squared lengths have mean sum l.
    """
    largest = float(eigenvalues.max(initial=0.0))
    if not largest > 0:
        return None
    shares = eigenvalues / largest
    return float(np.sqrt(np.square(shares).sum()) / shares.sum())


def histogram(values: Real, definition: str) -> Histogram | None:
    """Counts of values (n,) in equal bins over their central part; None for fewer than 20 finite values."""
    values = values[np.isfinite(values)]
    if len(values) < LEAST_VALUES:
        return None
    least, most = float(values.min()), float(values.max())
    edges = _edges(values, least, most)
    counts, _ = np.histogram(values, edges)
    largest = max(abs(least), abs(most)) or 1.0
    shares = values / largest  # squares of the values themselves may be beyond float64
    return Histogram(
        edges=edges.tolist(),
        counts=counts.tolist(),
        below=int((values < edges[0]).sum()),
        above=int((values > edges[-1]).sum()),
        total=len(values),
        least=least,
        most=most,
        mean=float(shares.mean() * largest),
        deviation=float(shares.std(ddof=1) * largest),
        definition=definition,
    )


def _edges(values: Real, least: float, most: float) -> Real:
    low, high = np.quantile(values, CENTRAL)
    margin = MARGIN * (high - low)
    start, end = max(low - margin, least), min(high + margin, most)
    # Equal values still need bins of some width.
    return short_steps(start, max(end - start, 1e-6 * max(abs(start), abs(end)), LEAST_SPAN) / BINS)


def short_steps(start: float, width: float) -> Real:
    """Edges (61,) at multiples of a decimal unit, at least `width` apart: short numbers in the JSON."""
    decimals = WIDTH_DIGITS - math.floor(math.log10(width))
    if abs(decimals) > MOST_DECIMALS:
        return np.linspace(start, start + BINS * width, BINS + 1)
    unit = 10.0**-decimals
    first, step = math.floor(start / unit), math.ceil(width / unit) + 1
    return np.array([round((first + step * i) * unit, decimals) for i in range(BINS + 1)])


def _cosines(watch: LeadingWatch) -> tuple[Real, int]:
    """Cosines of all pairs of the sampled rows that have a direction, and the number of these rows."""
    rows = linalg.unit_rows(watch.sample().first(PAIRED_ROWS).rows)
    rows = rows[rows.any(dim=1)]
    first, second = np.triu_indices(len(rows), k=1)
    cosines: Real = (rows @ rows.mT).cpu().numpy()[first, second]
    return np.clip(cosines, -1, 1), len(rows)
