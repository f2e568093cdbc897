"""Results with samples and distributions, made by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from repdiag.results import (
    ClassRank,
    ClassRanks,
    Direction,
    Distributions,
    Histogram,
    Repeated,
    Representation,
    Results,
    SampleScore,
    ShownSamples,
)
from repdiag.types import Status
from tests.report import samples

IDS = tuple(f"images/cat/{i:04d}.jpg" for i in range(12))
BINS = 60


def histogram(low: float, high: float, total: int = 6000, **changes: Any) -> Histogram:
    """A hump between two values."""
    edges = [low + (high - low) * i / BINS for i in range(BINS + 1)]
    counts = [round(total / BINS * (1 - math.cos(2 * math.pi * (i + 0.5) / BINS))) for i in range(BINS)]
    fields: dict[str, Any] = {
        "edges": edges,
        "counts": counts,
        "above": total - sum(counts),
        "total": total,
        "least": low,
        "most": high + 1,
        "mean": (low + high) / 2,
        "deviation": (high - low) / 6,
        "definition": "length of a row",
    }
    return Histogram(**{**fields, **changes})


def distributions(d: int, mean: float = 0.2) -> Distributions:
    """Lengths about 9, and cosines about `mean`."""
    return Distributions(
        lengths=histogram(7.0, 11.0),
        cosines=histogram(mean - 0.2, mean + 0.2, total=124_750, definition="cosine between two rows"),
        isotropic_deviation=d**-0.5,
        spectrum_deviation=2 * d**-0.5,
    )


def shown_samples(ids: Sequence[str] = IDS, directions: int = 3) -> ShownSamples:
    """Some samples at both ends of a few directions."""
    scored = [
        SampleScore(id=one, score=3.5 - 0.1 * i, label=one, group=one, text=one) for i, one in enumerate(ids)
    ]
    low = [one.model_copy(update={"score": -one.score}) for one in scored]
    return ShownSamples(
        n=10_000,
        directions=[
            Direction(share=0.4 / 2**i, low=low[i : i + 8], high=scored[i : i + 7]) for i in range(directions)
        ],
        leverage=[one.model_copy(update={"score": 0.031}) for one in scored[:4]],
        repeated=[Repeated(rows=7, ids=list(ids[:4])), Repeated(rows=2, ids=list(ids[4:6]))],
        repeats=7,
        left_out=2,
        definition="score: in standard deviations",
    )


def class_ranks(names: Sequence[str] = ("cat", "dog", "emu")) -> ClassRanks:
    """Ranks from 3 on, the first class constant."""
    constant = ClassRank(name="none", n=12, value=None, status=Status.CONSTANT)
    found = [
        ClassRank(name=name, n=100 + i, value=3.0 + i, low=2.5 + i, high=4.0 + i)
        for i, name in enumerate(names)
    ]
    return ClassRanks(ranks=[constant, *found], classes=len(found) + 1, definition="exp(H) within the class")


def shown(layer: str, ids: Sequence[str] = IDS, d: int = 64, **changes: Any) -> Representation:
    """A representation with both."""
    made = {
        "shown_samples": shown_samples(ids),
        "distributions": distributions(d),
        "class_ranks": class_ranks(ids),
    }
    return samples.representation(layer, samples.power_law(d), **{**made, **changes})


def everything() -> Results:
    """Two representations with samples, one without."""
    return samples.results(shown("backbone"), shown("projector", d=32), samples.rank_eight())


def hostile(names: Sequence[str]) -> Results:
    """Hostile text wherever a sample's name can stand."""
    return samples.results(*(shown(name, ids=names) for name in names))
