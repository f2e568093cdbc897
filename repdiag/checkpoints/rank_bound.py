"""What the last linear maps of a model allow at most, from the weights alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from repdiag.text import listing, printable

MOST_MAPS = 3
MOST_FLOPS = 5e9
"""Of one decomposition, m n min(m, n): a map of 1,000 x 2,048 passes, 2,048 x 2,048 does not."""
DEAD = 1e-6
_TABLES = (
    "embed",
    "wte",
    "wpe",
    "position",
    "token_type",
    "relative",
    "rope",
    "queue",
    "prototypes",
    "lm_head",
)
_LAST = ("head", "fc", "classifier", "proj", "pooler", "dense", "predictor", "linear")


@dataclass(frozen=True, slots=True)
class LinearMap:
    """A weight matrix and its numerical rank.

    Attributes:
        layer: name of the module.
        shape: outputs and inputs.
        rank: numerical rank; None where it was not computed.
    """

    layer: str
    shape: tuple[int, int]
    rank: int | None

    @property
    def width(self) -> int:
        """The most that its output can have: the rank, or the smaller side where that is not known."""
        return min(self.shape) if self.rank is None else self.rank


def rank_bound(tensors: Mapping[str, Tensor], *, ordered: bool) -> dict[str, Any] | None:
    """An upper bound on the rank of centred embeddings, from the last two-dimensional weights.

    W x + b over many x spans at most rank(W) directions once its mean is gone. Neighbours in a numbered
    sequence may be one map, of the rank of their product: true only where nothing stands between them, which
    weights do not tell, so that is a figure of its own.

    Args:
        tensors: one set of weights, by name.
        ordered: names are in the order of definition; else the place of a map is told from its name.

    Returns:
        the document's `rank_bound`, or None where there is no such weight.
    """
    named = _linear(tensors)
    last = (named if ordered else sorted(named, key=_order))[-MOST_MAPS:]
    if not last:
        return None
    maps = [_map(name, tensors[name]) for name in last]
    layer = printable(maps[-1].layer)
    return {
        "rank": maps[-1].width,
        "layer": layer,
        "maps": [{"layer": printable(one.layer), "shape": list(one.shape), "rank": one.rank} for one in maps],
        "chain": _chain_document(_chain(last, tensors), tensors),
        "holds": f"the output of {layer}, and any linear function of it, has at most rank {maps[-1].width:,} "
        "once its mean is taken away",
        "breaks": "past a nonlinearity, a residual sum or a product with another branch, and it says nothing "
        f"of what goes into {layer}",
    }


def _chain_document(chain: Sequence[str], tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
    if len(chain) < 2:
        return None
    layers = [printable(_layer(name)) for name in chain]
    condition = "these layers run one after the other with nothing between them"
    return {"layers": layers, "rank": _product_rank(chain, tensors), "if": condition}


def _linear(tensors: Mapping[str, Tensor]) -> list[str]:
    """Names of two-dimensional weights that are maps and not tables."""
    return [
        name
        for name, tensor in tensors.items()
        if tensor.ndim == 2
        and tensor.is_floating_point()
        and min(tensor.shape) > 1
        and name.endswith("weight")
        and not any(word in name.lower() for word in _TABLES)
    ]


def _order(name: str) -> tuple[bool, list[tuple[int, str]]]:
    """Numbers by value, and the usual names of last modules behind all else."""
    top = name.partition(".")[0].lower()
    parts = [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]
    return any(top.startswith(word) for word in _LAST), parts


def _map(name: str, weight: Tensor) -> LinearMap:
    outputs, inputs = weight.shape
    affordable = outputs * inputs * min(outputs, inputs) <= MOST_FLOPS
    rank = numerical_rank(_exact(weight), epsilon_of(weight)) if affordable else None
    return LinearMap(_layer(name), (outputs, inputs), rank)


def numerical_rank(matrix: Tensor, epsilon: float) -> int | None:
    """Singular values of a matrix (m, n) above what rounding alone gives; None where there are none.

    Rounding each entry to a relative `epsilon` is noise of spectral norm 0.3 epsilon rms (sqrt m + sqrt n) at
    most; the decomposition adds max(m, n) eps of the largest singular value.
    """
    if not bool(torch.isfinite(matrix).all()):
        return None
    try:
        values = torch.linalg.svdvals(matrix)
    except RuntimeError:  # it did not converge
        return None
    if not bool(torch.isfinite(values).all()):
        return None
    rows, columns = matrix.shape
    stored = epsilon * values.square().sum().sqrt() * (columns**-0.5 + rows**-0.5)
    computed = max(matrix.shape) * torch.finfo(matrix.dtype).eps * values[0]
    return int((values > stored + computed).sum())


def epsilon_of(*weights: Tensor) -> float:
    """Rounding of the coarsest dtype in which the weights are stored."""
    return max(float(torch.finfo(weight.dtype).eps) for weight in weights)


def _exact(weight: Tensor) -> Tensor:
    """In a dtype that has a decomposition; no value changes."""
    return weight if weight.dtype in (torch.float32, torch.float64) else weight.float()


def _layer(name: str) -> str:
    return name.rpartition(".")[0] or name


def _chain(last: Sequence[str], tensors: Mapping[str, Tensor]) -> list[str]:
    """The run of neighbours `a.1.weight`, `a.2.weight` that ends in the last map."""
    chain = [last[-1]]
    for name in reversed(last[:-1]):
        if not _neighbours(name, chain[0]) or tensors[chain[0]].shape[1] != tensors[name].shape[0]:
            break
        chain.insert(0, name)
    return chain


def _neighbours(first: str, second: str) -> bool:
    one, other = (re.fullmatch(r"(.*\.)?(\d{1,4})\.weight", name) for name in (first, second))
    return bool(one and other and one[1] == other[1] and int(one[2]) + 1 == int(other[2]))


def _product_rank(chain: Sequence[str], tensors: Mapping[str, Tensor]) -> int:
    """Rank of the maps one after the other; the narrowest side where that costs too much."""
    weights = [tensors[name] for name in chain]
    narrow = min(min(weight.shape) for weight in weights)
    if any(weight.numel() * min(weight.shape) > MOST_FLOPS for weight in weights):
        return narrow
    product = weights[0].double()
    for weight in weights[1:]:
        product = weight.double() @ product
    rank = numerical_rank(product, epsilon_of(*weights))
    return narrow if rank is None else min(rank, narrow)


def dead_scales(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, int]]:
    """Batch normalisations with scales within 1e-6 of zero: name to how many, of how many."""
    found: dict[str, tuple[int, int]] = {}
    for name in tensors:
        layer, _, last = name.rpartition(".")
        scale = tensors.get(f"{layer}.weight" if layer else "weight")
        if last == "running_mean" and scale is not None and scale.is_floating_point():
            dead = int((scale.abs() <= DEAD).sum())
            if dead:
                found[layer] = (dead, scale.numel())
    return found


def dead_notes(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """A sentence where batch normalisation lets channels through as constants."""
    found = dead_scales(tensors)
    if found:
        dead = sum(count for count, _ in found.values())
        shown = listing(f"{layer} ({count:,} of {size:,})" for layer, (count, size) in found.items())
        yield f"{dead:,} batch-norm scales are zero, so their channels are constant: {shown}"
