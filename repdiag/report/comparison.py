"""The table of a comparison as records for the template: one for each view and layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from repdiag.report import wording
from repdiag.results import DIFFERENCE, RATIO, Estimate, Pair, Results, seen

SIGNS = {RATIO: "B/A", DIFFERENCE: "B − A"}


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of both sides and what was seen of its change; `tone` names the colour of the word."""

    name: str
    a: str
    b: str
    sign: str
    change: str
    interval: str
    word: str
    tone: str
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two representations with the same view and layer."""

    title: str
    a: str
    b: str
    pairing: str
    n: int
    lines: tuple[Line, ...]


def is_comparison(result: Results) -> bool:
    """Whether the pairs of a result are drawn as comparisons."""
    return result.command == "compare"


def comparisons(results: Sequence[Results]) -> list[Comparison]:
    """Every compared pair on the page."""
    return [_comparison(pair) for result in results if is_comparison(result) for pair in result.pairs]


def remarks(results: Sequence[Results]) -> list[str]:
    """What the comparisons left out or took for granted."""
    held = [result.source.get("notes") for result in results if is_comparison(result)]
    return list(dict.fromkeys(str(note) for notes in held if isinstance(notes, list) for note in notes))


def _comparison(pair: Pair) -> Comparison:
    pairings = dict.fromkeys(str(one.details.get("pairing", "")) for one in pair.estimates.values())
    return Comparison(
        title=pair.x.layer if pair.x.view == "base" else f"{pair.x.view} · {pair.x.layer}",
        a=pair.x.checkpoint,
        b=pair.y.checkpoint,
        pairing="; ".join(filter(None, pairings)),
        n=pair.n,
        lines=tuple(_line(name, estimate) for name, estimate in pair.estimates.items()),
    )


def _line(name: str, estimate: Estimate) -> Line:
    a, b = (estimate.details.get(side) for side in ("a", "b"))
    word = seen(estimate)
    return Line(
        name=name,
        a=wording.number(a if isinstance(a, int | float) else None),
        b=wording.number(b if isinstance(b, int | float) else None),
        sign=SIGNS.get(estimate.unit, estimate.unit),
        change=wording.number(estimate.value),
        interval=wording.interval(estimate.low, estimate.high),
        word=word,
        tone="changed"
        if word in ("lower", "higher")
        else "quiet"
        if estimate.value is not None
        else "status",
        reason=str(estimate.details.get("reason", "")),
    )
