"""Models of timm and torchvision, never with their pretrained weights."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from repdiag.errors import UsageError
from repdiag.models.built import BuiltModel
from repdiag.models.extras import building, optional
from repdiag.text import nearest, printable


def build_timm(spec: str, name: str, values: Mapping[str, Any]) -> BuiltModel:
    """`timm:NAME`, with the mean, std, size and crop of timm's data configuration.

    Raises:
        UsageError: timm has no such model, or refuses the arguments.
    """
    timm = optional("timm", "timm", "vision", "--model timm:NAME")
    data = optional("timm.data", "timm", "vision", "--model timm:NAME")
    # `hf-hub:` and `local-dir:` names would load from elsewhere; is_model knows only timm's own.
    if ":" in name or not timm.is_model(name):
        raise UsageError(f"{printable(spec)}: timm has no such model.{nearest(name, timm.list_models())}")
    with building(spec, values):
        module = timm.create_model(name, **{"pretrained": False, **values})
        config = data.resolve_model_data_config(module)
    return BuiltModel(module, spec, "image", {"source": "timm", **_plain(config)})


def build_torchvision(spec: str, name: str, values: Mapping[str, Any]) -> BuiltModel:
    """`torchvision:NAME`, with the transforms that belong to its default weights.

    Raises:
        UsageError: torchvision has no such model, or refuses the arguments.
    """
    models = optional("torchvision.models", "torchvision", "vision", "--model torchvision:NAME")
    known = models.list_models()
    if name not in known:
        raise UsageError(f"{printable(spec)}: torchvision has no such model.{nearest(name, known)}")
    accepted = inspect.signature(models.get_model_builder(name)).parameters
    # Detection and segmentation models fetch a pretrained backbone unless told not to.
    without = {key: None for key in ("weights", "weights_backbone") if key in accepted}
    with building(spec, values):
        module = models.get_model(name, **{**without, **values})
    return BuiltModel(module, spec, "image", _torchvision_preprocessing(models, name))


def _torchvision_preprocessing(models: Any, name: str) -> dict[str, Any] | None:
    """Sizes, mean and std of the transforms of the default weights; None where there are none."""
    transforms = models.get_model_weights(name).DEFAULT.transforms()
    names = ("crop_size", "resize_size", "mean", "std", "interpolation")
    found = {key: getattr(transforms, key) for key in names if hasattr(transforms, key)}
    return {"source": "torchvision", **_plain(found)} if "mean" in found else None


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as JSON holds them."""
    return {key: _plain_value(value) for key, value in values.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain_value(item) for item in value]
    return value if isinstance(value, str | int | float | None) else str(getattr(value, "value", value))
