"""The samples at the ends of the leading directions, those of highest leverage, and rows that repeat."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repdiag.analysis.frame import SampleFrame
from repdiag.analysis.leading import LeadingWatch
from repdiag.results import Direction, Repeated, SampleScore, ShownSamples
from repdiag.stats.rowtests import Real
from repdiag.store import RepresentationInfo
from repdiag.text import printable
from repdiag.types import Address

MOST_SHOWN = 12
"""Representations whose samples are shown."""

AT_EACH_END = 8
HIGHEST = 12
MOST_REPEATED, IDS_OF_REPEATED = 20, 4
"""Samples at each end of a direction, those of highest leverage, sets of equal rows and ids of each."""

ID_LETTERS, TEXT_LETTERS = 80, 120
SHOWN_BYTES = 64 << 10
"""What all of it may take in the JSON of one representation; directions are left out beyond that."""

TEXT = "text"
"""The sample column that is shown as what a sample says."""

DEFINITION = (
    "Score: projection of the centred row on the direction, in standard deviations; leverage: sum of squared "
    "scores over these directions, as a share of that of all rows; equal rows: bit for bit"
)

Index = NDArray[np.int64]
Scores = NDArray[np.float32]
Name = Callable[[int, float], SampleScore]


def to_show(chosen: Sequence[RepresentationInfo]) -> frozenset[Address]:
    """The representations of the last checkpoint; of more than a dozen some, evenly spread."""
    last = [info.address for info in chosen if info.address.checkpoint == chosen[-1].address.checkpoint]
    if len(last) <= MOST_SHOWN:
        return frozenset(last)
    return frozenset(last[round(i * (len(last) - 1) / (MOST_SHOWN - 1))] for i in range(MOST_SHOWN))


def shown_samples(frame: SampleFrame, watch: LeadingWatch) -> ShownSamples:
    """What the finite rows of a watched pass show, within the budget of bytes."""
    places = np.flatnonzero(watch.usable)
    scores = watch.scores()
    name = _namer(frame)
    repeated, repeats = _repeated(watch.hashes, places, frame)
    found = ShownSamples(
        n=len(places),
        directions=_directions(scores, watch.shares, places, name),
        leverage=_leverage(scores, places, name),
        repeated=repeated,
        repeats=repeats,
        definition=DEFINITION,
    )
    return within_budget(found)


def within_budget(found: ShownSamples, most: int = SHOWN_BYTES) -> ShownSamples:
    """The same with as many leading directions as the bytes allow; the others are counted."""
    while found.directions and _bytes(found) > most:
        left_out = found.left_out + 1
        found = found.model_copy(update={"directions": found.directions[:-1], "left_out": left_out})
    return found


def _bytes(found: ShownSamples) -> int:
    """Size in a result's JSON, where it stands three levels deep."""
    text = json.dumps(found.model_dump(mode="json"), ensure_ascii=False, indent=1)
    return len(text.encode()) + 3 * text.count("\n")


def _directions(scores: Scores, shares: Real, places: Index, name: Name) -> list[Direction]:
    return [
        Direction(
            share=float(share),
            low=[name(int(places[i]), float(column[i])) for i in _furthest(column)],
            high=[name(int(places[i]), float(column[i])) for i in _furthest(-column)],
        )
        for share, column in zip(shares, scores.T, strict=False)
    ]


def _leverage(scores: Scores, places: Index, name: Name) -> list[SampleScore]:
    """Samples with the largest share of the leverage, largest first."""
    leverage = np.einsum("ij,ij->i", scores, scores).astype(np.float64)
    total = leverage.sum()
    if not total > 0:
        return []
    highest = _furthest(-leverage, HIGHEST)
    return [name(int(places[i]), float(leverage[i] / total)) for i in highest]


def _furthest(values: NDArray[np.floating[Any]], most: int = AT_EACH_END) -> Index:
    """Positions of the smallest values, ascending; equal ones in their order."""
    most = min(most, len(values))
    # All that tie with the last one take part, so that the answer does not hang on the partition.
    limit = np.partition(values, most - 1)[most - 1] if most else 0.0
    near = np.flatnonzero(values <= limit)
    return near[np.argsort(values[near], kind="stable")[:most]]


def _repeated(hashes: NDArray[np.uint64], places: Index, frame: SampleFrame) -> tuple[list[Repeated], int]:
    """The largest sets of equal rows, and how many rows equal an earlier one."""
    order = np.argsort(hashes[places], kind="stable")
    ordered = hashes[places][order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(ordered) else order
    sizes = np.diff(np.append(starts, len(ordered)))
    several = np.flatnonzero(sizes > 1)
    first = places[order[starts[several]]]
    largest = several[np.lexsort((first, -sizes[several]))[:MOST_REPEATED]]
    sets = [places[order[starts[i] : starts[i] + min(sizes[i], IDS_OF_REPEATED)]] for i in largest]
    found = [
        Repeated(rows=int(sizes[i]), ids=[_short(frame.store.ids[int(place)]) for place in some])
        for i, some in zip(largest, sets, strict=True)
    ]
    return found, int((sizes - 1).sum())


def _namer(frame: SampleFrame) -> Name:
    """From a place in the store and a score to the sample as it is shown."""
    columns = {name: frame.store.column(name) for name in ("label", "group", TEXT)}
    limits = {TEXT: TEXT_LETTERS}

    def name(place: int, score: float) -> SampleScore:
        own = {
            key: _short(column[place], limits.get(key, ID_LETTERS))
            for key, column in columns.items()
            if column is not None
        }
        return SampleScore(id=_short(frame.store.ids[place]), score=float(f"{score:.5g}"), **own)

    return name


def _short(value: object, letters: int = ID_LETTERS) -> str:
    """Printable; long texts lose their middle: of a path both ends tell something."""
    text = printable(value, 100 * letters)
    if len(text) <= letters:
        return text
    return f"{text[: letters // 2 - 1]}…{text[len(text) - letters // 2 :]}"
