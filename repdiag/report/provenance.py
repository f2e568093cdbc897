"""The source of a result as records for the template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a result comes from, as (name, text) pairs."""

    plain: list[tuple[str, str]]
    nested: list[tuple[str, list[tuple[str, str]]]]


def provenance(source: Mapping[str, JsonValue]) -> Provenance:
    """Plain entries first, then each nested one under its name."""
    nested = {name: value for name, value in source.items() if _is_nested(value)}
    plain = [(name, _plain(value)) for name, value in source.items() if name not in nested]
    return Provenance(plain, [(name, list(_flat(value, ""))) for name, value in nested.items()])


def _flat(value: JsonValue, prefix: str) -> Iterator[tuple[str, str]]:
    """Nested values as (dotted name, text) pairs; lists of plain values on one line."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _flat(item, f"{prefix}.{name}" if prefix else name)
    elif isinstance(value, list) and _is_nested(value):
        for index, item in enumerate(value):
            yield from _flat(item, f"{prefix}[{index + 1}]")
    else:
        yield prefix, _plain(value)


def _is_nested(value: JsonValue) -> bool:
    if isinstance(value, list):
        return any(isinstance(item, dict | list) for item in value)
    return isinstance(value, dict)


def _plain(value: JsonValue) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value) or "none"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
