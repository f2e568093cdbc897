"""The figures that rules may judge: which side is bad, their range, and words for a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["max", "min"]
ROGUE_OPTION = "{rogue=drop}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule must know of a figure.

    `side` is the bound that guards against collapse. A `share` lies in [0, 1]. `dimensions` may be
    divided by d. `rogue` figures are ruined by one huge coordinate and are judged without it too. Errors of
    a `log` figure are even on the log scale.
    """

    phrase: str
    side: Side = "min"
    share: bool = False
    dimensions: bool = False
    rogue: bool = False
    log: bool = False


def _rank(phrase: str, rogue: bool = False) -> Facts:
    return Facts(phrase, dimensions=True, rogue=rogue, log=True)


def _share(phrase: str, side: Side = "max", rogue: bool = False) -> Facts:
    return Facts(phrase, side=side, share=True, rogue=rogue)


MEASURES: dict[str, Facts] = {
    "trace": Facts("total variance", log=True),
    "effective_rank": _rank("effective rank", rogue=True),
    "rankme": _rank("RankMe"),
    "participation_ratio": _rank("participation ratio"),
    "stable_rank": _rank("stable rank"),
    "nesum": _rank("NESum"),
    "numerical_rank": Facts("numerical rank", dimensions=True),
    "live_directions": Facts("number of live directions", dimensions=True),
    "spectral_cliff": Facts("cliff of the singular values", side="max", log=True),
    "power_law_alpha": Facts("power-law exponent of the eigenspectrum", side="max"),
    "matrix_entropy": Facts("matrix entropy"),
    "renyi_entropy": Facts("Renyi entropy"),
    "coding_rate": Facts("coding rate", log=True),
    "mean_share": _share("share of the mean vector in the squared length", rogue=True),
    "top1_share": _share("share of the variance along one direction", rogue=True),
    "mean_cosine": Facts("mean cosine between rows", side="max", share=True),
    "uniformity": Facts("uniformity", side="max"),
    "feature_std": Facts("standard deviation of the unit-length features", log=True),
    "dead_features": _share("share of dead features"),
    "total_correlation": Facts("total correlation", side="max"),
    "twonn": _rank("TwoNN intrinsic dimension"),
    "diffusion_entropy": Facts("diffusion entropy"),
    "neural_collapse_nc1": Facts("within-class over between-class variance", log=True),
    "per_class_rank": _share("smallest class's effective rank over the median class's", side="min"),
    "conditional_mutual_information": Facts("conditional mutual information"),
    "lidar": _rank("LiDAR"),
}

NONFINITE_ROWS = "nonfinite_rows"
CONSTANT = "constant"
NONFINITE_FACTS = _share("share of the rows that held NaN or Inf")
RULE_NAMES = (CONSTANT, NONFINITE_ROWS, *MEASURES)


def base_name(measure: str) -> str:
    """`rankme` for `rankme{center=true}`."""
    return measure.partition("{")[0]


def facts(measure: str) -> Facts:
    """The facts of a figure, its options aside."""
    return NONFINITE_FACTS if measure == NONFINITE_ROWS else MEASURES[base_name(measure)]


def bound_names(rule: str) -> tuple[str, ...]:
    """The keys that a rule's table may hold."""
    if rule == CONSTANT:
        return ()
    if rule == NONFINITE_ROWS:
        return ("max", "warn")
    if base_name(rule) == "per_class_rank":
        return ("min_of_median", "warn")
    ratios = ("min_ratio", "max_drop") if facts(rule).dimensions else ()
    return ("max", "min", "warn", *ratios)
