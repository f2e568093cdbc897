"""The difference of one figure between two representations, from the same samples or from others."""

from __future__ import annotations

import math
from dataclasses import dataclass

from repdiag.analysis.corrected import Corrected, Sampled
from repdiag.analysis.estimates import Judged
from repdiag.measures.registry import Selection
from repdiag.results import DIFFERENCE, RATIO, Estimate
from repdiag.stats.jackknife import RATIO_FLOOR, Interval, around, error_of
from repdiag.types import IntervalMethod, Status

ROUNDING = 1e-9
"""The same rows in another order differ by this little: no difference."""

WORST_FIRST = (
    Status.NONFINITE,
    Status.INSUFFICIENT,
    Status.CONSTANT,
    Status.UNRESOLVED,
    Status.SATURATED,
    Status.OK,
)


@dataclass(frozen=True, slots=True)
class Sides:
    """One figure of A and of B; `pairing` says how their samples belong together."""

    selection: Selection
    a: Judged
    b: Judged
    pairing: str
    paired: bool
    confidence: float

    @property
    def log(self) -> bool:
        return self.selection.measure.scale == "log"

    @property
    def status(self) -> Status:
        """The worse of both."""
        return min(self.a.estimate.status, self.b.estimate.status, key=WORST_FIRST.index)

    def change(self, a: float, b: float) -> float:
        """B/A or B - A; NaN where it does not exist."""
        if not self.log:
            return b - a
        return b / a if a > 0 and b > 0 else math.nan


def difference(of: Sides) -> Estimate:
    """The estimate of B/A, where the measure's errors are even on the log scale, or of B - A.

    A value without an interval would say nothing, so it is insufficient.
    """
    if of.a.found is None or of.b.found is None:
        return _estimate(of, None, None, of.status, _reasons(of))
    pair = _alike(of)
    if pair is None:
        return _estimate(of, None, None, Status.INSUFFICIENT, "the two sides were not corrected alike")
    a, b = pair
    value = of.change(a.value, b.value)
    if not math.isfinite(value):
        status = Status.CONSTANT if 0.0 in (a.value, b.value) else Status.INSUFFICIENT
        return _estimate(of, None, None, status, "a ratio needs two positive figures")
    interval = _interval(of, a, b, value)
    if interval is None:
        reason = "without some group of samples the figure does not exist, so the difference has no interval"
        return _estimate(of, None, None, Status.INSUFFICIENT, reason)
    return _estimate(of, (a, b), (value, interval), of.status, "")


def _alike(of: Sides) -> tuple[Corrected, Corrected] | None:
    """Both figures by one correction: where a side has none, both plug-ins, whose biases cancel too."""
    a, b = of.a.found, of.b.found
    if a is not None and b is not None and a.correction == b.correction:
        return a, b
    return None if of.a.plain is None or of.b.plain is None else (of.a.plain, of.b.plain)


def _interval(of: Sides, a: Corrected, b: Corrected, value: float) -> Interval | None:
    joint = _joint(of, a.sampled, b.sampled) if of.paired else None
    scale = of.selection.measure.scale
    if joint is not None:
        error = error_of(joint.whole, joint.without, joint.sizes, scale)
        extra = _paired_extra(of, a, b)
    else:
        errors = (a.sampled.error(of.selection), b.sampled.error(of.selection))
        error = None if None in errors else math.hypot(*(each or 0.0 for each in errors))
        extra = (*a.extra, *b.extra)
    if error is None:
        return None
    groups = min(a.groups, b.groups)
    # Equal figures need no room for rounding, and their table should say 0, not 1e-9.
    size = 1.0 if of.log else max(abs(a.value), abs(b.value))
    rounding = 0.0 if a.value == b.value else ROUNDING * size
    found = around(value, error, groups, confidence=of.confidence, scale=scale, extra=(*extra, rounding))
    return found if math.isfinite(found.low) and math.isfinite(found.high) else None


def _joint(of: Sides, a: Sampled, b: Sampled) -> Sampled | None:
    """The difference without each group of samples; None where the sides do not have the same groups."""
    if len(a.sizes) != len(b.sizes):
        return None
    without = tuple(of.change(one, other) for one, other in zip(a.without, b.without, strict=True))
    # Equal but where a measure drops rows of its own, such as repeated ones.
    sizes = tuple(one + other for one, other in zip(a.sizes, b.sizes, strict=True))
    return Sampled(of.change(a.whole, b.whole), without, sizes)


def _paired_extra(of: Sides, a: Corrected, b: Corrected) -> tuple[float, ...]:
    """What the jackknife of a ratio of two inversions cannot see.

    The bias of an inversion depends on the spectrum and on n/d. Two checkpoints on the same samples share
    n/d and nearly the spectrum, so that most of it cancels in the ratio, and the gap of each side alone would
    hide every small drop. What does not cancel shows in the gap of the ratio itself: would half of the
    samples have given the same one?
    """
    one, other = a.inverted, b.inverted
    if one is None or other is None:
        return ()
    extra = [RATIO_FLOOR]
    if one.halves and other.halves:
        extra.append(abs(math.log(other.peer / one.peer) - (other.mean_half - one.mean_half)))
    if bool(one.others) != bool(other.others):
        # Inverted by different estimators: their biases do not cancel.
        extra += [*one.apart(a.value), *other.apart(b.value)]
    return tuple(extra)


def _estimate(
    of: Sides,
    figures: tuple[Corrected, Corrected] | None,
    found: tuple[float, Interval] | None,
    status: Status,
    reason: str,
) -> Estimate:
    plugin = _plugin(of)
    methods = {each.sampled.method for each in figures or ()}
    return Estimate(
        value=None if found is None else found[0],
        low=None if found is None else found[1].low,
        high=None if found is None else found[1].high,
        confidence=of.confidence,
        plugin=plugin,
        status=status,
        unit=RATIO if of.log else DIFFERENCE,
        correction="none" if figures is None else figures[0].correction,
        interval_method=methods.pop()
        if len(methods) == 1
        else IntervalMethod.FAST
        if methods
        else IntervalMethod.NONE,
        definition=of.selection.definition,
        details=_details(of, reason),
    )


def _plugin(of: Sides) -> float | None:
    a, b = of.a.estimate.plugin, of.b.estimate.plugin
    change = math.nan if a is None or b is None else of.change(a, b)
    return change if math.isfinite(change) else None


def _details(of: Sides, reason: str) -> dict[str, float | int | str | list[float]]:
    values = {"a": of.a.estimate.value, "b": of.b.estimate.value}
    shown: dict[str, float | int | str | list[float]] = {k: v for k, v in values.items() if v is not None}
    return {**shown, "pairing": of.pairing, **({"reason": reason} if reason else {})}


def _reasons(of: Sides) -> str:
    """Why a side has no value, with the side's letter."""
    sides: dict[str, Judged] = {"A": of.a, "B": of.b}
    told = {
        name: str(side.estimate.details.get("reason", side.estimate.status.value))
        for name, side in sides.items()
        if side.found is None
    }
    return "; ".join(f"{name}: {reason}" for name, reason in told.items())
