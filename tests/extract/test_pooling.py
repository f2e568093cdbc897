from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from repdiag.errors import UsageError
from repdiag.extract.pooling import TokenMask, choose_pool, token_mask

X2 = torch.randn(4, 6)
X3 = torch.randn(4, 5, 6)
X4 = torch.randn(4, 6, 3, 2)
# Lengths 5, 3, 1, 4; the first and last token of each are special.
ATTENTION = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 1, 0]])
SPECIAL = torch.tensor([[1, 0, 0, 0, 1], [1, 0, 1, 1, 1], [1, 1, 1, 1, 1], [1, 0, 0, 1, 1]])


def pooled(value: Tensor, how: str, module: nn.Module | None = None, mask: TokenMask | None = None) -> Tensor:
    return choose_pool(value, how, module, mask)(value, mask)


@pytest.fixture
def mask() -> TokenMask:
    return token_mask(ATTENTION, SPECIAL, False, False)


def test_rows_are_taken_as_they_are_and_copied() -> None:
    for how in ("auto", "mean", "max", "flatten"):
        made = pooled(X2, how)
        assert torch.equal(made, X2)
        assert made.data_ptr() != X2.data_ptr()
    assert pooled(torch.arange(4.0), "auto").shape == (4, 1)


def test_space_is_averaged() -> None:
    pool = choose_pool(X4, "auto", None, None)
    torch.testing.assert_close(pool(X4, None), X4.mean((2, 3)))
    assert (pool.method, pool.channels) == ("mean", 1)
    assert "space" in pool.note
    torch.testing.assert_close(pooled(X4, "max"), X4.amax((2, 3)))
    assert torch.equal(pooled(X4, "flatten"), X4.flatten(1))


def test_channels_last_are_recognised_by_the_square() -> None:
    x = torch.randn(2, 7, 7, 12)
    torch.testing.assert_close(pooled(x, "auto"), x.mean((1, 2)))
    square = torch.randn(2, 7, 7, 7)
    torch.testing.assert_close(pooled(square, "auto"), square.mean((2, 3)))


def test_signals_of_convolutions_have_channels_first() -> None:
    torch.testing.assert_close(pooled(X3, "auto", nn.Conv1d(1, 5, 3)), X3.mean(2))
    torch.testing.assert_close(pooled(X3, "auto", nn.Linear(1, 6)), X3.mean(1))


def test_volumes_are_averaged_too() -> None:
    x = torch.randn(2, 3, 4, 5, 6)
    torch.testing.assert_close(pooled(x, "auto"), x.mean((2, 3, 4)))


def test_tokens_without_a_mask() -> None:
    torch.testing.assert_close(pooled(X3, "auto"), X3.mean(1))
    assert torch.equal(pooled(X3, "cls"), X3[:, 0])
    assert torch.equal(pooled(X3, "last"), X3[:, -1])
    assert torch.equal(pooled(X3, "max"), X3.amax(1))
    assert torch.equal(pooled(X3, "none"), X3.reshape(20, 6))
    assert choose_pool(X3, "none", None, None).counts(X3, None) == [5] * 4


def test_padding_and_special_tokens_are_left_out(mask: TokenMask) -> None:
    made = pooled(X3, "auto", None, mask)
    expected = [X3[0, 1:4].mean(0), X3[1, 1], X3[2, 0], X3[3, 1:3].mean(0)]
    torch.testing.assert_close(made, torch.stack(expected))
    assert choose_pool(X3, "auto", None, mask).note == "mean over tokens by mask"


def test_special_tokens_are_kept_when_asked_for() -> None:
    kept = token_mask(ATTENTION, SPECIAL, True, True)
    expected = [X3[0].mean(0), X3[1, :3].mean(0), X3[2, 0], X3[3, :4].mean(0)]
    torch.testing.assert_close(pooled(X3, "mean", None, kept), torch.stack(expected))


def test_cls_last_max_and_none_follow_the_mask(mask: TokenMask) -> None:
    assert torch.equal(pooled(X3, "cls", None, mask), X3[:, 0])
    assert torch.equal(pooled(X3, "last", None, mask), X3[torch.arange(4), torch.tensor([3, 1, 0, 2])])
    assert torch.equal(pooled(X3, "max", None, mask)[0], X3[0, 1:4].amax(0))
    assert torch.equal(
        pooled(X3, "none", None, mask), torch.cat([X3[0, 1:4], X3[1, 1:2], X3[2, :1], X3[3, 1:3]])
    )
    assert choose_pool(X3, "none", None, mask).counts(X3, mask) == [3, 1, 1, 2]


def test_padding_on_the_left() -> None:
    attention = torch.tensor([[0, 0, 1, 1, 1]] * 4)
    left = token_mask(attention, None, False, False)
    assert torch.equal(pooled(X3, "cls", None, left), X3[:, 2])
    causal = token_mask(attention, None, False, True)
    torch.testing.assert_close(pooled(X3, "mean", None, causal), X3[:, 3:].mean(1))


def test_causal_models_leave_the_first_token_out() -> None:
    causal = token_mask(ATTENTION, None, False, True)
    expected = [X3[0, 1:5].mean(0), X3[1, 1:3].mean(0), X3[2, 0], X3[3, 1:4].mean(0)]
    torch.testing.assert_close(pooled(X3, "auto", None, causal), torch.stack(expected))


def test_what_stands_in_padding_does_not_matter(mask: TokenMask) -> None:
    dirty = X3.clone()
    dirty[1, 3:] = torch.inf
    dirty[2, 1:] = torch.nan
    for how in ("mean", "max", "last"):
        assert torch.equal(pooled(dirty, how, None, mask), pooled(X3, how, None, mask))


def test_half_precision_is_averaged_in_single() -> None:
    ones = torch.full((1, 4096, 2), 33.0, dtype=torch.float16)
    made = pooled(ones, "mean")
    assert made.dtype == torch.float32
    assert torch.equal(made, torch.full((1, 2), 33.0))


@pytest.mark.parametrize(
    ("value", "how", "said"),
    [
        (X2, "cls", "one row a sample"),
        (X2, "none", "one row a sample"),
        (X4, "cls", "needs tokens"),
        (X4, "last", "needs tokens"),
    ],
)
def test_methods_that_do_not_fit(value: Tensor, how: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        choose_pool(value, how, None, None)


def test_texts_cannot_be_flattened(mask: TokenMask) -> None:
    with pytest.raises(UsageError, match="texts differ in length"):
        choose_pool(X3, "flatten", None, mask)


def test_a_layer_with_other_tokens_than_the_input_is_not_masked(mask: TokenMask) -> None:
    patches = torch.randn(4, 9, 6)
    torch.testing.assert_close(pooled(patches, "auto", None, mask), patches.mean(1))
