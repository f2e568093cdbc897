"""One declaration per measure; the CLI, JSON, report, docs and law tests read it from here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from repdiag.measures.declaration import (
    Bound,
    Change,
    Choice,
    Declaration,
    Options,
    Requirement,
    find_in,
    parse_in,
)
from repdiag.measures.inputs import Need

Correction = Literal["lev", "jackknife", "unbiased", "leading", "none"]

_CLEAN = {Need.SPECTRUM: Need.CLEAN_SPECTRUM, Need.LOCATION: Need.CLEAN_LOCATION}
"""Records that exist without rogue coordinates too, for the option rogue=drop."""

_POPULATION = {Need.SPECTRUM: Need.POPULATION, Need.CLEAN_SPECTRUM: Need.CLEAN_POPULATION}
"""Where the population behind a spectrum stands; an uncentred figure stays as published."""

LEV_RATIO = 0.2
"""Below this n/d the population spectrum is not determined by the sample's: docs/methods.md."""

_ROGUE_OPTION: tuple[Requirement, ...] = (
    ("rogue is keep or drop", lambda o: o["rogue"] in ("keep", "drop")),
)


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


def parse_selection(text: str) -> Selection:
    """A measure with options from `name` or `name{option=value,...}`; UsageError if it does not exist."""
    return Selection(*parse_in(text, all_measures()))
