"""What torch.load returned, as flat named tensors that are safe to touch."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from repdiag.checkpoints.soundness import check_tensors, unusable
from repdiag.checkpoints.steps import COUNTERS
from repdiag.errors import InputError
from repdiag.text import listing, printable

MAX_NODES = 2_000_000
MAX_DEPTH = 64
MAX_NAME = 4096
MAX_TEXT = 4096
_BOOKKEEPING = ("optim", "scheduler", "rng", "scaler")
_MOMENTS = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer")
_AGAIN = object()

Value = str | int | float
KeyPath = tuple[Any, ...]


@dataclass(frozen=True)
class Contents:
    """Tensors by dotted name, in file order; plain values by dotted name; what was left aside."""

    tensors: dict[str, Tensor]
    values: dict[str, Value]
    notes: tuple[str, ...]


def flatten(content: object, shown: str, budget: int) -> Contents:
    """Named tensors of a loaded checkpoint; optimizer, scheduler and random state are left aside.

    `budget` bounds the bytes that all tensors together may address.

    Raises:
        InputError: not a mapping, keys that are not text, or a tensor that is unsafe to use.
    """
    if isinstance(content, Tensor):
        raise InputError(f"{shown}: is a bare tensor, not a checkpoint; to analyse it: repdiag spectrum FILE")
    if not isinstance(content, Mapping):
        kind = printable(type(content).__name__, 40)
        raise InputError(f"{shown}: holds a {kind}, not a mapping of names to tensors; save a state_dict")
    tensors: dict[str, Tensor] = {}
    values: dict[str, Value] = {}
    aside: Counter[str] = Counter()
    again: list[str] = []
    for path, leaf in _leaves(content, shown):
        if leaf is _AGAIN:
            again.append(_dotted(path))
        elif isinstance(leaf, Tensor) and is_bookkeeping(path):
            aside[_dotted(path[:1])] += 1
        elif isinstance(leaf, Tensor) and not _is_counter(path, leaf):
            _add(tensors, _name(path, shown), leaf, shown)
        elif isinstance(leaf, Tensor | np.generic | Value) and not is_bookkeeping(path):
            values[_dotted(path)[:MAX_NAME]] = _plain(leaf)
    check_tensors(tensors, shown, budget)
    return Contents(tensors, values, (*aside_notes(aside), *_again_notes(again)))


def _leaves(content: Mapping[Any, Any], shown: str) -> Iterator[tuple[KeyPath, object]]:
    """(path, value) of everything that is no container, in order; a container met again is `_AGAIN`."""
    seen = {id(content)}
    stack: list[tuple[KeyPath, object]] = [((), content)]
    nodes = 1
    while stack:
        path, node = stack.pop()
        children = _children(node)
        if children is None:
            yield path, node
            continue
        nodes += len(children)
        if nodes > MAX_NODES:
            raise InputError(f"{shown}: holds over {MAX_NODES:,} objects; save a state_dict alone")
        if children and len(path) >= MAX_DEPTH:
            raise InputError(f"{shown}: is nested over {MAX_DEPTH} levels deep; save a state_dict alone")
        stack.extend(((*path, key), child) for key, child in reversed(_first_time(children, seen)))


def _first_time(children: list[tuple[Any, object]], seen: set[int]) -> list[tuple[Any, object]]:
    """The children, with every container that was seen before replaced by `_AGAIN`; marks the others."""
    marked: list[tuple[Any, object]] = []
    for key, child in children:
        is_container = _is_container(child)
        marked.append((key, _AGAIN if is_container and id(child) in seen else child))
        if is_container:
            seen.add(id(child))
    return marked


def _is_container(node: object) -> bool:
    return bool(_children(node))


def _children(node: object) -> list[tuple[Any, object]] | None:
    if isinstance(node, Mapping):
        return list(node.items())
    if isinstance(node, Namespace):
        return list(vars(node).items())
    if isinstance(node, list | tuple | set | frozenset):
        return [(str(index), child) for index, child in enumerate(node)]
    return None


def _plain(leaf: Tensor | np.generic | Value) -> Value:
    """A value that any reader can hold: texts are cut, and an integer may have a million digits."""
    value = leaf.item() if isinstance(leaf, Tensor | np.generic) else leaf
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length():,} bits"
    return value if isinstance(value, int | float) else str(value)[:MAX_TEXT]


def is_bookkeeping(path: KeyPath) -> bool:
    """Optimizer, scheduler, scaler or random state, by the names of the containers around the tensor."""
    containers = [str(part).lower() for part in path[:-1]]
    if any(word in part for part in containers[:2] for word in _BOOKKEEPING):
        return True
    first, last = str(path[0]).lower(), str(path[-1]).rpartition(".")[2]
    return "rng_state" in first or ("optim" in first and last in _MOMENTS)


def _is_counter(path: KeyPath, tensor: Tensor) -> bool:
    """A step or an epoch that was saved as a tensor of one integer."""
    whole = tensor.numel() == 1 and not (
        tensor.is_floating_point() or tensor.is_complex() or tensor.is_quantized
    )
    return len(path) == 1 and path[0] in COUNTERS and whole and not unusable(tensor)


def _add(tensors: dict[str, Tensor], name: str, tensor: Tensor, shown: str) -> None:
    if name in tensors:
        raise InputError(f"{shown}: two tensors are named {printable(name, 60)}; save a state_dict again")
    tensors[name] = tensor.detach()


def _name(path: KeyPath, shown: str) -> str:
    for part in path:
        if not isinstance(part, str):
            kind = f"{printable(repr(part), 40)}, a {type(part).__name__} and not text"
            raise InputError(f"{shown}: names a tensor {kind}; save a state_dict")
    name = ".".join(path)
    if len(name) > MAX_NAME:
        size = f"{len(name):,} characters, over {MAX_NAME:,}"
        raise InputError(f"{shown}: has a tensor name of {size}; save a state_dict")
    if any("\ud800" <= char <= "\udfff" for char in name):
        text = printable(name, 60)
        raise InputError(f"{shown}: has a tensor name that is not valid Unicode ({text}); save a state_dict")
    return name


def _dotted(path: KeyPath) -> str:
    return ".".join(map(str, path))


def aside_notes(aside: Counter[str]) -> Iterator[str]:
    """A sentence for each place whose tensors are not weights."""
    for name, count in aside.items():
        yield f"{count} tensors under {printable(name, 60)} are training state, not weights"


def _again_notes(again: list[str]) -> Iterator[str]:
    if again:
        yield f"met twice and counted once: {listing(sorted(again))}"
