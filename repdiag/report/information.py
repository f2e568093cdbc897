"""Pairs of an information result as records for the template, and as one figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from repdiag.report import wording
from repdiag.report.contrast import ContrastCurve, contrast_curves
from repdiag.report.curves import Trace
from repdiag.report.figures import SHORT, plot_text
from repdiag.results import Estimate, Pair, Place, Results
from repdiag.types import Status

PARTS = ("checkpoint", "view", "layer")
HEADLINE = "renyi_mi"
NORMALISED = "normalised"

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
    return [_table(pair) for pair in _pairs(results)[:MOST_TABLES]]


def summary(results: Sequence[Results]) -> list[str]:
    """`10 pairs`, `n = 1,500`: for a page that has nothing but pairs."""
    pairs = _pairs(results)
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
    found = {name: each.definition for pair in _pairs(results) for name, each in pair.estimates.items()}
    return [_meaning(name, definition, texts.get(name)) for name, definition in found.items()]


def remarks(results: Sequence[Results]) -> list[str]:
    """What was left out or taken for granted."""
    held = [result.source.get("notes") for result in results if is_information(result)]
    told = list(dict.fromkeys(str(note) for notes in held if isinstance(notes, list) for note in notes))
    more = len(_pairs(results)) - MOST_TABLES
    rest = [f"{wording.count(more, 'more pair')} of the results without a table here"]
    return told + rest if more > 0 else told


def pair_traces(results: Sequence[Results]) -> list[Trace]:
    """The headline measure of all pairs: bars where each has representations of its own, else a map.

    Nothing for a single pair.
    """
    pairs = _pairs(results)
    name = _headline(pairs)
    drawn = [pair for pair in pairs if name in pair.estimates]
    if len(drawn) < 2:
        return []
    places = [place for pair in drawn for place in (pair.x, pair.y)]
    nodes = list(dict.fromkeys(_node(place) for place in places))
    shown = _shown(drawn, name)
    return [_map(drawn, nodes, shown)] if len(nodes) < len(places) else [_bars(drawn, shown)]


@dataclass(frozen=True, slots=True)
class Shown:
    """Which figure is drawn: of `measure`, its normalised form where every pair has one."""

    measure: str
    normalised: bool
    unit: str

    def height(self, estimate: Estimate) -> float | None:
        if not self.normalised:
            return estimate.value
        found = estimate.details.get(NORMALISED)
        return float(found) if isinstance(found, int | float) else None

    @property
    def meta(self) -> dict[str, Any]:
        title = f"{self.measure}, normalised: 0 shuffled, 1 itself" if self.normalised else self.measure
        return {"title": plot_text(title, 80), "unit": plot_text("" if self.normalised else self.unit)}


def _shown(pairs: Sequence[Pair], name: str) -> Shown:
    estimates = [pair.estimates[name] for pair in pairs]
    return Shown(name, all(NORMALISED in one.details for one in estimates), estimates[0].unit)


def _map(pairs: Sequence[Pair], nodes: Sequence[tuple[str, ...]], shown: Shown) -> Trace:
    """A symmetric square; empty where a pair was not measured."""
    at, labels = {node: i for i, node in enumerate(nodes)}, _labels(nodes)
    heights: list[list[float | None]] = [[None] * len(nodes) for _ in nodes]
    texts = [[""] * len(nodes) for _ in nodes]
    for pair in pairs:
        i, j = at[_node(pair.x)], at[_node(pair.y)]
        estimate = pair.estimates[shown.measure]
        heights[i][j] = heights[j][i] = shown.height(estimate)
        texts[i][j] = texts[j][i] = f"{labels[i]} × {labels[j]}<br>{_hover(estimate, pair.n)}"
    return {
        "type": "heatmap",
        "x": list(range(len(nodes))),
        "y": list(range(len(nodes))),
        "z": heights,
        "customdata": texts,
        "meta": {**shown.meta, "labels": labels},
    }


def _bars(pairs: Sequence[Pair], shown: Shown) -> Trace:
    nodes = [_node(place) for pair in pairs for place in (pair.x, pair.y)]
    labels = _labels(nodes)
    estimates = [pair.estimates[shown.measure] for pair in pairs]
    return {
        "type": "bar",
        "orientation": "h",
        "x": [shown.height(estimate) for estimate in estimates],
        "y": list(range(len(pairs))),
        "customdata": [_hover(each, pair.n) for each, pair in zip(estimates, pairs, strict=True)],
        "meta": {
            **shown.meta,
            "labels": [f"{a} × {b}" for a, b in zip(labels[::2], labels[1::2], strict=True)],
        },
    }


def _hover(estimate: Estimate, n: int) -> str:
    null = estimate.details.get("null")
    parts = [
        f"{wording.plain(estimate)} {estimate.unit}".strip(),
        f"shuffled {wording.number(null)}" if isinstance(null, int | float) else "",
        f"n = {n:,}",
    ]
    return "<br>".join(plot_text(part, 80) for part in parts if part)


def _labels(nodes: Sequence[tuple[str, ...]]) -> list[str]:
    """The parts of each address that differ among them."""
    varying = [i for i in range(len(PARTS)) if len({node[i] for node in nodes}) > 1] or [len(PARTS) - 1]
    return [" · ".join(plot_text(node[i], SHORT) for i in varying) for node in nodes]


def _headline(pairs: Sequence[Pair]) -> str:
    names = list(dict.fromkeys(name for pair in pairs for name in pair.estimates))
    return HEADLINE if HEADLINE in names else next(iter(names), "")


def _pairs(results: Sequence[Results]) -> list[Pair]:
    return [pair for result in results if is_information(result) for pair in result.pairs]


def _node(place: Place) -> tuple[str, ...]:
    return place.checkpoint, place.view, place.layer


def _table(pair: Pair) -> PairTable:
    return PairTable(
        x=" / ".join(_node(pair.x)),
        y=" / ".join(_node(pair.y)),
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
