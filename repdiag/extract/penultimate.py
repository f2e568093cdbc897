"""Which layers to take when nobody said: what goes into the last Linear, and the output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from repdiag.errors import UsageError
from repdiag.extract.hooks import Tap, listening, output_tap, submodule, tensor_of
from repdiag.types import OUTPUT_LAYER

PASSES_ON = (nn.Dropout, nn.Identity)


def default_taps(model: nn.Module, run: Callable[[], Any]) -> tuple[Tap, ...]:
    """The penultimate representation, where there is one, and `output`.

    The head is the last Linear that runs, if its result is the output of the model or has the output's
    shape (b, d). The penultimate layer is the module that made the head's input, found by value;
    `<head>.input` where no module did.

    Args:
        model: in eval mode.
        run: one forward pass over a probe batch, the same each time.
    """
    output = OUTPUT_LAYER
    linear = [
        Tap(name, name) for name, module in model.named_modules() if isinstance(module, nn.Linear) and name
    ]
    last: dict[str, Any] = {}

    def remember(tap: Tap, value: Any) -> None:
        last.update(head=tap.module, value=value.detach().clone() if isinstance(value, Tensor) else None)

    with listening(model, linear, remember):
        made, _ = tensor_of(run(), output)
    if not last or not _is_head(model, last["head"], last["value"], made, run):
        return (output_tap(output),)
    return _penultimate(model, str(last["head"]), run), output_tap(output)


def _is_head(
    model: nn.Module, head: str, value: Tensor | None, output: Tensor, run: Callable[[], Any]
) -> bool:
    if value is None or value.shape != output.shape:
        return False
    return torch.equal(value, output) or (output.ndim == 2 and _feeds(model, head, output, run))


def _feeds(model: nn.Module, head: str, output: Tensor, run: Callable[[], Any]) -> bool:
    """Whether the output changes with what the head gives: a pooler beside the road is no head."""

    def bend(module: nn.Module, inputs: Any, value: Tensor) -> Tensor:
        return value * torch.linspace(1.0, 2.0, value.shape[-1], device=value.device, dtype=value.dtype)

    handle = submodule(model, head).register_forward_hook(bend)
    try:
        made, _ = tensor_of(run(), OUTPUT_LAYER)
    finally:
        handle.remove()
    return not torch.equal(made, output)


def _penultimate(model: nn.Module, head: str, run: Callable[[], Any]) -> Tap:
    fallback = Tap(f"{head}.input", head, "input")
    wanted: list[Tensor] = []
    with listening(model, [fallback], lambda _, value: wanted.append(value.detach().clone())):
        run()
    makers: list[str] = []

    def compare(tap: Tap, value: Any) -> None:
        if _same(value, wanted[-1], tap.layer):
            makers.append(tap.module)

    others = [Tap(name, name) for name, _ in model.named_modules() if name and not _around(name, head)]
    with listening(model, others, compare):
        run()
    named = [name for name in makers if not isinstance(submodule(model, name), PASSES_ON)]
    # Where all of them only pass it on, the first has the name that says where it comes from.
    found = named[-1:] or makers[:1]
    return output_tap(found[0]) if found else fallback


def _around(name: str, head: str) -> bool:
    """The head itself, or a module that contains it."""
    return name == head or head.startswith(f"{name}.")


def _same(value: Any, wanted: Tensor, layer: str) -> bool:
    """Equal values in the same shape, axes of length 1 aside: (b, c, 1, 1) is (b, c)."""
    try:
        tensor, _ = tensor_of(value, layer)
    except UsageError:
        return False
    if _without_ones(tensor) != _without_ones(wanted) or tensor.dtype != wanted.dtype:
        return False
    return torch.equal(tensor.reshape(-1), wanted.reshape(-1))


def _without_ones(tensor: Tensor) -> tuple[int, ...]:
    return tuple(side for side in tensor.shape if side != 1)
