"""Curves over rank and over n: eigenvalues with their guides, cumulative variance, growth of a rank."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from repdiag.report.catalogue import Catalogue, Column
from repdiag.report.thinning import cumulative_share, log_spaced, points_per_trace, short
from repdiag.report.wording import number
from repdiag.types import Status

Trace = dict[str, Any]
ORDERS, ORDER_STEP = 41, 0.1


def spectrum_traces(catalogue: Catalogue) -> list[Trace]:
    """Eigenvalues of each representation, and its guides: resolution floor, noise edge, fit."""
    columns = _with_spectrum(catalogue)
    most = points_per_trace(len(columns))
    return [trace for column in columns for trace in (_eigenvalues(column, most), *_guides(column))]


def cumulative_traces(catalogue: Catalogue) -> list[Trace]:
    """Share of variance in the first k directions."""
    columns = _with_spectrum(catalogue)
    most = points_per_trace(len(columns))
    shares = [(column, cumulative_share(_values(column))) for column in columns]
    return [_curve(column, share, most, role="cumulative") for column, share in shares if share]


def family_traces(catalogue: Catalogue) -> list[Trace]:
    """Renyi number of dimensions of order 0 to 4, plug-in (Hill 1973, eq. 3, of the shares of variance)."""
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x0": 0,
            "dx": ORDER_STEP,
            "y": heights,
            "meta": _meta(column, "family"),
        }
        for column in _with_spectrum(catalogue)
        if (heights := [short(value) for value in _numbers_of_dimensions(column)])
    ]


def growth_traces(catalogue: Catalogue) -> list[Trace]:
    """Effective rank of parts of the rows against their number: plug-in and, where known, corrected."""
    columns = [column for column in catalogue.columns if column.representation.rank_curve]
    most = points_per_trace(2 * len(columns))
    return [trace for column in columns for trace in _growth(column, most)]


def fit_line(column: Column) -> list[tuple[int, float]]:
    """Both ends of the fitted power law as (rank, eigenvalue); empty without a fit."""
    fit = column.representation.estimates.get("power_law_alpha")
    if fit is None or fit.status is not Status.OK or fit.value is None:
        return []
    first, last = fit.details.get("first"), fit.details.get("last")
    if not isinstance(first, int | float) or not isinstance(last, int | float):
        return []
    alpha = fit.value if fit.plugin is None else fit.plugin
    level = _fit_level(_values(column), int(first), int(last), alpha)
    if level is None:
        return []
    return [(int(end), math.exp(level - alpha * math.log(end))) for end in (first, last)]


def _fit_level(values: Sequence[float], first: int, last: int, alpha: float) -> float | None:
    """Log eigenvalue at rank 1 of the line with slope -alpha through the fitted range."""
    ranks = [i for i in range(max(1, first), min(last, len(values)) + 1) if values[i - 1] > 0]
    if len(ranks) < 2:
        return None
    weight = sum(1 / i for i in ranks)
    return sum((math.log(values[i - 1]) + alpha * math.log(i)) / i for i in ranks) / weight


def _numbers_of_dimensions(column: Column) -> list[float]:
    """For each order; empty where no eigenvalue is above the resolution floor."""
    spectrum = column.representation.spectrum
    floor = spectrum.resolution_floor if spectrum else 0.0
    kept = [value for value in _values(column) if value > max(floor, 0.0)]
    logs = [math.log(value / sum(kept)) for value in kept]
    return [_hill(logs, step * ORDER_STEP) for step in range(ORDERS)] if logs else []


def _hill(logs: Sequence[float], order: float) -> float:
    if abs(order - 1) < 1e-9:
        return math.exp(-math.fsum(math.exp(log) * log for log in logs))
    total = math.fsum(math.exp(order * log) for log in logs)
    return math.exp(math.log(total) / (1 - order))


def _with_spectrum(catalogue: Catalogue) -> list[Column]:
    return [column for column in catalogue.columns if _values(column)]


def _values(column: Column) -> Sequence[float]:
    spectrum = column.representation.spectrum
    return spectrum.eigenvalues if spectrum else ()


def _eigenvalues(column: Column, most: int) -> Trace:
    spectrum = column.representation.spectrum
    assert spectrum is not None
    trace = _curve(column, spectrum.eigenvalues, most, role="eigenvalues")
    total = sum(max(0.0, value) for value in spectrum.eigenvalues)
    trace["meta"] |= {"floor": short(spectrum.resolution_floor), "total": short(total)}
    return trace


def _curve(column: Column, values: Sequence[float], most: int, role: str) -> Trace:
    kept = log_spaced(len(values), most)
    even = len(kept) == len(values)
    ranks: Trace = {"x0": 1, "dx": 1} if even else {"x": [i + 1 for i in kept]}
    heights = [short(max(0.0, values[i])) for i in kept]
    return {"type": "scatter", "mode": "lines", **ranks, "y": heights, "meta": _meta(column, role)}


def _growth(column: Column, most: int) -> list[Trace]:
    points = column.representation.rank_curve
    kept = [points[i] for i in log_spaced(len(points), most)]
    lines = {
        "plugin": [(point.n, point.plugin) for point in kept],
        "corrected": [(point.n, point.value) for point in kept if point.value is not None],
    }
    return [_growth_line(column, role, line) for role, line in lines.items() if line]


def _growth_line(column: Column, role: str, points: Sequence[tuple[int, float]]) -> Trace:
    x, y = zip(*points, strict=True)
    heights = [short(value) for value in y]
    meta = _meta(column, role)
    return {"type": "scatter", "mode": "lines+markers", "x": list(x), "y": heights, "meta": meta}


def _guides(column: Column) -> list[Trace]:
    spectrum = column.representation.spectrum
    assert spectrum is not None
    ends = (1, max(2, len(spectrum.eigenvalues)))
    levels = {"floor": spectrum.resolution_floor, "edge": spectrum.noise_edge}
    lines = {role: [(x, level) for x in ends] for role, level in levels.items() if level and level > 0}
    lines |= {"fit": fit_line(column)}
    return [_guide(column, role, points) for role, points in lines.items() if points]


def _guide(column: Column, role: str, points: Sequence[tuple[int, float]]) -> Trace:
    x, y = zip(*points, strict=True)
    heights = [short(value) for value in y]
    meta = {**_meta(column, role), "text": _guide_text(column, role, y[0])}
    return {"type": "scatter", "mode": "lines", "x": list(x), "y": heights, "meta": meta}


def _guide_text(column: Column, role: str, height: float) -> str:
    if role == "fit":
        fit = column.representation.estimates["power_law_alpha"]
        quality = fit.details.get("r2")
        told = f", R² {number(quality)}" if isinstance(quality, float) else ""
        return f"power law, α {number(fit.value)}{told}"
    return f"{'resolution floor' if role == 'floor' else 'noise edge'} {number(height)}"


def _meta(column: Column, role: str) -> dict[str, Any]:
    return {"rep": column.index, "role": role}
