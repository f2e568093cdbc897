"""The demo's encoder: a backbone whose output one would keep, and a projector that the loss sees."""

from __future__ import annotations

from torch import Tensor, nn

PIXELS = 64
HIDDEN = 256
FEATURES = 64
BRIGHTNESS = 0.3
"""About the mean of the images, so that an untrained encoder does not begin in a cone."""


class Encoder(nn.Module):
    """8x8 images in [0, 1], (n, ...) with 64 values each, to projector features (n, 64)."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Linear(PIXELS, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.GELU(), nn.Linear(HIDDEN, FEATURES)
        )
        self.projector = nn.Sequential(
            nn.GELU(),
            nn.Linear(FEATURES, 2 * FEATURES),
            nn.BatchNorm1d(2 * FEATURES),
            nn.GELU(),
            nn.Linear(2 * FEATURES, FEATURES),
            nn.BatchNorm1d(FEATURES, affine=False),
        )
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Projector features (n, 64), each standardised over the batch in training."""
        features: Tensor = self.projector(self.backbone(images.flatten(1) - BRIGHTNESS))
        return features


def build_encoder() -> Encoder:
    """An untrained encoder: the callable behind `--model repdiag.demo.model:build_encoder`."""
    return Encoder()
