"""No user names on a page that is passed on: home folders become `~`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import JsonValue

from repdiag.results import Finding, Representation, Results

_HOME = re.compile(r"(?<![\w.])(?:/(?:home|Users)/[^/\s'\"]+|/root|[A-Za-z]:\\Users\\[^\\\s'\"]+)(?![\w.-])")


def without_home(text: str) -> str:
    """`text` with every home folder in it written as `~`."""
    return _HOME.sub("~", text)


def scrubbed(results: Results) -> Results:
    """`results` with home folders hidden in every text that comes from a user; figures untouched."""
    return results.model_copy(
        update={
            "source": _scrub(results.source),
            "representations": [_representation(one) for one in results.representations],
            "findings": [_finding(one) for one in results.findings],
        }
    )


def _representation(one: Representation) -> Representation:
    update: dict[str, object] = {"notes": _texts(one.notes)} if one.notes else {}
    for name in ("shown_samples", "class_ranks"):
        if (record := getattr(one, name)) is not None:
            update[name] = type(record).model_validate(_scrub(record.model_dump()))
    return one.model_copy(update=update) if update else one


def _finding(one: Finding) -> Finding:
    texts = {name: without_home(getattr(one, name)) for name in ("message", "cause", "next_step")}
    return one.model_copy(update=texts)


def _texts(texts: Sequence[str]) -> list[str]:
    return [without_home(text) for text in texts]


def _scrub(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return without_home(value)
    if isinstance(value, list):
        return [_scrub(item) for item in value]
    if isinstance(value, dict):
        return {without_home(key): _scrub(item) for key, item in value.items()}
    return value
