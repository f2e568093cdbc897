"""The rows at the top of the page: each representation as a small spectrum and a bar for its rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from repdiag.report import wording
from repdiag.report.catalogue import Catalogue, Column, measure_names
from repdiag.report.figures import RANK_FAMILY, bare_name
from repdiag.report.svg import Axes, polyline, span
from repdiag.results import Estimate, Results
from repdiag.types import Address

Place = tuple[str, Address]
Severity = str
MOST_ROWS = 24
SPARK = (1, 2, 119, 30)
"""Left, top, right and bottom of the small spectrum, in pixels of a 120 x 32 picture."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A rank against its dimension; lengths in percent of d."""

    text: str
    interval: str
    status: str
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Glance:
    """One representation in one line."""

    index: int
    label: str
    size: str
    spark: str
    bar: Bar | None
    severity: str


def headline_measure(catalogue: Catalogue) -> str:
    """The member of the rank family that the rows show; empty when there is none."""
    names = measure_names(catalogue.columns, lambda name: bare_name(name) in RANK_FAMILY)
    return min(names, key=lambda name: RANK_FAMILY.index(bare_name(name)), default="")


def glance_rows(
    catalogue: Catalogue, chosen: Sequence[Column], worst: Mapping[Place, Severity]
) -> list[Glance]:
    """A line for each of the first `MOST_ROWS` chosen representations that have a spectrum or a rank."""
    measure = headline_measure(catalogue)
    telling = [c for c in chosen if c.representation.spectrum or measure in c.representation.estimates]
    listed = (telling or chosen)[:MOST_ROWS]
    axes = span([_shares(column) for column in listed], floor=_lowest(listed))
    return [_glance(catalogue, column, measure, axes, worst) for column in listed]


def worst_by_place(results: Sequence[Results], runs: Sequence[str]) -> dict[Place, Severity]:
    """The gravest severity found at each representation of each run."""
    worst: dict[Place, Severity] = {}
    found = [(run, finding) for run, result in zip(runs, results, strict=True) for finding in result.findings]
    for run, finding in sorted(found, key=lambda pair: wording.SEVERITY_ORDER.index(pair[1].severity)):
        if finding.place:
            worst.setdefault((run, finding.place.address), finding.severity)
    return worst


def _glance(
    catalogue: Catalogue, column: Column, measure: str, axes: Axes | None, worst: Mapping[Place, Severity]
) -> Glance:
    one = column.representation
    estimate = one.estimates.get(measure)
    return Glance(
        index=column.index,
        label=catalogue.label(column),
        size=f"{one.n:,} × {one.d:,}",
        spark=polyline(_shares(column), axes, SPARK) if axes else "",
        bar=_bar(estimate, one.d) if estimate else None,
        severity=worst.get((column.names["run"], one.address), ""),
    )


def _bar(estimate: Estimate, d: int) -> Bar:
    value = estimate.value or 0.0
    return Bar(
        text=wording.number(estimate.value),
        interval=wording.interval(estimate.low, estimate.high),
        status=wording.status_word(estimate.status),
        share=_of(value, d),
        low=_of(value if estimate.low is None else estimate.low, d),
        high=_of(value if estimate.high is None else estimate.high, d),
    )


def _of(value: float, d: int) -> float:
    return round(min(100.0, max(0.0, 100 * value / max(1, d))), 2)


def _shares(column: Column) -> list[float]:
    spectrum = column.representation.spectrum
    values = spectrum.eigenvalues if spectrum else []
    total = sum(max(0.0, value) for value in values)
    return [value / total for value in values] if total > 0 else []


def _lowest(columns: Sequence[Column]) -> float:
    """Share of variance below which no spectrum of these rows is resolved, at most 1e-6."""
    floors = [_floor_share(column) for column in columns]
    return min([share for share in floors if share > 0], default=0.0)


def _floor_share(column: Column) -> float:
    spectrum = column.representation.spectrum
    total = sum(max(0.0, value) for value in spectrum.eigenvalues) if spectrum else 0.0
    return spectrum.resolution_floor / total if spectrum and total > 0 else 0.0
