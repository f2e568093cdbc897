"""Ranks and entropies from input to output, and the first layer that loses half of what it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from repdiag.report.catalogue import Catalogue, Column, measure_names
from repdiag.report.curves import Trace
from repdiag.report.figures import points
from repdiag.results import Estimate

UNITS = ("dimensions", "nats")
LOSS = 0.5
"""A layer loses rank when less than this share of what could pass is left, intervals apart."""


def depth_traces(catalogue: Catalogue) -> list[Trace]:
    """Every measure in dimensions or nats over the layers: a line for each result, checkpoint and view.

    `meta.lost` is the place in the line of the first layer that loses rank, or None.
    """
    lines = _lines(catalogue)
    names = [name for name in measure_names(catalogue.columns) if _unit(catalogue, name) in UNITS]
    return [
        _trace(having, name, _unit(catalogue, name))
        for name in names
        for line in lines
        if len(having := [one for one in line if name in one.representation.estimates]) > 1
    ]


def depth_choices(figures: Mapping[str, Any]) -> list[str]:
    """The measures that the figure can show."""
    return list(dict.fromkeys(trace["meta"]["measure"] for trace in figures["depth"]))


def first_loss(estimates: Sequence[Estimate], widths: Sequence[int]) -> int | None:
    """Place of the first layer whose upper end is below LOSS of what could pass; None where there is none.

    What could pass is the largest lower end of the layers before, but no more than the layer has features.
    """
    most = 0.0
    for place, (estimate, d) in enumerate(zip(estimates, widths, strict=True)):
        low, high = _ends(estimate)
        if high is not None and high < LOSS * min(most, d):
            return place
        most = max(most, low or 0.0)
    return None


def _ends(estimate: Estimate) -> tuple[float | None, float | None]:
    value = estimate.value
    return (
        value if estimate.low is None else estimate.low,
        value if estimate.high is None else estimate.high,
    )


def _lines(catalogue: Catalogue) -> list[list[Column]]:
    def line(column: Column) -> tuple[str, str, str]:
        return column.names["run"], column.names["checkpoint"], column.names["view"]

    grouped = [list(group) for _, group in groupby(sorted(catalogue.columns, key=line), key=line)]
    order = {name: place for place, name in enumerate(catalogue.values["layer"])}
    deep = [sorted(group, key=lambda one: order[one.names["layer"]]) for group in grouped if len(group) > 1]
    return sorted(deep, key=lambda group: group[0].index)


def _unit(catalogue: Catalogue, name: str) -> str:
    found = (one.representation.estimates.get(name) for one in catalogue.columns)
    return next((estimate.unit for estimate in found if estimate), "")


def _trace(columns: Sequence[Column], name: str, unit: str) -> Trace:
    trace: Trace = {"type": "scatter", "mode": "lines+markers", **points(columns, name)}
    estimates = [column.representation.estimates[name] for column in columns]
    widths = [column.representation.d for column in columns]
    lost = first_loss(estimates, widths) if unit == "dimensions" else None
    trace["meta"] |= {"measure": name, "unit": unit, "lost": lost}
    return trace
