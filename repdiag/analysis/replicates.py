"""What a later comparison needs of one representation: which samples, and its figures without each group."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from pydantic import JsonValue

from repdiag.analysis.corrected import Corrected
from repdiag.analysis.estimates import Judged
from repdiag.analysis.frame import SampleFrame
from repdiag.analysis.source import StoreSource
from repdiag.results import Estimate, Representation
from repdiag.store import Store

Details = dict[str, float | int | str | list[float]]


def comparable(one: Representation, judged: Mapping[str, Judged], source: StoreSource) -> Representation:
    """The representation with a fingerprint of its samples, and every estimate with its replicates.

    Figures that leave out rows of their own, such as repeated ones, get none: their groups are not those of
    the others.
    """
    groups = source.frame.groups[source.used]
    sizes = [int(size) for size in np.bincount(groups) if size]
    estimates = {
        key: _with_replicates(estimate, judged[key].found, sizes) if key in judged else estimate
        for key, estimate in one.estimates.items()
    }
    changed = {"samples": samples_of(source.frame, one.n), "group_sizes": sizes, "estimates": estimates}
    return one.model_copy(update=changed)


def samples_of(frame: SampleFrame, n: int) -> str:
    """A fingerprint of the ids and groups in order; only the number of rows where there are no ids."""
    if not frame.store.has_ids:
        return f"{n} rows by number"
    return frame.fingerprint


def preprocessing_of(store: Store, checkpoint: str) -> dict[str, JsonValue] | None:
    """What was done to the inputs of a checkpoint, as its store says; None where it says nothing."""
    every = store.provenance.get("checkpoints")
    attrs = every.get(checkpoint) if isinstance(every, dict) else None
    found = attrs.get("preprocessing") if isinstance(attrs, dict) else None
    return found if isinstance(found, dict) else None


def _with_replicates(estimate: Estimate, found: Corrected | None, sizes: list[int]) -> Estimate:
    if found is None or list(found.sampled.sizes) != sizes:
        return estimate
    if not all(map(math.isfinite, found.sampled.without)):
        return estimate
    details: Details = {**estimate.details, "whole": found.sampled.whole, **_checks(found)}
    return estimate.model_copy(update={"without": list(found.sampled.without), "details": details})


def _checks(found: Corrected) -> Details:
    """Of an inversion, on the log scale: the estimator of the halves, their mean, other estimators."""
    inverted = found.inverted
    if inverted is None:
        return {}
    halves: Details = {"peer": math.log(inverted.peer), "half": inverted.mean_half} if inverted.halves else {}
    return {**halves, "others": [math.log(other) for other in inverted.others]}
