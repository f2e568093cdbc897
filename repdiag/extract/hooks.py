"""Forward hooks: what a layer gives, pooled at once, so that no batch outlives its forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from repdiag.errors import UsageError
from repdiag.text import printable
from repdiag.types import OUTPUT_LAYER

PREFERRED = (
    "sentence_embedding",
    "last_hidden_state",
    "pooler_output",
    "token_embeddings",
    "logits",
    "features",
    "x",
)
"""Which tensor of a dict or ModelOutput is taken, the first that is there."""


@dataclass(frozen=True)
class Tap:
    """One place to listen at.

    Attributes:
        layer: name in the store: a module path, `<module path>.input`, or `output`.
        module: path of the module that is hooked; empty for the whole model.
        side: its output, or its first input.
    """

    layer: str
    module: str = ""
    side: Literal["output", "input"] = "output"


def output_tap(layer: str) -> Tap:
    """The tap for a module path or `output`."""
    return Tap(layer, "" if layer == OUTPUT_LAYER else layer)


@contextmanager
def listening(model: nn.Module, taps: Sequence[Tap], take: Callable[[Tap, Any], None]) -> Iterator[None]:
    """Call `take(tap, value)` for each layer as it runs; every hook is gone when the block ends.

    A module that runs several times in one pass is taken several times, in order. What the whole model
    returns needs no hook: the caller has it.

    Raises:
        UsageError: a layer inside TorchScript, where no hook can be.
    """
    handles = []
    try:
        for tap in taps:
            if tap.module:
                handles.append(_attached(submodule(model, tap.module), tap, take))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _attached(module: nn.Module, tap: Tap, take: Callable[[Tap, Any], None]) -> RemovableHandle:
    if isinstance(module, torch.jit.ScriptModule):
        raise UsageError(f'layer "{printable(tap.layer)}" is inside TorchScript, which shows only its output')
    if tap.side == "input":
        return module.register_forward_pre_hook(_pre_hook(tap, take), with_kwargs=True)
    return module.register_forward_hook(_hook(tap, take))


def submodule(model: nn.Module, path: str) -> nn.Module:
    """The module at a dotted path, the model itself for an empty one; ScriptModules too."""
    return model.get_submodule(path)


def _hook(tap: Tap, take: Callable[[Tap, Any], None]) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        take(tap, output)

    return hook


def _pre_hook(tap: Tap, take: Callable[[Tap, Any], None]) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        take(tap, inputs[0] if inputs else next(iter(named.values()), None))

    return hook


def tensor_of(value: Any, layer: str) -> tuple[Tensor, str]:
    """The tensor to keep out of what a layer gives, and a clause on which one that was ("" if it was alone).

    Tuples give their first tensor; dicts and ModelOutputs the first of PREFERRED, else their first tensor.

    Raises:
        UsageError: there is no tensor.
    """
    if isinstance(value, Tensor):
        return value, ""
    if isinstance(value, Mapping):
        names = [name for name in (*PREFERRED, *value) if isinstance(value.get(name), Tensor)]
        if names:
            return value[names[0]], f"took {printable(names[0])}"
    elif isinstance(value, tuple | list):
        for index, part in enumerate(value):
            if isinstance(part, Tensor):
                return part, f"took element {index} of {len(value)}"
        nested = next((part for part in value if isinstance(part, tuple | list | Mapping)), None)
        if nested is not None:
            return tensor_of(nested, layer)
    raise UsageError(
        f'layer "{printable(layer)}" gives {type(value).__name__} without a tensor; choose another --layer'
    )


def check_batch(tensor: Tensor, samples: int, layer: str) -> Tensor:
    """The tensor itself when its first axis are the samples.

    Raises:
        UsageError: it is not.
    """
    if tensor.ndim and tensor.shape[0] == samples:
        return tensor
    hint = "it seems to put samples on another axis; " if samples in tensor.shape else ""
    raise UsageError(
        f'layer "{printable(layer)}" gives {tuple(tensor.shape)} for {samples} samples; '
        f"{hint}choose another --layer"
    )
