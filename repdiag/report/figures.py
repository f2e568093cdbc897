"""The figures as data: plotly traces that the page's script picks from, styles and draws.

Every trace is plain JSON, made without plotly itself (tests hold it to plotly's schema). Names go
into plotly as escaped text: it would otherwise honour `<a>` and `<b>` in them, and `%{...}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from repdiag.report.catalogue import DIMENSIONS, MAX_VISIBLE, Catalogue, Column, measure_names, shown
from repdiag.report.curves import Trace, cumulative_traces, family_traces, growth_traces, spectrum_traces
from repdiag.report.theme import for_figures
from repdiag.report.thinning import short
from repdiag.results import Estimate
from repdiag.types import Status

RANK_FAMILY = (
    "effective_rank",
    "rankme",
    "participation_ratio",
    "stable_rank",
    "nesum",
    "numerical_rank",
    "live_directions",
)
LONG, SHORT = 44, 18
"""Most letters of a name in a figure, alone and beside others."""
_MARKS = "&<>\"'%$"
"""Letters with a meaning for plotly; of HTML's names for them it knows only some, so numbers stand in."""


def figure_data(catalogue: Catalogue) -> dict[str, Any]:
    """Everything that the page's script draws: names, traces by figure, colours."""
    return {
        "most": MAX_VISIBLE,
        "varying": catalogue.varying,
        "dims": _names(catalogue, LONG),
        "short": _names(catalogue, SHORT),
        "reps": [_place(catalogue, column) for column in catalogue.columns],
        "spectrum": spectrum_traces(catalogue),
        "cumulative": cumulative_traces(catalogue),
        "ranks": rank_traces(catalogue),
        "family": family_traces(catalogue),
        "growth": growth_traces(catalogue),
        "trajectory": trajectory_traces(catalogue),
        "colours": for_figures(),
    }


def plot_text(name: str, limit: int = LONG) -> str:
    """A name as text that plotly shows letter by letter; long ones lose their middle."""
    text = shown(name, 1000)
    if len(text) > limit:
        text = f"{text[: limit // 2 - 1]}…{text[len(text) - limit // 2 :]}"
    return "".join(f"&#{ord(char)};" if char in _MARKS else char for char in text)


def rank_traces(catalogue: Catalogue) -> list[Trace]:
    """One set of bars for each member of the rank family that the results hold."""
    names = measure_names(catalogue.columns, lambda name: bare_name(name) in RANK_FAMILY)
    return [
        {"type": "bar", "name": plot_text(name), **points(_having(catalogue.columns, name), name)}
        for name in sorted(names, key=lambda name: RANK_FAMILY.index(bare_name(name)))
    ]


def trajectory_traces(catalogue: Catalogue) -> list[Trace]:
    """Every measure over checkpoints, a line for each layer and view; none with a single checkpoint."""
    series = _series(catalogue)
    names = measure_names([column for line in series for column in line])
    counted = all(_counted(line) for line in series)
    lines = ((line, name) for name in names for line in (_having(one, name) for one in series) if line)
    return [_line(catalogue, line, name, counted) for line, name in lines]


def bare_name(key: str) -> str:
    """`rankme` for `rankme{center=true}`."""
    return key.partition("{")[0]


def _names(catalogue: Catalogue, limit: int) -> dict[str, list[str]]:
    return {name: [plot_text(value, limit) for value in catalogue.values[name]] for name in DIMENSIONS}


def _place(catalogue: Catalogue, column: Column) -> dict[str, Any]:
    one = column.representation
    indices = {name: catalogue.values[name].index(column.names[name]) for name in DIMENSIONS}
    return {**indices, "n": one.n, "d": one.d}


def _having(columns: Sequence[Column], name: str) -> list[Column]:
    return [column for column in columns if name in column.representation.estimates]


def _series(catalogue: Catalogue) -> list[list[Column]]:
    def line(column: Column) -> tuple[str, str, str]:
        return column.names["run"], column.names["view"], column.names["layer"]

    grouped = [list(group) for _, group in groupby(sorted(catalogue.columns, key=line), key=line)]
    longer = [group for group in grouped if len({column.names["checkpoint"] for column in group}) > 1]
    return sorted(longer, key=lambda group: group[0].index)


def _counted(columns: Sequence[Column]) -> bool:
    """Whether every checkpoint of a line has a training step of its own."""
    steps = [column.representation.step for column in columns]
    return None not in steps and len(set(steps)) == len(steps)


def _line(catalogue: Catalogue, columns: Sequence[Column], name: str, counted: bool) -> Trace:
    order = catalogue.values["checkpoint"]
    trace: Trace = {"type": "scatter", "mode": "lines+markers", **points(columns, name)}
    places = [order.index(column.names["checkpoint"]) for column in columns]
    trace["x"] = [column.representation.step for column in columns] if counted else places
    title = plot_text(name.replace("_", " "), LONG)
    trace["meta"] |= {"measure": name, "shown": title, "steps": counted}
    return trace


def points(columns: Sequence[Column], name: str) -> Trace:
    """Values, whiskers and statuses of one measure, in the order of `columns`."""
    estimates = [column.representation.estimates[name] for column in columns]
    status = {str(i): str(e.status.value) for i, e in enumerate(estimates) if e.status is not Status.OK}
    arms = [_arms(estimate) for estimate in estimates]
    return {
        "x": [column.index for column in columns],
        "y": [short(estimate.value) for estimate in estimates],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [up for up, _ in arms],
            "arrayminus": [down for _, down in arms],
        },
        "meta": {"reps": [column.index for column in columns], "status": status},
    }


def _arms(estimate: Estimate) -> tuple[float | None, float | None]:
    """Lengths of the error bar above and below the value; one-sided statements have one arm."""
    if estimate.value is None:
        return None, None
    up = None if estimate.high is None else short(max(0.0, estimate.high - estimate.value))
    down = None if estimate.low is None else short(max(0.0, estimate.value - estimate.low))
    return up, down


def measure_choices(figures: Mapping[str, Any]) -> list[str]:
    """The measures that the trajectory figure can show."""
    return list(dict.fromkeys(trace["meta"]["measure"] for trace in figures["trajectory"]))
