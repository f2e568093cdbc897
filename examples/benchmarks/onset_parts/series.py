"""Series of checkpoints: which term is lost when, training on digits, and the figures of every checkpoint."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from onset_parts.losses import LOSSES, Encoder, Run
from repdiag.analysis import SpectrumRequest, analyse_spectrum
from repdiag.check import build_policy, required_measures
from repdiag.demo.augment import augment
from repdiag.demo.road import digit_images
from repdiag.results import Results, read_results, write_results
from repdiag.store import memory_store
from repdiag.types import Address

BATCH, RATE, EVERY, SAMPLES = 128, 2e-3, 50, 1000
"""EVERY: optimiser steps between two checkpoints. SAMPLES: digits that are embedded at each."""
DECAY = {"vicreg": 0.5, "log-det": 0.5, "byol": 0.5}
"""Weight decay by method; none for the others, whose losses do not see the scale."""
COLLAPSING = [
    ("vicreg", "variance"),
    ("vicreg", "covariance"),
    ("byol", "stop-gradient"),
    ("log-det", "variance"),
    ("simsiam", "stop-gradient"),
    ("byol", "stop-gradient"),
    ("vicreg", "variance"),
    ("vicreg", "covariance"),
    ("log-det", "variance"),
    ("simsiam", "stop-gradient"),
]
HEALTHY = [
    ("vicreg", "lower"),
    ("vicreg", ""),
    ("barlow", ""),
    ("log-det", ""),
    ("simsiam", ""),
    ("byol", ""),
    ("vicreg", ""),
    ("barlow", ""),
    ("log-det", ""),
    ("simsiam", ""),
]


Rows = NDArray[np.float32]

torch.set_num_threads(1)


@dataclass(frozen=True)
class Recipe:
    """One training series; `off` is the term that is lost at `switch`, or the weight that then changes."""

    method: str
    off: str
    seed: int
    switch: int | None = None

    @property
    def name(self) -> str:
        return f"{self.method}-{self.off or 'healthy'}-{self.seed}"


def recipes(seed: int) -> list[Recipe]:
    """Ten series that lose a term at a random step and ten that lose none, each of a seed of its own."""
    lost = [
        Recipe(method, term, seed + at, random.Random(seed + at).randrange(400, 600))
        for at, (method, term) in enumerate(COLLAPSING)
    ]
    kept = [
        Recipe(method, term, seed + 10 + at, 1100 if term else None)
        for at, (method, term) in enumerate(HEALTHY)
    ]
    return [one for pair in zip(lost, kept, strict=True) for one in pair]


def train(recipe: Recipe, checkpoints: int) -> dict[Address, Rows]:
    """Both layers of every checkpoint on the same digits, from the untrained one on."""
    torch.manual_seed(recipe.seed)
    images, generator = digit_images(), torch.Generator().manual_seed(recipe.seed)
    model = Encoder(recipe.method in ("simsiam", "byol", "barlow"))
    run = Run(model, copy.deepcopy(model))
    optimiser = torch.optim.AdamW(decaying(model, DECAY.get(recipe.method, 0.0)), lr=RATE)
    steps = (checkpoints - 1) * EVERY
    model.layers(images)  # batch norm knows no averages before it has seen a batch
    looked_at = images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:SAMPLES]]
    found = embed(model, looked_at, 0)
    for step in range(1, steps + 1):
        run.lost = recipe.off if recipe.switch is not None and step > recipe.switch else ""
        batch = images[torch.randperm(len(images), generator=generator)[:BATCH]]
        loss = LOSSES[recipe.method](run, augment(batch, generator), augment(batch, generator))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % EVERY == 0:
            found |= embed(model, looked_at, step)
    return found


def decaying(model: nn.Module, decay: float) -> list[dict[str, object]]:
    """Weight decay for matrices alone, as is usual: biases and norms go without."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]


def embed(model: Encoder, images: Tensor, step: int) -> dict[Address, Rows]:
    model.eval()
    with torch.no_grad():
        layers = model.layers(images)
    model.train()
    return {Address(f"step={step:05d}", "base", name): rows.numpy() for name, rows in layers.items()}


def analysed(recipe: Recipe, checkpoints: int) -> Results:
    store = memory_store(train(recipe, checkpoints))
    measures = required_measures(build_policy())
    measures = tuple(m for m in measures if m not in ("per_class_rank", "neural_collapse_nc1"))
    found = analyse_spectrum([store], SpectrumRequest(measures=measures, device="cpu"))
    steps = [row.model_copy(update={"step": int(row.checkpoint[5:])}) for row in found.representations]
    return found.model_copy(update={"representations": steps})


def kept(recipe: Recipe, checkpoints: int, cache: Path | None) -> Results:
    """The series from the cache, or trained now and put there."""
    file = cache / f"{recipe.name}-{checkpoints}.json" if cache else None
    if file is not None and file.exists():
        return read_results(file)
    found = analysed(recipe, checkpoints)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_results(found, file)
    return found
