"""What is known of one representation before any measure: size, scale, rogue coordinates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators import FeatureMoments, Moments
from repdiag.results import RogueFeature
from repdiag.types import Status

ROGUE_MOST = 3
ROGUE_RATIO = 100.0
"""A rogue coordinate's energy in units of the median coordinate's."""

UNRESOLVED_MARGIN = 100.0
"""Variance under this many times the rounding variance is half rounding in its weaker directions."""

STORAGE_EPSILON = {"float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}


@dataclass(frozen=True, slots=True)
class Facts:
    """n finite rows of d features; per-entry mean square; share of it that varies; status of that.

    `groups` counts the non-empty groups; `rogue` are the coordinates that alone carry most; `dropped`
    rows held NaN or infinity; `intervals` says whether intervals were asked for; `varying` counts the
    features that are not constant.
    """

    n: int
    d: int
    groups: int
    mean_square: float
    spread: float
    storage_epsilon: float
    rogue: tuple[RogueFeature, ...] = ()
    scale: float = 1.0
    dropped: int = 0
    intervals: bool = True
    varying: int | None = None

    @property
    def measurable(self) -> bool:
        """Whether there are two rows, and sums that float64 can hold."""
        return self.n >= 2 and math.isfinite(self.mean_square)

    @property
    def variation(self) -> Status:
        """Whether anything varies beyond rounding of the stored type."""
        if self.n < 2:
            return Status.INSUFFICIENT
        rounding = self.storage_epsilon**2
        if self.mean_square == 0 or self.spread <= rounding:
            return Status.CONSTANT
        return Status.UNRESOLVED if self.spread <= UNRESOLVED_MARGIN * rounding else Status.OK

    @property
    def zero(self) -> bool:
        """Every entry is zero: not even a direction exists."""
        return self.mean_square == 0


def facts_of(
    gathered: Moments | FeatureMoments, groups: int, dtype: str, scale: float
) -> tuple[Facts, Tensor]:
    """Facts, and the features (k,) that are not rogue."""
    mean, variance, n = per_feature(gathered)
    square, total = mean.square(), float((mean.square() + variance).sum())
    rogue = rogue_features(square, variance) if math.isfinite(total) else []
    kept = [j for j in range(len(mean)) if j not in {r.index for r in rogue}]
    spread = float(variance.sum()) / total if 0 < total < math.inf else 0.0
    facts = Facts(
        n=n,
        d=len(mean),
        groups=groups,
        mean_square=total / max(len(mean), 1),
        spread=spread,
        storage_epsilon=STORAGE_EPSILON.get(dtype, STORAGE_EPSILON["float64"]),
        rogue=tuple(rogue),
        scale=scale,
        varying=int((variance > linalg.EPSILON * (square + variance)).sum()),
    )
    return facts, torch.tensor(kept, device=mean.device, dtype=torch.int64)


def per_feature(gathered: Moments | FeatureMoments) -> tuple[Tensor, Tensor, int]:
    """Mean (d,), variance (d,; ddof=0) and number of samples."""
    if isinstance(gathered, FeatureMoments):
        n = sum(gathered.count)
        chosen = gathered.over([g for g, size in enumerate(gathered.count) if size] or [0])
        return chosen.mean[0], chosen.squares[0] / max(n, 1), n
    return gathered.mean, gathered.scatter.diagonal() / max(gathered.count, 1), gathered.count


def rogue_features(square: Tensor, variance: Tensor) -> list[RogueFeature]:
    """At most three coordinates that together hold most of the variance, or of the mean square.

    Each must hold a hundred times what the median coordinate holds: LLMs have such coordinates in
    health, and one of them hides every other direction from a spectrum.
    """
    found = dict.fromkeys(_dominant(variance) + _dominant(square + variance))
    total = variance.sum().clamp(min=torch.finfo(linalg.DTYPE).tiny)
    return [RogueFeature(index=j, share=float(variance[j] / total)) for j in list(found)[:ROGUE_MOST]]


def _dominant(energy: Tensor) -> list[int]:
    """The coordinates, at most three, that stand out and together hold over half of `energy` (d,)."""
    alive = energy[energy > 0]
    # Beside dead units every live one would stand out.
    if len(alive) <= 2 * ROGUE_MOST:
        return []
    top = energy.topk(ROGUE_MOST)
    outstanding = int((top.values > ROGUE_RATIO * alive.median()).sum())
    holds_most = top.values[:outstanding].sum() > energy.sum() / 2
    return top.indices[:outstanding].tolist() if holds_most else []
