"""Whether a token model only looks back: found by trying, not by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from repdiag.extract.inputs import ModelInput, call

TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings", "logits")


def is_causal(model: nn.Module, given: ModelInput, where: str) -> bool:
    """True when a change of the last token leaves the first one's output as it was, but not the reverse.

    Models whose input or output is not a row of tokens are not causal.
    """
    named = given.args[0] if given.args and isinstance(given.args[0], Mapping) else given.kwargs
    tokens, mask = named.get("input_ids"), given.mask
    if tokens is None or mask is None or tokens.ndim != 2:
        return False
    row, first, last = _longest(mask.attended)
    if last - first < 2:
        return False
    plain = _tokens_of(call(model, given, where), tokens.shape)
    if plain is None:
        return False
    later = _tokens_of(call(model, _changed(given, named, row, last, first + 1), where), tokens.shape)
    earlier = _tokens_of(call(model, _changed(given, named, row, first, first + 1), where), tokens.shape)
    if later is None or earlier is None:
        return False
    looks_ahead = not _close(plain[row, first], later[row, first])
    looks_back = not _close(plain[row, last], earlier[row, last])
    return looks_back and not looks_ahead


def _longest(attended: Tensor) -> tuple[int, int, int]:
    """Row with most tokens, and its first and last position."""
    row = int(attended.sum(dim=1).argmax())
    positions = attended[row].nonzero().flatten()
    return row, int(positions[0]), int(positions[-1])


def _changed(
    given: ModelInput, named: Mapping[str, Tensor], row: int, position: int, donor: int
) -> ModelInput:
    tokens = named["input_ids"].clone()
    same = tokens[row, position] == tokens[row, donor]
    tokens[row, position] = tokens[row, donor] + (1 if same and int(tokens[row, donor]) == 0 else -int(same))
    changed = {**named, "input_ids": tokens}
    return replace(given, args=(changed,)) if given.args else replace(given, kwargs=changed)


def _tokens_of(value: Any, shape: torch.Size) -> Tensor | None:
    candidates = [value.get(name) for name in TOKEN_OUTPUTS] if isinstance(value, Mapping) else [value]
    for candidate in candidates:
        if isinstance(candidate, Tensor) and candidate.ndim == 3 and candidate.shape[:2] == shape:
            return candidate
    return None


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one.float(), other.float(), rtol=1e-4, atol=1e-5)
