"""Training of one variant, and the embeddings that are judged."""

from __future__ import annotations

import copy
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from zoo_parts import losses, models
from zoo_parts.images import Images, batches, look
from zoo_parts.variants import Variant

BATCH = 128
RATES = {"mlp": 2e-3, "conv": 2e-3, "vit": 1e-3}
DECAY = 0.99
VIEWS = 4
CLASSES = 10
STANDARDISED = ("barlow", "simclr", "simsiam", "byol", "log-det")

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Rows (n, d) of the images trained on and held out, and views (4, n, d) of those held out.

    `seconds` is the processor time that training took.
    """

    train: Rows
    held: Rows
    views: Rows
    seconds: float


class Learner(nn.Module):
    """An encoder with the heads of its method; `average` is the slow copy that BYOL aims at."""

    def __init__(self, variant: Variant, side: int) -> None:
        super().__init__()
        self.variant = variant
        self.encoder = models.encoder(variant.model, side, variant.rank)
        self.encoder.eval()
        d = self.encoder(torch.zeros(1, 1, side, side)).shape[1]
        self.encoder.train()
        headed = variant.head and variant.method not in ("supervised", "untrained")
        self.projector = models.projector(d, variant.method in STANDARDISED) if headed else nn.Identity()
        out = 128 if headed else d
        predicts = variant.method in ("byol", "simsiam") and variant.without != "predictor and average"
        self.predictor = models.predictor(out) if predicts else nn.Identity()
        self.classifier = nn.Linear(d, CLASSES)
        online = nn.Sequential(self.encoder, self.projector)
        self.average = copy.deepcopy(online) if variant.method == "byol" and predicts else None

    def project(self, images: Tensor) -> Tensor:
        rows: Tensor = self.projector(self.encoder(images))
        return rows

    def loss(self, x: Tensor, y: Tensor, labels: Tensor) -> Tensor:
        """The method's loss of two views of a batch."""
        method, without = self.variant.method, self.variant.without
        if method == "supervised":
            return functional.cross_entropy(self.classifier(self.encoder(x)), labels)
        if method in ("byol", "simsiam"):
            return (self._aim(x, y) + self._aim(y, x)) / 2
        a, b = self.project(x), self.project(y)
        if method == "barlow":
            return losses.barlow_twins(a, b, float(without != "decorrelation"))
        if method == "vicreg":
            return losses.vicreg(a, b, float(without != "variance"), float(without != "covariance"))
        if method == "simclr":
            return losses.simclr(a, b, without != "negatives")
        return losses.log_det(a, b, float(without != "log det"))

    def _aim(self, x: Tensor, y: Tensor) -> Tensor:
        if self.average is not None:
            with torch.no_grad():
                target = self.average(y)
        else:
            target = self.project(y)
        aim = target if self.variant.without == "stop-gradient" else target.detach()
        return losses.attraction(self.predictor(self.project(x)), aim)

    @torch.no_grad()
    def follow(self) -> None:
        """Move the slow copy."""
        if self.average is None:
            return
        online = [*self.encoder.parameters(), *self.projector.parameters()]
        for slow, fast in zip(self.average.parameters(), online, strict=True):
            slow.lerp_(fast, 1 - DECAY)


def train(variant: Variant, images: Images, epochs: int, seed: int) -> nn.Module:
    """The trained encoder, in evaluation mode."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    learner = Learner(variant, images.side)
    labels = torch.from_numpy(images.train_labels)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=RATES[variant.model], weight_decay=1e-4)
    for _ in range(0 if variant.method == "untrained" else epochs * variant.longer):
        for rows in batches(len(images.train), BATCH, generator):
            batch = images.train[rows]
            loss = learner.loss(look(batch, generator), look(batch, generator), labels[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            learner.follow()
    return learner.encoder.eval()


@torch.no_grad()
def embed(model: nn.Module, images: Images, seed: int) -> tuple[Rows, Rows, Rows]:
    """Embeddings of plain images trained on and held out, and of random views of those held out."""
    generator = torch.Generator().manual_seed(seed + 1)
    views = torch.stack([model(look(images.held, generator)) for _ in range(VIEWS)])
    return model(images.train).numpy(), model(images.held).numpy(), views.numpy()


def embeddings(variant: Variant, images: Images, epochs: int, seed: int, cache: Path | None) -> Embeddings:
    """Train and embed, or read what an earlier run put into `cache`."""
    name = re.sub(r"\W+", "-", f"{images.name} {variant.name} {epochs} epochs seed {seed}")
    path = None if cache is None else cache / f"{name}.npz"
    if path is not None and path.is_file():
        with np.load(path) as kept:
            return Embeddings(kept["train"], kept["held"], kept["views"], float(kept["seconds"]))
    start = time.process_time()
    rows = embed(train(variant, images, epochs, seed), images, seed)
    made = Embeddings(*rows, time.process_time() - start)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **asdict(made))
    return made
