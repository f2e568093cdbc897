"""Every measure, from the three registries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from reference_parts import markdown as md
from repdiag.commands._measures import measures_document
from repdiag.measures.declaration import Declaration
from repdiag.measures.pair_registry import PairMeasure, all_pair_measures
from repdiag.measures.plane_registry import PlaneEstimator, all_estimators
from repdiag.measures.registry import Selection, all_measures

GROUPS = {
    "One representation": ("`repdiag spectrum` measures these", all_measures),
    "Two representations": ("`repdiag information` measures these", all_pair_measures),
    "The information plane": ("`repdiag plane` measures these", all_estimators),
}
CORRECTIONS = {
    "lev": "leverage inversion: the value is read from the population's spectrum, not the sample's",
    "jackknife": "jackknife over groups",
    "unbiased": "unbiased estimators of both moments",
    "leading": "the shift of the leading eigenvalue is taken off",
    "none": "none",
}
"""What a declared correction does."""


def page() -> str:
    """Every measure: at a glance, then each in full."""
    parts = [
        "`repdiag measures NAME` prints the same. Where a correction is declared, `value` is the corrected "
        "figure and `plugin` the textbook one; [Methods](../methods.md) derives both, and the intervals.",
    ]
    for title, (lead, registry) in GROUPS.items():
        parts += _group(title, lead, registry())
    return md.page("Measures", parts)


def _group(title: str, lead: str, registry: Mapping[str, Any]) -> Iterator[str]:
    found = [(item, _record(item)) for item in registry.values()]
    yield f"## {title}"
    yield f"{lead}."
    rows = [
        (f"[{r['name']}](#{r['name']})", md.prose(r["summary"]), r["unit"] or "none", _range(r))
        for _, r in found
    ]
    yield md.table(("name", "what it is", "unit", "range"), rows)
    for item, record in found:
        yield f"### {record['name']}"
        yield md.prose(record["summary"])
        yield md.bullets(f"{name}: {text}" for name, text in _facts(item, record) if text)


def _record(item: Declaration) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(measures_document([item]))["measures"][0]
    return record


def _facts(item: Any, record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Definition", md.code(record["definition"])
    yield "Unit and range", f"{record['unit'] or 'no unit'}, {_range(record)}"
    yield "Options", ", ".join(md.code(f"{k}={_plain(v)}") for k, v in record["defaults"].items())
    yield (
        "Collapse shows as",
        {"low": "a low figure", "high": "a high figure"}.get(record.get("collapse", ""), ""),
    )
    yield "Correction", _correction(item)
    yield "Interval", "" if isinstance(item, PlaneEstimator) else _interval(item)
    yield "Unchanged by", ", ".join(record["invariant_to"])
    yield "Says", md.prose(record.get("says", ""))
    yield "Cannot say", md.prose(record.get("cannot", ""))
    yield "Measured", "only when asked for by name" if record.get("opt_in") else ""
    yield "Source", md.prose(record["cite"])


def _correction(item: Any) -> str:
    if isinstance(item, PlaneEstimator):
        return ""
    if isinstance(item, PairMeasure):
        return "none" if item.corrected is None else "the bias of few samples is taken off"
    words = CORRECTIONS[item.correction]
    return words if Selection(item).correction == item.correction else f"{words}; only with `center=true`"


def _interval(item: Any) -> str:
    even = "symmetric on the logarithmic scale" if item.scale == "log" else "symmetric"
    bias = getattr(item, "plugin_bias", "none")
    side = {"low": "its upper", "high": "its lower"}.get(bias)
    return f"{even}; few samples push the plug-in {bias}" if side else even


def _range(record: Mapping[str, Any]) -> str:
    low, high = (
        "unbounded" if one is None else f"{one:g}" if isinstance(one, float) else str(one)
        for one in record["bounds"]
    )
    return "unbounded" if low == high == "unbounded" else f"{low} to {high}"


def _plain(value: Any) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
