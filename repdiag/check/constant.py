"""The constant rule: is there any variance that the arithmetic can tell from rounding?"""

from __future__ import annotations

from repdiag.check.decide import Outcome
from repdiag.check.figures import Figure, exact
from repdiag.check.findings import Evidence
from repdiag.check.kinds import Kind
from repdiag.check.sentences import number, reason_text
from repdiag.results import Estimate, Representation
from repdiag.types import Status

SMALLEST_SPREAD = 1e-8
"""1 - mean_share below which a float32 forward pass cannot tell variance from rounding:
a deviation under 1e-4 of the length of the vectors."""

_WITNESSES = ("trace", "mean_share", "effective_rank", "top1_share", "participation_ratio", "stable_rank")
_SPREAD = "1 - |mean|^2 / mean |x|^2, without cancellation"


def witnesses(row: Representation) -> dict[str, Estimate]:
    """The estimates that know whether anything varies."""
    return {name: row.estimates[name] for name in _WITNESSES if name in row.estimates}


def spread(row: Representation) -> float | None:
    """Share of the squared length that is not the mean's, or None where nobody measured it."""
    estimate = row.estimates.get("mean_share")
    if estimate is None or estimate.value is None or not estimate.status.has_value:
        return None
    measured = estimate.details.get("spread")
    return float(measured) if isinstance(measured, int | float) else 1.0 - estimate.value


def judge_constant(row: Representation) -> tuple[Outcome, Kind, str, Evidence]:
    """The outcome, its kind, one sentence and the evidence. Needs at least one witness."""
    seen = witnesses(row)
    for status, kind, text in (
        (Status.NONFINITE, Kind.NONFINITE, "No row is finite, so nothing can be measured."),
        (Status.CONSTANT, Kind.CONSTANT, "All rows are the same vector: nothing varies."),
    ):
        named = [name for name, estimate in seen.items() if estimate.status is status]
        if named:
            return Outcome.FAIL, kind, text, _evidence(named[0], seen[named[0]])
    return _judge_spread(row, seen)


def _judge_spread(row: Representation, seen: dict[str, Estimate]) -> tuple[Outcome, Kind, str, Evidence]:
    share = spread(row)
    if share is not None and not share >= SMALLEST_SPREAD:
        text = (
            f"The rows differ from their mean by {number(max(share, 0.0) ** 0.5)} of their length, under the "
            f"{SMALLEST_SPREAD**0.5:g} that a float32 forward pass can tell from rounding."
        )
        return Outcome.FAIL, Kind.CONSTANT, text, Evidence("spread", exact(share), SMALLEST_SPREAD, _SPREAD)
    trace = seen.get("trace")
    if trace is not None and (trace.status is Status.UNRESOLVED or _is_zero(trace)):
        text = "The total variance is below what the stored numbers can resolve."
        return Outcome.FAIL, Kind.CONSTANT, text, _evidence("trace", trace)
    name, witness = next(
        ((name, estimate) for name, estimate in seen.items() if estimate.status.has_value),
        next(iter(seen.items())),
    )
    if witness.status.has_value and witness.value is not None:
        return Outcome.PASS, Kind.CONSTANT, "", _evidence(name, witness)
    why = reason_text(witness)
    text = f"With n = {row.n:,} there are too few samples to tell whether anything varies{why}."
    return Outcome.INCONCLUSIVE, Kind.CONSTANT, text, _evidence(name, witness)


def _is_zero(trace: Estimate) -> bool:
    return trace.value is not None and not trace.value > 0


def _evidence(name: str, estimate: Estimate) -> Evidence:
    value = estimate.value if estimate.status.has_value else None
    return Evidence(name, Figure(value, None, None, estimate.status), None, estimate.definition)
