"""Nuisance direction: the leading one goes along with the length of the rows, or with a sample column."""

from __future__ import annotations

from repdiag.check.figures import Figure, figure_of
from repdiag.check.findings import Evidence, make_finding
from repdiag.check.kinds import Kind
from repdiag.check.rogue import drop_key
from repdiag.check.sentences import figure_text, number
from repdiag.results import Correlate, Finding, Representation
from repdiag.text import printable

LEAST_CORRELATION = 0.7
"""Half of the variance of the leading direction is the nuisance's: 0.7 squared."""

LEAST_SHARE = 0.2
"""A direction with less of the variance than this hides nothing."""

NORM, ALIGNED = "norm", 0.7
"""Where one direction dominates, lengths follow it through any offset; they are its meaning only where it
points along the mean, so that moving along it is being longer."""


def nuisance(row: Representation) -> Finding | None:
    """A warning about the strongest nuisance of a leading direction that carries enough to matter."""
    found, share = strongest(row), leading_share(row)
    if found is None or share is None or share < LEAST_SHARE:
        return None
    message = f"The first direction, {number(100 * share)}% of the variance, {follows(found)}."
    name, definition = f"correlation with {found.name}", found.figure.definition
    evidence = Evidence(name, _figure(found), LEAST_CORRELATION, definition)
    finding = make_finding(Kind.NUISANCE, "warn", "correlates", message, row, evidence)
    return finding.model_copy(update={"n": _rows(found, row)})


def strongest(row: Representation) -> Correlate | None:
    """The strongest correlate that is surely strong and not so by construction."""
    return next((each for each in row.correlates if _is_strong(each)), None)


def follows(found: Correlate) -> str:
    """`follows the length of the rows: |r| 0.94 (95% interval 0.92 to 0.95)`."""
    what = "length of the rows" if found.name == NORM else f'sample column "{printable(found.name)}"'
    return f"follows the {what}: |r| {figure_text(_figure(found), LEAST_CORRELATION)}"


def leading_share(row: Representation) -> float | None:
    """The share of the variance along the first direction, without rogue coordinates where there are some."""
    estimate = row.estimates.get(drop_key("top1_share")) or row.estimates.get("top1_share")
    if estimate is not None and estimate.status.has_value and estimate.value is not None:
        return estimate.value
    if row.spectrum is None or row.rogue_features:
        return None
    total = sum(row.spectrum.eigenvalues)
    return row.spectrum.eigenvalues[0] / total if total > 0 else None


def _is_strong(found: Correlate) -> bool:
    low = found.figure.low
    aligned = found.figure.details.get("cosine_with_mean")
    by_construction = found.name == NORM and not (isinstance(aligned, int | float) and aligned >= ALIGNED)
    return low is not None and low >= LEAST_CORRELATION and not by_construction


def _figure(found: Correlate) -> Figure:
    return figure_of(found.figure, found.figure.confidence)


def _rows(found: Correlate, row: Representation) -> int:
    n = found.figure.details.get("n")
    return n if isinstance(n, int) else row.n
