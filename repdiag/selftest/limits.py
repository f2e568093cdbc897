"""From readings at rising severity to limits: where a gate begins to see."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import stdev

STEPS = 5
"""Halvings between two levels: a limit is known to 1/32 of their distance."""

NEAREST = 0.2
"""How near to the rule's own limit a level may lie, in units of what sampling hides: 25 times the samples."""

DRAWS, TOLERANCE = 5, 3.43
"""How often rows and planting are drawn again, and how many of the standard deviations of so many limits 90%
of further ones stay within: the 90% point of the noncentral t with 4 degrees of freedom (Hahn & Meeker 1991).
"""

PART = 2 / 3
"""Share of the rows in each draw: their limits differ by sqrt((1 - PART) / PART) of what fresh ones do."""


@dataclass(frozen=True, slots=True)
class Bracket:
    """Where seeing begins: the highest severity that is missed and the lowest from which on all are seen.

    No `seen`: not even the worst is. No `missed`: even the most harmless is seen.
    """

    missed: float | None
    seen: float | None


@dataclass(frozen=True, slots=True)
class Limits:
    """`sharp` without sampling error, `plain` in this sample, `strict` in at least 90% of draws."""

    sharp: Bracket
    plain: Bracket
    strict: Bracket


def bracket(levels: Sequence[float], sees: Callable[[float], bool]) -> Bracket:
    """The two severities between which `sees` begins to hold, 1/32 of the distance of two levels apart.

    Levels rise. The walk goes down from the worst level, so that a lower severity that is seen by luck does
    not count.
    """
    if not sees(levels[-1]):
        return Bracket(levels[-1], None)
    seen = levels[-1]
    for level in reversed(levels[:-1]):
        if not sees(level):
            return _between(level, seen, sees)
        seen = level
    return Bracket(None, seen)


def _between(missed: float, seen: float, sees: Callable[[float], bool]) -> Bracket:
    for _ in range(STEPS):
        middle = (missed + seen) / 2
        missed, seen = (missed, middle) if sees(middle) else (middle, seen)
    return Bracket(missed, seen)


def crossing(
    start: float, width: float, levels: Sequence[float], sees: Callable[[float], bool]
) -> float | None:
    """Where `sees` begins to hold near `start`, to `width`, by steps that double, then halves.

    None where not even the worst level is seen.
    """
    low = high = start
    step, ends = width, (levels[0], levels[-1])
    if sees(start):
        while (low := max(high - step, ends[0])) < high and sees(low):
            high, step = low, 2 * step
    else:
        while (high := min(low + step, ends[1])) > low and not sees(high):
            low, step = high, 2 * step
        if high == low:
            return None
    while high - low > 1.001 * width:
        middle = (low + high) / 2
        low, high = (low, middle) if sees(middle) else (middle, high)
    return high


def next_lower(levels: Sequence[float], limits: Limits) -> float | None:
    """The next severity that more samples would show: a level, else half of the way to the rule's own limit.

    None where nothing lies between what is seen and what the rule allows.
    """
    sharp, strict = limits.sharp.seen, limits.strict.seen
    if strict is None or sharp is None or not sharp < strict:
        return None
    least = sharp + NEAREST * (strict - sharp)
    between = [level for level in levels if least <= level < strict]
    return max(between) if between else (sharp + strict) / 2


def needed_samples(n: int, limits: Limits, severity: float) -> int | None:
    """How many samples show `severity`: sampling errors fall as 1/sqrt(n).

    The distance of what is seen from the rule's own limit is proportional to the error, as long as figures
    are near to linear in the severity between the two. None where no number of samples would do.
    """
    sharp, strict = limits.sharp.seen, limits.strict.seen
    if strict is None or sharp is None or not severity > sharp:
        return None
    ratio = (strict - sharp) / (severity - sharp)
    return math.ceil(n * ratio**2)


def reliable(own: Limits, drawn: Sequence[float | None], worst: float) -> Bracket:
    """Where 90% of further samples see, from `own` limits and those of other draws.

    Past the plain limit by what the figure's own error takes and by what draws differ, in quadrature; the
    latter by the delete-d jackknife (Shao & Wu 1989), which is too much where the planting is chance. No
    `seen` where that lies past the worst severity, or where a draw shows nothing at all.
    """
    plain, strict, found = own.plain.seen, own.strict.seen, [one for one in drawn if one is not None]
    if plain is None or strict is None:
        return own.strict
    to_fresh = math.sqrt(PART / (1 - PART))
    spread = TOLERANCE * to_fresh * stdev(found) if len(found) == len(drawn) else math.inf
    sure = plain + math.hypot(strict - plain, spread)
    return Bracket(plain, sure) if sure <= worst else Bracket(worst, None)
