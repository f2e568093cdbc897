"""View collapse: two views of a sample agree, and so do two different samples."""

from __future__ import annotations

from collections.abc import Mapping

from repdiag.check.constant import SMALLEST_SPREAD, spread, witnesses
from repdiag.check.figures import Figure, figure_of
from repdiag.check.findings import Evidence, Severity, make_finding
from repdiag.check.kinds import Kind
from repdiag.check.sentences import figure_text, number
from repdiag.results import Estimate, Finding, Pair, Representation
from repdiag.text import printable
from repdiag.types import Address, Status

NOISE, DISTANCE = "view_noise", "view_distance"

AGREE = 0.1
CLOSE = 0.05
"""Views agree when their mean squared distance is at most so much of their squared lengths (cosine 0.9),
and are close at half of it."""

MOSTLY_NOISE = 0.5
NOTHING_COMMON = 0.9
"""Shares of the variance that the views of a sample do not have in common."""

ONE_DIRECTION = 1.25
"""Effective rank below which views can hardly differ in anything but a position on a line."""

APART_CAUSE = (
    "An encoder that was not trained to ignore what tells the views apart, or views that belong to different "
    "samples."
)
APART_STEP = "Check that both views list the same samples in the same order, then try milder views."


def view_findings(pair: Pair, rows: Mapping[Address, Representation]) -> list[Finding]:
    """What two views of one layer say together; empty where they are sound or not both chosen."""
    first, second = rows.get(pair.x.address), rows.get(pair.y.address)
    noise, distance = pair.estimates.get(NOISE), pair.estimates.get(DISTANCE)
    if first is None or second is None or noise is None or distance is None:
        return []
    apart, noisy = _figure(distance), _figure(noise)
    reason = _reason(first, second, noisy, apart)
    names = f'Views "{printable(first.view)}" and "{printable(second.view)}"'
    if reason is not None:
        message = (
            f"{names} agree (squared distance {figure_text(apart, AGREE)} of their squared length), but "
            f"because little else varies: {reason}."
        )
        evidence = Evidence(DISTANCE, apart, AGREE, distance.definition)
        return [_finding("warn", message, second, pair.n, evidence)]
    if noisy.low is not None and noisy.low >= NOTHING_COMMON:
        message = f"{names} have nothing in common: {_shared_out(noisy, NOTHING_COMMON)}."
        noted = Evidence(NOISE, noisy, NOTHING_COMMON, noise.definition)
        found = _finding("info", message, second, pair.n, noted)
        return [found.model_copy(update={"cause": APART_CAUSE, "next_step": APART_STEP})]
    return []


def constant_views(rows: list[Representation]) -> Finding | None:
    """The views of one layer, when every one of them is constant."""
    views = [row for row in rows if witnesses(row)]
    if len(views) < 2 or not all(map(_is_constant, views)):
        return None
    message = f"All {len(views)} views agree only because every sample gets the same vector."
    evidence = Evidence("constant", Figure(None, None, None, Status.CONSTANT), None, None)
    return _finding("warn", message, views[-1], views[-1].n, evidence)


def _reason(first: Representation, second: Representation, noise: Figure, apart: Figure) -> str | None:
    """Why the agreement of the views is no merit; None where they do not agree or the samples do vary."""
    if apart.high is None or apart.high > AGREE:
        return None
    if noise.low is not None and noise.low >= MOSTLY_NOISE and apart.high <= CLOSE:
        return _shared_out(noise, MOSTLY_NOISE)
    if _is_line(first) and _is_line(second):
        rank = number(second.estimates["effective_rank"].value or 0.0)
        return f"with an effective rank of {rank} one direction is all there is"
    return None


def _shared_out(noise: Figure, beside: float) -> str:
    share = figure_text(noise, beside)
    return f"a share of {share} of the variance between samples is between views of one sample as well"


def _is_constant(row: Representation) -> bool:
    share = spread(row)
    statuses = {estimate.status for estimate in row.estimates.values()}
    return Status.CONSTANT in statuses or (share is not None and share < SMALLEST_SPREAD)


def _is_line(row: Representation) -> bool:
    estimate = row.estimates.get("effective_rank")
    if estimate is None or not estimate.status.has_value:
        return False
    high = _figure(estimate).high
    return high is not None and high < ONE_DIRECTION


def _figure(estimate: Estimate) -> Figure:
    return figure_of(estimate, estimate.confidence)


def _finding(severity: Severity, message: str, row: Representation, n: int, evidence: Evidence) -> Finding:
    found = make_finding(Kind.VIEW_COLLAPSE, severity, "views", message, row, evidence)
    return found.model_copy(update={"n": n})
