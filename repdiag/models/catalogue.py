"""How an architecture looks from outside, read from a module on the meta device: names, shapes, settings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from repdiag.checkpoints.unwrap import OPTIONAL_SUFFIX
from repdiag.errors import UsageError
from repdiag.models.build import build_model
from repdiag.models.built import BuiltModel
from repdiag.models.extras import optional

OTHER_CLASSES = 7
"""A number of classes that no model has by default."""

Shapes = dict[str, tuple[int, ...]]
# Of no effect in eval mode, or said by the shapes already.
_NO_EFFECT = frozenset((
    "training", "inplace", "p", "drop", "drop_rate", "dropout", "drop_prob", "attn_drop", "proj_drop",
    "drop_path_rate", "grad_checkpointing", "fused_attn", "num_classes", "out_features", "out_channels",
    "momentum", "device", "dtype", "init_values", "layer_scale_init_value", "return_indices", "input_size",
    "img_size", "aux_logits", "transform_input",
))  # fmt: skip
_PLAIN = (bool, int, float, str, type(None))


@dataclass(frozen=True, slots=True)
class Described:
    """One architecture.

    Attributes:
        spec: as for `--model`.
        body: floating-point tensors by name, in the order of definition, without the classifier.
        head: those of the classifier, which follow the number of classes.
        classes: number of classes of `head`; 0 without one.
        settings: digest of every module's type and plain attributes: equal for equal computations.
        preprocessing: what `build_model` records.
    """

    spec: str
    body: Shapes
    head: Shapes
    classes: int
    settings: str
    preprocessing: Mapping[str, Any]


def known_specs() -> list[str]:
    """Every architecture of timm, then of torchvision (no quantised ones), as specs.

    Raises:
        MissingExtraError: one of them is not installed.
    """
    timm = optional("timm", "timm", "vision", "the index of architectures")
    models = optional("torchvision.models", "torchvision", "vision", "the index of architectures")
    named = [name for name in models.list_models() if not name.startswith("quantized_")]
    return [f"timm:{name}" for name in timm.list_models()] + [f"torchvision:{name}" for name in named]


def describe_architecture(spec: str) -> Described:
    """Build `timm:NAME` or `torchvision:NAME` without memory for its weights, and look at it.

    Raises:
        UsageError: there is no such model.
    """
    built = _skeleton(spec, {})
    shapes = float_shapes(built.module.state_dict())
    named = _timm_head(built.module, shapes) if spec.startswith("timm:") else _torchvision_head(spec, shapes)
    head, classes = named
    return Described(
        spec=spec,
        body={name: shape for name, shape in shapes.items() if name not in head},
        head={name: shape for name, shape in shapes.items() if name in head},
        classes=classes if head else 0,
        settings=settings_digest(built.module),
        preprocessing=dict(built.preprocessing or {}),
    )


def _skeleton(spec: str, arguments: Mapping[str, str]) -> BuiltModel:
    """The model without memory; with it where its constructor computes sizes with tensors."""
    try:
        with torch.device("meta"):
            return build_model(spec, arguments)
    except UsageError as error:
        if not isinstance(error.__cause__, NotImplementedError | RuntimeError):
            raise
        return build_model(spec, arguments)


def float_shapes(state: Mapping[str, Tensor]) -> Shapes:
    """Shapes of the weights and running statistics; counters and index buffers are neither."""
    return {
        name: tuple(tensor.shape)
        for name, tensor in state.items()
        if tensor.is_floating_point() and not name.endswith(OPTIONAL_SUFFIX)
    }


def _timm_head(module: Any, shapes: Shapes) -> tuple[set[str], int]:
    """What timm itself drops where the number of classes differs."""
    classes = int(getattr(module, "num_classes", 0) or 0)
    named = getattr(module, "pretrained_cfg", {}).get("classifier") or ()
    places = (named,) if isinstance(named, str) else tuple(named)
    head = {name for name in shapes for place in places if name.startswith(f"{place}.")}
    return {name for name in head if shapes[name][:1] == (classes,)}, classes


def _torchvision_head(spec: str, shapes: Shapes) -> tuple[set[str], int]:
    """What changes with the number of classes; nothing where the model takes none."""
    try:
        other = float_shapes(_skeleton(spec, {"num_classes": str(OTHER_CLASSES)}).module.state_dict())
    except Exception:
        return set(), 0
    head = {name for name, shape in shapes.items() if other.get(name) != shape}
    ratios = {Fraction(shapes[name][0], other[name][0]) for name in head if name in other}
    (ratio,) = ratios if len(ratios) == 1 else (Fraction(0),)
    return (head, int(ratio * OTHER_CLASSES)) if ratio else (set(), 0)


def settings_digest(module: nn.Module) -> str:
    """16 hex digits over the types and plain attributes of all submodules.

    Equal digests of two modules with equal tensors: the same code with the same settings. Unequal ones say
    little: two libraries, or another way to write the same.
    """
    digest = hashlib.blake2b(digest_size=8)
    for name, part in module.named_modules():
        kind = f"{type(part).__module__}.{type(part).__qualname__}"
        digest.update(f"{name}|{kind}|{';'.join(_settings(vars(part)))}\n".encode())
    return digest.hexdigest()


def _settings(values: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(values):
        if not name.startswith("_") and name not in _NO_EFFECT:
            text = _text(values[name])
            if text is not None:
                yield f"{name}={text}"


def _text(value: Any) -> str | None:
    """Numbers, text, functions and lists of them; None for all else."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, partial):
        return f"{_text(value.func)}({_joined(value.args)},{';'.join(_settings(value.keywords))})"
    if isinstance(value, list | tuple):
        return _joined(value)
    return (
        getattr(value, "__qualname__", None) if callable(value) and not isinstance(value, nn.Module) else None
    )


def _joined(values: Iterable[Any]) -> str:
    return ",".join(text for value in values if (text := _text(value)) is not None)
