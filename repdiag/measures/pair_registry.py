"""One declaration per measure of two representations of the same samples."""

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
from repdiag.measures.pair_inputs import PairNeed

MEDIAN = "s the median distance"
"""How a definition names the bandwidth, which a run may set otherwise."""


def gaussian_kernel(options: Options) -> bool:
    """Whether a measure with a choice of kernels has a bandwidth."""
    return bool(options["kernel"] == "gaussian")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairMeasure(Declaration):
    """The declaration of a measure of a pair.

    `says` and `cannot` are one sentence each on what the figure means and what it does not. `symmetric`
    where exchanging the views changes nothing. `null` is false where shuffling the rows of one view leaves
    the figure as it is, so that it is no measure of dependence. `bandwidth` where it depends on that of
    Gaussian kernels, which the definition calls MEDIAN. `corrected` reads the same record. `quick` gives the
    reported figure of it in less time, for the many records of intervals and nulls, or NaN where it cannot.
    """

    needs: PairNeed | Callable[[Options], PairNeed]
    symmetric: bool
    says: str
    cannot: str
    null: bool | Callable[[Options], bool]
    bandwidth: bool | Callable[[Options], bool]
    corrected: Callable[..., Any] | None
    quick: Callable[..., Any] | None


class PairSelection(Choice[PairMeasure]):
    """A measure of a pair with its options."""

    __slots__ = ()

    @property
    def needs(self) -> PairNeed:
        """The record read under these options."""
        needs = self.measure.needs
        return needs(self.all_options) if callable(needs) else needs

    @property
    def definition(self) -> str:
        """The definition with every option spelled out."""
        return self.spelled

    @property
    def has_null(self) -> bool:
        """Whether shuffling the rows of one view says anything, under these options."""
        null = self.measure.null
        return null(self.all_options) if callable(null) else null

    @property
    def has_bandwidth(self) -> bool:
        """Whether the figure depends on the bandwidth of Gaussian kernels, under these options."""
        bandwidth = self.measure.bandwidth
        return bandwidth(self.all_options) if callable(bandwidth) else bandwidth

    def corrected(self, record: Any) -> Any:
        """The value with the bias of few samples taken off; None where none is declared."""
        return self._applied(self.measure.corrected, record)

    def quick(self, record: Any) -> Any:
        """The reported figure in less time; None where no such way is declared, NaN where it fails."""
        return self._applied(self.measure.quick, record)

    def _applied(self, formula: Callable[..., Any] | None, record: Any) -> Any:
        if formula is None:
            return None
        accepted = inspect.signature(formula).parameters
        return formula(record, **{k: v for k, v in self.all_options.items() if k in accepted})


_PAIRS: dict[str, PairMeasure] = {}


def pair_measure(
    *,
    needs: PairNeed | Callable[[Options], PairNeed],
    bounds: tuple[Bound, Bound],
    definition: str,
    cite: str,
    says: str,
    cannot: str,
    invariant_to: tuple[Change, ...],
    unit: str = "nats",
    symmetric: bool = True,
    null: bool | Callable[[Options], bool] = True,
    bandwidth: bool | Callable[[Options], bool] = False,
    scale: Literal["linear", "log"] = "linear",
    corrected: Callable[..., Any] | None = None,
    quick: Callable[..., Any] | None = None,
    requires: tuple[Requirement, ...] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the decorated function as a measure of a pair; its name and help come from the function."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        parameters = list(inspect.signature(function).parameters.values())[1:]
        _PAIRS[function.__name__] = PairMeasure(
            name=function.__name__,
            function=function,
            unit=unit,
            bounds=bounds,
            invariant_to=invariant_to,
            cite=cite,
            definition=definition,
            scale=scale,
            requires=requires,
            defaults={p.name: p.default for p in parameters},
            needs=needs,
            symmetric=symmetric,
            says=says,
            cannot=cannot,
            null=null,
            bandwidth=bandwidth,
            corrected=corrected,
            quick=quick,
        )
        return function

    return declare


def all_pair_measures() -> dict[str, PairMeasure]:
    """Every declared measure of a pair by name."""
    from repdiag.measures import pair_kernels, pair_matrices, pair_moments, pair_neighbours

    rooms = [room.__name__ for room in (pair_kernels, pair_moments, pair_matrices, pair_neighbours)]
    ordered = sorted(_PAIRS.values(), key=lambda each: rooms.index(each.function.__module__))
    return {each.name: each for each in ordered}


def find_pair(name: str) -> PairMeasure:
    """The measure of a pair called `name`; UsageError with the nearest name otherwise."""
    return find_in(name, all_pair_measures())


def parse_pair_selection(text: str) -> PairSelection:
    """A measure of a pair from `name` or `name{option=value,...}`; UsageError if it does not exist."""
    return PairSelection(*parse_in(text, all_pair_measures()))
