"""The default limits, and the named sets of rules that change them."""

from __future__ import annotations

from collections.abc import Mapping

from repdiag.check.known import CONSTANT, NONFINITE_ROWS
from repdiag.check.schema import Profile

Limits = Mapping[str, float | bool]

DEFAULT_RULES: dict[str, Limits] = {
    CONSTANT: {},
    NONFINITE_ROWS: {"max": 0.0},
    "spectral_cliff": {"max": 5.0, "warn": 3.0},
    "effective_rank": {"min": 1.25, "max_drop": 0.10},
    "mean_share": {"max": 0.98, "warn": 0.90},
    "top1_share": {"max": 0.97, "warn": 0.90},
    "dead_features": {"max": 0.60, "warn": 0.30},
    "per_class_rank": {"min_of_median": 0.10},
}

PROFILES: dict[Profile, dict[str, Limits]] = {
    "ssl": {},
    "supervised": {"spectral_cliff": {"warn": False}},
    "sentence": {"mean_share": {"warn": False}},
    "llm": {"mean_share": {"warn": False}},
    "relu-cnn": {"dead_features": {"max": 0.90, "warn": 0.75}},
}

PROFILE_NOTES: dict[Profile, str] = {
    "ssl": "the defaults",
    "supervised": "class structure makes moderate cliffs normal: no warning below the limit",
    "sentence": "a large shared mean is normal: no warning below the limit",
    "llm": "rogue coordinates are expected: figures without them decide",
    "relu-cnn": "many units that rarely fire are normal",
}
