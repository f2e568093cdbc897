"""Effective rank by class: points with intervals, and a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from repdiag.report import wording
from repdiag.report.catalogue import Catalogue, Column, spread
from repdiag.report.curves import Trace
from repdiag.report.figures import SHORT, plot_text
from repdiag.report.thinning import short
from repdiag.results import ClassRank, ClassRanks

MOST_REPRESENTATIONS, MOST_LINES = 12, 10
"""Representations in the table, and classes of each: the lowest ones."""


@dataclass(frozen=True, slots=True)
class ClassLine:
    """One class of one representation."""

    name: str
    n: str
    rank: str
    interval: str
    status: str


@dataclass(frozen=True, slots=True)
class ClassTable:
    """The lowest classes of one representation; `more` are not listed."""

    label: str
    lines: tuple[ClassLine, ...]
    more: int


def class_traces(catalogue: Catalogue) -> list[Trace]:
    """One set of points for each representation, classes from the lowest rank to the highest."""
    return [_trace(column, found) for column, found in _held(catalogue.columns)]


def class_tables(catalogue: Catalogue) -> list[ClassTable]:
    """What stands without scripts; evenly spread where representations are many."""
    held = spread([column for column, _ in _held(catalogue.columns)], MOST_REPRESENTATIONS)
    return [_table(catalogue.label(column), found) for column, found in _held(held)]


def class_definitions(catalogue: Catalogue) -> list[str]:
    """How the ranks on the page were computed, and at which confidence."""
    found = [one for _, one in _held(catalogue.columns)]
    return list(
        dict.fromkeys(f"{one.definition}; {wording.percent(one.confidence)} intervals" for one in found)
    )


def _held(columns: Sequence[Column]) -> list[tuple[Column, ClassRanks]]:
    return [(column, found) for column in columns if (found := column.representation.class_ranks)]


def _trace(column: Column, found: ClassRanks) -> Trace:
    up, down = zip(*(_arms(one) for one in found.ranks), strict=True) if found.ranks else ((), ())
    return {
        "type": "scatter",
        "mode": "markers",
        "x": list(range(len(found.ranks))),
        "y": [short(one.value) for one in found.ranks],
        "error_y": {"type": "data", "symmetric": False, "array": list(up), "arrayminus": list(down)},
        "meta": {
            "rep": column.index,
            "names": [plot_text(one.name, SHORT) for one in found.ranks],
            "sizes": [one.n for one in found.ranks],
            "classes": found.classes,
        },
    }


def _arms(one: ClassRank) -> tuple[float | None, float | None]:
    if one.value is None or one.low is None or one.high is None:
        return None, None
    return short(max(0.0, one.high - one.value)), short(max(0.0, one.value - one.low))


def _table(label: str, found: ClassRanks) -> ClassTable:
    lines = tuple(
        ClassLine(
            name=one.name,
            n=f"{one.n:,}",
            rank=wording.number(one.value),
            interval=wording.interval(one.low, one.high),
            status=wording.status_word(one.status),
        )
        for one in found.ranks[:MOST_LINES]
    )
    return ClassTable(label, lines, found.classes - len(lines))
