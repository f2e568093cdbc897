"""Paths through the information plane as plain data that the page's script styles and draws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from repdiag.report.catalogue import shown
from repdiag.report.figures import SHORT, plot_text
from repdiag.report.plane_paths import ALL_ROWS, DIMENSIONS, Found, Path, Timeline, detail, timeline, values
from repdiag.report.plane_words import seen
from repdiag.report.thinning import points_per_trace, short
from repdiag.results import Estimate
from repdiag.types import Status

MOST_PATHS = 60
"""Paths drawn at once in one estimator's panel."""
SAME = 1e-6


def plane_data(drawn: Sequence[Path], found: Sequence[Found]) -> dict[str, Any]:
    """`plane` holds the paths, `plane_setup` their names, checkpoints and the first choice of the pickers."""
    if not drawn:
        return {"plane": [], "plane_setup": None}
    times, held, turns = timeline(drawn), values(drawn), _turns(found)
    most = points_per_trace(len(drawn))
    return {
        "plane": [_path(path, times, held, turns.get(path.key(*DIMENSIONS)), most) for path in drawn],
        "plane_setup": {
            "dims": {name: [plot_text(one) for one in held[name]] for name in DIMENSIONS},
            "short": {name: [plot_text(one, SHORT) for one in held[name]] for name in DIMENSIONS},
            "plain": {name: [shown(one, 60) for one in held[name]] for name in DIMENSIONS},
            "moments": [{"name": plot_text(one.checkpoint), "step": one.step} for one in times.moments],
            "plain_moments": [shown(one.checkpoint, 60) for one in times.moments],
            "counted": times.counted,
            "most": MOST_PATHS,
        },
    }


def first_choice(drawn: Sequence[Path]) -> dict[str, str | None]:
    """What the pickers show first: one result and view, all rows and the mean over runs."""
    held = values(drawn)
    choice: dict[str, str | None] = dict.fromkeys(DIMENSIONS)
    choice |= {name: held[name][-1] for name in ("result", "view") if len(held[name]) > 1}
    means = [path.names["run"] for path in drawn if path.trajectory.run is None]
    choice["run"] = means[0] if means and len(held["run"]) > 1 else None
    choice["split"] = ALL_ROWS if ALL_ROWS in held["split"] and len(held["split"]) > 1 else None
    return choice


def step_scales(times: Timeline) -> tuple[tuple[str, str], ...]:
    """The scales of the step axis, the best first: logarithmic where most steps lie in its first fifth."""
    if not times.counted:
        return ()
    steps = [point.step or 0 for point in times.moments]
    log, linear, order = ("log", "Log"), ("linear", "Linear"), ("order", "Order")
    crowded = steps[len(steps) // 2] < steps[-1] / 5
    return (log, linear, order) if crowded and steps[0] >= 0 else (linear, log, order)


def _turns(found: Sequence[Found]) -> Mapping[tuple[str, ...], tuple[str, int | None]]:
    """The turning point of each path whose I(X;T) was seen to fall."""
    falls = [one for one in found if one.phase.kind == "compression" and seen(one.phase.size)]
    return {one.key(*DIMENSIONS): (one.phase.start, one.phase.start_step) for one in falls}


def _path(
    path: Path,
    times: Timeline,
    held: Mapping[str, Sequence[str]],
    turn: tuple[str, int | None] | None,
    most: int,
) -> dict[str, Any]:
    at = [times.place(point.checkpoint, point.step) for point in path.points]
    turning = times.place(*turn) if turn else None
    kept = sorted(_kept(at, turning, most), key=lambda i: at[i] or 0)
    ixt, ity = [path.points[i].ixt for i in kept], [path.points[i].ity for i in kept]
    return {
        "dims": {name: held[name].index(path.names[name]) for name in DIMENSIONS},
        "mean": path.trajectory.run is None,
        "at": [at[i] for i in kept],
        "turn": turning,
        "x": _figure(ixt, "log n"),
        "y": _figure(ity, "H(Y)"),
    }


def _kept(at: Sequence[int | None], turning: int | None, most: int) -> list[int]:
    """At most `most` places, evenly spaced, and the turning point."""
    count = len(at)
    if count <= most:
        return list(range(count))
    even = {round(i * (count - 1) / (most - 2)) for i in range(most - 1)}
    return sorted(even | ({at.index(turning)} if turning in at else set()))


def _figure(estimates: Sequence[Estimate], ceiling: str) -> dict[str, Any]:
    """Values, ends, null and status of one figure; `ceiling` is the word for its largest possible value."""
    most = max((one for each in estimates if (one := detail(each, "ceiling")) is not None), default=None)
    made: dict[str, Any] = {
        "value": [short(one.value) for one in estimates],
        "low": [short(one.low) for one in estimates],
        "high": [short(one.high) for one in estimates],
        "status": {
            str(i): str(one.status.value) for i, one in enumerate(estimates) if one.status is not Status.OK
        },
        "ceiling": None if most is None else float(f"{most:.7g}"),
        "word": ceiling if ceiling != "log n" or _is_log_n(estimates, most) else "ceiling",
    }
    if any("null" in one.details for one in estimates):
        made |= {
            name: [short(detail(one, name)) for one in estimates]
            for name in ("null", "null_low", "null_high")
        }
    return made


def _is_log_n(estimates: Sequence[Estimate], ceiling: float | None) -> bool:
    rows = [one for each in estimates if (one := detail(each, "rows")) and one > 1]
    return ceiling is not None and any(math.isclose(math.log(n), ceiling, rel_tol=SAME) for n in rows)
