"""Is a cliff the end of a classifier's training, and no accident?"""

from __future__ import annotations

import sys
from itertools import pairwise

from repdiag.results import Estimate, Representation

_LABELLED = ("per_class_rank", "neural_collapse_nc1")
NC1 = "neural_collapse_nc1"
MOST_WITHIN = 1.0
"""Within-class over between-class variance up to which the classes are what the directions are of: where a
cliff of 5 follows the class means it is under 0.1, and for labels that mean nothing over 10."""


def class_count(row: Representation) -> int | None:
    """The number of classes behind the labels, where a labelled figure says so."""
    for name in _LABELLED:
        estimate = row.estimates.get(name)
        classes = estimate.details.get("classes") if estimate else None
        if isinstance(classes, int | float) and classes >= 2:
            return int(classes)
    return None


def fall_position(row: Representation, k: int) -> int | None:
    """How many directions lie above the cliff that was found at `k`.

    The cliff compares s_k with s_ceil(1.25 k), so the fall may come a few directions later: it is at the
    steepest single step between the two. None where the spectrum is missing, or shows a rogue coordinate
    that the cliff set aside.
    """
    end = max(k + 1, -(-5 * k // 4))
    if row.spectrum is None or row.rogue_features or not 0 < k < end <= len(row.spectrum.eigenvalues):
        return None
    floor = max(row.spectrum.resolution_floor, sys.float_info.min)
    levels = [max(value, floor) for value in row.spectrum.eigenvalues[k - 1 : end]]
    steps = [above / below for above, below in pairwise(levels)]
    return k + steps.index(max(steps))


def is_neural_collapse(row: Representation, cliff: Estimate) -> bool:
    """True when the cliff falls right after direction classes - 1, and the classes lie apart."""
    if not _apart(row):
        return False
    classes, k = class_count(row), cliff.details.get("k")
    if classes is None or not isinstance(k, int | float):
        return False
    return classes - 1 in (int(k), fall_position(row, int(k)))


def _apart(row: Representation) -> bool:
    """Whether the classes differ by more than their own spread, as far as anybody measured it."""
    nc1 = row.estimates.get(NC1)
    return nc1 is None or nc1.value is None or nc1.value <= MOST_WITHIN
