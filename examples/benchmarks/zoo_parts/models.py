"""Three kinds of small encoder, and the heads that methods train through."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

HEADS = 4
MEAN, DEVIATION = 0.3, 0.36
"""Of the pixels of both data sets, nearly."""


def encoder(kind: str, side: int, rank: int | None = None) -> nn.Sequential:
    """Images (n, 1, side, side) to embeddings (n, d); with `rank`, through that many numbers on the way."""
    makers: dict[str, Callable[[int], tuple[nn.Module, int]]] = {"mlp": mlp, "conv": conv, "vit": vit}
    body, d = makers[kind](side)
    narrow = [] if rank is None else [nn.Linear(d, rank), nn.Linear(rank, d)]
    return nn.Sequential(Standardised(), body, *narrow)


class Standardised(nn.Module):
    """Pixels about zero, as everybody feeds them."""

    def forward(self, images: Tensor) -> Tensor:
        """Images in 0..1 to numbers of mean 0 and deviation 1, nearly."""
        return (images - MEAN) / DEVIATION


def mlp(side: int, width: int = 256, d: int = 64) -> tuple[nn.Module, int]:
    """Two hidden layers with batch normalisation; the embedding is linear in the last."""
    layers: list[nn.Module] = [nn.Flatten()]
    for size in (side * side, width):
        layers += [nn.Linear(size, width), nn.BatchNorm1d(width), nn.GELU()]
    return nn.Sequential(*layers, nn.Linear(width, d)), d


def conv(side: int, d: int = 128) -> tuple[nn.Module, int]:
    """Three convolutions with ReLU, then the average over the image: no embedding is below zero."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=max(1, side // 8), padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, d, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ), d


def vit(side: int, width: int = 64, d: int = 64) -> tuple[nn.Module, int]:
    """A transformer over 16 patches, averaged, with a linear embedding."""
    return VisionTransformer(side // 4, width, d), d


class VisionTransformer(nn.Module):
    """Two pre-norm blocks."""

    def __init__(self, patch: int, width: int, d: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, width, patch, stride=patch)
        self.position = nn.Parameter(0.5 * torch.randn(16, width))
        block = nn.TransformerEncoderLayer(
            width, HEADS, width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.embedding = nn.Linear(width, d)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, 1, 4 patch, 4 patch) to (n, d)."""
        tokens = self.patches(images).flatten(2).transpose(1, 2) + self.position
        embedding: Tensor = self.embedding(self.norm(self.blocks(tokens)).mean(dim=1))
        return embedding


def projector(d: int, standardise: bool) -> nn.Module:
    """What most methods put between the embedding and the loss."""
    end: list[nn.Module] = [nn.BatchNorm1d(128, affine=False)] if standardise else []
    return nn.Sequential(nn.Linear(d, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 128), *end)


def predictor(d: int) -> nn.Module:
    """The narrow head of one side of BYOL and SimSiam."""
    return nn.Sequential(nn.Linear(d, d // 2), nn.BatchNorm1d(d // 2), nn.ReLU(), nn.Linear(d // 2, d))
