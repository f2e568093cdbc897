"""The registry as a list, a page and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from ._tables import wrapped

if TYPE_CHECKING:
    from repdiag.measures.declaration import Declaration
    from repdiag.measures.pair_registry import PairMeasure
    from repdiag.measures.plane_registry import PlaneEstimator
    from repdiag.measures.registry import Measure

AFTER = ("name", "summary", "definition")
"""Fields that stand above the list of the others."""


def measure_list(chosen: Sequence[Declaration]) -> str:
    rows = (wrapped(f"{item.name:<22}  {item.summary}", "", " " * 24) for item in chosen)
    return "".join(f"{line}\n" for lines in rows for line in lines)


def measure_page(item: Declaration) -> str:
    lines = [item.name, *wrapped(item.summary, "  "), "", *wrapped(f"definition: {item.definition}", "  ")]
    record = _record(item)
    for field in (name for name in record if name not in AFTER):
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


def _record(item: Declaration) -> dict[str, Any]:
    of, own = _own(item)
    return {
        "name": item.name,
        "of": of,
        "summary": item.summary,
        "definition": item.definition,
        "unit": item.unit,
        "bounds": list(item.bounds),
        "invariant_to": list(item.invariant_to),
        **own,
        "cite": item.cite,
        "defaults": dict(item.defaults),
    }


def _own(item: Declaration) -> tuple[str, dict[str, Any]]:
    """What the measure is of, and what only its kind declares."""
    from repdiag.measures.pair_registry import PairMeasure
    from repdiag.measures.plane_registry import PlaneEstimator

    match item:
        case PairMeasure():
            return "pair", _of_a_pair(item)
        case PlaneEstimator():
            return "information plane", _of_a_plane(item)
    return "representation", _of_one(cast("Measure", item))


def _of_one(item: Measure) -> dict[str, Any]:
    needs = getattr(item.needs, "value", str(item.needs))
    own = {"needs": needs, "collapse": item.collapse, "correction": item.correction}
    return own | {"opt_in": item.opt_in}


def _of_a_pair(item: PairMeasure) -> dict[str, Any]:
    from repdiag.measures.pair_registry import PairSelection

    return {
        "needs": PairSelection(item).needs.value,
        "symmetric": item.symmetric,
        "null": True if callable(item.null) else item.null,
        "corrected": item.corrected is not None,
        "says": item.says,
        "cannot": item.cannot,
    }


def _of_a_plane(item: PlaneEstimator) -> dict[str, Any]:
    from repdiag.measures.plane_registry import EstimatorChoice

    usual = EstimatorChoice(item)
    own = {"rows": usual.most_rows, "scale_free": usual.scale_free, "needs_inputs": usual.needs_inputs}
    return {**own, "says": item.says, "cannot": item.cannot}


def measures_document(chosen: Sequence[Declaration]) -> str:
    records = [_record(item) for item in chosen]
    document = {"schema": "repdiag.measures", "schema_version": 1, "measures": records}
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
