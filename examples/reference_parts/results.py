"""Every record of the results JSON, from its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reference_parts import markdown as md
from repdiag.results import json_schema

TOP, ANYTHING = "Results", "JsonValue"


def page() -> str:
    """The records, the outermost first, each with its keys."""
    schema = json_schema()
    records = {TOP: schema, **schema["$defs"]}
    return md.page(
        "Results JSON",
        [
            "What `--json FILE` writes, and `repdiag report` and `repdiag check` read. In the package, "
            "`results.schema.json` says the same as JSON Schema. Every key is written. A figure that does "
            "not exist is `null` with a status, never NaN. The bare name of a measure means all defaults; "
            "options that differ stand in its key, such as `rankme{center=true}`.",
            *(part for name in _order(schema) for part in _record(name, records[name])),
        ],
    )


def _order(schema: Mapping[str, Any]) -> list[str]:
    """The records as they are met from the outermost on."""
    met, waiting = [TOP, ANYTHING], _named(schema)
    while waiting:
        name = waiting.pop(0)
        if name not in met:
            met.append(name)
            waiting += _named(schema["$defs"][name])
    return [name for name in met if name != ANYTHING]


def _named(part: object) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else []
        return own + [name for key, inner in part.items() if key != "$defs" for name in _named(inner)]
    return [name for inner in part for name in _named(inner)] if isinstance(part, list) else []


def _record(name: str, record: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {name}"
    if "enum" in record:
        yield f"One of {', '.join(map(md.code, record['enum']))}."
        return
    yield _text(record.get("description", ""))
    rows = [(md.code(key), _kind(value)) for key, value in record["properties"].items()]
    yield md.table(("key", "value"), rows)


def _text(description: str) -> str:
    """A docstring as paragraphs; names in backticks stay code."""
    return "\n\n".join(" ".join(part.split()) for part in description.split("\n\n"))


def _kind(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rsplit("/", 1)[1]
        return "any JSON" if name == ANYTHING else f"[{name}](#{name.lower()})"
    if "anyOf" in value:
        return " or ".join(map(_kind, value["anyOf"]))
    if "const" in value or "enum" in value:
        return ", ".join(md.code(one) for one in value.get("enum", [value.get("const")]))
    match value.get("type"):
        case "array":
            return f"list: {_kind(value['items'])}"
        case "object":
            return f"by name: {_kind(value['additionalProperties'])}"
        case "null":
            return "`null`"
        case None:
            return "any JSON"
        case kind:
            return {"string": "text", "integer": "whole number", "boolean": "`true`, `false`"}.get(kind, kind)
