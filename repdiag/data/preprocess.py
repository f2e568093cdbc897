"""Images to tensors as the model wants them: resize the shorter side, centre crop, mean and std."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from pydantic import JsonValue
from torch import Tensor

from repdiag.data._optional import optional
from repdiag.errors import UsageError
from repdiag.text import listing, printable

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")


@dataclass(frozen=True)
class ImagePreprocessing:
    """How an image becomes a tensor. `mean` and `std` are in units of pixel values 0..1.

    Attributes:
        height, width: of the centre crop, in pixels.
        resize: length of the shorter side before the crop, or None to stretch to the crop size.
        interpolation: Pillow's name of the filter.
        mean, std: one value a channel; one channel makes the image grey.
        source: where this comes from: `model`, `timm`, `torchvision`, `transformers` or `imagenet default`.
    """

    height: int = 224
    width: int = 224
    resize: int | None = 256
    interpolation: str = "bilinear"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    source: str = "imagenet default"

    def record(self) -> dict[str, JsonValue]:
        """The same as plain JSON."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }


def image_preprocessing(recorded: Mapping[str, Any] | None) -> ImagePreprocessing:
    """What the model recorded (timm's or torchvision's names, or ours), else the ImageNet default.

    Keys read: `size`/`input_size`/`crop_size`, `resize`/`resize_size`/`crop_pct`, `interpolation`,
    `mean`, `std`. What is not recorded keeps its default.

    Raises:
        UsageError: a value that cannot be used.
    """
    if not recorded:
        return ImagePreprocessing()
    try:
        height, width = _size(recorded)
        mean = _floats(recorded.get("mean", IMAGENET_MEAN))
        std = _floats(recorded.get("std", IMAGENET_STD))
        resize = _resize(recorded, min(height, width))
    except (TypeError, ValueError, IndexError) as error:
        raise UsageError(
            f"the preprocessing that the model records cannot be used ({printable(error, 80)}); "
            f"it has {listing(recorded)}"
        ) from error
    interpolation = str(recorded.get("interpolation", "bilinear")).split(".")[-1].lower()
    if interpolation not in INTERPOLATIONS:
        interpolation = "bicubic"
    if len(mean) != len(std) or len(mean) not in (1, 3) or not all(std):
        raise UsageError(
            f"the preprocessing of the model has mean {mean} and std {std}; give 1 or 3 values each"
        )
    source = str(recorded.get("source") or "model")
    return ImagePreprocessing(height, width, resize, interpolation, mean, std, source)


def _size(recorded: Mapping[str, Any]) -> tuple[int, int]:
    for key in ("size", "input_size", "crop_size", "image_size"):
        value = recorded.get(key)
        if isinstance(value, Mapping):
            value = [value[name] for name in ("height", "width") if name in value] or list(value.values())
        if value:
            sides = [int(side) for side in np.atleast_1d(value)]
            return sides[-2 if len(sides) > 1 else -1], sides[-1]
    return 224, 224


def _resize(recorded: Mapping[str, Any], side: int) -> int | None:
    for key in ("resize", "resize_size"):
        if key in recorded:
            value = recorded[key]
            return None if value is None else int(np.atleast_1d(value)[0])
    if recorded.get("crop_mode") == "squash":
        return None
    # As timm does: the crop is this share of the resized image. 224 of 256 where nothing is recorded.
    return int(side / float(recorded.get("crop_pct") or 0.875))


def _floats(value: Any) -> tuple[float, ...]:
    return tuple(float(part) for part in np.atleast_1d(value))


def coloured(image: Any, channels: int) -> Any:
    """The image as RGB, or grey for one channel; 16-bit greys are scaled to 8, transparency is dropped."""
    if image.mode.startswith("I"):
        module = optional("PIL.Image", "pillow", "vision", "Reading images")
        image = module.fromarray((np.asarray(image, dtype=np.float64) / 257.0).clip(0, 255).astype(np.uint8))
    return image.convert("RGB" if channels == 3 else "L")


def resized_crop(image: Any, how: ImagePreprocessing) -> Any:
    """The centre crop (height, width) of the resized image; a PIL image in and out."""
    width, height = image.size
    if how.resize is None:
        return image.resize((how.width, how.height), _filter(how))
    short, long = min(width, height), max(width, height)
    other = int(how.resize * long / short)
    size = (how.resize, other) if width <= height else (other, how.resize)
    image = image if (width, height) == size else image.resize(size, _filter(how))
    left, top = round((size[0] - how.width) / 2.0), round((size[1] - how.height) / 2.0)
    return image.crop((left, top, left + how.width, top + how.height))


def _filter(how: ImagePreprocessing) -> Any:
    module = optional("PIL.Image", "pillow", "vision", "Reading images")
    return module.Resampling[how.interpolation.upper()]


def to_tensor(image: Any) -> Tensor:
    """(c, h, w) float32 in 0..1."""
    values = torch.from_numpy(np.array(image, dtype=np.uint8))
    values = values[:, :, None] if values.ndim == 2 else values
    return values.permute(2, 0, 1).to(torch.float32) / 255.0


def normalised(pixels: Tensor, how: ImagePreprocessing) -> Tensor:
    """(c, h, w) minus mean, over std, channel by channel."""
    mean = torch.tensor(how.mean, dtype=torch.float32)[:, None, None]
    std = torch.tensor(how.std, dtype=torch.float32)[:, None, None]
    return ((pixels - mean) / std).contiguous()
