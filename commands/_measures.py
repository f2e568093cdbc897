"""The registry as a list, a page and JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ._tables import wrapped

if TYPE_CHECKING:
    from repdiag.measures.registry import Measure

FIELDS = ("unit", "needs", "bounds", "collapse", "invariant_to", "correction", "cite", "defaults")


def measure_list(chosen: list[Measure]) -> str:
    names = (f"{item.name:<22}" for item in chosen)
    summaries = ("\n".join(wrapped(item.summary, " " * 24)).strip() for item in chosen)
    return "".join(f"{name}  {summary}\n" for name, summary in zip(names, summaries, strict=True))


def measure_page(item: Measure) -> str:
    lines = [item.name, *wrapped(item.summary, "  "), "", *wrapped(f"definition: {item.definition}", "  ")]
    record = _record(item)
    for field in FIELDS:
        lines += wrapped(f"{field.replace('_', ' ')}: {_shown(record[field])}", "  ")
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    match value:
        case dict():
            return ", ".join(f"{key}={_shown(item)}" for key, item in value.items()) or "none"
        case list():
            return ", ".join(_shown(item) for item in value) or "nothing"
        case None:
            return "unbounded"
        case bool():
            return str(value).lower()
    return str(value)


def _record(item: Measure) -> dict[str, Any]:
    return {
        "name": item.name,
        "summary": item.summary,
        "definition": item.definition,
        "unit": item.unit,
        "needs": getattr(item.needs, "value", str(item.needs)),
        "bounds": list(item.bounds),
        "collapse": item.collapse,
        "invariant_to": list(item.invariant_to),
        "correction": item.correction,
        "cite": item.cite,
        "defaults": dict(item.defaults),
    }


def measures_document(chosen: list[Measure]) -> str:
    records = [_record(item) for item in chosen]
    document = {"schema": "repdiag.measures", "schema_version": 1, "measures": records}
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
