"""The losses as published, each with the term that keeps it from collapse as an argument."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

RIDGE = 1e-4


def barlow_twins(x: Tensor, y: Tensor, decorrelate: float) -> Tensor:
    """Cross-correlation of two views (n, d) against the identity (Zbontar and others, 2021)."""
    a, b = ((z - z.mean(0)) / (z.std(0) + 1e-5) for z in (x, y))
    c = a.T @ b / len(x)
    on = (c.diagonal() - 1).square().sum()
    return on + 5e-3 * decorrelate * (c.square().sum() - c.diagonal().square().sum())


def vicreg(x: Tensor, y: Tensor, variance: float, covariance: float) -> Tensor:
    """Invariance, a hinge on each feature's deviation, squared covariances (Bardes and others, 2022)."""
    spread = sum((functional.relu(1 - (z.var(0) + 1e-4).sqrt()).mean() for z in (x, y)), torch.zeros(()))
    apart = sum((_off_diagonal(z).square().sum() / z.shape[1] for z in (x, y)), torch.zeros(()))
    return 25 * (x - y).square().mean() + 25 * variance * spread / 2 + covariance * apart


def _off_diagonal(z: Tensor) -> Tensor:
    c = torch.cov(z.T)
    return c - torch.diag(c.diagonal())


def simclr(x: Tensor, y: Tensor, negatives: bool) -> Tensor:
    """NT-Xent at temperature 0.2 (Chen and others, 2020); without negatives only the attraction is left."""
    if not negatives:
        return attraction(x, y)
    z = functional.normalize(torch.cat((x, y)))
    n = len(x)
    logits = (z @ z.T / 0.2).fill_diagonal_(-torch.inf)
    return functional.cross_entropy(logits, torch.arange(2 * n).roll(n))


def attraction(x: Tensor, y: Tensor) -> Tensor:
    """Minus the mean cosine of rows."""
    return -functional.cosine_similarity(x, y).mean()


def log_det(x: Tensor, y: Tensor, width: float) -> Tensor:
    """Invariance less the log determinant of both covariances (CorInfoMax; Ozsoy and others, 2022)."""
    loss = 2 * (x - y).square().mean()
    for z in (x, y):
        ridge = RIDGE * torch.eye(z.shape[1])
        loss = loss - width * torch.logdet(torch.cov(z.T) + ridge) / z.shape[1]
    return loss
