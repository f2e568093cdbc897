"""From what a layer gives, (b, ...), to rows: one a sample, or one a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from repdiag.errors import UsageError

Method = Literal["mean", "cls", "last", "max", "flatten", "none", "as_is"]
METHODS = ("auto", "mean", "cls", "last", "max", "flatten", "none")

_CHANNELS_FIRST_1D = (
    nn.Conv1d, nn.BatchNorm1d, nn.MaxPool1d, nn.AvgPool1d, nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d,
)  # fmt: skip


@dataclass(frozen=True)
class TokenMask:
    """Which tokens of a batch count; both (b, t) bool.

    Attributes:
        attended: no padding.
        kept: attended, and neither special nor the first of a causal model unless asked for.
    """

    attended: Tensor
    kept: Tensor


@dataclass(frozen=True)
class Pool:
    """How one layer is pooled, decided once on a probe batch and then fixed.

    Attributes:
        method: what is done; `as_is` where rows are samples already.
        channels: axis of the features in what the layer gives.
        masked: tokens are chosen by the mask.
        note: one clause that says so to the user.
    """

    method: Method
    channels: int = 1
    masked: bool = False
    note: str = ""

    def __call__(self, value: Tensor, mask: TokenMask | None) -> Tensor:
        """(b, d) rows, or (kept tokens, d) for `none`; float32 or float64, a copy of its own.

        Raises:
            UsageError: the shape is not what the probe batch had.
        """
        value = value.detach()
        value = value.float() if value.dtype != torch.float64 else value
        if self.method == "flatten" or self.method == "as_is":
            return value.flatten(1).clone() if value.ndim > 1 else value[:, None].clone()
        if self.method in ("mean", "max") and not (self.masked and mask is not None):
            return self._over_all(value)
        tokens = _tokens(value, self.channels)
        keep, attended = self._masks(tokens, mask)
        return _reduced(tokens, keep, attended, self.method)

    def _over_all(self, value: Tensor) -> Tensor:
        """Mean or max over all positions, without a copy of what the layer gave."""
        axes = [axis for axis in range(1, value.ndim) if axis != self.channels]
        return value.mean(axes) if self.method == "mean" else value.amax(axes)

    def _masks(self, tokens: Tensor, mask: TokenMask | None) -> tuple[Tensor, Tensor]:
        every = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        if not self.masked or mask is None:
            return every, every
        if mask.kept.shape != every.shape:
            raise UsageError(
                f"a layer gave {tokens.shape[1]} tokens for {mask.kept.shape[1]} input tokens in one batch; "
                "choose another --layer"
            )
        return mask.kept.to(tokens.device), mask.attended.to(tokens.device)

    def counts(self, value: Tensor, mask: TokenMask | None) -> list[int]:
        """Rows that each sample gives under `none`: b numbers."""
        keep, _ = self._masks(_tokens(value, self.channels), mask)
        return [int(count) for count in keep.sum(dim=1)]


def choose_pool(value: Tensor, wanted: str, module: nn.Module | None, mask: TokenMask | None) -> Pool:
    """The pooling for a layer that gave `value` on the probe batch; `auto` never guesses a cls token.

    Args:
        value: (b, ...) of one layer.
        wanted: one of METHODS.
        module: the layer, where known; tells (b, c, l) from (b, t, d).
        mask: of the tokens, for text.

    Raises:
        UsageError: the method does not fit the shape.
    """
    shape = tuple(value.shape)
    if wanted == "flatten":
        if mask is not None and value.ndim == 3:
            raise UsageError(
                "--pool flatten needs one shape for all samples, but texts differ in length; "
                "use mean, last or none"
            )
        return Pool("flatten", note="flattened")
    if value.ndim <= 2:
        return _already_rows(wanted, shape)
    channels, what = _layout(value, module)
    if what == "space" and wanted in ("cls", "last"):
        raise UsageError(
            f"--pool {wanted} needs tokens (b, t, d), but the layer gives {shape}; use mean, max or flatten"
        )
    masked = mask is not None and what == "tokens" and mask.kept.shape == shape[:2]
    method: Method = "mean" if wanted == "auto" else wanted  # type: ignore[assignment]
    return Pool(method, channels, masked, _note(method, what, channels, masked, shape))


def _already_rows(wanted: str, shape: tuple[int, ...]) -> Pool:
    if wanted in ("cls", "last", "none"):
        raise UsageError(
            f"--pool {wanted} needs tokens, but the layer gives {shape}, one row a sample; use --pool auto"
        )
    return Pool("as_is", note="taken as it is")


def _layout(value: Tensor, module: nn.Module | None) -> tuple[int, str]:
    """Axis of the features, and whether the other axes are space or tokens."""
    shape = value.shape
    if value.ndim == 3:
        return (1, "space") if isinstance(module, _CHANNELS_FIRST_1D) else (2, "tokens")
    if value.ndim == 4 and shape[2] != shape[3] and shape[1] == shape[2]:
        return 3, "space"
    return 1, "space"


def _note(method: Method, what: str, channels: int, masked: bool, shape: tuple[int, ...]) -> str:
    if method == "none":
        return f"every {'token' if what == 'tokens' else 'position'} is a row"
    if method in ("cls", "last"):
        return f"{'first' if method == 'cls' else 'last'} token"
    if what == "space":
        return f"{method} over space, features on axis {channels}"
    return f"{method} over " + ("tokens by mask" if masked else f"all {shape[1]} tokens")


def _tokens(value: Tensor, channels: int) -> Tensor:
    """(b, t, d)."""
    if value.ndim == 3:
        return value if channels == 2 else value.transpose(1, 2)
    return value.movedim(channels, -1).flatten(1, -2)


def _reduced(tokens: Tensor, keep: Tensor, attended: Tensor, method: Method) -> Tensor:
    if method == "none":
        return tokens[keep]
    if method == "mean":
        weights = keep.to(tokens.dtype)[:, :, None]
        # Padding may hold infinities, and 0 * inf is NaN.
        total = torch.where(keep[:, :, None], tokens, 0.0).sum(dim=1)
        return total / weights.sum(dim=1)
    if method == "max":
        return torch.where(keep[:, :, None], tokens, -torch.inf).amax(dim=1)
    positions = torch.arange(tokens.shape[1], device=tokens.device)
    if method == "cls":
        index = torch.where(attended, positions, tokens.shape[1]).amin(dim=1)
    else:
        index = torch.where(keep, positions, -1).amax(dim=1)
    return tokens[torch.arange(len(tokens), device=tokens.device), index].clone()


def token_mask(attention: Tensor, special: Tensor | None, keep_special: bool, causal: bool) -> TokenMask:
    """The mask of a batch; a text with nothing but special tokens keeps all of its own.

    Args:
        attention: (b, t), non-zero where there is a token.
        special: (b, t), non-zero at special tokens, or None.
        keep_special: leave nothing out but padding.
        causal: leave the first token out (an attention sink with a huge norm).
    """
    attended = attention.bool()
    kept = attended.clone()
    if not keep_special:
        kept &= ~special.bool() if special is not None else kept
        if causal:
            first = attended.int().argmax(dim=1)
            kept[torch.arange(len(kept), device=kept.device), first] = False
    empty = ~kept.any(dim=1)
    kept[empty] = attended[empty]
    return TokenMask(attended, kept)
