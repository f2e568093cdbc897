"""Every measure of all pairs as a figure: a map of layers or checkpoints, or bars of unrelated pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repdiag.report import wording
from repdiag.report.clustering import leaf_order
from repdiag.report.curves import Trace
from repdiag.report.figures import SHORT, plot_text
from repdiag.report.information import NORMALISED, node, pairs_of
from repdiag.report.thinning import MAX_FIGURE_POINTS, short
from repdiag.results import Estimate, Pair, Results

PARTS = ("checkpoint", "view", "layer")
HEADLINE = "renyi_mi"


def pair_traces(results: Sequence[Results]) -> list[Trace]:
    """A figure for each measure of two pairs or more, the headline first; as many as there is room for.

    Bars where each pair has representations of its own, else a map. A map holds one half of a symmetric
    square as columns; `meta.order` puts like beside like.
    """
    pairs = pairs_of(results)
    made = [_trace(drawn, name) for name in _names(pairs) if len(drawn := _having(pairs, name)) > 1]
    room = max(1, MAX_FIGURE_POINTS // max(1, len(pairs)))
    return made[:room]


def pair_choices(figures: Mapping[str, Any]) -> list[str]:
    """The measures that the figure can show."""
    return [trace["meta"]["measure"] for trace in figures["information"]]


@dataclass(frozen=True, slots=True)
class Shown:
    """Which figure is drawn: of `measure`, its normalised form where every pair has one."""

    measure: str
    normalised: bool
    unit: str

    def height(self, estimate: Estimate) -> float | None:
        if not self.normalised:
            return short(estimate.value)
        found = estimate.details.get(NORMALISED)
        return short(float(found)) if isinstance(found, int | float) else None

    @property
    def meta(self) -> dict[str, Any]:
        title = f"{self.measure}, normalised: 0 shuffled, 1 itself" if self.normalised else self.measure
        unit = "" if self.normalised else self.unit
        return {"measure": self.measure, "title": plot_text(title, 80), "unit": plot_text(unit)}


def _names(pairs: Sequence[Pair]) -> list[str]:
    names = dict.fromkeys(name for pair in pairs for name in pair.estimates)
    return sorted(names, key=lambda name: name != HEADLINE)


def _having(pairs: Sequence[Pair], name: str) -> list[Pair]:
    return [pair for pair in pairs if name in pair.estimates]


def _trace(pairs: Sequence[Pair], name: str) -> Trace:
    estimates = [pair.estimates[name] for pair in pairs]
    normalised = all(NORMALISED in estimate.details for estimate in estimates)
    shown = Shown(name, normalised, estimates[0].unit)
    ends = [node(place) for pair in pairs for place in (pair.x, pair.y)]
    nodes = list(dict.fromkeys(ends))
    drawn = _map(pairs, nodes, shown) if len(nodes) < len(ends) else _bars(pairs, ends, shown)
    return drawn | {"customdata": [_hover(one, pair.n) for one, pair in zip(estimates, pairs, strict=True)]}


def _map(pairs: Sequence[Pair], nodes: Sequence[tuple[str, ...]], shown: Shown) -> Trace:
    at = {each: i for i, each in enumerate(nodes)}
    x, y = [at[node(pair.x)] for pair in pairs], [at[node(pair.y)] for pair in pairs]
    z = [shown.height(pair.estimates[shown.measure]) for pair in pairs]
    order = leaf_order(len(nodes), zip(x, y, z, strict=True))
    meta = {**shown.meta, "labels": _labels(nodes), "order": order}
    return {"type": "heatmap", "x": x, "y": y, "z": z, "meta": meta}


def _bars(pairs: Sequence[Pair], ends: Sequence[tuple[str, ...]], shown: Shown) -> Trace:
    labels = _labels(ends)
    named = [f"{a} × {b}" for a, b in zip(labels[::2], labels[1::2], strict=True)]
    return {
        "type": "bar",
        "orientation": "h",
        "x": [shown.height(pair.estimates[shown.measure]) for pair in pairs],
        "y": list(range(len(pairs))),
        "meta": {**shown.meta, "labels": named},
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
    varying = [i for i in range(len(PARTS)) if len({each[i] for each in nodes}) > 1] or [len(PARTS) - 1]
    return [" · ".join(plot_text(each[i], SHORT) for i in varying) for each in nodes]
