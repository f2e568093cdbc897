"""One declaration per measure; the CLI, JSON, report, docs and law tests read it from here."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from repdiag.errors import UsageError
from repdiag.measures.inputs import Need
from repdiag.text import nearest, printable

Options = Mapping[str, Any]
Bound = float | Literal["d", "rank", "log d", "log rank", "log n"] | None
Requirement = tuple[str, Callable[[Options], bool]]
Correction = Literal["lev", "jackknife", "unbiased", "leading", "none"]
Change = Literal["row order", "rotation", "translation", "scale", "row scale", "feature order"]


CENTRED: tuple[Change, ...] = ("row order", "rotation", "translation", "scale", "feature order")
UNCENTRED: tuple[Change, ...] = ("row order", "rotation", "scale", "feature order")
UNIT_ROWS: tuple[Change, ...] = ("row order", "rotation", "scale", "row scale", "feature order")
"""What figures of the centred matrix, the uncentred matrix and of unit rows do not depend on."""

_CLEAN = {Need.SPECTRUM: Need.CLEAN_SPECTRUM, Need.LOCATION: Need.CLEAN_LOCATION}
"""Records that exist without rogue coordinates too, for the option rogue=drop."""

_POPULATION = {Need.SPECTRUM: Need.POPULATION, Need.CLEAN_SPECTRUM: Need.CLEAN_POPULATION}
"""Where the population behind a spectrum stands; an uncentred figure stays as published."""

LEV_RATIO = 0.2
"""Below this n/d the population spectrum is not determined by the sample's: docs/methods.md."""

_ROGUE_OPTION: tuple[Requirement, ...] = (
    ("rogue is keep or drop", lambda o: o["rogue"] in ("keep", "drop")),
)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure(Declaration):
    """The declaration of a measure of one representation.

    `plugin_bias` says to which side few samples push the textbook figure, so that the interval's
    other end remains a valid one-sided statement at any n.
    `least_rank` and `least_ratio` are the min(n - 1, d) and the n/d below which the figure is insufficient.
    `correction` names what takes the bias out of the value: "lev" evaluates the function on the population
    spectrum; otherwise `corrected` reads the same record. `opt_in` where it is measured only when asked for
    by name.
    """

    needs: Need
    collapse: Literal["low", "high", "none"]
    correction: Correction
    corrected: Callable[[Any], Any] | None
    plugin_bias: Literal["low", "high", "none"]
    least_rank: int | Callable[[Options], int]
    least_ratio: float
    opt_in: bool

    def needs_for(self, options: Options) -> Need:
        """The record read under `options`: `center` and `rogue` choose among spectra."""
        if options.get("rogue") == "drop":
            return _CLEAN[self.needs]
        if options.get("center") and self.needs is Need.SECOND_MOMENT:
            return Need.SPECTRUM
        return self.needs


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


class Selection(Choice[Measure]):
    """A measure of one representation with its options."""

    __slots__ = ()

    @property
    def needs(self) -> Need:
        return self.measure.needs_for(self.all_options)

    @property
    def population(self) -> Need | None:
        """The record that the corrected value is read from, where that is another than the plug-in's."""
        return _POPULATION.get(self.needs) if self.measure.correction == "lev" else None

    @property
    def every_need(self) -> tuple[Need, ...]:
        """The records of the plug-in and of the corrected value."""
        return (self.needs,) if self.population is None else (self.needs, self.population)

    @property
    def correction(self) -> Correction:
        """The correction under these options."""
        return "none" if self.measure.correction == "lev" and not self.population else self.measure.correction

    @property
    def least_ratio(self) -> float:
        """The n/d, in rows of equal energy, below which the figure is insufficient."""
        return max(self.measure.least_ratio, LEV_RATIO if self.population else 0.0)

    @property
    def least_rank(self) -> int:
        """The min(n - 1, d) that the figure needs under these options."""
        least = self.measure.least_rank
        return least if isinstance(least, int) else least(self.all_options)

    @property
    def definition(self) -> str:
        """The definition with every option spelled out, and what `center` and `rogue` change in it."""
        text = self.spelled
        if self.all_options.get("center"):
            text = text.replace("uncentred", "centred")
        return text + (", rogue coordinates removed" if self.options.get("rogue") == "drop" else "")


_REGISTRY: dict[str, Measure] = {}


def measure(
    *,
    needs: Need,
    unit: str,
    bounds: tuple[Bound, Bound],
    invariant_to: tuple[Change, ...],
    definition: str,
    cite: str,
    collapse: Literal["low", "high", "none"] = "none",
    scale: Literal["linear", "log"] = "linear",
    plugin_bias: Literal["low", "high", "none"] = "none",
    correction: Correction = "none",
    corrected: Callable[[Any], Any] | None = None,
    least_rank: int | Callable[[Options], int] = 1,
    least_ratio: float = 0.0,
    opt_in: bool = False,
    requires: tuple[Requirement, ...] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the decorated function as a measure; its name and help come from the function."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        parameters = list(inspect.signature(function).parameters.values())[1:]
        defaults = {p.name: p.default for p in parameters}
        if needs in _CLEAN:
            defaults["rogue"] = "keep"
        _REGISTRY[function.__name__] = Measure(
            name=function.__name__,
            function=function,
            needs=needs,
            unit=unit,
            bounds=bounds,
            collapse=collapse,
            invariant_to=invariant_to,
            correction=correction,
            corrected=corrected,
            cite=cite,
            definition=definition,
            scale=scale,
            plugin_bias=plugin_bias,
            least_rank=least_rank,
            least_ratio=least_ratio,
            opt_in=opt_in,
            requires=(*requires, *(_ROGUE_OPTION if needs in _CLEAN else ())),
            defaults=defaults,
        )
        return function

    return declare


def all_measures() -> dict[str, Measure]:
    """Every declared measure by name, ranks first, then the shape of the spectrum and the rest."""
    from repdiag.measures import (
        diffuse,
        diffusion,
        directions,
        features,
        labels,
        predictions,
        rank,
        spectrum,
    )

    modules = (rank, spectrum, directions, features, diffuse, diffusion, labels, predictions)
    rooms = [module.__name__ for module in modules]
    ordered = sorted(_REGISTRY.values(), key=lambda each: rooms.index(each.function.__module__))
    return {each.name: each for each in ordered}


def find(name: str) -> Measure:
    """The measure called `name`; UsageError with the nearest name otherwise."""
    return find_in(name, all_measures())


def find_in(name: str, measures: Mapping[str, D]) -> D:
    """The declaration called `name` among `measures`; UsageError with the nearest name otherwise."""
    if name not in measures:
        raise UsageError(
            f'no measure is called "{printable(name)}".{nearest(name, measures)} '
            "List them with: repdiag measures"
        )
    return measures[name]


_KEY = re.compile(r"(?P<name>[a-z0-9_]+)(?:\{(?P<options>[^{}]*)\})?")


def parse_selection(text: str) -> Selection:
    """A measure with options from `name` or `name{option=value,...}`; UsageError if it does not exist."""
    return Selection(*parse_in(text, all_measures()))


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
