"""The representations of a page in order, and the names that tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

from pydantic import JsonValue

from repdiag.results import Representation, Results
from repdiag.text import printable

MAX_VISIBLE = 12
DIMENSIONS = ("run", "checkpoint", "view", "layer")
_SOURCE_KEYS = ("file", "name", "store", "path", "stores", "files", "input", "inputs")


@dataclass(frozen=True, slots=True)
class Column:
    """One representation on the page; `names` holds its run, checkpoint, view and layer."""

    index: int
    representation: Representation
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every representation of the page, and the values of each dimension in order of appearance."""

    columns: tuple[Column, ...]
    values: Mapping[str, tuple[str, ...]]

    @property
    def varying(self) -> tuple[str, ...]:
        """The dimensions with more than one value: those that a label must spell out."""
        several = tuple(name for name in DIMENSIONS if len(self.values[name]) > 1)
        return several or ("layer",)

    def label(self, column: Column) -> str:
        """The shortest name of a representation that is its own on this page."""
        return " · ".join(column.names[name] for name in self.varying)

    def first_choice(self) -> dict[str, str | None]:
        """What the page shows first: everything up to a dozen, else the layers of the newest checkpoint."""
        choice: dict[str, str | None] = dict.fromkeys(DIMENSIONS)
        for name, pick in (("checkpoint", -1), ("view", 0), ("run", -1)):
            narrower = {**choice, name: self.values[name][pick]} if self.columns else choice
            if len(self.chosen(choice)) > MAX_VISIBLE and len(self.chosen(narrower)) > 1:
                choice = narrower
        return choice

    def chosen(self, choice: Mapping[str, str | None]) -> list[Column]:
        """The columns that match every dimension of `choice` that is not None."""
        return [column for column in self.columns if _matches(column, choice)]


def build_catalogue(results: Sequence[Results]) -> Catalogue:
    """The representations of all `results` in their order."""
    runs = run_names(results)
    found = [(run, one) for run, result in zip(runs, results, strict=True) for one in result.representations]
    columns = tuple(Column(index, one, _names(run, one)) for index, (run, one) in enumerate(found))
    values = {name: tuple(dict.fromkeys(c.names[name] for c in columns)) for name in DIMENSIONS}
    return Catalogue(columns, values)


def run_names(results: Sequence[Results]) -> list[str]:
    """A name for each result: its source, numbered where two are alike."""
    names = [source_name(result.source) or result.command for result in results]
    repeated = {name for name in names if names.count(name) > 1}
    return [f"{name} ({i + 1})" if name in repeated else name for i, name in enumerate(names)]


def source_name(source: Mapping[str, JsonValue]) -> str:
    """The file or store that a result came from, as far as its provenance names one."""
    for key in _SOURCE_KEYS:
        found = _first_name(source.get(key))
        if found:
            return found
    return ""


def _first_name(value: JsonValue) -> str:
    if isinstance(value, str):
        return PurePosixPath(PureWindowsPath(value).as_posix()).name or value
    if isinstance(value, list):
        return next(filter(None, map(_first_name, value)), "")
    return source_name(value) if isinstance(value, dict) else ""


def _names(run: str, one: Representation) -> dict[str, str]:
    return {"run": run, "checkpoint": one.checkpoint, "view": one.view, "layer": one.layer}


def _matches(column: Column, choice: Mapping[str, str | None]) -> bool:
    return all(wanted is None or column.names[name] == wanted for name, wanted in choice.items())


def spread(items: Sequence[Column], most: int = MAX_VISIBLE) -> list[Column]:
    """At most `most` of `items`, evenly spaced, first and last kept."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def measure_names(columns: Iterable[Column], keep: Callable[[str], bool] = bool) -> list[str]:
    """Every measure on the page, in order of first appearance."""
    return [n for n in dict.fromkeys(n for c in columns for n in c.representation.estimates) if keep(n)]


def shown(text: object, limit: int = 120) -> str:
    """Any text from a file as one harmless line; the template escapes it as well."""
    return printable(text, limit)
