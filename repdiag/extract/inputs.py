"""From a batch of samples to what the model is called with, on its device."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from repdiag.data import Batch
from repdiag.errors import RepdiagError, UsageError
from repdiag.extract.pooling import TokenMask, token_mask
from repdiag.text import printable

MAX_TOKENS = 8192
"""Cut for tokenizers that declare no sensible maximum."""


@dataclass(frozen=True)
class ModelInput:
    """One call: `model(*args, **kwargs)`; the mask says which tokens count.

    A single argument with a `key` goes to the parameter of that name, where the model has one.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    mask: TokenMask | None = None
    key: str = ""


@dataclass
class Encoder:
    """Makes model inputs; counts the texts that were cut.

    Attributes:
        device: where the model is.
        tokenizer: of a text model, or None: texts are then handed over as a list.
        max_length: tokens a text may have.
        as_one: hand the tokenized batch over as one dict (sentence-transformers).
        keep_special, causal: see `pooling.token_mask`.
        cut: texts cut so far.
    """

    device: torch.device
    tokenizer: Any = None
    max_length: int | None = None
    as_one: bool = False
    keep_special: bool = False
    causal: bool = False
    cut: int = 0

    def __call__(self, batch: Batch) -> ModelInput:
        """The call for one batch.

        Raises:
            UsageError: texts that the tokenizer cannot take.
        """
        if isinstance(batch.inputs, Tensor):
            return ModelInput((self._placed(batch.inputs),), key=batch.key)
        if isinstance(batch.inputs, dict):
            return self._named(batch.inputs, None)
        if self.tokenizer is None:
            return ModelInput((batch.inputs,), key=batch.key)
        return self._texts(batch.inputs)

    def _texts(self, texts: list[str]) -> ModelInput:
        try:
            encoded = dict(
                self.tokenizer(
                    texts,
                    padding=True,
                    truncation=True,
                    max_length=self._limit,
                    return_tensors="pt",
                    return_special_tokens_mask=True,
                )
            )
            self.cut += self._count_cut(texts, encoded["input_ids"].shape[1])
        except RepdiagError:
            raise
        except Exception as error:
            raise UsageError(
                f"the tokenizer failed: {type(error).__name__} ({printable(error, 150)}); "
                "check the text column"
            ) from error
        special = encoded.pop("special_tokens_mask", None)
        return self._named(encoded, special)

    def _named(self, named: Mapping[str, Tensor], special: Tensor | None) -> ModelInput:
        placed = {name: self._placed(value) for name, value in named.items()}
        attention = placed.get("attention_mask")
        mask = None
        if attention is not None and attention.ndim == 2:
            special = special.to(self.device) if special is not None else None
            mask = token_mask(attention, special, self.keep_special, self.causal)
        return ModelInput((placed,), {}, mask) if self.as_one else ModelInput((), placed, mask)

    def _placed(self, tensor: Tensor) -> Tensor:
        """On the device; from pinned memory a GPU takes it while we go on."""
        return tensor.to(self.device, non_blocking=self.device.type == "cuda")

    @property
    def _limit(self) -> int:
        declared = getattr(self.tokenizer, "model_max_length", None)
        lengths = [length for length in (declared, self.max_length) if length and length <= MAX_TOKENS * 16]
        return min([int(length) for length in lengths], default=MAX_TOKENS)

    def _count_cut(self, texts: list[str], length: int) -> int:
        if length < self._limit:
            return 0
        whole = self.tokenizer(texts, truncation=False, padding=False, verbose=False)["input_ids"]
        return sum(len(tokens) > self._limit for tokens in whole)


def call(model: nn.Module, given: ModelInput, where: str) -> Any:
    """One forward pass, without gradients.

    Raises:
        UsageError: the model raises; `where` says at which samples and view.
    """
    named = bool(given.key) and len(given.args) == 1 and _takes(model, given.key)
    args, kwargs = ((), {given.key: given.args[0]}) if named else (given.args, given.kwargs)
    try:
        with torch.inference_mode():
            return model(*args, **kwargs)
    except RepdiagError:
        raise
    except torch.OutOfMemoryError as error:
        raise UsageError(f"the device ran out of memory at {where}; give a smaller --batch-size") from error
    except Exception as error:
        raise UsageError(
            f"the model failed at {where} with {type(error).__name__} ({printable(error, 200)}); "
            "check --data, the shape of its samples and the preprocessing, or see --debug"
        ) from error


def _takes(model: nn.Module, name: str) -> bool:
    """True when `forward` has a parameter of that name; TorchScript hides them."""
    try:
        return name in inspect.signature(model.forward).parameters
    except (TypeError, ValueError):
        return False
