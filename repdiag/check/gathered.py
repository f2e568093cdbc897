"""Clusters: a cliff that is left by a few points which the rows gather around, not by a lost dimension."""

from __future__ import annotations

from dataclasses import dataclass

from repdiag.check.sentences import number
from repdiag.results import Estimate

LEAST_EXPLAINED = 0.8
MOST_CONTESTED = 0.05
CLEARLY = 0.5
"""The centres explain so much, leave at most half of what they would leave of a Gaussian cloud with the
same spectrum, and hardly a row lies between two of them."""

COPIES = 1e-3
"""Share of the variance that is left around the points, under which the rows are copies of them."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the analysis noted beside a cliff: shares from 0 to 1."""

    clusters: int
    explained: float
    null: float
    contested: float
    within: float

    @property
    def tight(self) -> bool:
        """Whether these are points that the rows gather around."""
        left, left_of_cloud = 1 - self.explained, 1 - self.null
        return (
            self.clusters >= 2
            and self.explained >= LEAST_EXPLAINED
            and left <= CLEARLY * left_of_cloud
            and self.contested <= MOST_CONTESTED
        )


def gathered(cliff: Estimate) -> Gathered | None:
    """The evidence beside a cliff, where the analysis looked for it."""
    noted = [cliff.details.get(name) for name in Gathered.__slots__]
    if not all(isinstance(value, int | float) for value in noted):
        return None
    clusters, *shares = (float(value) for value in noted if isinstance(value, int | float))
    return Gathered(int(clusters), *shares)


def gathered_text(found: Gathered) -> str:
    """One sentence with the evidence."""
    text = (
        f"The rows gather around about {found.clusters} points, which explain {_percent(found.explained)} of "
        f"the variance along the leading directions ({_percent(found.null)} for a Gaussian cloud of this "
        "spectrum)"
    )
    if found.within < COPIES:
        return f"{text}, and are close copies of them: {number(100 * found.within)}% of the variance is left."
    return f"{text}; {_percent(found.within)} of all variance is left around them."


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"
