"""Shape and size of the covariance eigenspectrum."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from repdiag.measures.corrections import leading_share
from repdiag.measures.declaration import CENTRED, UNCENTRED, Reading
from repdiag.measures.inputs import Location, Need, Spectrum
from repdiag.measures.registry import measure

LEAST_VARYING = 8
"""With fewer features that vary, the others are not a detail of the activation."""

LEAST_POINTS = 5
"""A line through fewer ranks says nothing."""


@measure(
    needs=Need.SPECTRUM,
    unit="squared units",
    bounds=(0.0, None),
    collapse="low",
    invariant_to=("row order", "rotation", "translation", "feature order"),
    scale="log",
    definition="sum of the eigenvalues of the centred covariance, ddof=1",
    cite="total variance",
)
def trace(spectrum: Spectrum) -> Reading:
    """Total variance; every rank is blind to it."""
    value = spectrum.eigenvalues.sum() / spectrum.scale / spectrum.scale
    return Reading(value, {"per_feature_std": (value / spectrum.d).sqrt()})


@measure(
    needs=Need.SPECTRUM,
    unit="share",
    bounds=(0.0, 1.0),
    collapse="high",
    invariant_to=CENTRED,
    plugin_bias="high",
    correction="leading",
    corrected=leading_share,
    least_ratio=0.2,
    definition="l_1 / sum l, l = eigenvalues of the centred covariance",
    cite="explained-variance ratio of the first principal component",
)
def top1_share(spectrum: Spectrum) -> Tensor:
    """Share of the variance along the first principal direction."""
    return spectrum.shares[0]


@measure(
    needs=Need.LOCATION,
    unit="share",
    bounds=(0.0, 1.0),
    collapse="high",
    invariant_to=UNCENTRED,
    definition="|mean|^2 / mean |x|^2",
    cite="repdiag: the cone effect, cf. Ethayarajh 2019",
)
def mean_share(location: Location) -> Reading:
    """Share of the mean square that is one common vector."""
    total = location.mean_square + location.spread
    return Reading(location.mean_square / total, {"spread": location.spread / total})


@measure(
    needs=Need.CLEAN_SPECTRUM,
    unit="ratio",
    bounds=(1.0, None),
    collapse="high",
    invariant_to=("row order", "translation", "scale", "feature order"),
    scale="log",
    least_rank=lambda o: max(4, math.ceil(2 * o["stretch"])),
    requires=(("1 < stretch <= 1000", lambda o: 1 < o["stretch"] <= 1000),),
    definition="max over 2 <= k <= min(n-1, d)/2 of s_k / s_max(k+1, ceil(<stretch> k)), centred singular "
    "values, at most 3 coordinates that alone carry most of the variance set aside, constant features not "
    "counted in d while 8 vary",
    cite="repdiag: the edge that a rank limit leaves",
)
def spectral_cliff(spectrum: Spectrum, *, stretch: float = 1.25) -> Reading:
    """Steepest fall of the spectrum: the signature of dimensional collapse."""
    rank = min(spectrum.n - 1, _varying(spectrum, max(LEAST_VARYING, math.ceil(2 * stretch))))
    last = min(rank // 2, int(rank / stretch))
    floor = max(spectrum.floor * spectrum.degrees, torch.finfo(torch.float64).tiny)
    values = (spectrum.eigenvalues * spectrum.degrees).clamp(min=floor).sqrt()
    above = torch.arange(2, last + 1, device=values.device)
    below = [max(k + 1, math.ceil(stretch * k)) for k in range(2, last + 1)]
    falls = values[above - 1] / values[torch.tensor(below, device=values.device) - 1]
    steepest = falls.max(0)
    return Reading(steepest.values, {"k": steepest.indices + 2})


def _varying(spectrum: Spectrum, least: int) -> int:
    """Dead units leave zeros at the end of a spectrum, which are their own finding and no cliff."""
    varying = spectrum.d if spectrum.varying is None else spectrum.varying
    return varying if varying >= least else spectrum.d


@measure(
    needs=Need.SPECTRUM,
    unit="exponent",
    bounds=(0.0, None),
    collapse="none",
    invariant_to=CENTRED,
    least_rank=lambda o: int(o["first"]) + LEAST_POINTS - 1,
    least_ratio=0.2,
    requires=(
        (
            f"1 <= first <= last - {LEAST_POINTS - 1}",
            lambda o: 1 <= o["first"] <= o["last"] - LEAST_POINTS + 1,
        ),
        ("weights is 1/rank or ols", lambda o: o["weights"] in ("1/rank", "ols")),
    ),
    definition="minus the slope of log l_i on log i, weights <weights>, ranks <first>..min(<last>, rank)",
    cite="Stringer et al. 2019; Agrawal et al. 2022, alpha-ReQ",
)
def power_law_alpha(
    spectrum: Spectrum, *, first: int = 11, last: int = 100, weights: str = "1/rank"
) -> Reading:
    """Exponent of a power law fitted to the middle of the spectrum; R^2 is no test of the law.

    Beside it stand the exponents of the two halves of the range and the curvature: a power law has none.
    """
    end = min(last, spectrum.n - 1, spectrum.d)
    values = spectrum.eigenvalues[first - 1 : end]
    rank = torch.arange(first, end + 1, device=values.device, dtype=values.dtype)
    alive = values > spectrum.floor
    weight = (rank.reciprocal() if weights == "1/rank" else torch.ones_like(rank)) * alive
    x, y = rank.log(), torch.where(alive, values, torch.ones_like(values)).log()
    slope, r2 = _line(x, y, weight / weight.sum())
    fitted = alive.sum()
    slope = torch.where(fitted >= LEAST_POINTS, slope, torch.nan)
    halves = _half_slopes(x, y, weight)
    details = {"first": first, "last": first - 1 + fitted, "r2": r2, "points": fitted}
    return Reading(-slope, details | halves)


def _half_slopes(x: Tensor, y: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """Exponents below and above the middle of the range (in log rank), and their change per unit of it.

    Not a number where a half has under three eigenvalues.
    """
    alive = weight > 0
    low, high = x[0], torch.where(alive, x, x[0]).amax()
    middle = (low + high) / 2
    found = {}
    for name, side in (("slope_first_half", x <= middle), ("slope_second_half", x > middle)):
        own = weight * side
        enough = (own > 0).sum() >= 3
        slope, _ = _line(x, y, own / own.sum())
        found[name] = torch.where(enough, -slope, torch.nan)
    span = ((high - low) / 2).clamp(min=torch.finfo(x.dtype).tiny)
    found["curvature"] = (found["slope_second_half"] - found["slope_first_half"]) / span
    return found


def _line(x: Tensor, y: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted least-squares slope of y on x and the share of variance it explains."""
    dx, dy = x - (weight * x).sum(), y - (weight * y).sum()
    slope = (weight * dx * dy).sum() / (weight * dx.square()).sum()
    residual = (weight * (dy - slope * dx).square()).sum()
    return slope, 1 - residual / (weight * dy.square()).sum()
