"""Watch the rank of your own encoder while it trains: a denoising autoencoder on digits.

Run it with: python examples/train_and_watch.py [FOLDER] [EPOCHS]
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn

from repdiag import SpectrumRequest, analyse_spectrum, open_store
from repdiag.extract import ExtractRequest, extract


def build() -> nn.Module:
    """The model as repdiag builds it, before it loads a checkpoint into it."""
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 32))
    return nn.Sequential(encoder, nn.Linear(32, 64))


def train(folder: Path, epochs: int) -> None:
    """Your own loop: all that repdiag needs from it is a checkpoint now and then."""
    torch.manual_seed(0)
    images = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(epochs + 1):
        torch.save({"state_dict": model.state_dict(), "epoch": epoch}, folder / f"epoch_{epoch:02d}.pt")
        for batch in torch.split(images[torch.randperm(len(images))], 128):
            loss = (model(batch + 0.3 * torch.randn_like(batch)) - batch).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def main(folder: Path, epochs: int) -> None:
    """Train, extract the encoder's output (layer "0") at every checkpoint, print its effective rank."""
    folder.mkdir(parents=True, exist_ok=True)
    train(folder, epochs)
    model, output = f"{__file__}:build", str(folder / "embeddings.h5")
    extract(
        ExtractRequest((f"{folder}/*.pt",), "digits", model, layers=("0",), output=output, overwrite=True)
    )
    with open_store(folder / "embeddings.h5") as store:
        results = analyse_spectrum([store], SpectrumRequest(measures=("effective_rank",)))
    for item in results.representations:
        rank = item.estimates["effective_rank"]
        print(f"{item.checkpoint}: {rank.value:.1f} of {item.d} [{rank.low:.1f}, {rank.high:.1f}]")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(Path(arguments[0] if arguments else "watched"), int(arguments[1]) if arguments[1:] else 8)
