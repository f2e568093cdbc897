"""The information plane without scripts: one small picture for each estimator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from repdiag.report.plane_paths import Path, detail, label, values, varying
from repdiag.report.wording import number
from repdiag.types import Status

WIDTH, HEIGHT = 460, 320
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 24, 40
MOST_PANELS, MOST_LINES = 4, 12


@dataclass(frozen=True, slots=True)
class Dot:
    """One point in pixels, open unless both of its figures are ok."""

    x: float
    y: float
    radius: float
    is_open: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One path in pixels; `colour` counts the layers."""

    points: str
    dots: tuple[Dot, ...]
    colour: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A tick, or a ceiling: its place in pixels and its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The plane of one estimator."""

    title: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Mark, ...]
    y_ticks: tuple[Mark, ...]
    x_ceiling: Mark | None
    y_ceiling: Mark | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of nats and where it lies in pixels."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    @property
    def ticks(self) -> tuple[Mark, ...]:
        step = _even_step((self.high - self.low) / 5)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return tuple(Mark(self.place(i * step), number(round(i * step, 9))) for i in range(first, last + 1))


def panels(drawn: Sequence[Path]) -> list[Panel]:
    """A picture for each of the first estimators that have a point with both figures."""
    names = values(drawn)["estimator"]
    held = [[path for path in drawn if path.names["estimator"] == name][:MOST_LINES] for name in names]
    return [_panel(group) for group in held if any(_both(path) for path in group)][:MOST_PANELS]


def keys(drawn: Sequence[Path]) -> list[str]:
    """The layers in the order of their colours."""
    dimensions = [name for name in varying(drawn) if name != "estimator"]
    return list(dict.fromkeys(label(path, dimensions) for path in drawn))[:MOST_LINES]


def _panel(held: Sequence[Path]) -> Panel:
    across = _axis([_ends(path, "ixt") for path in held], LEFT, WIDTH - RIGHT)
    up = _axis([_ends(path, "ity") for path in held], HEIGHT - BOTTOM, TOP)
    return Panel(
        title=held[0].names["estimator"],
        lines=tuple(_line(path, i, across, up) for i, path in enumerate(held)),
        x_ticks=across.ticks,
        y_ticks=up.ticks,
        x_ceiling=_ceiling(held, "ixt", across),
        y_ceiling=_ceiling(held, "ity", up),
    )


def _both(path: Path) -> list[tuple[float, float, bool]]:
    """I(X;T), I(T;Y) and whether both are ok, where both have a value."""
    return [
        (one.ixt.value, one.ity.value, one.ixt.status is one.ity.status is Status.OK)
        for one in path.points
        if one.ixt.value is not None and one.ity.value is not None
    ]


def _line(path: Path, colour: int, across: Axis, up: Axis) -> Line:
    places = [(across.place(x), up.place(y), fine) for x, y, fine in _both(path)]
    last = max(1, len(places) - 1)
    dots = tuple(Dot(x, y, round(2 + 2.5 * i / last, 1), not fine) for i, (x, y, fine) in enumerate(places))
    return Line(" ".join(f"{x},{y}" for x, y, _ in places), dots, colour)


def _ends(path: Path, figure: str) -> list[float]:
    at = 0 if figure == "ixt" else 1
    ceilings = [detail(getattr(point, figure), "ceiling") for point in path.points]
    return [point[at] for point in _both(path)] + [one for one in ceilings if one is not None]


def _axis(ends: Sequence[Sequence[float]], start: float, end: float) -> Axis:
    every = [value for group in ends for value in group]
    low, high = min(0.0, *every), max(every)
    spare = 0.05 * ((high - low) or 1.0)
    return Axis(low - (spare if low < 0 else 0.0), high + spare, start, end)


def _ceiling(held: Sequence[Path], figure: str, axis: Axis) -> Mark | None:
    found = [detail(getattr(point, figure), "ceiling") for path in held for point in path.points]
    most = max((one for one in found if one is not None), default=None)
    return None if most is None else Mark(axis.place(most), number(most))


def _even_step(rough: float) -> float:
    size = 10.0 ** math.floor(math.log10(rough))
    return next(size * times for times in (1, 2, 5, 10) if size * times >= rough * 0.999)
