"""`--twin`: a checkpoint's architecture with fresh weights, to tell a model whose weights did not load."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from repdiag.checkpoints import load_checkpoint, sniff
from repdiag.checkpoints.sniff import CODE_FORMATS
from repdiag.errors import UsageError
from repdiag.extract.identified import identified
from repdiag.extract.loading import Loaded
from repdiag.extract.paths import NamedPath
from repdiag.extract.request import ExtractRequest
from repdiag.models import build_model
from repdiag.text import printable

SUFFIX = "-twin"
TWIN_OF = "twin_of"
"""Attribute of a twin: the name of its checkpoint. `check` reads it."""

MOSTLY = 0.5
"""A builder that gives more than this share of its weights alike for two seeds brings trained ones."""

Build = Callable[[], nn.Module]


def twin_name(name: str) -> str:
    """How the twin of a checkpoint is called in the store."""
    return f"{name}{SUFFIX}"


def check_twin_names(checkpoints: Sequence[NamedPath]) -> None:
    """Refuse a twin that would have the name of another checkpoint.

    Raises:
        UsageError: naming it.
    """
    names = {named.name for named in checkpoints}
    taken = next((name for name in sorted(names) if twin_name(name) in names), None)
    if taken is not None:
        raise UsageError(
            f'--twin would give "{printable(taken)}" a twin with the name of another checkpoint, '
            f'"{printable(twin_name(taken))}"; extract that one by itself'
        )


def as_twin(loaded: Loaded, named: NamedPath, request: ExtractRequest) -> Loaded:
    """The same module with all weights and buffers drawn anew; `loaded` is spent, its weights are gone.

    The seed is that of the request, as for tensors that a partial load leaves random: a checkpoint of which
    nothing was loaded and its twin give equal rows.

    Raises:
        UsageError: the file is a whole model, which cannot be built anew.
    """
    build = _builder(named, request)
    with torch.random.fork_rng(devices=[]):
        anew = renew(loaded.module, build, request.seed)
    kept = ("path", "format", "model", "preprocessing", "trust")
    count = len(loaded.module.state_dict())
    notes = [
        f"{anew} of {count} tensors are the same for every seed (a pretrained builder?); they were reset"
    ]
    shown = printable(twin_name(named.name))
    return replace(
        loaded,
        encoder=replace(loaded.encoder, cut=0),
        attributes={
            **{name: loaded.attributes[name] for name in kept if name in loaded.attributes},
            TWIN_OF: named.name,
            "tensors_loaded": 0,
            "weights_seed": request.seed,
        },
        report=f"{shown}: fresh weights in all {count} tensors (seed {request.seed}), nothing loaded",
        notes=tuple(f"{shown}: {note}" for note in notes if anew),
    )


def renew(module: nn.Module, build: Build, seed: int) -> int:
    """Give every tensor of `module` the value that `build` draws under `seed`.

    A builder that brings trained weights is noticed by what does not follow the seed: those tensors get their
    layer's own `reset_parameters`, or the initialisation of a transformers model; where there is neither,
    their values are shuffled.

    Returns:
        How many tensors had to be reset, 0 for a builder that draws.
    """
    other = _digests(_seeded(build, seed + 1).state_dict())
    drawn = _seeded(build, seed)
    fixed = _fixed(drawn, other)
    _copy(drawn.state_dict(), module)
    if fixed:
        torch.manual_seed(seed)
        _reset(module, fixed)
    module.eval()
    return len(fixed)


def _builder(named: NamedPath, request: ExtractRequest) -> Build:
    if request.model:
        spec = request.model
        return lambda: build_model(spec, request.model_args).module
    if request.trust and named.path.is_file() and sniff(named.path) in CODE_FORMATS:
        raise UsageError(
            f"{printable(named.path)}: is a whole model, which cannot be built anew with fresh weights; "
            "leave out --twin, or give its state_dict and --model"
        )
    checkpoint = load_checkpoint(named.path, trust=request.trust)
    return lambda: identified(checkpoint, request).built.module


def _seeded(build: Build, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return build()


def _fixed(drawn: nn.Module, other: Mapping[str, bytes]) -> set[str]:
    """Names of the tensors that two seeds give alike, where these are most of the weights; else none."""
    state = drawn.state_dict()
    alike = {name for name, digest in _digests(state).items() if other.get(name) == digest}
    weights = {name: value.numel() for name, value in drawn.named_parameters()}
    held = sum(count for name, count in weights.items() if name in alike)
    telling = sum(count for name, count in weights.items() if _tells(state.get(name)))
    return alike if held > MOSTLY * telling else set()


def _digests(state: Mapping[str, Any]) -> dict[str, bytes]:
    """Of the tensors whose values say something: floats that are not all equal."""
    return {name: _digest(value) for name, value in state.items() if _tells(value)}


def _tells(value: Any) -> bool:
    if not isinstance(value, Tensor) or not value.is_floating_point() or value.numel() < 2:
        return False
    return bool((value != value.flatten()[0]).any())


def _digest(value: Tensor) -> bytes:
    held = value.detach().cpu().contiguous().view(torch.uint8)
    return hashlib.blake2b(held.numpy().tobytes(), digest_size=16).digest()


def _copy(state: Mapping[str, Any], module: nn.Module) -> None:
    """What `state` has for the module, into it; shapes that differ stay as they are."""
    with torch.no_grad():
        for name, value in module.state_dict().items():
            found = state.get(name)
            if isinstance(found, Tensor) and found is not value and found.shape == value.shape:
                value.copy_(found)


def _reset(module: nn.Module, fixed: Iterable[str]) -> None:
    before = {name: value for name, value in _digests(module.state_dict()).items() if name in set(fixed)}
    owners = {name.rpartition(".")[0] for name in before}
    for path in sorted(owners):
        again = getattr(module.get_submodule(path), "reset_parameters", None)
        if callable(again):
            with torch.no_grad():
                again()
    for prefix, part in _transformers_parts(module, before):
        fresh = type(part)(part.config)
        _copy({prefix + name: value for name, value in fresh.state_dict().items()}, module)
    now = _digests(module.state_dict())
    left = {name for name, digest in before.items() if now.get(name) == digest}
    _shuffle(value for name, value in module.named_parameters() if name in left and value.requires_grad)


def _transformers_parts(module: nn.Module, fixed: Iterable[str]) -> Iterator[tuple[str, nn.Module]]:
    """Outermost transformers models (a config and an initialisation of their own) that hold fixed tensors."""
    found: list[str] = []
    for path, part in module.named_modules():
        prefix = f"{path}." if path else ""
        own = hasattr(part, "config") and hasattr(part, "_init_weights") and hasattr(part, "from_pretrained")
        inside = any(prefix.startswith(outer) for outer in found)
        if own and not inside and any(name.startswith(prefix) for name in fixed):
            found.append(prefix)
            yield prefix, part


def _shuffle(values: Iterable[Tensor]) -> None:
    with torch.no_grad():
        for value in values:
            order = torch.randperm(value.numel()).to(value.device)
            value.copy_(value.flatten()[order].reshape(value.shape))
