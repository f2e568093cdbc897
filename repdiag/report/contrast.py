"""How a bandwidth was chosen, as a small picture without scripts: contrast of self and null against width."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from repdiag.results import Estimate

WIDTH, HEIGHT, EDGE = 260, 70, 6


@dataclass(frozen=True, slots=True)
class ContrastCurve:
    """Contrasts of one view over their largest: a polyline, the chosen point and its multiple."""

    view: str
    points: str
    at: tuple[float, float]
    chosen: str
    highest: str
    ticks: tuple[tuple[float, str], ...]


def contrast_curves(estimates: Mapping[str, Estimate]) -> tuple[ContrastCurve, ...]:
    """The curves of x and y; nothing where no bandwidth was chosen by contrast."""
    held = next((one.details for one in estimates.values() if "bandwidth_factors" in one.details), {})
    factors = held.get("bandwidth_factors")
    curves = [(view, held.get(f"contrast_{view}")) for view in "xy"]
    if not isinstance(factors, list) or len(factors) < 2 or min(factors) <= 0:
        return ()
    return tuple(
        _curve(view, factors, heights)
        for view, heights in curves
        if isinstance(heights, list) and len(heights) == len(factors) and max(heights) > 0
    )


def _curve(view: str, factors: Sequence[float], heights: Sequence[float]) -> ContrastCurve:
    low, high, top = math.log(min(factors)), math.log(max(factors)), max(heights)
    across = [EDGE + (math.log(f) - low) / (high - low) * (WIDTH - 2 * EDGE) for f in factors]
    down = [EDGE + (1 - max(0.0, height) / top) * (HEIGHT - 2 * EDGE) for height in heights]
    best = max(range(len(heights)), key=heights.__getitem__)
    return ContrastCurve(
        view=view,
        points=" ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True)),
        at=(round(across[best], 1), round(down[best], 1)),
        chosen=_fraction(factors[best]),
        highest=f"{top:.3g}",
        ticks=tuple(
            (round(x, 1), _fraction(f))
            for x, f in zip(across, factors, strict=True)
            if f in (min(factors), 1.0, max(factors))
        ),
    )


def _fraction(factor: float) -> str:
    """`1/16`, `1`, `4`, or two digits for what is no power of two."""
    if factor < 1 and (1 / factor).is_integer():
        return f"1/{round(1 / factor)}"
    return f"{factor:.2g}"
