"""Small images for the zoo: digits, Fashion-MNIST where its files are, and two random looks at them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn import functional

from repdiag.data import open_data

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Where the Debian package dataset-fashion-mnist puts its files."""

TRAINED_ON, HELD_OUT = 2000, 2000
GAIN = (0.6, 1.4)
NOISE = 0.1
BLURRED = 0.3


@dataclass(frozen=True, slots=True)
class Images:
    """Images (n, 1, side, side) in 0..1 to train on and to judge on, with their classes."""

    name: str
    train: Tensor
    train_labels: NDArray[np.int64]
    held: Tensor
    held_labels: NDArray[np.int64]

    @property
    def side(self) -> int:
        return int(self.train.shape[-1])


def digits(seed: int) -> Images:
    """Half of the 1,797 digits to train on, the other half held out."""
    source = open_data("digits")
    pixels = torch.stack([torch.as_tensor(source.item(row)) for row in range(len(source))])
    labels = np.asarray(source.columns["label"], dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(labels))
    train, held = order[: len(order) // 2], order[len(order) // 2 :]
    return Images("digits", pixels[train], labels[train], pixels[held], labels[held])


def fashion(folder: Path, seed: int) -> Images:
    """2,000 of the training images, and 2,000 of the test images to judge on."""
    generator = np.random.default_rng(seed)
    parts: list[tuple[Tensor, NDArray[np.int64]]] = []
    for prefix, size in (("train", TRAINED_ON), ("t10k", HELD_OUT)):
        pixels = _idx(folder / f"{prefix}-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)
        labels = _idx(folder / f"{prefix}-labels-idx1-ubyte", 8).astype(np.int64)
        chosen = generator.permutation(len(labels))[:size]
        parts.append((torch.from_numpy(pixels[chosen].astype(np.float32) / 255), labels[chosen]))
    (train, train_labels), (held, held_labels) = parts
    return Images("fashion", train, train_labels, held, held_labels)


def has_fashion(folder: Path) -> bool:
    """Whether the files are there, packed or not."""
    return any((folder / f"t10k-images-idx3-ubyte{ending}").is_file() for ending in ("", ".gz"))


def _idx(path: Path, header: int) -> NDArray[np.uint8]:
    packed = path.with_name(path.name + ".gz")
    content = gzip.decompress(packed.read_bytes()) if packed.is_file() else path.read_bytes()
    return np.frombuffer(content, dtype=np.uint8, offset=header)


def look(images: Tensor, generator: Generator) -> Tensor:
    """One random view: moved, a third of them blurred, brighter or darker, with noise."""
    moved = _moved(images, generator)
    chance = torch.rand((len(images), 1, 1, 1), generator=generator)
    blurred = functional.avg_pool2d(moved, 3, stride=1, padding=1)
    seen = torch.where(chance < BLURRED, blurred, moved)
    low, high = GAIN
    gain = low + (high - low) * torch.rand((len(images), 1, 1, 1), generator=generator)
    return seen * gain + NOISE * torch.randn(images.shape, generator=generator)


def _moved(images: Tensor, generator: Generator) -> Tensor:
    n, side = len(images), images.shape[-1]
    most = max(1, side // 14)
    padded = functional.pad(images[:, 0], (most,) * 4)
    rows, columns = (
        torch.randint(0, 2 * most + 1, (n, 1), generator=generator) + torch.arange(side) for _ in range(2)
    )
    return padded[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]][:, None]


def batches(n: int, size: int, generator: Generator) -> Iterator[Tensor]:
    """One epoch of full batches of row numbers, in random order."""
    order = torch.randperm(n, generator=generator)
    for start in range(0, n - size + 1, size):
        yield order[start : start + size]
