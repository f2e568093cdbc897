"""Measures of unit rows: where the embeddings point, whatever their length."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from repdiag.measures.declaration import UNIT_ROWS
from repdiag.measures.inputs import Directions, Need, Potential, Spectrum
from repdiag.measures.registry import measure


@measure(
    needs=Need.DIRECTIONS,
    unit="cosine",
    bounds=(-1.0, 1.0),
    collapse="high",
    invariant_to=UNIT_ROWS,
    definition="mean of cos(x_i, x_j) over all pairs i < j, closed form, uncentred",
    cite="Ethayarajh 2019, How contextual are contextualized word representations",
)
def mean_cosine(directions: Directions) -> Tensor:
    """Mean cosine over all pairs of rows."""
    n = directions.n
    return (n * directions.mean.square().sum() - directions.nonzero / n) / (n - 1)


@measure(
    needs=Need.DIRECTIONS,
    unit="standard deviation",
    bounds=(0.0, None),
    collapse="low",
    invariant_to=("row order", "scale", "row scale", "feature order"),
    scale="log",
    definition="mean over features of the standard deviation (ddof=1) of L2-normalised rows; "
    "healthy: 1/sqrt(d)",
    cite="Chen & He 2021, SimSiam, section 4.1",
)
def feature_std(directions: Directions) -> Tensor:
    """Mean standard deviation of the features of unit rows."""
    return directions.variance.clamp(min=0).sqrt().mean()


@measure(
    needs=Need.POTENTIAL,
    unit="nats",
    bounds=(-8.0, 0.0),
    collapse="high",
    invariant_to=UNIT_ROWS,
    definition="log mean over pairs i < j of exp(-2 |z_i - z_j|^2), L2-normalised rows; "
    "the floor is about -4",
    cite="Wang & Isola 2020, Alignment and uniformity on the hypersphere, eq. 5",
)
def uniformity(potential: Potential) -> Tensor:
    """Logarithm of the mean Gaussian potential between unit rows."""
    return (potential.total / potential.pairs).log()


@measure(
    needs=Need.DIRECTION_SPECTRUM,
    unit="nats",
    bounds=(0.0, None),
    collapse="low",
    invariant_to=UNIT_ROWS,
    scale="log",
    plugin_bias="low",
    definition="1/2 logdet(I + d/(n <eps_sq>) Z'Z), L2-normalised rows, uncentred",
    cite="Yu et al. 2020, MCR2, eq. 4",
    requires=(("0 < eps_sq < inf", lambda o: 0 < o["eps_sq"] < math.inf),),
)
def coding_rate(spectrum: Spectrum, *, eps_sq: float = 0.25) -> Tensor:
    """Nats needed to code a unit row up to a squared distortion of eps_sq."""
    return 0.5 * torch.log1p(spectrum.eigenvalues * (spectrum.d / eps_sq)).sum()
