"""Train one of the demo's two encoders for a moment and leave it in last.pt.

It stands for your own training; the collapsed one lacks the term of the loss that keeps covariances wide.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from repdiag.demo.road import digit_images
from repdiag.demo.training import RUNS, train


def main() -> None:
    encoders = {run.name: run for run in RUNS}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", choices=encoders)
    parser.add_argument("--epochs", type=int, default=2)
    chosen = parser.parse_args()
    folder = Path("checkpoints") / chosen.encoder
    train(encoders[chosen.encoder], digit_images(), folder, epochs=chosen.epochs, seed=0, progress=quiet)
    shutil.copyfile(folder / f"epoch_{chosen.epochs:02d}.pt", "last.pt")
    print(f"trained the {chosen.encoder} encoder for {chosen.epochs} epochs: last.pt")


def quiet(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


if __name__ == "__main__":
    main()
