"""What the page's tables say, as records for the template: measures, definitions, notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from repdiag.report import wording
from repdiag.report.catalogue import Catalogue, Column, measure_names
from repdiag.results import Estimate, Results
from repdiag.types import IntervalMethod, Status


@dataclass(frozen=True, slots=True)
class Cell:
    """One estimate as text."""

    value: str
    interval: str
    plugin: str
    status: str
    meaning: str
    details: str


@dataclass(frozen=True, slots=True)
class Row:
    """One measure over all representations; None where it was not computed."""

    name: str
    unit: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """What one measure means here, and for which representations."""

    name: str
    text: str
    unit: str
    correction: str
    interval: str
    samples: str
    source: str


@dataclass(frozen=True, slots=True)
class Growth:
    """Effective rank of n of the rows, as text."""

    label: str
    n: str
    plugin: str
    value: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened to a representation on the way."""

    where: str
    text: str


_CORRECTIONS = {
    "lev": "leverage-corrected",
    "jackknife": "jackknife-corrected",
    "unbiased": "unbiased",
    "leading": "leading-eigenvalue shift",
    "none": "as computed",
}
_INTERVALS = {
    "full": "delete-group jackknife",
    "fast": "group influence",
    "none": "no interval",
}


def measure_rows(catalogue: Catalogue) -> list[Row]:
    """The table of all measures."""
    return [_row(catalogue, name) for name in measure_names(catalogue.columns)]


def statuses(catalogue: Catalogue) -> list[tuple[str, str]]:
    """Each status other than ok on this page, with its meaning."""
    found = dict.fromkeys(e.status for c in catalogue.columns for e in c.representation.estimates.values())
    return [(str(s.value), wording.STATUS_WORDS[s]) for s in found if s is not Status.OK]


def confidences(catalogue: Catalogue) -> str:
    """The confidence of the intervals on this page: `95%`."""
    found = {
        estimate.confidence
        for column in catalogue.columns
        for estimate in column.representation.estimates.values()
        if estimate.low is not None or estimate.high is not None
    }
    return " or ".join(wording.percent(one) for one in sorted(found)) or "95%"


def definitions(catalogue: Catalogue) -> list[Definition]:
    """Every measure with its definition, unit, correction and interval; once for each that differs."""
    grouped: dict[tuple[str, str, str], list[tuple[Column, Estimate]]] = {}
    for column in catalogue.columns:
        for name, estimate in column.representation.estimates.items():
            grouped.setdefault((name, estimate.definition, estimate.unit), []).append((column, estimate))
    order = {name: i for i, name in enumerate(measure_names(catalogue.columns))}
    keys = sorted(grouped, key=lambda key: order[key[0]])
    return [_definition(*key, grouped[key]) for key in keys]


def growth(catalogue: Catalogue) -> list[Growth]:
    """What the figure of effective rank against n draws, for pages without scripts."""
    return [
        Growth(
            catalogue.label(column),
            f"{point.n:,}",
            wording.number(point.plugin),
            "not computed" if point.value is None else wording.number(point.value),
        )
        for column in catalogue.columns
        for point in column.representation.rank_curve
    ]


def notes(catalogue: Catalogue) -> list[Note]:
    """Dropped rows, rogue coordinates and remarks of each representation."""
    return [Note(catalogue.label(c), text) for c in catalogue.columns for text in _remarks(c)]


def left_out(results: Sequence[Results]) -> str:
    """A sentence about records that this page does not draw; nothing when there are none."""
    paths = sum(not path.points for result in results for path in result.trajectories)
    if not paths:
        return ""
    held = wording.count(paths, "information-plane trajectory", "information-plane trajectories")
    return f"Also in the results, not drawn on this page: {held}."


def _row(catalogue: Catalogue, name: str) -> Row:
    estimates = [column.representation.estimates.get(name) for column in catalogue.columns]
    unit = next((estimate.unit for estimate in estimates if estimate and estimate.unit), "")
    return Row(name, unit, tuple(cell(estimate) if estimate else None for estimate in estimates))


def cell(estimate: Estimate) -> Cell:
    """One estimate as text; the textbook figure only where it differs."""
    value, plugin = wording.number(estimate.value), wording.number(estimate.plugin)
    return Cell(
        value=value,
        interval=wording.interval(estimate.low, estimate.high),
        plugin="" if estimate.plugin is None or plugin == value else plugin,
        status=wording.status_word(estimate.status),
        meaning=wording.STATUS_WORDS[estimate.status],
        details=wording.details(estimate),
    )


def _definition(name: str, text: str, unit: str, held: Sequence[tuple[Column, Estimate]]) -> Definition:
    estimates = [estimate for _, estimate in held]
    return Definition(
        name=name,
        text=text,
        unit=unit,
        correction=_joined(_CORRECTIONS[one.correction] for one in estimates if one.value is not None),
        interval=_joined(_method(one) for one in estimates if one.value is not None),
        samples=_samples([column for column, _ in held]),
        source=str(estimates[0].details.get("cite", "")),
    )


def _method(estimate: Estimate) -> str:
    method = _INTERVALS[estimate.interval_method.value]
    none = estimate.interval_method is IntervalMethod.NONE
    return method if none else f"{method}, {wording.percent(estimate.confidence)}"


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(texts)) or "no figure"


def _samples(columns: Sequence[Column]) -> str:
    counts = sorted({column.representation.n for column in columns})
    if len(counts) > 4:
        return f"n = {counts[0]:,} to {counts[-1]:,}"
    return "n = " + ", ".join(f"{n:,}" for n in counts)


def _remarks(column: Column) -> Iterator[str]:
    one = column.representation
    if one.dropped:
        rows = wording.count(one.dropped, "row")
        yield f"{rows} with infinite or missing values left out; {one.n:,} used."
    for rogue in one.rogue_features:
        yield f"Coordinate {rogue.index} alone carries {wording.percent(rogue.share)} of the variance."
    yield from one.notes
