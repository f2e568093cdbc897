"""A closer look at a sample of the rows, once the figures are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from repdiag.analysis.correlates import correlates, sample_columns
from repdiag.analysis.gathering import gathering
from repdiag.analysis.representation import Evidence
from repdiag.analysis.row_sample import RowSample, SamplingWatch
from repdiag.analysis.source import StoreSource
from repdiag.results import Estimate, Representation
from repdiag.types import Status

CLIFF = "spectral_cliff"
STEEP = 2.5
"""From this cliff on it is asked whether the rows gather around a few points: below, no rule asks."""


def seen_rows(source: StoreSource, found: Evidence) -> RowSample | None:
    """The sampled rows of an analysed source; None where no pass was watched or nothing varies."""
    nothing = found.facts.variation in (Status.CONSTANT, Status.INSUFFICIENT)
    if nothing or not isinstance(source.watch, SamplingWatch):
        return None
    return source.watch.sample()


def looked_at(
    made: Representation, source: StoreSource, found: Evidence, confidence: float
) -> Representation:
    """The representation with what its leading directions go along with and whether its rows gather."""
    sample = seen_rows(source, found)
    if sample is None:
        return made
    clean = sample.without_rogue(found.facts)
    update: dict[str, Any] = {"correlates": correlates(clean, sample_columns(source.frame.store), confidence)}
    cliff = made.estimates.get(CLIFF)
    if cliff is not None and (beside := _beside(cliff, clean)):
        details = {**cliff.details, **beside}
        update["estimates"] = {**made.estimates, CLIFF: cliff.model_copy(update={"details": details})}
    return made.model_copy(update=update)


def _beside(cliff: Estimate, sample: RowSample) -> Mapping[str, Any]:
    """Details of a steep cliff."""
    k = cliff.details.get("k")
    if cliff.plugin is None or cliff.plugin < STEEP or not isinstance(k, int):
        return {}
    seen = gathering(sample.centred, k)
    return {} if seen is None else seen.details()
