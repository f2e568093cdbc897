"""What is wrong with the rows as samples, as findings: each with its effect on the figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from repdiag.analysis.estimates import estimate, records_of
from repdiag.analysis.facts import Facts
from repdiag.analysis.representation import Wanted, examine
from repdiag.analysis.rows import RowConcerns
from repdiag.analysis.source import StoreSource, no_progress
from repdiag.measures.registry import Selection, find
from repdiag.results import Estimate, Finding, Place
from repdiag.stats.rowtests import Mask
from repdiag.types import IntervalMethod

FIGURE = "effective_rank"
FAR_MEAN = {"float16": 1e2, "float32": 1e4}
"""Length of the mean, in units of the deviation, from which on the stored type loses what varies."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One representation: where it is, its rows, what is known of them and its figure."""

    place: Place
    source: StoreSource
    facts: Facts
    dtype: str
    figure: Estimate | None

    def without(self, rows: Mask) -> Estimate:
        """The figure of the other rows."""
        selection = Selection(find(FIGURE))
        source = replace(self.source, skip=rows, bad_rows=[], watch=None, progress=no_progress)
        wanted = Wanted(frozenset(selection.every_need), IntervalMethod.NONE, self.dtype, self.source.scale)
        found = examine(source, wanted)
        return estimate(selection, records_of(selection, found.records), found.facts, 0.95)


def findings(of: Subject, seen: RowConcerns) -> Iterator[Finding]:
    """One finding for each thing that is wrong, worst first."""
    n = of.facts.n
    if seen.every > 1:
        yield _dependent(of, seen)
    if seen.repeated is not None:
        count = int(seen.repeated.sum())
        text = f"{count:,} of {n:,} rows are exact repeats of an earlier one"
        yield _finding(of, "RD012", "repeated rows", f"{text}{_effect(of, seen.repeated, 'without them')}.")
    if seen.outlying is not None:
        count = int(seen.outlying.sum())
        text = f"{count:,} of {n:,} rows lie over four times as far out as the median row"
        yield _finding(of, "RD013", "outlying rows", f"{text}{_effect(of, seen.outlying, 'without them')}.")
    if of.facts.dropped:
        text = (
            f"{of.facts.dropped:,} of {n + of.facts.dropped:,} rows hold NaN or infinity and were left out."
        )
        yield _finding(of, "RD015", "nonfinite rows", text)
    if of.facts.spread > 0 and of.facts.spread**-0.5 > FAR_MEAN.get(of.dtype, np.inf):
        text = (
            f"The rows differ from their mean by {of.facts.spread**0.5:.1e} of their length: "
            f"{of.dtype} rounds away what varies."
        )
        yield _finding(of, "RD016", "storage resolution", text)


def _dependent(of: Subject, seen: RowConcerns) -> Finding:
    n, phi = of.facts.n, seen.correlation
    worth = n * (1 - phi**2) / (1 + phi**2)
    thinned = np.arange(of.source.n) % seen.every != 0
    text = (
        f"Neighbouring rows are alike (correlation {phi:.2f}): {n:,} rows are worth about {worth:,.0f}"
        f"{_effect(of, thinned, f'from one row in {seen.every}')}."
    )
    return _finding(of, "RD014", "dependent rows", text)


def _effect(of: Subject, rows: Mask, how: str) -> str:
    """`; effective_rank is 83.1 without them instead of 74.2`."""
    if of.figure is None or of.figure.value is None:
        return ""
    other = of.without(rows)
    if other.value is None:
        return f"; {FIGURE} cannot be read {how} ({other.details.get('reason', other.status)})"
    return f"; {FIGURE} is {other.value:.4g} {how} instead of {of.figure.value:.4g}"


CAUSES: dict[str, tuple[str, str]] = {
    "RD012": (
        "The same input came twice, or a dead path gives many inputs the same output.",
        "Remove the repeats from the data, or tie them with a group column; every interval is too narrow.",
    ),
    "RD013": (
        "Attention sinks, padding, broken inputs, or a law with very heavy tails.",
        "Look at these samples first; leave out sinks and padding, or trust the figure without them.",
    ),
    "RD014": (
        "Frames of a clip, tokens of a text, augmented copies, or samples sorted by something unlabelled.",
        "Tie them with a group column (or give the labels they are sorted by), or keep one row in a few.",
    ),
    "RD015": (
        "Overflow in half precision, diverged training or broken inputs.",
        "Extract again with --precision fp32 and find the first layer that is not finite.",
    ),
    "RD016": (
        "A large common vector: the stored digits go into the mean.",
        "Extract again with --dtype float32, or subtract the mean in the model before it is stored.",
    ),
}


def _finding(of: Subject, identifier: str, kind: str, message: str) -> Finding:
    cause, step = CAUSES[identifier]
    return Finding(
        id=identifier,
        kind=kind,
        severity="warn",
        rule="rows",
        place=of.place,
        measure=FIGURE,
        value=None if of.figure is None else of.figure.value,
        n=of.facts.n,
        message=message,
        cause=cause,
        next_step=step,
    )
