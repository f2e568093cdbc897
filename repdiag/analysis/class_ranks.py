"""Effective rank of each class with its interval, from the spectra that `per_class_rank` reads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from repdiag.analysis.replicas import Replicas
from repdiag.measures.inputs import ClassSpectra, Need
from repdiag.results import ClassRank, ClassRanks
from repdiag.stats.jackknife import LEAST_GROUPS, interval
from repdiag.text import printable
from repdiag.types import Status

MOST_CLASSES = 60
NAME_LETTERS = 80

DEFINITION = (
    "exp(H(l/sum l)), covariance centred within the class, ddof=1; the textbook figure, which grows with the "
    "n of a class: compare classes of like size"
)


def class_ranks(records: Mapping[Need, Replicas], confidence: float) -> ClassRanks | None:
    """Ranks ascending, at most 60 of them; None where the classes were not looked at.

    Args:
        confidence: of each two-sided interval, by the delete-group jackknife on the log scale.
    """
    replicas = records.get(Need.CLASS_SPECTRA)
    if replicas is None:
        return None
    found = [_rank(replicas, place, confidence) for place in range(len(replicas.total.spectra))]
    found.sort(key=lambda one: (one.value or 0.0, one.name))
    return ClassRanks(
        ranks=found[:MOST_CLASSES],
        classes=len(found),
        confidence=confidence,
        definition=DEFINITION,
    )


def _rank(replicas: Replicas, place: int, confidence: float) -> ClassRank:
    total: ClassSpectra = replicas.total
    value = _effective_rank(total.spectra[place])
    name, n = printable(total.names[place], NAME_LETTERS), total.counts[place]
    if value is None:
        return ClassRank(name=name, n=n, value=None, status=Status.CONSTANT)
    without = [_effective_rank(each.spectra[place]) for each in replicas.without]
    known = [each for each in without if each is not None]
    if len(known) < LEAST_GROUPS or len(known) < len(without):
        return ClassRank(name=name, n=n, value=value)
    ends = interval(value, known, replicas.sizes, confidence=confidence, scale="log")
    return ClassRank(
        name=name, n=n, value=value, low=ends.low if ends else None, high=ends.high if ends else None
    )


def _effective_rank(eigenvalues: Tensor) -> float | None:
    """None where nothing varies."""
    values = eigenvalues.cpu().numpy()
    values = values[values > 0]
    if not len(values):
        return None
    shares = values / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
