"""Every key of `repdiag.toml`, from the records that read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any

from reference_parts import commands
from reference_parts import markdown as md
from repdiag.check.known import CONSTANT, NONFINITE_ROWS, RULE_NAMES, bound_names, facts
from repdiag.check.profiles import DEFAULT_RULES, PROFILE_NOTES, PROFILES, Limits
from repdiag.check.schema import CheckConfig
from repdiag.config import FILE_NAME, PYPROJECT, ExtractOptions
from repdiag.extract import ExtractRequest
from repdiag.measures.registry import all_measures

OPTION_OF = {"model_args": "model_arg", "views": "view", "layers": "layer", "columns": "column"}
"""Keys whose option has another name."""

OWN = {
    "checkpoints": "Only these checkpoints.",
    "layers": "Only these layers.",
    "views": "Only these views.",
    "on_inconclusive": "What an inconclusive verdict ends with: fail is exit code 3, pass is 0.",
    "confidence": "Of every interval and every decision.",
    "rules": "The limits, below.",
    "baseline": "`file`: what `repdiag baseline` has written, to compare with; relative to this file.",
}
"""Keys of `[check]` without an option of the same meaning."""

LIMITS = {
    "max": "fails above it",
    "min": "fails below it",
    "warn": "warns beyond it",
    "min_ratio": "fails where the figure over d is below it",
    "max_drop": "fails where the figure falls short of the baseline by more than this share",
    "min_of_median": "fails where the smallest class is below this share of the median class",
}


def page() -> str:
    """The tables `[extract]` and `[check]`, and the rules."""
    return md.page(
        "Configuration",
        [
            f"Keys stand in `{FILE_NAME}`, in the folder of the command or above, or under `[tool.repdiag]` "
            f"in `{PYPROJECT}`. A flag goes over the configuration, and that over the default. An unknown "
            "key is an error that names the nearest known one.",
            *_extract(),
            *_check(),
            *_rules(),
            *_profiles(),
        ],
    )


def _extract() -> Iterator[str]:
    help_of, defaults = commands.options("extract"), _defaults()
    yield "## [extract]"
    yield "The options of `repdiag extract`; paths are relative to the file."
    rows = [
        (
            md.code(key),
            _kind(schema),
            md.code(_toml(defaults.get(key))),
            md.prose(help_of[OPTION_OF.get(key, key)]),
        )
        for key, schema in ExtractOptions.model_json_schema()["properties"].items()
    ]
    yield md.table(("key", "value", "default", "meaning"), rows)


def _check() -> Iterator[str]:
    help_of = commands.options("check")
    yield "## [check]"
    rows = [
        (
            md.code(key),
            _kind(schema),
            md.code(_toml(schema.get("default", ""))),
            OWN.get(key) or md.prose(help_of[key]),
        )
        for key, schema in CheckConfig.model_json_schema()["properties"].items()
    ]
    yield md.table(("key", "value", "default", "meaning"), rows)


def _rules() -> Iterator[str]:
    yield "## [check.rules]"
    yield (
        'A rule is `true`, `false`, or a table of limits. A limit is a number, a percentage such as `"10%"`, '
        "or `false`, which switches it off. Rules without a default limit do nothing until one is written. A "
        "measure with options is a rule too, under its full name in quotes."
    )
    yield md.table(("limit", "meaning"), [(md.code(name), words) for name, words in LIMITS.items()])
    judged = [name for name in RULE_NAMES if name in (CONSTANT, NONFINITE_ROWS, *all_measures())]
    rows = [(md.code(name), _phrase(name), _limits(name), _taken(name)) for name in judged]
    yield md.table(("rule", "judges", "default", "takes"), rows)


def _profiles() -> Iterator[str]:
    yield "## Profiles"
    rows = [
        (
            md.code(name),
            PROFILE_NOTES[name],
            "; ".join(f"{md.code(rule)} {_written(limits)}" for rule, limits in changed.items()),
        )
        for name, changed in PROFILES.items()
    ]
    yield md.table(("profile", "for", "changes"), rows)


def _defaults() -> dict[str, Any]:
    """What an extraction takes where nothing is written."""
    return {one.name: one.default for one in fields(ExtractRequest) if one.default is not MISSING}


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(map(md.code, schema["enum"]))
    if "anyOf" in schema or "$ref" in schema or schema.get("type") == "object":
        return "table"
    if schema.get("type") == "array":
        return "list of texts"
    return {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true`, `false`"}[
        schema["type"]
    ]


def _toml(value: Any) -> str:
    match value:
        case None | "" | () | [] | {}:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
    return str(value)


def _phrase(name: str) -> str:
    return "whether there is variance to resolve" if name == CONSTANT else facts(name).phrase


def _limits(name: str) -> str:
    return md.code("true") if name == CONSTANT else _written(DEFAULT_RULES.get(name, {}))


def _written(limits: Limits) -> str:
    return ", ".join(md.code(f"{name} = {_toml(value)}") for name, value in limits.items())


def _taken(name: str) -> str:
    return ", ".join(map(md.code, bound_names(name))) or "`true`, `false`"
