"""The view `dropout`: the model's own dropout, drawn for each sample from its own random stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from repdiag.data import sample_generator
from repdiag.errors import UsageError

ELEMENTWISE = (nn.Dropout,)
CHANNELWISE = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


def dropout_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Module path -> dropout module that would drop something in training."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, ELEMENTWISE + CHANNELWISE) and 0 < module.p < 1
    }


@contextmanager
def active_dropout(model: nn.Module, ids: Sequence[str], view: str, seed: int) -> Iterator[None]:
    """Within the block dropout layers drop, while the model stays in eval mode.

    Masks depend on (seed, view, sample id, module, call), so that batches and shards change no sample.

    Raises:
        UsageError: the model has no dropout layer with p > 0.
    """
    modules = dropout_modules(model)
    if not modules:
        raise UsageError("--view dropout needs a model with dropout layers (p > 0); this one has none")
    handles = [
        module.register_forward_hook(_dropping(name, ids, view, seed)) for name, module in modules.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _dropping(name: str, ids: Sequence[str], view: str, seed: int) -> Any:
    calls = 0

    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if not output.ndim or output.shape[0] != len(ids):
            return output
        shape = _mask_shape(module, output)
        keep = 1.0 - float(module.p)  # type: ignore[arg-type]
        streams = (sample_generator(seed, view, one, f"{name}\0{calls}") for one in ids)
        masks = torch.stack([torch.rand(shape, generator=stream) < keep for stream in streams])
        return output * (masks.to(output.device, output.dtype) / keep)

    return hook


def _mask_shape(module: nn.Module, output: Tensor) -> tuple[int, ...]:
    if isinstance(module, CHANNELWISE):
        return (output.shape[1], *(1 for _ in output.shape[2:]))
    return tuple(output.shape[1:])
