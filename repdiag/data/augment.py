"""Augmentations of one sample, in torch alone: every random number comes from the generator given."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

GREY = (0.299, 0.587, 0.114)
JITTER = 0.8
HUE = 0.2


def uniform(generator: Generator, low: float, high: float) -> float:
    """One number in [low, high)."""
    return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))


def random_resized_crop(x: Tensor, size: tuple[int, int], smallest: float, generator: Generator) -> Tensor:
    """A random part of (c, h, w), covering `smallest`..1 of its area, resized to (c, *size)."""
    height, width = x.shape[-2:]
    area = height * width * uniform(generator, smallest, 1.0)
    ratio = math.exp(uniform(generator, math.log(3 / 4), math.log(4 / 3)))
    crop_height = max(1, min(height, round(math.sqrt(area / ratio))))
    crop_width = max(1, min(width, round(math.sqrt(area * ratio))))
    top = int(uniform(generator, 0, height - crop_height + 1))
    left = int(uniform(generator, 0, width - crop_width + 1))
    part = x[..., top : top + crop_height, left : left + crop_width]
    return functional.interpolate(part[None], size, mode="bilinear", antialias=True, align_corners=False)[0]


def gaussian_noise(x: Tensor, sigma: float, generator: Generator) -> Tensor:
    """x plus independent normal noise of standard deviation sigma."""
    return x + sigma * torch.randn(x.shape, generator=generator, dtype=x.dtype)


def half(x: Tensor, right: bool, mask: bool) -> Tensor:
    """The left or right half of the last axis; with `mask` the other half is zero instead of gone."""
    middle = x.shape[-1] // 2
    part = x[..., x.shape[-1] - middle :] if right else x[..., :middle]
    if not mask:
        return part.contiguous()
    gap = torch.zeros_like(x[..., middle:])
    return torch.cat((gap, part) if right else (part, gap), dim=-1)


def simclr(x: Tensor, size: tuple[int, int], smallest: float, generator: Generator) -> Tensor:
    """SimCLR's augmentation without its blur: crop, flip, colour jitter, grey. Values keep their range."""
    low, high = float(x.min()), float(x.max())
    x = random_resized_crop(x, size, smallest, generator)
    x = x.flip(-1) if uniform(generator, 0, 1) < 0.5 else x
    if uniform(generator, 0, 1) < 0.8:
        x = _jitter(x, generator).clamp(low, high)
    if x.shape[0] == 3 and uniform(generator, 0, 1) < 0.2:
        x = _grey(x).expand(3, -1, -1).contiguous()
    return x


def _jitter(x: Tensor, generator: Generator) -> Tensor:
    x = x * uniform(generator, 1 - JITTER, 1 + JITTER)
    mean = (_grey(x) if x.shape[0] == 3 else x).mean()
    x = mean + (x - mean) * uniform(generator, 1 - JITTER, 1 + JITTER)
    if x.shape[0] != 3:
        return x
    grey = _grey(x)
    x = grey + (x - grey) * uniform(generator, 1 - JITTER, 1 + JITTER)
    return _turn_hue(x, uniform(generator, -HUE, HUE))


def _grey(x: Tensor) -> Tensor:
    return torch.einsum("chw,c->hw", x, torch.tensor(GREY, dtype=x.dtype))[None]


def _turn_hue(x: Tensor, turn: float) -> Tensor:
    # A rotation in the chroma plane of YIQ: the hue shift without leaving linear algebra.
    cosine, sine = math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)
    to_yiq = torch.tensor([GREY, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312)], dtype=torch.float64)
    rotation = torch.tensor([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]], dtype=torch.float64)
    change = (torch.linalg.inv(to_yiq) @ rotation @ to_yiq).to(x.dtype)
    return torch.einsum("dc,chw->dhw", change, x)
