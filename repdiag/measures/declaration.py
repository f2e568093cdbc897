"""What every measure declares, and a measure with options: shared by the three registries."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from repdiag.errors import UsageError
from repdiag.text import nearest, printable

Options = Mapping[str, Any]
Bound = float | Literal["d", "rank", "log d", "log rank", "log n"] | None
Requirement = tuple[str, Callable[[Options], bool]]
Change = Literal["row order", "rotation", "translation", "scale", "row scale", "feature order"]


CENTRED: tuple[Change, ...] = ("row order", "rotation", "translation", "scale", "feature order")
UNCENTRED: tuple[Change, ...] = ("row order", "rotation", "scale", "feature order")
UNIT_ROWS: tuple[Change, ...] = ("row order", "rotation", "scale", "row scale", "feature order")
"""What figures of the centred matrix, the uncentred matrix and of unit rows do not depend on."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure with what belongs beside it; tensors are scalars unless they are ranges."""

    value: Any
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What every measure declares, of one representation or of two.

    `scale` is where its sampling error is even: intervals are symmetric there.
    `requires` says in words and as a test which values of the options mean something.
    """

    name: str
    function: Callable[..., Any]
    unit: str
    bounds: tuple[Bound, Bound]
    invariant_to: tuple[Change, ...]
    cite: str
    definition: str
    scale: Literal["linear", "log"]
    requires: tuple[Requirement, ...]
    defaults: Mapping[str, Any]

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.function) or "").split("\n", 1)[0]


D = TypeVar("D", bound=Declaration)


@dataclass(frozen=True, slots=True)
class Choice(Generic[D]):
    """A measure with the options that differ from its defaults."""

    measure: D
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The estimate's name: bare for all defaults, else the differing options, sorted."""
        if not self.options:
            return self.measure.name
        inner = ",".join(f"{name}={_shown(value)}" for name, value in sorted(self.options.items()))
        return f"{self.measure.name}{{{inner}}}"

    @property
    def all_options(self) -> dict[str, Any]:
        return {**self.measure.defaults, **self.options}

    @property
    def spelled(self) -> str:
        """The definition with every option spelled out."""
        text = self.measure.definition
        for name, value in self.all_options.items():
            text = text.replace(f"<{name}>", _shown(value))
        return text

    def __call__(self, record: Any) -> Reading:
        accepted = inspect.signature(self.measure.function).parameters
        options = {name: value for name, value in self.all_options.items() if name in accepted}
        result = self.measure.function(record, **options)
        return result if isinstance(result, Reading) else Reading(result)


def find_in(name: str, measures: Mapping[str, D]) -> D:
    """The declaration called `name` among `measures`; UsageError with the nearest name otherwise."""
    if name not in measures:
        raise UsageError(
            f'no measure is called "{printable(name)}".{nearest(name, measures)} '
            "List them with: repdiag measures"
        )
    return measures[name]


_KEY = re.compile(r"(?P<name>[a-z0-9_]+)(?:\{(?P<options>[^{}]*)\})?")


def parse_in(text: str, measures: Mapping[str, D]) -> tuple[D, dict[str, Any]]:
    """A declaration among `measures`, and the options that differ from its defaults.

    Raises:
        UsageError: no such measure or option, or a value that means nothing.
    """
    found = _KEY.fullmatch(text.strip())
    if not found:
        raise UsageError(f'"{printable(text)}" is not a measure; write NAME or NAME{{option=value}}')
    chosen = find_in(found["name"], measures)
    given = [part for part in (found["options"] or "").split(",") if part.strip()]
    options = dict(_parse_option(chosen, part) for part in given)
    for words, holds in chosen.requires:
        if not holds({**chosen.defaults, **options}):
            raise UsageError(f"{chosen.name} takes only options where {words}; got {printable(text)}")
    return chosen, {k: v for k, v in options.items() if v != chosen.defaults[k]}


def _parse_option(chosen: Declaration, text: str) -> tuple[str, Any]:
    name, _, value = (part.strip() for part in text.partition("="))
    if name not in chosen.defaults:
        raise UsageError(
            f'{chosen.name} has no option "{printable(name)}".{nearest(name, chosen.defaults)} '
            f"It has: {', '.join(chosen.defaults) or 'none'}"
        )
    default = chosen.defaults[name]
    try:
        return name, _parse_value(value, default)
    except ValueError:
        kind = "true or false" if isinstance(default, bool) else type(default).__name__
        raise UsageError(f'{chosen.name}: {name}="{printable(value)}" is not {kind}') from None


def _parse_value(value: str, default: Any) -> Any:
    if isinstance(default, bool):
        if value.lower() not in ("true", "false"):
            raise ValueError(value)
        return value.lower() == "true"
    if isinstance(default, (int, float)):
        return type(default)(value)
    return value


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
