"""What an information plane says, in sentences: phases, and what cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from repdiag.report import wording
from repdiag.report.plane_paths import ALL_ROWS, Found, Path, label, varying, when
from repdiag.results import Estimate, Phase
from repdiag.text import listing
from repdiag.types import Status

RUNS_NEEDED = 5
MOST_REASONS = 2
MOST_VERDICTS = 12
"""Layers with a verdict of their own; every phase is in the table."""

IXT, ITY = "I(X;T)", "I(T;Y)"
QUANTITY = {"compression": IXT, "fitting": ITY}
_MOVES = {"compression": ("fall", "falls", "last"), "fitting": ("rise", "rises", "first")}
_NO_FIGURE: Mapping[Status, str] = {
    Status.CONSTANT: "the layer gives the same row for every sample",
    Status.NONFINITE: "infinite or not a number",
}
MEANINGS: Mapping[str, Mapping[Status, str]] = {
    IXT: {
        **_NO_FIGURE,
        Status.SATURATED: "at its ceiling, where it counts the samples and can show neither rise nor fall",
        Status.UNRESOLVED: "cannot be told from zero",
        Status.INSUFFICIENT: "too few rows",
    },
    ITY: {
        **_NO_FIGURE,
        Status.SATURATED: "at its ceiling H(Y), where every row has a pattern that gives its class away",
        Status.UNRESOLVED: "cannot be told from the figure for shuffled labels",
        Status.INSUFFICIENT: "too few rows, or fewer than two classes",
    },
}

Tone = Literal["seen", "open", "quiet"]


@dataclass(frozen=True, slots=True)
class LayerVerdict:
    """What the estimators say of one layer; `tone` is `open` where they disagree or cannot say."""

    layer: str
    word: str
    tone: Tone
    sentences: tuple[str, ...]


def seen(size: Estimate) -> bool | None:
    """Whether a phase is there: None where its size has no interval."""
    return None if size.low is None else size.low > 0


def headlines(found: Sequence[Found]) -> list[str]:
    """In how many layers I(X;T) falls and I(T;Y) rises, by estimator; then why there is no p-value."""
    told = headline_phases(found)
    grouped: dict[str, list[str]] = {}
    for kind in ("compression", "fitting"):
        for name in dict.fromkeys(one.phase.estimator for one in told):
            held = [one for one in told if (one.phase.kind, one.phase.estimator) == (kind, name)]
            if held:
                grouped.setdefault(_headline(held), []).append(name)
    lines = [f"Under {_joined(names)}, {text}" for text, names in grouped.items()]
    reasons = {p_text(one.phase) for one in told}
    return [*lines, *(f"{reason.replace('no p', 'No p', 1)}." for reason in reasons if len(reasons) == 1)]


def layer_verdicts(found: Sequence[Found]) -> list[LayerVerdict]:
    """A verdict on each layer: a sentence from each estimator on its compression."""
    told = headline_phases(found)
    dimensions = varying(told)
    grouped: dict[str, list[Phase]] = {}
    for one in told:
        grouped.setdefault(label(one, dimensions), []).append(one.phase)
    differ = len({p_text(one.phase) for one in told}) > 1
    return [_verdict(name, group, differ) for name, group in grouped.items()]


def headline_phases(found: Sequence[Found]) -> list[Found]:
    """The phases that the page opens with: of all rows and of the mean over runs, where there are such."""
    whole = [one for one in found if one.names["split"] == ALL_ROWS] or list(found)
    return [one for one in whole if one.phase.run is None] or whole


def unreadable(drawn: Sequence[Path]) -> list[str]:
    """A sentence for each status other than ok; figures and estimators of which the same holds share one."""
    dimensions = varying(drawn)
    held: dict[tuple[Status, str, tuple[str, ...]], list[tuple[str, str]]] = {}
    for estimator in dict.fromkeys(path.names["estimator"] for path in drawn):
        own = [path for path in drawn if path.names["estimator"] == estimator]
        for (figure, status), names in _ill(own, dimensions).items():
            key = (status, _meaning(own, figure, status), tuple(names))
            held.setdefault(key, []).append((figure, estimator))
    return [_unreadable(*key, told) for key, told in held.items()]


def size_text(size: Estimate) -> str:
    """`1.2 nats [0.9, 1.5]`; `at least` where the figure was at its ceiling."""
    least = "at least " if "bound" in size.details else ""
    return f"{least}{wording.number(size.value)} nats {wording.interval(size.low, size.high)}".strip()


def p_text(phase: Phase) -> str:
    """The p-value, or why there is none."""
    if phase.p_value is None:
        return f"no p-value: {runs_text(phase)}"
    return f"p = {wording.number(phase.p_value)}, {runs_text(phase)}"


def runs_text(phase: Phase) -> str:
    """`5 runs`, or `1 run, five are needed`."""
    few = phase.p_value is None and phase.runs < RUNS_NEEDED
    return wording.count(phase.runs, "run") + (", five are needed" if few else "")


def _headline(held: Sequence[Found]) -> str:
    """`I(X;T) falls late in training in 4 of 5 layers: fc2, fc3, fc4, fc5.`"""
    dimensions = varying(held)
    there = [label(one, dimensions) for one in held if seen(one.phase.size)]
    mute = sum(seen(one.phase.size) is None for one in held)
    unit = "layer" if set(dimensions) <= {"layer"} else "path"
    figure, kind = QUANTITY[held[0].phase.kind], held[0].phase.kind
    move = "falls late in training" if kind == "compression" else "rises"
    if mute == len(held):
        return f"whether {figure} {move} cannot be read in any {unit}."
    where = f": {listing(there)}" if 0 < len(there) < len(held) else ""
    silent = f"; {mute} cannot be read" if mute else ""
    times = f"{len(there) or 'none'} of {wording.count(len(held), unit)}"
    return f"{figure} {move} in {times}{where}{silent}."


def _verdict(layer: str, held: Sequence[Phase], with_p: bool) -> LayerVerdict:
    falls = [one for one in held if one.kind == "compression"]
    word, tone = _answer({one.estimator: seen(one.size) for one in falls})
    return LayerVerdict(layer, word, tone, tuple(_sentence(one, with_p) for one in falls or held))


def _answer(answers: Mapping[str, bool | None]) -> tuple[str, Tone]:
    """What the estimators that can be read see together."""
    readable = [name for name, answer in answers.items() if answer is not None]
    see = [name for name in readable if answers[name]]
    if not answers:
        return "no word on compression", "quiet"
    if not readable:
        return "cannot be read", "open"
    if see and len(see) < len(readable):
        return "estimators disagree", "open"
    tone: Tone = "seen" if see else "quiet"
    word = "compression seen" if see else "no compression seen"
    every = "every estimator" if see else "any estimator"
    by = every if len(readable) == len(answers) else f"{_joined(readable)} alone"
    return (word if len(answers) == 1 else f"{word} by {by}"), tone


def _sentence(phase: Phase, with_p: bool) -> str:
    reason = f"; {p_text(phase)}" if with_p else ""
    return f"{phase.estimator}: {_clause(phase)}{reason}."


def _clause(phase: Phase) -> str:
    noun, verb, other = _MOVES[phase.kind]
    figure, answer = QUANTITY[phase.kind], seen(phase.size)
    if answer is None:
        return f"whether {figure} {verb} cannot be read ({phase.message.rstrip('.')})"
    told = f"{figure} {verb} by" if answer else f"no {noun} of {figure} seen,"
    if (phase.start, phase.start_step) == (phase.end, phase.end_step):
        return f"{told} {size_text(phase.size)}: largest at the {other} checkpoint"
    span = f"from {when(phase.start, phase.start_step)} to {when(phase.end, phase.end_step)}"
    return f"{told} {size_text(phase.size)} {span}"


def _unreadable(status: Status, meaning: str, names: Sequence[str], told: Sequence[tuple[str, str]]) -> str:
    figures, estimators = ([*dict.fromkeys(parts)] for parts in zip(*told, strict=True))
    verb = "is" if len(figures) == 1 else "are"
    subject = f"{_joined(figures)} under {_joined(estimators)}"
    return f"{subject} {verb} {status.value} in {listing(names)}: {meaning}."


def _meaning(held: Sequence[Path], figure: str, status: Status) -> str:
    """What a status means; the reasons that the results give where they are one or two."""
    told = [one for path in held for one in _figures(path)[figure] if one.status is status]
    reasons = list(dict.fromkeys(str(one.details.get("reason", "")) for one in told))
    few = status is Status.INSUFFICIENT and all(reasons) and len(reasons) <= MOST_REASONS
    return "; ".join(reasons) if few else MEANINGS[figure][status]


def _joined(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _ill(held: Sequence[Path], dimensions: Sequence[str]) -> dict[tuple[str, Status], list[str]]:
    """The paths of one estimator with a status other than ok, and at how many of their points."""
    found: dict[tuple[str, Status], list[str]] = {}
    for path in held:
        for figure, estimates in _figures(path).items():
            counts = Counter(one.status for one in estimates if one.status is not Status.OK)
            for status, times in counts.items():
                name = label(path, dimensions)
                of = "" if times == len(estimates) else f" ({times} of {len(estimates)})"
                found.setdefault((figure, status), []).append(name + of)
    return found


def _figures(path: Path) -> dict[str, list[Estimate]]:
    return {IXT: [point.ixt for point in path.points], ITY: [point.ity for point in path.points]}
