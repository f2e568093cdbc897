"""Two self-supervised runs that differ in one term of the loss."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Generator, Tensor

from repdiag.demo.augment import augment
from repdiag.demo.model import Encoder, build_encoder
from repdiag.files import write_file
from repdiag.types import Verdict

BATCH = 128
LEARNING_RATE = 5e-3
INVARIANCE_WEIGHT = 2.0
RIDGE = 1e-4

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many steps of it are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Run:
    """One training run.

    `spread` is the weight of the log-det term: 1 as published, 0 without it. `expected` is the verdict
    that the run is there to show.
    """

    name: str
    spread: float
    expected: Verdict


HEALTHY = Run("healthy", spread=1.0, expected=Verdict.PASS)
COLLAPSED = Run("collapsed", spread=0.0, expected=Verdict.FAIL)
RUNS = (HEALTHY, COLLAPSED)


def log_det(features: Tensor) -> Tensor:
    """log det of the covariance (ddof=0) plus a small ridge, of features (n, d): in nats."""
    centred = features - features.mean(dim=0)
    covariance = centred.T @ centred / len(centred)
    return torch.logdet(covariance + RIDGE * torch.eye(features.shape[1]))


def objective(first: Tensor, second: Tensor, spread: float) -> Tensor:
    """The CorInfoMax loss of two views (n, d): keep the views together and the covariances wide.

    With `spread` at 0 only the invariance term is left, and nothing stops all features from
    becoming the same one.
    """
    invariance = (first - second).square().mean()
    width = (log_det(first) + log_det(second)) / first.shape[1]
    return INVARIANCE_WEIGHT * invariance - spread * width


def train(run: Run, images: Tensor, folder: Path, *, epochs: int, seed: int, progress: Progress) -> None:
    """Train on images (n, 8, 8); write `folder`/epoch_00.pt (untrained) to epoch_<epochs>.pt.

    Raises:
        OutputError: a checkpoint cannot be written.
    """
    generator = torch.Generator().manual_seed(seed)
    model = seeded_encoder(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    folder.mkdir(parents=True, exist_ok=True)
    step = 0
    save(model, folder, epoch=0, step=step)
    for epoch in range(1, epochs + 1):
        for batch in shuffled(images, generator):
            update(model, optimizer, batch, run.spread, generator)
            step += 1
        save(model, folder, epoch=epoch, step=step)
        progress(f"training {run.name}", epoch, epochs)


def seeded_encoder(seed: int) -> Encoder:
    """An encoder whose initial weights depend on the seed alone; the caller's random state is kept."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_encoder()


def shuffled(images: Tensor, generator: Generator) -> Iterator[Tensor]:
    """One epoch of full batches in random order; the few images left over wait for the next one."""
    order = torch.randperm(len(images), generator=generator)
    for start in range(0, len(order) - BATCH + 1, BATCH):
        yield images[order[start : start + BATCH]]


def update(
    model: Encoder, optimizer: torch.optim.Optimizer, batch: Tensor, spread: float, generator: Generator
) -> None:
    """One optimiser step on two fresh views of the batch."""
    loss = objective(model(augment(batch, generator)), model(augment(batch, generator)), spread)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def save(model: Encoder, folder: Path, *, epoch: int, step: int) -> None:
    """Write the weights, with where they come from, as plain tensors and numbers."""
    buffer = io.BytesIO()
    torch.save({"state_dict": model.state_dict(), "epoch": epoch, "step": step}, buffer)
    write_file(folder / f"epoch_{epoch:02d}.pt", buffer.getvalue())
