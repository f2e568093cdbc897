"""Losses of five methods without labels, each with a term that can be lost in the middle of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

FEATURES, OUT, HIDDEN = 64, 32, 128


class Encoder(nn.Module):
    """8x8 images to the layers `backbone` and `projector`, and to a prediction of the other view."""

    def __init__(self, normalised: bool) -> None:
        super().__init__()
        self.backbone = block(64, FEATURES)
        self.projector = nn.Sequential(nn.GELU(), *block(FEATURES, OUT, normalised))
        if normalised:
            self.projector.append(nn.BatchNorm1d(OUT))
        self.predictor = block(OUT, OUT)

    def layers(self, images: Tensor) -> dict[str, Tensor]:
        backbone = self.backbone(images.flatten(1) - 0.3)
        return {"backbone": backbone, "projector": self.projector(backbone)}

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)["projector"]


def block(width: int, out: int, normalised: bool = True) -> nn.Sequential:
    middle = nn.BatchNorm1d(HIDDEN) if normalised else nn.Identity()
    return nn.Sequential(nn.Linear(width, HIDDEN), middle, nn.GELU(), nn.Linear(HIDDEN, out))


@dataclass
class Run:
    """The encoder in training; `lost` names the term that is switched off."""

    model: Encoder
    target: Encoder
    lost: str = ""

    def weight(self, term: str) -> float:
        return 0.0 if self.lost == term else 1.0


def covariance(z: Tensor) -> Tensor:
    centred = z - z.mean(0)
    return centred.T @ centred / (len(z) - 1)


def off_diagonal(matrix: Tensor) -> Tensor:
    return matrix.square().sum() - matrix.diagonal().square().sum()


def vicreg(run: Run, a: Tensor, b: Tensor) -> Tensor:
    x, y = run.model(a), run.model(b)
    variance = narrow(x) + narrow(y)
    spread = off_diagonal(covariance(x)) / OUT + off_diagonal(covariance(y)) / OUT
    lower = 0.08 if run.lost == "lower" else 1.0
    return (
        25 * (x - y).square().mean()
        + run.weight("variance") * 25 * variance
        + run.weight("covariance") * lower * 10 * spread
    )


def narrow(z: Tensor) -> Tensor:
    """How far the standard deviations lie below one: the variance term of VICReg."""
    return functional.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()


def barlow(run: Run, a: Tensor, b: Tensor) -> Tensor:
    x, y = (standard(run.model(view)) for view in (a, b))
    cross = x.T @ y / len(x)
    return (1 - cross.diagonal()).square().sum() + run.weight("covariance") * 0.5 * off_diagonal(cross)


def standard(z: Tensor) -> Tensor:
    return (z - z.mean(0)) / (z.std(0) + 1e-4)


def log_det(run: Run, a: Tensor, b: Tensor) -> Tensor:
    x, y = run.model(a), run.model(b)
    ridge = 1e-4 * torch.eye(OUT)
    width = (torch.logdet(covariance(x) + ridge) + torch.logdet(covariance(y) + ridge)) / OUT
    return 5 * (x - y).square().mean() - run.weight("variance") * width


def simsiam(run: Run, a: Tensor, b: Tensor) -> Tensor:
    return predicted(run, run.model, a, b)


def byol(run: Run, a: Tensor, b: Tensor) -> Tensor:
    with torch.no_grad():
        for kept, new in zip(run.target.parameters(), run.model.parameters(), strict=True):
            kept.lerp_(new, 0.05)
    return predicted(run, run.model if run.lost == "stop-gradient" else run.target, a, b)


def predicted(run: Run, target: Encoder, a: Tensor, b: Tensor) -> Tensor:
    """Each view's prediction against the other view: the gradient stops there unless that is lost."""
    goals = [target(view) for view in (a, b)]
    goals = goals if run.lost == "stop-gradient" else [goal.detach() for goal in goals]
    first, second = (run.model.predictor(run.model(view)) for view in (b, a))
    alike = functional.cosine_similarity
    return -(alike(first, goals[0]).mean() + alike(second, goals[1]).mean())


LOSSES: dict[str, Callable[[Run, Tensor, Tensor], Tensor]] = {
    "vicreg": vicreg,
    "barlow": barlow,
    "log-det": log_det,
    "simsiam": simsiam,
    "byol": byol,
}
