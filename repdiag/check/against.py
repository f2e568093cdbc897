"""A representation against its baseline: the ratio of each figure, with an interval."""

from __future__ import annotations

import math

from repdiag.check.baseline import Baseline, Fingerprint, counterpart
from repdiag.check.findings import place_of
from repdiag.check.known import MEASURES, base_name
from repdiag.results import RATIO, Estimate, Pair, Place, Representation
from repdiag.stats.jackknife import RATIO_FLOOR, around, error_of
from repdiag.types import IntervalMethod, Status

SAME_SIZE = 0.01
"""Relative difference of n up to which figures without a correction can be compared on other samples."""


def against(row: Representation, baseline: Baseline, confidence: float) -> Pair:
    """x is the baseline, y the representation; estimates are y/x where errors are even on the log scale.

    Raises:
        ConfigError: the baseline has no counterpart, or one that cannot be compared.
    """
    then = counterpart(row, baseline)
    same = then.samples is not None and (then.samples, then.group_sizes) == (row.samples, row.group_sizes)
    estimates = {
        name: ratio(then, row, name, same=same, confidence=confidence)
        for name in row.estimates
        if name in then.estimates and _has_ratio(name)
    }
    place = Place(checkpoint=f"baseline ({then.checkpoint})", view=then.view, layer=then.layer)
    return Pair(x=place, y=place_of(row), n=row.n, estimates=estimates)


def ratio(then: Fingerprint, row: Representation, name: str, *, same: bool, confidence: float) -> Estimate:
    """The figure over the baseline's, paired by group of samples where both are of the same ones."""
    old, new = then.estimates[name], row.estimates[name]
    reason = _reason(then, row, name, same=same)
    if reason or not old.value or not new.value:
        return _no_ratio(old, new, confidence, reason)
    paired = _paired(old, new, row.group_sizes, confidence) if same else None
    low, high = paired or _unpaired(old, new, confidence)
    exists = low is not None and high is not None
    return Estimate(
        value=new.value / old.value,
        low=low,
        high=high,
        confidence=confidence,
        plugin=new.plugin / old.plugin if new.plugin and old.plugin else None,
        status=_worse(old, new),
        unit=RATIO,
        correction=new.correction,
        interval_method=new.interval_method if exists else IntervalMethod.NONE,
        definition=new.definition,
        details={"a": old.value, "b": new.value, "pairing": "paired" if paired else "unpaired"},
    )


def _has_ratio(name: str) -> bool:
    of = MEASURES.get(base_name(name))
    return of is not None and (of.log or of.dimensions)


def _reason(then: Fingerprint, row: Representation, name: str, *, same: bool) -> str:
    """Why there is no ratio; empty where there is one."""
    old, new = then.estimates[name], row.estimates[name]
    for who, one in (("the baseline's", old), ("this", new)):
        if one.value is None or not one.status.has_value:
            return f"{who} figure is {one.status.value}"
        if not one.value > 0:
            return f"{who} figure is {one.value:g}, and a ratio needs two positive ones"
    alike = abs(then.n - row.n) <= SAME_SIZE * then.n
    if "none" in (old.correction, new.correction) and not (same or alike) and name != "trace":
        return f"n differs ({then.n:,} and {row.n:,}) and the figure has no correction for it"
    return ""


def _no_ratio(old: Estimate, new: Estimate, confidence: float, reason: str) -> Estimate:
    shown = {key: value for key, value in (("a", old.value), ("b", new.value)) if value is not None}
    return Estimate(
        value=None,
        confidence=confidence,
        status=Status.INSUFFICIENT,
        unit=RATIO,
        definition=new.definition,
        details={**shown, "reason": reason},
    )


def _paired(old: Estimate, new: Estimate, sizes: list[int], confidence: float) -> tuple[float, float] | None:
    """Delete-group jackknife of the ratio; None where the two sides were not measured alike."""
    alike = old.correction == new.correction and old.interval_method == new.interval_method
    wholes = [one.details.get("whole") for one in (old, new)]
    if not alike or not len(old.without) == len(new.without) == len(sizes) or len(sizes) < 2:
        return None
    if not all(isinstance(whole, int | float) for whole in wholes) or min(*old.without, *new.without) <= 0:
        return None
    a, b = (float(str(whole)) for whole in wholes)
    assert old.value
    assert new.value
    without = [one / other for one, other in zip(new.without, old.without, strict=True)]
    error = error_of(b / a, without, sizes, "log")
    if error is None:
        return None
    found = around(
        new.value / old.value, error, len(sizes), confidence=confidence, scale="log", extra=_extra(old, new)
    )
    return found.low, found.high


def _extra(old: Estimate, new: Estimate) -> tuple[float, ...]:
    """What the jackknife of a ratio of two inversions cannot see: see analysis/difference.py."""
    if new.correction != "lev":
        return ()
    gaps = [_gap(one) for one in (old, new)]
    extra = [RATIO_FLOOR]
    if None not in gaps:
        extra.append(abs((gaps[1] or 0.0) - (gaps[0] or 0.0)))
    if bool(old.details.get("others")) != bool(new.details.get("others")):
        extra += [_apart(one) for one in (old, new)]
    return tuple(extra)


def _gap(one: Estimate) -> float | None:
    """How far the halves of the groups are from all of them, on the log scale."""
    peer, half = one.details.get("peer"), one.details.get("half")
    numbers = isinstance(peer, int | float) and isinstance(half, int | float)
    return float(str(peer)) - float(str(half)) if numbers else None


def _apart(one: Estimate) -> float:
    others = one.details.get("others")
    assert one.value
    logs = others if isinstance(others, list) else []
    return max((abs(math.log(one.value) - float(other)) for other in logs), default=0.0)


def _unpaired(old: Estimate, new: Estimate, confidence: float) -> tuple[float | None, float | None]:
    """From both intervals, as errors that have nothing in common."""
    reaches = [_half_width(one) for one in (old, new)]
    if None in reaches:
        return None, None
    assert old.value
    assert new.value
    far = math.hypot(*(reach or 0.0 for reach in reaches))
    value = new.value / old.value
    return value * math.exp(-far), value * math.exp(far)


def _half_width(one: Estimate) -> float | None:
    """Half of an interval on the log scale: its wider half."""
    if not one.value or one.low is None or one.high is None or not one.low > 0:
        return None
    return max(math.log(one.high / one.value), math.log(one.value / one.low), 0.0)


def _worse(old: Estimate, new: Estimate) -> Status:
    return new.status if new.status is not Status.OK else old.status
