"""Hand-made results: a healthy representation and edits of it."""

from __future__ import annotations

from typing import Any

from repdiag.check import CheckConfig, Policy, build_policy
from repdiag.results import Estimate, Finding, Representation, Results, RogueFeature
from repdiag.types import IntervalMethod, Status

HOSTILE = "::error title=x::pwned\x1b[31m\n::error::y<script>|`]]>&\"' \ufffe\u202e##[error]"


def figure(
    value: float | None, half: float = 0.02, status: Status = Status.OK, **details: float | str
) -> Estimate:
    """An estimate with an interval of plus and minus `half` of its value."""
    low = None if value is None else value - half * abs(value)
    high = None if value is None else value + half * abs(value)
    return Estimate(
        value=value,
        low=low,
        high=high,
        plugin=value,
        status=status,
        interval_method=IntervalMethod.FULL if value is not None else IntervalMethod.NONE,
        definition="by hand",
        details=dict(details),
    )


def between(value: float, low: float, high: float) -> Estimate:
    return figure(value).model_copy(update={"low": low, "high": high})


def bare(value: float) -> Estimate:
    """A value without an interval."""
    return Estimate(value=value, definition="by hand")


def insufficient(low: float | None = None, high: float | None = None) -> Estimate:
    return Estimate(value=None, low=low, high=high, status=Status.INSUFFICIENT, definition="by hand")


def without_value(status: Status) -> Estimate:
    return Estimate(value=None, status=status)


def healthy(**changes: Estimate | None) -> dict[str, Estimate]:
    """Estimates of a healthy power law, d = 768; None takes one out, `_rogue_drop` adds the option."""
    estimates: dict[str, Estimate] = {
        "trace": figure(7.2),
        "effective_rank": figure(320.0),
        "spectral_cliff": figure(1.3, k=5),
        "mean_share": figure(0.2, spread=0.8),
        "top1_share": figure(0.14),
        "dead_features": figure(0.0),
    }
    for name, estimate in changes.items():
        key = name.replace("_rogue_drop", "{rogue=drop}")
        estimates.pop(key, None)
        if estimate is not None:
            estimates[key] = estimate
    return estimates


def row(estimates: dict[str, Estimate] | None = None, **fields: Any) -> Representation:
    values: dict[str, Any] = {
        "checkpoint": "epoch=9",
        "view": "base",
        "layer": "backbone",
        "n": 4096,
        "d": 768,
        "estimates": healthy() if estimates is None else estimates,
    }
    return Representation(**{**values, **fields})


def results(*rows: Representation) -> Results:
    return Results(repdiag="0.1", command="spectrum", source={"seed": 0}, representations=list(rows))


def policy(**config: Any) -> Policy:
    return build_policy(CheckConfig(**config))


def rogue(*indices: int) -> list[RogueFeature]:
    return [RogueFeature(index=index, share=0.99 / len(indices)) for index in indices]


def only(found: Results, severity: str) -> list[Finding]:
    return [finding for finding in found.findings if finding.severity == severity]
