"""How lengths and cosines are distributed: traces beside what isotropy would give, and a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from repdiag.report import wording
from repdiag.report.catalogue import Catalogue, Column, spread
from repdiag.report.curves import Trace
from repdiag.report.thinning import short
from repdiag.results import Distributions, Histogram

ISOTROPIC_POINTS, NORMAL_POINTS = 81, 41
REACH = 4.5
"""Standard deviations that a guide spans."""

WIDEST = 1 / 3
"""Above this standard deviation a cosine is too near its ends for a normal law."""

MOST_ROWS = 24
SPARK_WIDTH, SPARK_HEIGHT = 118, 28

Density = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class DistributionRow:
    """One representation in the table that stands without scripts."""

    label: str
    n: str
    length: str
    length_range: str
    length_spark: str
    pairs: str
    cosine: str
    cosine_range: str
    cosine_spark: str
    isotropic: str
    spectrum: str


def distribution_traces(catalogue: Catalogue) -> dict[str, list[Trace]]:
    """Traces of both figures: `lengths` and `cosines`."""
    held = [(column, found) for column in catalogue.columns if (found := column.representation.distributions)]
    lengths = [_steps(column, found.lengths) for column, found in held if found.lengths]
    cosines = [_steps(column, found.cosines) for column, found in held if found.cosines]
    guides = [*_isotropic(held), *(guide for column, found in held for guide in _spectral(column, found))]
    return {"lengths": lengths, "cosines": [*cosines, *guides] if cosines else []}


def distribution_rows(catalogue: Catalogue) -> list[DistributionRow]:
    """At most two dozen representations, evenly spread."""
    held = [column for column in catalogue.columns if column.representation.distributions]
    return [_row(catalogue, column) for column in spread(held, MOST_ROWS)]


def distribution_definitions(catalogue: Catalogue) -> list[str]:
    """What the histograms on the page count."""
    found = [one for column in catalogue.columns if (one := column.representation.distributions)]
    every = [part.definition for one in found for part in (one.lengths, one.cosines) if part]
    return list(dict.fromkeys(every))


def isotropic_density(d: int) -> Density:
    """Density of the cosine of two random directions among d: (1 - c^2)^((d - 3) / 2), normalised."""
    constant = math.lgamma(d / 2) - math.lgamma((d - 1) / 2) - math.log(math.pi) / 2
    return lambda c: math.exp(constant + (d - 3) / 2 * math.log(max(1 - c * c, 1e-12)))


def normal_density(deviation: float) -> Density:
    """Density of the normal law about zero."""
    return lambda c: math.exp(-((c / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi))


def _steps(column: Column, found: Histogram) -> Trace:
    """A step at each edge; the last one falls to zero."""
    width = (found.edges[-1] - found.edges[0]) / len(found.counts)
    heights = [count / (found.total * width) for count in found.counts]
    outside = {"below": found.below, "above": found.above, "total": found.total}
    return {
        "type": "scatter",
        "mode": "lines",
        "x0": float(f"{found.edges[0]:.10g}"),
        "dx": float(f"{width:.10g}"),
        "y": [short(height) for height in [*heights, 0.0]],
        "meta": {"rep": column.index, "role": "counts", **outside},
    }


def _isotropic(held: Sequence[tuple[Column, Distributions]]) -> list[Trace]:
    """One guide for each number of features."""
    dimensions = {column.representation.d: found for column, found in held if column.representation.d > 1}
    return [
        _guide(
            isotropic_density(d), found.isotropic_deviation, {"role": "isotropic", "d": d}, ISOTROPIC_POINTS
        )
        for d, found in dimensions.items()
    ]


def _spectral(column: Column, found: Distributions) -> list[Trace]:
    deviation = found.spectrum_deviation
    if deviation is None or not 0 < deviation <= WIDEST:
        return []
    meta = {"role": "spectrum", "rep": column.index}
    return [_guide(normal_density(deviation), deviation, meta, NORMAL_POINTS)]


def _guide(density: Density, deviation: float, meta: dict[str, Any], points: int) -> Trace:
    reach = min(1.0, REACH * deviation)
    step = 2 * reach / (points - 1)
    heights = [short(density(-reach + i * step)) for i in range(points)]
    return {
        "type": "scatter",
        "mode": "lines",
        "x0": -float(f"{reach:.8g}"),
        "dx": float(f"{step:.8g}"),
        "y": heights,
        "meta": meta,
    }


def _row(catalogue: Catalogue, column: Column) -> DistributionRow:
    found = column.representation.distributions
    assert found is not None
    lengths, cosines = found.lengths, found.cosines
    return DistributionRow(
        label=catalogue.label(column),
        n=f"{lengths.total:,}" if lengths else "–",
        length=_spread(lengths),
        length_range=_range(lengths),
        length_spark=_spark(lengths),
        pairs=f"{cosines.total:,}" if cosines else "–",
        cosine=_spread(cosines),
        cosine_range=_range(cosines),
        cosine_spark=_spark(cosines),
        isotropic=f"0 ± {wording.number(found.isotropic_deviation)}",
        spectrum="–"
        if found.spectrum_deviation is None
        else f"0 ± {wording.number(found.spectrum_deviation)}",
    )


def _spread(found: Histogram | None) -> str:
    return f"{wording.number(found.mean)} ± {wording.number(found.deviation)}" if found else "too few rows"


def _range(found: Histogram | None) -> str:
    return f"{wording.number(found.least)} to {wording.number(found.most)}" if found else ""


def _spark(found: Histogram | None) -> str:
    """The `points` of a small polyline in a picture of 120 x 30 pixels."""
    if found is None:
        return ""
    highest, step = max(found.counts) or 1, SPARK_WIDTH / max(1, len(found.counts) - 1)
    places = (
        (1 + i * step, 1 + SPARK_HEIGHT * (1 - count / highest)) for i, count in enumerate(found.counts)
    )
    return " ".join(f"{x:.0f},{y:.1f}" for x, y in places)
