"""Measures that need labels, or several views of each object."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from repdiag.measures.declaration import CENTRED, Reading
from repdiag.measures.inputs import ClassMeans, ClassSpectra, Need, Objects
from repdiag.measures.registry import measure

MORE_OBJECTS_THAN_FEATURES = 1 + 1e-9
"""With as many objects as features the scatter between them has no full rank."""

LEAST_IN_CLASS = 5
"""Samples for each class, on average, without which there is no variability within classes to speak of."""


@measure(
    needs=Need.CLASS_SPECTRA,
    unit="ratio",
    bounds=(0.0, 1.0),
    collapse="low",
    invariant_to=CENTRED,
    definition="smallest class effective rank over the median class effective rank, "
    "covariance centred within the class",
    cite="repdiag: one class can collapse while the whole looks healthy",
)
def per_class_rank(classes: ClassSpectra) -> Reading:
    """How far the effective rank of the worst class lies below the median class."""
    ranks = torch.stack([_entropy_rank(values) for values in classes.spectra])
    smallest = ranks.min(0)
    details = {"classes": len(classes.counts), "class": smallest.indices, "ranks": ranks}
    return Reading(smallest.values / ranks.quantile(0.5), details)


def _entropy_rank(values: Tensor) -> Tensor:
    """Effective rank of eigenvalues; 0 where nothing varies, so that a dead class is the smallest."""
    total = values.sum()
    shares = values / torch.where(total > 0, total, torch.ones_like(total))
    return torch.where(total > 0, torch.special.entr(shares).sum().exp(), torch.zeros_like(total))


@measure(
    needs=Need.CLASS_MEANS,
    unit="ratio",
    bounds=(0.0, None),
    collapse="low",
    invariant_to=CENTRED,
    scale="log",
    definition="tr(Sw pinv(Sb)) / C, Sw over n, Sb over C about the sample mean",
    cite="Papyan, Han & Donoho 2020, Prevalence of neural collapse, eq. 1",
)
def neural_collapse_nc1(classes: ClassMeans) -> Reading:
    """Variability within classes relative to that between class means; towards 0 at collapse."""
    centred = classes.means - classes.mean
    count, n = classes.counts.shape[0], classes.counts.sum()
    _, values, right = torch.linalg.svd(centred, full_matrices=False)
    # Sb = right' diag(values^2 / C) right, of rank C - 1 at most: nothing d x d is inverted.
    keep = values > values[0] * max(centred.shape) * torch.finfo(values.dtype).eps * 10
    between = (classes.counts.sqrt()[:, None] * centred) @ right.mT
    within = ((right @ classes.scatter) * right).sum(1) - between.square().sum(0)
    ratio = torch.where(keep, within / values.square().clamp(min=torch.finfo(values.dtype).tiny), 0.0)
    enough = n >= LEAST_IN_CLASS * count
    return Reading(torch.where(enough, ratio.sum() / n, torch.nan), {"classes": count})


@measure(
    needs=Need.OBJECTS,
    unit="dimensions",
    bounds=(1.0, "d"),
    collapse="low",
    invariant_to=("row order", "rotation", "translation", "feature order"),
    scale="log",
    plugin_bias="low",
    least_ratio=MORE_OBJECTS_THAN_FEATURES,
    definition="exp(-sum p log p), p = l/sum l + <eps>, l = eigenvalues of Sw^-1/2 Sb Sw^-1/2, "
    "Sb over n objects, Sw over n q views plus <delta> I",
    cite="Thilak et al. 2023, LiDAR, eq. 1 to 4",
    requires=(
        ("0 <= delta < inf", lambda o: 0 <= o["delta"] < math.inf),
        ("0 <= eps < 1", lambda o: 0 <= o["eps"] < 1),
    ),
)
def lidar(objects: Objects, *, delta: float = 1e-4, eps: float = 1e-7) -> Reading:
    """Effective rank of the linear-discriminant matrix of several views of each object."""
    identity = torch.eye(objects.within.shape[0], dtype=objects.within.dtype, device=objects.within.device)
    factor = torch.linalg.cholesky(objects.within + delta * identity)
    half = torch.linalg.solve_triangular(factor, objects.between, upper=False)
    whitened = torch.linalg.solve_triangular(factor, half.mT, upper=False)
    values = torch.linalg.eigvalsh((whitened + whitened.mT) / 2).clamp(min=0)
    value = torch.special.entr(values / values.sum() + eps).sum().exp()
    noise = delta * objects.within.shape[0] / objects.within.diagonal().sum()
    return Reading(value, {"q": objects.q, "objects": objects.n, "delta_over_mean_within": noise})
