"""Figures over checkpoints on scales where a change is a ratio, and where a path leaves its course."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from repdiag.check.known import base_name, facts
from repdiag.results import Estimate, Representation

WINDOW = 8
"""Steps from one checkpoint to the next that make up the course before a break, at most."""
LEAST = 3
"""Steps that a course needs at least: fewer say nothing about its roughness."""
SMALLEST_STEP = 0.02
"""On a log scale: a change of 2% between two checkpoints is no news, however smooth the path was."""
PAIRED = 0.3
"""Share of an interval's half that is left between two checkpoints on the same samples."""
CLEAR, DOUBTFUL = 6.0, 2.5
"""Deviations in units of the course's roughness: clearly away, and no longer surely on the course."""
UNSEEN = 0.05
"""Share of the way between two checkpoints that may go unseen before the interval takes one more of them."""


@dataclass(frozen=True, slots=True)
class Path:
    """One figure at the checkpoints where it has a value; a higher `level` is nearer to collapse.

    `at` are positions of checkpoints in the series, ascending; `error` is on the scale of `level`.
    """

    measure: str
    at: tuple[int, ...]
    level: tuple[float, ...]
    error: tuple[float, ...]

    def until(self, last: int) -> Path:
        """The part up to and including checkpoint `last`."""
        kept = sum(1 for position in self.at if position <= last)
        return Path(self.measure, self.at[:kept], self.level[:kept], self.error[:kept])


@dataclass(frozen=True, slots=True)
class Course:
    """What the steps before a break look like: their trend towards collapse, and how far they scatter."""

    trend: float
    roughness: float


@dataclass(frozen=True, slots=True)
class Break:
    """Where a path leaves its course: after checkpoint `after`, clearly so at `before`, likeliest at `at`."""

    after: int
    at: int
    before: int
    measure: str


def path_of(measure: str, rows: Sequence[Representation | None]) -> Path:
    """The path of one figure; checkpoints without the representation or without a value are left out."""
    found = [(at, *point) for at, row in enumerate(rows) if (point := _point(measure, row)) is not None]
    at, level, error = zip(*found, strict=True) if found else ((), (), ())
    return Path(measure, at, level, error)


def _point(measure: str, row: Representation | None) -> tuple[float, float] | None:
    estimate = row.estimates.get(measure) if row is not None else None
    if estimate is None or estimate.value is None or not estimate.status.has_value:
        return None
    level = _level(measure, _share_left(estimate, estimate.value) if _is_share(measure) else estimate.value)
    if level is None:
        return None
    ends = [_end(measure, end) for end in (estimate.low, estimate.high)]
    reached = [abs(end - level) for end in ends if end is not None]
    return level, PAIRED * max(reached, default=0.0) / 2


def _end(measure: str, value: float | None) -> float | None:
    if value is None:
        return None
    return _level(measure, 1.0 - value if _is_share(measure) else value)


def _is_share(measure: str) -> bool:
    return facts(measure).share


def _share_left(estimate: Estimate, value: float) -> float:
    """1 - share, from the detail that knows it without cancellation where there is one."""
    spread = estimate.details.get("spread")
    return float(spread) if isinstance(spread, int | float) else 1.0 - value


def _level(measure: str, value: float) -> float | None:
    """Minus or plus the log: of 1 - share for a share. None where there is none."""
    share, upper = _is_share(measure), facts(measure).side == "max"
    if base_name(measure) == "per_class_rank":
        share, value = False, 1.0 - value
    if not (math.isfinite(value) and value > 0):
        return None
    return math.log(value) if upper and not share else -math.log(value)


def find_break(paths: Sequence[Path], last: int) -> Break | None:
    """The earliest credible break of any path that leads to where the path is at checkpoint `last`."""
    shown = [path.until(last) for path in paths]
    found = [clear for path in shown if (clear := _clear_break(path)) is not None]
    if not found:
        return None
    first = min(found, key=lambda one: one.before)
    return _with_doubt(first, shown)


def _clear_break(path: Path) -> Break | None:
    """The first step by which the path goes away for good, up to where it is clearly away."""
    for b in range(LEAST, len(path.at) - 1):
        steps = _steps_until_clear(path, b, course_at(path, b))
        if steps is not None:
            return Break(path.at[b], path.at[b + 1], path.at[b + steps], path.measure)
    return None


def course_at(path: Path, b: int) -> Course:
    """The course up to point `b` of the path (b >= 1): a median step, and a robust scatter about it.

    A trend away from collapse is not carried on: a recovery that levels off is not a break.
    """
    steps = [after - before for before, after in pairwise(path.level[max(0, b - WINDOW) : b + 1])]
    middle = median(steps)
    scatter = 1.4826 * median(abs(step - middle) for step in steps)
    error = median(path.error[max(0, b - WINDOW) : b + 1])
    return Course(max(middle, 0.0), math.sqrt(scatter**2 + error**2 + SMALLEST_STEP**2))


def _steps_until_clear(path: Path, b: int, course: Course) -> int | None:
    """How many steps after `b` the path is clearly away; None where it comes back, or never is.

    A course wanders: what counts as away grows with the root of the number of steps.
    """
    away = [each / math.sqrt(steps) for steps, each in enumerate(_deviations(path, b, course), start=1)]
    if any(each <= DOUBTFUL for each in away):
        return None
    return next((steps for steps, each in enumerate(away, start=1) if each > CLEAR), None)


def _deviations(path: Path, b: int, course: Course) -> Iterator[float]:
    """How far each later point is from the course carried on from `b`, in units of its roughness."""
    for steps, level in enumerate(path.level[b + 1 :], start=1):
        yield (level - path.level[b] - course.trend * steps) / course.roughness


def _with_doubt(found: Break, paths: Sequence[Path]) -> Break:
    """The break with its lower end moved back over every checkpoint that may have left the course already."""
    after = found.after
    while (earlier := _doubtful_before(after, paths)) is not None:
        after = earlier
    if after == found.after and _may_hide(found, paths):
        after = max((at for path in paths for at in path.at if at < after), default=after)
    return Break(after, found.at, found.before, found.measure)


def _may_hide(found: Break, paths: Sequence[Path]) -> bool:
    """Could a cause at work shortly before checkpoint `after` be lost in the roughness there?

    At the speed of the first clear step it is seen once it has been at work for DOUBTFUL over that step's
    deviation, as a share of the way between two checkpoints.
    """
    steps = [
        next(_deviations(path, b, course_at(path, b)))
        for path in paths
        if (b := _point_at(path, found.after)) >= LEAST and b + 1 < len(path.at)
    ]
    return UNSEEN * max(steps, default=0.0) < DOUBTFUL


def _doubtful_before(after: int, paths: Sequence[Path]) -> int | None:
    found = [path.at[b - 1] for path in paths if (b := _point_at(path, after)) and _is_doubtful(path, b)]
    return max(found, default=None)


def _point_at(path: Path, checkpoint: int) -> int:
    return path.at.index(checkpoint) if checkpoint in path.at else 0


def _is_doubtful(path: Path, b: int) -> bool:
    """Did the step to point `b` already go away from the course before it?"""
    if b - 1 < LEAST:
        return False
    course = course_at(path, b - 1)
    return path.level[b] - path.level[b - 1] - course.trend > DOUBTFUL * course.roughness
