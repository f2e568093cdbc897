"""Small pictures without scripts: the spectrum of a few representations, and one line for a table row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from repdiag.report.thinning import log_spaced

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 34
POINTS = 160


@dataclass(frozen=True, slots=True)
class Axes:
    """The decades that a picture spans, as base-10 logarithms."""

    right: float
    bottom: float
    top: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A decade: its place in the picture and its exponent."""

    at: float
    exponent: int


@dataclass(frozen=True, slots=True)
class Picture:
    """What the template draws: a polyline for each curve, and ticks."""

    lines: tuple[str, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM
    right: int = WIDTH - RIGHT
    top: int = TOP


def spectrum_picture(curves: Sequence[Sequence[float]], floor: float = 0.0) -> Picture | None:
    """Log-log picture of descending positive numbers; None when there is nothing to draw."""
    axes = span(curves, floor)
    if axes is None:
        return None
    lines = tuple(polyline(curve, axes, (LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM)) for curve in curves)
    return Picture(lines, _x_ticks(axes), _y_ticks(axes))


def span(curves: Sequence[Sequence[float]], floor: float = 0.0) -> Axes | None:
    """Decades that hold every curve above `floor`; None when no value is positive."""
    heights = [value for curve in curves for value in curve if value > max(floor, 0.0)]
    if not heights:
        return None
    top, bottom = math.log10(max(heights)), math.log10(min(heights))
    middle, half = (top + bottom) / 2, max(0.5, (top - bottom) / 2 * 1.06)
    longest = max(len(curve) for curve in curves)
    return Axes(math.log10(max(2, longest)), middle - half, middle + half)


def polyline(curve: Sequence[float], axes: Axes, box: tuple[int, int, int, int]) -> str:
    """The `points` of an SVG polyline inside `box` = (left, top, right, bottom) in pixels.

    A curve that falls below the axes ends in one drop to the bottom, so that a cliff is seen.
    """
    points = []
    for i in log_spaced(len(curve), POINTS):
        x, y = _place(i + 1, curve[i], axes, box)
        points.append(f"{x:.1f},{min(y, box[3]):.1f}")
        if y > box[3]:
            break
    return " ".join(points)


def _place(rank: int, value: float, axes: Axes, box: tuple[int, int, int, int]) -> tuple[float, float]:
    left, top, right, bottom = box
    across = math.log10(rank) / axes.right
    height = math.log10(value) if value > 0 else -math.inf
    up = (height - axes.bottom) / (axes.top - axes.bottom)
    return left + across * (right - left), bottom - up * (bottom - top)


def _x_ticks(axes: Axes) -> tuple[Tick, ...]:
    width = WIDTH - RIGHT - LEFT
    return tuple(Tick(round(LEFT + e / axes.right * width, 1), e) for e in range(int(axes.right) + 1))


def _y_ticks(axes: Axes) -> tuple[Tick, ...]:
    exponents = range(math.ceil(axes.bottom), math.floor(axes.top) + 1)
    step = max(1, len(exponents) // 6)
    scale = (HEIGHT - BOTTOM - TOP) / (axes.top - axes.bottom)
    return tuple(Tick(round(HEIGHT - BOTTOM - (e - axes.bottom) * scale, 1), e) for e in exponents[::step])
