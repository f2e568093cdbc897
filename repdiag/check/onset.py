"""Onset over checkpoints: when each kind of collapse began in a series, with an interval, and where first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from repdiag.check.kinds import KINDS, Kind
from repdiag.check.known import MEASURES, base_name, facts
from repdiag.check.onset_path import LEAST, Break, find_break, path_of
from repdiag.results import Finding, Onset, Representation, Results
from repdiag.text import printable

LEAST_CHECKPOINTS = 3
SHORT = 2
"""Checkpoints that may only warn between two that fail, and the kind has still been there all along."""
SHAPE = ("trace", "effective_rank", "spectral_cliff", "top1_share", "mean_share")
"""What moves first differs: a lost variance term shrinks the scale long before any limit is crossed."""

_ABOUT_SHAPE = (
    Kind.CONSTANT,
    Kind.CONE,
    Kind.DIMENSIONAL,
    Kind.ONE_DIRECTION,
    Kind.VIEW_COLLAPSE,
    Kind.SCALE,
    Kind.NEURAL_COLLAPSE,
    Kind.CLUSTERS,
)
_NEVER_FAIL = (Kind.NEURAL_COLLAPSE, Kind.CLUSTERS, Kind.NUISANCE)
_NO_BEGINNING = (Kind.LIMIT, Kind.NO_EVIDENCE, Kind.DROP, Kind.UNTRAINED)
_DATED = tuple(kind for kind in Kind if kind not in _NO_BEGINNING)


class _State(Enum):
    """What one checkpoint says of a kind: there, not excluded, or not there."""

    SHOWN = "shown"
    NEAR = "near"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class _Series:
    """One layer of one view: a row at every checkpoint, None where the layer is missing."""

    layer: str
    rows: tuple[Representation | None, ...]


@dataclass(frozen=True, slots=True)
class _Began:
    """A kind in one layer: its first finding for good, and where the path left its course."""

    layer: str
    arisen: int
    found: Break
    gradual: bool = False


Findings = Mapping[tuple[str, str, str, str], Sequence[Finding]]
"""By checkpoint, view, layer and kind."""


def onsets(results: Results) -> list[Onset]:
    """When each kind of collapse that the end of a series still shows began, by view and kind.

    Args:
        results: of `check`; the representations of a view in training order, layers in order of depth.

    Returns:
        Nothing for a healthy series, or one of fewer than three checkpoints.
    """
    by_view: dict[str, list[Representation]] = defaultdict(list)
    for row in results.representations:
        by_view[row.view].append(row)
    findings = _indexed(results.findings)
    return [one for view, rows in by_view.items() for one in _onsets_of(view, rows, findings)]


def onset_sentence(onset: Onset) -> str:
    """The sentence of an onset, safe to print."""
    return printable(onset.message, 600)


def _indexed(findings: Sequence[Finding]) -> Findings:
    found: dict[tuple[str, str, str, str], list[Finding]] = defaultdict(list)
    for one in findings:
        if one.place is not None:
            found[one.place.checkpoint, one.place.view, one.place.layer, one.kind].append(one)
    return found


def _onsets_of(view: str, rows: Sequence[Representation], findings: Findings) -> list[Onset]:
    first = {row.checkpoint: row for row in reversed(rows)}
    order = [first[name] for name in dict.fromkeys(row.checkpoint for row in rows)]
    if len(order) < LEAST_CHECKPOINTS:
        return []
    place = {(row.layer, row.checkpoint): row for row in rows}
    series = [
        _Series(layer, tuple(place.get((layer, row.checkpoint)) for row in order))
        for layer in dict.fromkeys(row.layer for row in rows)
    ]
    found: list[Onset] = []
    for kind in _DATED:
        began = [one for each in series if (one := _began(each, kind, findings)) is not None]
        found += [_onset(kind, view, order, began)] if began else []
    return found


def _began(series: _Series, kind: Kind, findings: Findings) -> _Began | None:
    arisen = _arisen([_state(row, kind, findings) for row in series.rows])
    row = series.rows[arisen] if arisen is not None else None
    if arisen is None or row is None:
        return None
    own = [one.measure for one in findings[_key(row, kind)] if one.measure]
    figures = [*(SHAPE if kind in _ABOUT_SHAPE else ()), *(m for m in own if base_name(m) in MEASURES)]
    paths = [path_of(name, series.rows) for name in dict.fromkeys(figures)]
    found = find_break(paths, arisen)
    if found is not None:
        return _Began(series.layer, arisen, found)
    return _without_break(series, arisen, next(iter(own), ""))


def _key(row: Representation, kind: Kind) -> tuple[str, str, str, str]:
    return row.checkpoint, row.view, row.layer, kind.value


def _state(row: Representation | None, kind: Kind, findings: Findings) -> _State:
    """A constant representation is judged by nothing else, so it excludes no other kind."""
    if row is None:
        return _State.NEAR
    said = {one.severity for one in findings.get(_key(row, kind), ())}
    if "fail" in said or ("warn" in said and kind in _NEVER_FAIL):
        return _State.SHOWN
    constant = any(one.severity == "fail" for one in findings.get(_key(row, Kind.CONSTANT), ()))
    return _State.NEAR if constant or said & {"warn", "inconclusive"} else _State.CLEAR


def _arisen(states: Sequence[_State]) -> int | None:
    """The first checkpoint of those that show the kind for good; None where the end is clear of it."""
    first: int | None = None
    for at in reversed(range(len(states))):
        if states[at] is _State.SHOWN:
            first = at
        elif states[at] is _State.CLEAR or (first is not None and first - at > SHORT):
            break
    return first


def _without_break(series: _Series, arisen: int, measure: str) -> _Began:
    """No path says more than the findings: a figure that is gone went at once, another one gradually."""
    row = series.rows[arisen]
    estimate = row.estimates.get(measure) if row is not None else None
    gradual = arisen > 0 and estimate is not None and estimate.value is not None
    after = 0 if gradual else arisen - 1
    return _Began(series.layer, arisen, Break(after, arisen, arisen, measure), gradual and arisen > LEAST)


def _onset(kind: Kind, view: str, order: Sequence[Representation], began: Sequence[_Began]) -> Onset:
    """The earliest layer, in time and then in depth, tells when; every layer is listed."""
    earliest = min(one.found.before for one in began)
    first = next(one for one in began if one.found.after < earliest)
    found = first.found
    at, before = order[found.at], order[found.before]
    after = order[found.after] if found.after >= 0 else None
    return Onset(
        id=KINDS[kind].id,
        kind=kind.value,
        view=view,
        layer=first.layer,
        layers=[one.layer for one in began],
        checkpoint=at.checkpoint,
        step=at.step,
        after=after.checkpoint if after else None,
        after_step=after.step if after else None,
        before=before.checkpoint,
        before_step=before.step,
        measure=found.measure,
        message=_message(kind, first, order),
    )


def _message(kind: Kind, one: _Began, order: Sequence[Representation]) -> str:
    found, what = one.found, f"{kind.value} in {printable(one.layer)}"
    if found.after < 0:
        return f"{what} was there at or before the first checkpoint, {_named(order[0])}."
    when = f"{what} began after {_named(order[found.after])} and by {_named(order[found.before])}"
    if found.at != found.before:
        when += f", likeliest at {_named(order[found.at])}"
    seen = _named(order[one.arisen])
    if one.gradual:
        return f"{when}: it came on gradually, without a break; the rules find it from {seen}."
    if found.at == one.arisen:
        return f"{when}, where the rules first find it."
    left = facts(found.measure).phrase
    return f"{when}: the {left} left its earlier course there; the rules find it from {seen}."


def _named(row: Representation) -> str:
    return printable(row.checkpoint) if row.step is None else f"step {row.step:,}"
