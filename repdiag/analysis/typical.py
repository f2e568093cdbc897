"""Figures that a few far rows ruin, given without these rows too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from repdiag.analysis.estimates import estimate, records_of
from repdiag.analysis.representation import Evidence, Wanted, examine
from repdiag.analysis.requests import SpectrumRequest
from repdiag.analysis.source import StoreSource, no_progress
from repdiag.measures.registry import Selection, find
from repdiag.results import TYPICAL_ROWS, Estimate, Representation
from repdiag.stats.rowtests import Mask

RUINED = ("effective_rank", "top1_share", "mean_share", "spectral_cliff")
MOST = 0.1
"""More rows than this share are not a few that are far from the others."""


def with_typical_rows(
    one: Representation, source: StoreSource, outlying: Mask | None, request: SpectrumRequest, dtype: str
) -> Representation:
    """The representation with the same figures of its other rows, where a few are far from all others."""
    names = [name for name in RUINED if name in one.estimates]
    if outlying is None or not names or outlying.sum() > MOST * len(outlying):
        return one
    selections = [Selection(find(name)) for name in names]
    others = replace(source, skip=outlying, bad_rows=[], watch=None, progress=no_progress)
    needs = frozenset(need for s in selections for need in s.every_need)
    found = examine(others, Wanted(needs, request.method(source.d), dtype, source.scale))
    left_out = int(np.count_nonzero(outlying))
    added = {
        f"{s.key}{TYPICAL_ROWS}": _without(s, found, request.confidence, left_out)
        for s in selections
        if found.facts.measurable
    }
    return one.model_copy(update={"estimates": {**one.estimates, **added}})


def _without(selection: Selection, found: Evidence, confidence: float, left_out: int) -> Estimate:
    made = estimate(selection, records_of(selection, found.records), found.facts, confidence)
    return made.model_copy(
        update={
            "definition": f"{made.definition}, rows over four times as far out as the median row left out",
            "details": {**made.details, "left_out": left_out},
        }
    )
