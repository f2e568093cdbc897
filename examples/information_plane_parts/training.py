"""Training all seeds side by side: their weights are stacked, so that five runs cost little more than one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from .network import network, patterns

BATCH = 256
RATE = 4e-4
TRAINED_ON = 0.8
CHECKPOINTS = 20

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Trained:
    """The share of right answers (seeds,), on patterns that were trained on and on the others."""

    train: list[float]
    test: list[float]


def checkpoint_epochs(epochs: int, count: int = CHECKPOINTS) -> list[int]:
    """The untrained network, then epochs at equal distances on a logarithmic scale, up to the last."""
    return [0, *(int(epoch) for epoch in np.unique(np.geomspace(1, epochs, count - 1).round()))]


def run_folders(activation: str, seeds: int, folder: Path) -> list[Path]:
    """Where the checkpoints of each seed lie."""
    return [folder / f"{activation}_seed{seed}" for seed in range(seeds)]


def train(activation: str, seeds: int, epochs: int, folder: Path) -> Trained:
    """Adam on 80% of the patterns, the same for all seeds; a checkpoint of each at log-spaced epochs."""
    x, y = patterns()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    known, unseen = order[: int(TRAINED_ON * len(x))], order[int(TRAINED_ON * len(x)) :]
    weights, shape = _stacked(activation, seeds), network(activation).to("meta")
    shuffles = [torch.Generator().manual_seed(seed) for seed in range(seeds)]
    optimizer = torch.optim.Adam(weights.values(), lr=RATE)
    folders = run_folders(activation, seeds, folder)

    def loss(own: Weights, inputs: Tensor, classes: Tensor) -> Tensor:
        return nn.functional.cross_entropy(functional_call(shape, own, (inputs,)), classes)

    kept = set(checkpoint_epochs(epochs))
    for epoch in range(epochs + 1):
        if epoch in kept:
            _save(weights, folders, epoch)
        if epoch == epochs:
            break
        drawn = torch.stack([known[torch.randperm(len(known), generator=each)] for each in shuffles])
        for batch in torch.split(drawn, BATCH, dim=1):
            optimizer.zero_grad()
            vmap(loss)(weights, x[batch], y[batch]).sum().backward()
            optimizer.step()
    with torch.no_grad():
        answers = vmap(lambda own: functional_call(shape, own, (x,)))(weights).argmax(2)
    right = (answers == y).double()
    return Trained(right[:, known].mean(1).tolist(), right[:, unseen].mean(1).tolist())


def _stacked(activation: str, seeds: int) -> Weights:
    """Weights (seeds, ...) of networks that were made with their own seed."""
    networks = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        networks.append(network(activation))
    weights, _ = stack_module_state(networks)
    return dict(weights)


def _save(weights: Weights, folders: list[Path], epoch: int) -> None:
    for seed, folder in enumerate(folders):
        folder.mkdir(parents=True, exist_ok=True)
        own = {name: value[seed].detach().clone() for name, value in weights.items()}
        torch.save({"state_dict": own, "epoch": epoch}, folder / f"epoch_{epoch:05d}.pt")
