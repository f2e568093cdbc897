"""Two random looks at the same 8x8 digits: shift, cutout, brightness, noise."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional

SIDE = 8
SHIFT = 1
CUTOUT = 2
BRIGHTNESS_RANGE = (0.7, 1.3)
NOISE = 0.1


def augment(images: Tensor, generator: Generator) -> Tensor:
    """One random view of `images`, (n, 8, 8) in [0, 1], by a generator that alone decides it."""
    changed = cut_out(shift(images, generator), generator)
    low, high = BRIGHTNESS_RANGE
    gain = low + (high - low) * torch.rand((len(images), 1, 1), generator=generator)
    return changed * gain + NOISE * torch.randn(images.shape, generator=generator)


def shift(images: Tensor, generator: Generator) -> Tensor:
    """Each image moved by up to one pixel each way; zeros come in from the border."""
    n = len(images)
    padded = functional.pad(images, (SHIFT,) * 4)
    rows = _window(2 * SHIFT + 1, SIDE, n, generator)
    columns = _window(2 * SHIFT + 1, SIDE, n, generator)
    return padded[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def cut_out(images: Tensor, generator: Generator) -> Tensor:
    """Each image with one 2x2 square set to zero."""
    n = len(images)
    rows = _window(SIDE - CUTOUT + 1, CUTOUT, n, generator)
    columns = _window(SIDE - CUTOUT + 1, CUTOUT, n, generator)
    changed = images.clone()
    changed[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]] = 0
    return changed


def _window(starts: int, length: int, n: int, generator: Generator) -> Tensor:
    """(n, length) consecutive indices from a random start below `starts`."""
    first = torch.randint(0, starts, (n, 1), generator=generator)
    return first + torch.arange(length)
