"""One declaration per estimator of the information plane."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from repdiag.errors import UsageError
from repdiag.measures.declaration import Change, Choice, Declaration, Options, Requirement, parse_in
from repdiag.measures.plane_inputs import PlaneReading, PlaneRows
from repdiag.text import nearest, printable


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneEstimator(Declaration):
    """The declaration of an estimator of I(X;T) and I(T;Y).

    `says` and `cannot` are one sentence each. `most_rows` is how many rows it takes at most.
    `scale_free` where multiplying a layer by a number changes nothing, under these options: such a figure
    cannot fall because activations grow or shrink. `needs_inputs` where I(X;T) needs features of the inputs.
    """

    says: str
    cannot: str
    most_rows: int | Callable[[Options], int]
    scale_free: bool | Callable[[Options], bool]
    needs_inputs: bool | Callable[[Options], bool]


class EstimatorChoice(Choice[PlaneEstimator]):
    """An estimator with its options."""

    __slots__ = ()

    @property
    def definition(self) -> str:
        """The definition with every option spelled out."""
        return self.spelled

    @property
    def most_rows(self) -> int:
        most = self.measure.most_rows
        return most(self.all_options) if callable(most) else most

    @property
    def scale_free(self) -> bool:
        free = self.measure.scale_free
        return free(self.all_options) if callable(free) else free

    @property
    def needs_inputs(self) -> bool:
        needs = self.measure.needs_inputs
        return needs(self.all_options) if callable(needs) else needs

    def read(self, rows: PlaneRows) -> PlaneReading:
        """Both figures of one layer at one checkpoint."""
        found: PlaneReading = self.measure.function(rows, **self.all_options)
        return found


_ESTIMATORS: dict[str, PlaneEstimator] = {}


def plane_estimator(
    *,
    definition: str,
    cite: str,
    says: str,
    cannot: str,
    most_rows: int | Callable[[Options], int],
    scale_free: bool | Callable[[Options], bool],
    invariant_to: tuple[Change, ...],
    needs_inputs: bool | Callable[[Options], bool] = False,
    requires: tuple[Requirement, ...] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the decorated function as an estimator; its name and help come from the function."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        parameters = list(inspect.signature(function).parameters.values())[1:]
        _ESTIMATORS[function.__name__] = PlaneEstimator(
            name=function.__name__,
            function=function,
            unit="nats",
            bounds=(None, "log n"),
            invariant_to=invariant_to,
            cite=cite,
            definition=definition,
            scale="linear",
            requires=requires,
            defaults={p.name: p.default for p in parameters},
            says=says,
            cannot=cannot,
            most_rows=most_rows,
            scale_free=scale_free,
            needs_inputs=needs_inputs,
        )
        return function

    return declare


def all_estimators() -> dict[str, PlaneEstimator]:
    """Every declared estimator by name."""
    from repdiag.measures import (
        plane_bins,
        plane_divergence,
        plane_kernels,
        plane_neighbours,
        plane_spectral,
    )

    modules = plane_bins, plane_kernels, plane_spectral, plane_divergence, plane_neighbours
    rooms = [room.__name__ for room in modules]
    ordered = sorted(_ESTIMATORS.values(), key=lambda each: rooms.index(each.function.__module__))
    return {each.name: each for each in ordered}


def parse_estimator(text: str) -> EstimatorChoice:
    """An estimator from `name` or `name{option=value,...}`; UsageError if it does not exist."""
    name = text.strip().split("{")[0]
    estimators = all_estimators()
    if name not in estimators:
        raise UsageError(
            f'no estimator is called "{printable(name)}".{nearest(name, estimators)} '
            f"There are: {', '.join(estimators)}"
        )
    return EstimatorChoice(*parse_in(text, estimators))
