"""The section of information planes: verdict, figures and tables as records for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from repdiag.report import plane_svg, plane_words, wording
from repdiag.report.figures import bare_name
from repdiag.report.information import Meaning
from repdiag.report.plane_data import first_choice, plane_data, step_scales
from repdiag.report.plane_paths import DIMENSIONS, Path, Timeline, paths, phases, timeline, values
from repdiag.report.plane_tables import PhaseRow, PointRow, phase_rows, point_rows, points_left
from repdiag.results import Estimate, Results

_ALL = {
    "result": "All results",
    "view": "All views",
    "split": "Side by side",
    "run": "All runs",
    "layer": "All layers",
    "estimator": "All estimators",
}


@dataclass(frozen=True, slots=True)
class Picker:
    """One dimension with more than one name; `chosen` is shown first, None for all of them."""

    name: str
    every: str
    names: tuple[str, ...]
    chosen: str | None


@dataclass(frozen=True, slots=True)
class PlaneSection:
    """Everything that the template says; the figures' data travel apart."""

    headlines: tuple[str, ...]
    verdicts: tuple[plane_words.LayerVerdict, ...]
    more_verdicts: int
    unreadable: tuple[str, ...]
    confidence: str
    pickers: tuple[Picker, ...]
    moments: int
    last_moment: str
    scales: tuple[tuple[str, str], ...]
    panels: tuple[plane_svg.Panel, ...]
    keys: tuple[str, ...]
    phases: tuple[PhaseRow, ...]
    points: tuple[PointRow, ...]
    points_left: int
    meanings: tuple[Meaning, ...]
    remarks: tuple[str, ...]


def section(results: Sequence[Results]) -> PlaneSection | None:
    """The section; None without trajectories."""
    drawn, found = paths(results), phases(results)
    if not drawn:
        return None
    times, verdicts = timeline(drawn), plane_words.layer_verdicts(found)
    return PlaneSection(
        headlines=tuple(plane_words.headlines(found)),
        verdicts=tuple(verdicts[: plane_words.MOST_VERDICTS]),
        more_verdicts=max(0, len(verdicts) - plane_words.MOST_VERDICTS),
        unreadable=tuple(plane_words.unreadable(_first(drawn))),
        confidence=_confidence(drawn),
        pickers=tuple(_pickers(drawn)),
        moments=len(times.moments),
        last_moment=_last(times),
        scales=step_scales(times),
        panels=tuple(plane_svg.panels(_first(drawn))),
        keys=tuple(plane_svg.keys(_first(drawn))),
        phases=tuple(phase_rows(found)),
        points=tuple(point_rows(drawn)),
        points_left=points_left(drawn),
        meanings=tuple(_meanings(results, drawn)),
        remarks=tuple(_remarks(results, drawn)),
    )


def figure_data(results: Sequence[Results]) -> dict[str, Any]:
    """What the page's script draws."""
    return plane_data(paths(results), phases(results))


def summary(results: Sequence[Results]) -> list[str]:
    """`5 layers`, `20 checkpoints`, `2 estimators`: for a page that has nothing but trajectories."""
    drawn = paths(results)
    if not drawn:
        return []
    held = values(drawn)
    counts = {"layer": len(held["layer"]), "checkpoint": len(timeline(drawn).moments)}
    counts["estimator"] = len(held["estimator"])
    return [wording.count(n, name) for name, n in counts.items()]


def _pickers(drawn: Sequence[Path]) -> list[Picker]:
    held, choice = values(drawn), first_choice(drawn)
    several = [name for name in DIMENSIONS if len(held[name]) > 1]
    return [Picker(name, _ALL[name], tuple(held[name]), choice[name]) for name in several]


def _first(drawn: Sequence[Path]) -> list[Path]:
    choice = first_choice(drawn)
    kept = [path for path in drawn if all(choice[name] in (None, path.names[name]) for name in DIMENSIONS)]
    return kept or list(drawn)


def _last(times: Timeline) -> str:
    point = times.moments[-1]
    return point.checkpoint if point.step is None else f"step {point.step:,}, {point.checkpoint}"


def _estimates(drawn: Sequence[Path]) -> list[Estimate]:
    return [one for path in drawn for point in path.points for one in (point.ixt, point.ity)]


def _confidence(drawn: Sequence[Path]) -> str:
    found = {one.confidence for one in _estimates(drawn) if one.low is not None or one.high is not None}
    return " or ".join(wording.percent(one) for one in sorted(found)) or "none"


def _meanings(results: Sequence[Results], drawn: Sequence[Path]) -> list[Meaning]:
    """Every estimator once: its definition, what it says and what it cannot."""
    texts: dict[str, Any] = {}
    for result in results:
        held = result.source.get("measures")
        texts |= held if result.trajectories and isinstance(held, dict) else {}
    definitions: dict[str, str] = {}
    for path in drawn:
        definitions.setdefault(path.names["estimator"], path.points[0].ixt.definition)
    return [
        _meaning(name, definition, texts.get(name, texts.get(bare_name(name))))
        for name, definition in definitions.items()
    ]


def _meaning(name: str, definition: str, held: object) -> Meaning:
    texts = held if isinstance(held, dict) else {}
    says, cannot, cite = (str(texts.get(part, "")) for part in ("says", "cannot", "cite"))
    return Meaning(name, definition, says, cannot, cite)


def _remarks(results: Sequence[Results], drawn: Sequence[Path]) -> list[str]:
    """The remark of each estimator on what its I(X;T) measures, then the notes of the command."""
    told = [
        f"{path.names['estimator']}: {remark}"
        for path in drawn
        for point in path.points
        if (remark := point.ixt.details.get("remark"))
    ]
    held = [result.source.get("notes") for result in results if result.trajectories]
    notes = [str(note) for group in held if isinstance(group, list) for note in group]
    return list(dict.fromkeys([*told, *notes]))
