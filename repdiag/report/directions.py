"""Samples behind a direction: what the template says of each representation that has some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from repdiag.report import wording
from repdiag.report.catalogue import Catalogue, Column, spread
from repdiag.results import Direction, Repeated, SampleScore, ShownSamples

MOST_SHOWN = 24
MOST_DIRECTIONS, LEAST_DIRECTIONS = 48, 2
"""Representations on a page, their directions in all, and those of each at least: the rest is in the JSON."""


@dataclass(frozen=True, slots=True)
class ShownSample:
    """A sample with its score as text, and what else is known of it."""

    score: str
    id: str
    more: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownDirection:
    """A direction by its rank, its share of the variance, and the samples at each of its ends by name."""

    rank: int
    share: str
    ends: tuple[tuple[str, tuple[ShownSample, ...]], ...]


@dataclass(frozen=True, slots=True)
class RepeatedRows:
    """A set of equal rows; `others` are more than the ids listed."""

    rows: str
    ids: tuple[str, ...]
    others: int


@dataclass(frozen=True, slots=True)
class Behind:
    """One representation: `index` is its place among all of the page.

    `in_json` counts the directions that only the results hold, `left_out` those that not even they do.
    """

    index: int
    label: str
    n: str
    directions: tuple[ShownDirection, ...]
    in_json: int
    left_out: int
    leverage: tuple[ShownSample, ...]
    leverage_sum: str
    repeated: tuple[RepeatedRows, ...]
    repeats: str
    definition: str


def behind(catalogue: Catalogue) -> list[Behind]:
    """The representations whose samples the results hold, evenly spread where they are many."""
    held = spread([column for column in catalogue.columns if column.representation.shown_samples], MOST_SHOWN)
    most = max(LEAST_DIRECTIONS, MOST_DIRECTIONS // max(1, len(held)))
    return [
        _behind(catalogue, column, found, most)
        for column in held
        if (found := column.representation.shown_samples)
    ]


def most_directions(sections: Sequence[Behind]) -> int:
    """How many directions the picker offers."""
    return max((len(one.directions) for one in sections), default=0)


def _behind(catalogue: Catalogue, column: Column, found: ShownSamples, most: int) -> Behind:
    return Behind(
        index=column.index,
        label=catalogue.label(column),
        n=f"{found.n:,}",
        directions=tuple(_direction(i + 1, one) for i, one in enumerate(found.directions[:most])),
        in_json=max(0, len(found.directions) - most),
        left_out=found.left_out,
        leverage=tuple(_sample(one, wording.percent(float(f"{one.score:.3g}"))) for one in found.leverage),
        leverage_sum=wording.percent(float(f"{sum(one.score for one in found.leverage):.3g}")),
        repeated=tuple(_repeated(one) for one in found.repeated),
        repeats=wording.count(found.repeats, "row equals", "rows equal") if found.repeats else "",
        definition=found.definition,
    )


def _direction(rank: int, one: Direction) -> ShownDirection:
    ends = (("Low end", one.low), ("High end", one.high))
    shown = tuple(
        (name, tuple(_sample(each, wording.number(each.score)) for each in samples)) for name, samples in ends
    )
    return ShownDirection(rank, wording.percent(float(f"{one.share:.3g}")), shown)


def _sample(one: SampleScore, score: str) -> ShownSample:
    known = {"label": one.label, "group": None if one.group == one.id else one.group}
    more = ", ".join(f"{name} {value}" for name, value in known.items() if value is not None)
    return ShownSample(score, one.id, more, one.text or "")


def _repeated(one: Repeated) -> RepeatedRows:
    return RepeatedRows(f"{one.rows:,}", tuple(one.ids), max(0, one.rows - len(one.ids)))
