"""A figure along a path, and what its phase says in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from repdiag.analysis.plane_paths import Name, PathKey
from repdiag.stats.phases import LEAST_ROUGH, Fall, PairedPath, Real
from repdiag.text import printable
from repdiag.types import Status

Kind = Literal["compression", "fitting"]
FIGURES: dict[Kind, Name] = {"compression": "ixt", "fitting": "ity"}
SPELLED = {"ixt": "I(X;T)", "ity": "I(T;Y)"}

LEVEL = 0.05
"""Of a p-value from which on runs speak for a change although the interval of its mean holds zero."""


@dataclass(frozen=True, slots=True)
class Course:
    """A figure at the checkpoints where it has a value, in order; for a rise the last comes first.

    `statuses` are those of all runs at each checkpoint, `runs` (r, k) the figures of each run, `paired` what
    one run alone adds. `checkpoints` are the first and the last, each with its step, in time.
    """

    kind: Kind
    key: PathKey
    names: tuple[str, ...]
    steps: tuple[int | None, ...]
    statuses: tuple[tuple[Status, ...], ...]
    runs: Real
    paired: PairedPath | None
    checkpoints: tuple[str, int | None, str, int | None]

    def from_ceiling(self, fall: Fall) -> bool:
        """I(X;T) is at log n where it is largest: of more samples it may have been larger.

        H(Y) is no such ceiling: nothing can tell more of the target.
        """
        return self.kind == "compression" and Status.SATURATED in self.statuses[fall.turn]


def too_few(course: Course) -> str:
    """Why there is no path."""
    figure = SPELLED[FIGURES[course.kind]]
    count = len(course.names)
    return f"{figure} has a value at {count} checkpoint{'' if count == 1 else 's'}, two are needed"


def message(course: Course, fall: Fall, p_value: float | None) -> str:
    """One sentence, without the layer and the estimator."""
    figure = SPELLED[FIGURES[course.kind]]
    verb, noun, other = (
        ("falls", "fall", "last") if course.kind == "compression" else ("rises", "rise", "first")
    )
    largest, end = _when(course, fall.turn), _when(course, len(course.names) - 1)
    start, stop = (largest, end) if course.kind == "compression" else (end, largest)
    if fall.low is None:
        text = f"{figure} is largest at the {other} checkpoint: no {noun}"
    elif fall.seen:
        least = "at least " if course.from_ceiling(fall) else ""
        text = f"{figure} {verb} by {least}{_sized(fall)} from {start} to {stop}"
    elif p_value is not None and p_value <= LEVEL:
        text = f"{figure} may {noun}: {_sized(fall)} from {start} to {stop}"
    elif start == stop:
        text = f"no {noun} of {figure} is seen: {_sized(fall)}, largest at the {other} checkpoint"
    else:
        text = f"no {noun} of {figure} is seen: {_sized(fall)} from {start} to {stop}"
    return f"{text}; {_support(course, p_value)}."


def _sized(fall: Fall) -> str:
    return f"{fall.size:.3g} nats [{fall.low:.3g}, {fall.high:.3g}]"


def _support(course: Course, p_value: float | None) -> str:
    runs = len(course.runs)
    if p_value is not None:
        return f"p = {p_value:.2g} over {runs} runs"
    text = f"no p-value: {runs} run{'' if runs == 1 else 's'}, five are needed"
    if course.paired is not None and len(course.names) < LEAST_ROUGH:
        few = len(course.names)
        text += f"; {few} checkpoints do not show how far the figure jumps from one to the next"
    return text


def _when(course: Course, at: int) -> str:
    step = course.steps[at]
    return printable(course.names[at], 60) if step is None else f"step {step:,}"
