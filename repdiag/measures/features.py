"""Measures of single features."""

from __future__ import annotations

from repdiag.measures.declaration import Reading
from repdiag.measures.inputs import Activity, Need
from repdiag.measures.registry import measure

FIRING_RATE = 1e-3
"""A feature that fires more rarely than this is dead, when the data can tell."""

FIRING_SAMPLES = 3000
"""Below this many samples even a feature that never fires may fire at 1e-3."""


@measure(
    needs=Need.ACTIVITY,
    unit="share",
    bounds=(0.0, 1.0),
    collapse="high",
    invariant_to=("row order", "scale", "feature order"),
    definition="share of features that are constant or, where non-negative, fire at a rate whose upper "
    "95% bound is below 1e-3",
    cite="repdiag: dead units, cf. Lu et al. 2020, Dying ReLU",
)
def dead_features(activity: Activity) -> Reading:
    """Share of the features that do nothing."""
    constant = activity.maximum == activity.minimum
    most = most_firings(activity.n)
    silent = (activity.minimum >= 0) & (activity.firing <= most)
    dead = (constant | silent).to(activity.minimum.dtype).mean()
    details = {"constant": constant.sum(), "rare": (silent & ~constant).sum()}
    judged = "judged" if activity.n >= FIRING_SAMPLES else f"not judged below n = {FIRING_SAMPLES}"
    return Reading(dead, details | {"rare_firing": judged})


def most_firings(n: int) -> int:
    """The largest count of firings in n samples whose upper 95% bound on the rate is below 1e-3.

    -1 when no count is small enough. The exact binomial (Clopper-Pearson) bound.
    """
    from scipy.special import bdtr

    if n < FIRING_SAMPLES:
        return -1
    count = -1
    while bdtr(count + 1, n, FIRING_RATE) <= 0.05:
        count += 1
    return count
