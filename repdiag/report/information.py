"""Pairs of an information result as records for the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from repdiag.report import wording
from repdiag.report.contrast import ContrastCurve, contrast_curves
from repdiag.results import Estimate, Pair, Place, Results
from repdiag.types import Status

NORMALISED = "normalised"
"""Detail of an estimate: 0 at its null, 1 at the information of a view with itself."""

MOST_TABLES = 40
"""Pairs with a table; all of them are in the figure and in the JSON of the page."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure of one pair."""

    name: str
    unit: str
    value: str
    interval: str
    plugin: str
    null: str
    own: str
    normalised: str
    word: str
    details: str


@dataclass(frozen=True, slots=True)
class PairTable:
    """Every figure of one pair."""

    x: str
    y: str
    n: int
    bandwidths: str
    curves: tuple[ContrastCurve, ...]
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one measure is, says and cannot say."""

    name: str
    definition: str
    says: str
    cannot: str
    source: str


def is_information(result: Results) -> bool:
    """Whether the pairs of a result are drawn here."""
    return result.command == "information"


def rest_of_source(result: Results) -> dict[str, JsonValue]:
    """The source without what this section shows."""
    shown = ("measures", "notes") if is_information(result) else ()
    return {name: value for name, value in result.source.items() if name not in shown}


def pair_tables(results: Sequence[Results]) -> list[PairTable]:
    """A table for each of the first pairs."""
    return [_table(pair) for pair in pairs_of(results)[:MOST_TABLES]]


def summary(results: Sequence[Results]) -> list[str]:
    """`10 pairs`, `n = 1,500`: for a page that has nothing but pairs."""
    pairs = pairs_of(results)
    sizes = sorted({pair.n for pair in pairs})
    if not pairs:
        return []
    span = f"n = {sizes[0]:,}" if len(sizes) == 1 else f"n = {sizes[0]:,} to {sizes[-1]:,}"
    return [wording.count(len(pairs), "pair"), span]


def meanings(results: Sequence[Results]) -> list[Meaning]:
    """Every measure on the page once, with what it can and cannot mean."""
    texts: dict[str, JsonValue] = {}
    for result in filter(is_information, results):
        held = result.source.get("measures")
        texts |= held if isinstance(held, dict) else {}
    found = {name: each.definition for pair in pairs_of(results) for name, each in pair.estimates.items()}
    return [_meaning(name, definition, texts.get(name)) for name, definition in found.items()]


def remarks(results: Sequence[Results]) -> list[str]:
    """What was left out or taken for granted."""
    held = [result.source.get("notes") for result in results if is_information(result)]
    told = list(dict.fromkeys(str(note) for notes in held if isinstance(notes, list) for note in notes))
    more = len(pairs_of(results)) - MOST_TABLES
    rest = [f"{wording.count(more, 'more pair')} of the results without a table here"]
    return told + rest if more > 0 else told


def pairs_of(results: Sequence[Results]) -> list[Pair]:
    """Every pair of the page."""
    return [pair for result in results if is_information(result) for pair in result.pairs]


def node(place: Place) -> tuple[str, ...]:
    """Its checkpoint, view and layer."""
    return place.checkpoint, place.view, place.layer


def _table(pair: Pair) -> PairTable:
    return PairTable(
        x=" / ".join(node(pair.x)),
        y=" / ".join(node(pair.y)),
        n=pair.n,
        bandwidths=_bandwidths(pair.estimates),
        curves=contrast_curves(pair.estimates),
        readings=tuple(_reading(name, estimate) for name, estimate in pair.estimates.items()),
    )


def _reading(name: str, estimate: Estimate) -> Reading:
    plugin = wording.number(estimate.plugin)
    own = [_detail(estimate, side) for side in ("self_x", "self_y")]
    known = [one for one in own if one is not None]
    told = ("reason", "no_interval", "warning")
    return Reading(
        name=name,
        unit=estimate.unit,
        value=wording.number(estimate.value),
        interval=wording.interval(estimate.low, estimate.high),
        plugin="" if estimate.plugin is None or plugin == wording.number(estimate.value) else plugin,
        null=wording.number(_detail(estimate, "null")),
        own=wording.number(min(known, default=None)),
        normalised=wording.number(_detail(estimate, NORMALISED)),
        word="" if estimate.status is Status.OK else str(estimate.status.value),
        details="; ".join(str(estimate.details[each]) for each in told if each in estimate.details),
    )


def _detail(estimate: Estimate, name: str) -> float | None:
    found = estimate.details.get(name)
    return float(found) if isinstance(found, int | float) else None


def _bandwidths(estimates: Mapping[str, Estimate]) -> str:
    """Bandwidth and mean kernel of both views; nothing where no kernel was used."""
    held = next((one for one in estimates.values() if "bandwidth_x" in one.details), None)
    if held is None:
        return ""
    views = (
        f"{name} {wording.number(_detail(held, f'bandwidth_{name}'))} "
        f"(mean kernel {wording.number(_detail(held, f'mean_kernel_{name}'))})"
        for name in "xy"
    )
    return f"bandwidth {', '.join(views)}"


def _meaning(name: str, definition: str, texts: JsonValue) -> Meaning:
    held = texts if isinstance(texts, dict) else {}
    says, cannot, cite = (str(held.get(part, "")) for part in ("says", "cannot", "cite"))
    return Meaning(name, definition, says, cannot, cite)
