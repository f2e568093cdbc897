"""Which of the tensors in a checkpoint are the model's weights, and under which names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from repdiag.checkpoints.checkpoint import Checkpoint
from repdiag.checkpoints.prefixes import (
    ROOT,
    TRANSPARENT,
    canonical,
    coverage,
    is_named,
    short_names,
    structural_prefixes,
)
from repdiag.errors import InputError, UsageError
from repdiag.text import listing, nearest, printable

AUTO = "auto"
OPTIONAL_SUFFIX = "num_batches_tracked"
"""Old checkpoints lack this counter of batch normalisation; torch itself loads them strictly."""


@dataclass(frozen=True)
class Weights:
    """One set of weights out of a checkpoint.

    Attributes:
        tensors: under the names that the module uses.
        key: where they stand in the file, such as `state_dict.student.backbone`; empty at the top.
        ignored: names in the file that stand outside of `key`.
        wrappers: what was peeled off the names, outermost first.
    """

    tensors: Mapping[str, Tensor]
    key: str
    ignored: tuple[str, ...]
    wrappers: tuple[str, ...]


def choose_weights(
    checkpoint: Checkpoint, module_keys: Collection[str] | None, weights: str = AUTO
) -> Weights:
    """The weights that fit `module_keys`, or the only ones where no module is known.

    With a module, any dotted prefix that leaves full coverage counts, none included. A mapping
    (a module's state_dict) settles by shape what names leave open. Nothing is ever guessed.

    Raises:
        UsageError: several sets would load, or `weights` names none; the text lists them.
        InputError: there are several sets and none fits the module.
    """
    names = canonical(checkpoint.tensors)
    targets = canonical(module_keys or ())
    prefixes = _fitting(checkpoint, names, targets, module_keys, weights) if module_keys else []
    fits = bool(prefixes)
    prefixes = prefixes or _structural(checkpoint, names.values(), weights)
    if len(prefixes) > 1:
        raise _several(checkpoint, short_names(prefixes), fits or not module_keys)
    return _take(checkpoint.tensors, names, prefixes[0], {short: key for key, short in targets.items()})


def weight_names(checkpoint: Checkpoint) -> list[str]:
    """Names for `--weights`: several where the file holds several sets, else one key (`.` for the top)."""
    return short_names(structural_prefixes(canonical(checkpoint.tensors).values()))


def _fitting(
    checkpoint: Checkpoint,
    names: Mapping[str, str],
    targets: Mapping[str, str],
    module_keys: Collection[str],
    weights: str,
) -> list[str]:
    """Prefixes under which the file covers the module fully, else those that cover most of it."""
    needed = {short for key, short in targets.items() if not key.endswith(OPTIONAL_SUFFIX)} or set(
        targets.values()
    )
    cover = coverage(names.values(), needed)
    if weights != AUTO:
        cover = {prefix: cover[prefix] for prefix in _named(cover, weights)}
    full = [prefix for prefix, count in cover.items() if count >= len(needed)]
    if len(full) > 1 and isinstance(module_keys, Mapping):
        full = [
            prefix for prefix in full if _shapes_fit(checkpoint, names, prefix, targets, module_keys)
        ] or full
    if full:
        return full
    most = max(cover.values(), default=0)
    return [prefix for prefix, count in cover.items() if count == most] if 2 * most > len(needed) else []


def _shapes_fit(
    checkpoint: Checkpoint,
    names: Mapping[str, str],
    prefix: str,
    targets: Mapping[str, str],
    module: Mapping[str, object],
) -> bool:
    shapes = {prefix + short: getattr(module[key], "shape", None) for key, short in targets.items()}
    return all(
        checkpoint.tensors[name].shape == shapes.get(short, checkpoint.tensors[name].shape)
        for name, short in names.items()
    )


def _structural(checkpoint: Checkpoint, names: Collection[str], weights: str) -> list[str]:
    prefixes = structural_prefixes(names)
    if weights == AUTO:
        return prefixes
    named = _named(prefixes, weights)
    if not named and any(name.startswith(f"{weights}.") for name in names):
        named = [f"{weights}."]
    if not named:
        raise UsageError(_not_named(checkpoint, short_names(prefixes), weights))
    return named


def _not_named(checkpoint: Checkpoint, options: list[str], weights: str) -> str:
    held = f"it holds {listing(options)}" if options != [ROOT] else "it holds one set; leave out --weights"
    return (
        f"{printable(checkpoint.path)}: has no weights named {printable(weights, 60)}; "
        f"{held}.{nearest(weights, options)}"
    )


def _named(prefixes: Iterable[str], weights: str) -> list[str]:
    """Those that `weights` names exactly, else those of which it is a word."""
    options = list(prefixes)
    exact = [prefix for prefix in options if is_named(prefix, weights)]
    return exact or [prefix for prefix in options if is_named(prefix, weights, loosely=True)]


def _several(checkpoint: Checkpoint, names: list[str], fits: bool) -> InputError | UsageError:
    shown = printable(checkpoint.path)
    if not fits:
        return InputError(
            f"{shown}: none of its sets of weights ({listing(names)}) fits the model; check --model"
        )
    return UsageError(
        f"{shown}: holds several sets of weights that would load: {listing(names)}; "
        f"choose one, for example: --weights {printable(names[-1], 60)}"
    )


def _take(
    tensors: Mapping[str, Tensor], names: Mapping[str, str], prefix: str, targets: Mapping[str, str]
) -> Weights:
    """The tensors under `prefix`, renamed as the module (canonical name -> its own) names them."""
    inside = {name: short[len(prefix) :] for name, short in names.items() if short.startswith(prefix)}
    taken = {targets.get(short, short): tensors[name] for name, short in inside.items()}
    ignored = tuple(name for name in tensors if name not in inside)
    return Weights(taken, prefix.rstrip("."), ignored, _wrappers(inside, targets))


def _wrappers(inside: Mapping[str, str], targets: Mapping[str, str]) -> tuple[str, ...]:
    """The components of the first name that are not in the module's name for it, in order."""
    for name, short in inside.items():
        kept = targets.get(short, short).split(".")
        parts = name.split(".")
        peeled = parts[: len(parts) - len(kept)] if parts[len(parts) - len(kept) :] == kept else None
        if peeled is None:
            peeled = [part for part in parts if part in TRANSPARENT or part not in kept]
        return tuple(peeled)
    return ()


__all__ = ["AUTO", "OPTIONAL_SUFFIX", "ROOT", "Weights", "choose_weights", "weight_names"]
