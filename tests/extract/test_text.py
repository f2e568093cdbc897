from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from repdiag.data import Batch
from repdiag.errors import UsageError
from repdiag.extract import ExtractRequest, extract
from repdiag.extract.causal import is_causal
from repdiag.extract.inputs import Encoder
from repdiag.models import BuiltModel
from repdiag.store import open_store
from repdiag.types import Address

CPU = torch.device("cpu")


class Tokenizer:
    """One token a word, with a special one (1) before and one (2) after; padding is 0."""

    model_max_length = 6
    pad_token = "<pad>"

    def __call__(self, texts: Sequence[str], **options: Any) -> dict[str, Any]:
        rows = [[1, *(3 + len(word) for word in text.split()), 2] for text in texts]
        if not options.get("truncation"):
            return {"input_ids": rows}
        limit = options["max_length"]
        rows = [row if len(row) <= limit else [*row[: limit - 1], 2] for row in rows]
        width = max(map(len, rows))
        tokens = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        return {
            "input_ids": tokens,
            "attention_mask": (tokens != 0).long(),
            "special_tokens_mask": (tokens < 3).long(),
        }


class Mixer(nn.Module):
    """Token embeddings, each plus a part of the mean over those it may look at."""

    def __init__(self, causal: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(40, 8)
        self.causal = causal

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        x = self.embedding(input_ids)
        mask = attention_mask[:, None, :].float().expand(-1, x.shape[1], -1)
        mask = mask.tril() if self.causal else mask
        mixed = (mask @ x) / mask.sum(-1, keepdim=True).clamp(min=1)
        return {"last_hidden_state": x + mixed}


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[ExtractRequest, nn.Module]]:
    """A request over three texts, and the model behind it."""

    def make(causal: bool = False, **changes: Any) -> tuple[ExtractRequest, nn.Module]:
        torch.manual_seed(0)
        model = Mixer(causal).eval()
        torch.save(model.state_dict(), tmp_path / "text.pt")
        built = BuiltModel(Mixer(causal).eval(), "text", "text", {"max_length": 6}, Tokenizer())
        monkeypatch.setattr("repdiag.extract.loading.build_model", lambda spec, args: built)
        (tmp_path / "texts.txt").write_text("one three\nseven\na bb ccc dddd eeeee ffffff\n")
        defaults: dict[str, Any] = {"batch_size": 2, "device": "cpu", "output": str(tmp_path / "out.h5")}
        request = ExtractRequest(
            (str(tmp_path / "text.pt"),), str(tmp_path / "texts.txt"), "x:y", **{**defaults, **changes}
        )
        return request, model

    return make


def by_hand(model: nn.Module, texts: Sequence[str]) -> list[Tensor]:
    """Last hidden states of each text alone: (t, d)."""
    encoded = [Tokenizer()([text], truncation=True, max_length=6) for text in texts]
    with torch.inference_mode():
        return [model(e["input_ids"], e["attention_mask"])["last_hidden_state"][0] for e in encoded]


TEXTS = ("one three", "seven", "a bb ccc dddd eeeee ffffff")


def test_the_mean_over_tokens_without_padding_and_special_ones(ask: Any) -> None:
    request, model = ask()
    summary = extract(request)
    assert "1 texts were cut at the model's maximum length" in summary.notes
    assert "pooling: took last_hidden_state, mean over tokens by mask (output)" in summary.notes
    expected = torch.stack([rows[1:-1].mean(0) for rows in by_hand(model, TEXTS)]).numpy()
    with open_store(Path(request.output)) as store:
        assert list(store.ids) == ["1", "2", "3"]
        assert np.allclose(
            store.read(Address("text", "base", "output"), 0, 3), expected, rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize(("how", "at"), [("cls", 0), ("last", -2)])
def test_cls_and_last(ask: Any, how: str, at: int) -> None:
    request, model = ask(pool=how)
    extract(request)
    expected = torch.stack([rows[at] for rows in by_hand(model, TEXTS)]).numpy()
    with open_store(Path(request.output)) as store:
        assert np.allclose(
            store.read(Address("text", "base", "output"), 0, 3), expected, rtol=1e-5, atol=1e-6
        )


def test_keep_special_keeps_them(ask: Any) -> None:
    request, model = ask(keep_special=True)
    extract(request)
    expected = torch.stack([rows.mean(0) for rows in by_hand(model, TEXTS)]).numpy()
    with open_store(Path(request.output)) as store:
        assert np.allclose(
            store.read(Address("text", "base", "output"), 0, 3), expected, rtol=1e-5, atol=1e-6
        )


def test_pool_none_gives_tokens_with_their_text_as_group(ask: Any) -> None:
    request, model = ask(pool="none", layers=("embedding", "output"), views=("base", "b=base"))
    summary = extract(request)
    assert summary.rows == 2 + 1 + 4
    expected = torch.cat([rows[1:-1] for rows in by_hand(model, TEXTS)]).numpy()
    with open_store(Path(request.output)) as store:
        assert list(store.ids) == ["1#0", "1#1", "2#0", "3#0", "3#1", "3#2", "3#3"]
        group = store.column("group")
        assert group is not None
        assert [str(name) for name in group.tolist()] == ["1", "1", "2", "3", "3", "3", "3"]
        assert np.allclose(store.read(Address("text", "b", "output"), 0, 7), expected, rtol=1e-5, atol=1e-6)


def test_a_causal_model_is_found_by_trying_and_loses_its_first_token(ask: Any) -> None:
    request, model = ask(causal=True)
    summary = extract(request)
    assert any("only looks back" in note for note in summary.notes)
    expected = torch.stack([rows[1:-1].mean(0) for rows in by_hand(model, TEXTS)]).numpy()
    with open_store(Path(request.output)) as store:
        assert np.allclose(
            store.read(Address("text", "base", "output"), 0, 3), expected, rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("causal", [True, False])
def test_is_causal(causal: bool) -> None:
    torch.manual_seed(0)
    given = Encoder(CPU, Tokenizer(), 6)(Batch(("a", "b"), ["one three", "x"]))
    assert is_causal(Mixer(causal), given, "here") is causal


def test_a_bag_of_tokens_is_not_causal() -> None:
    class Bag(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(40, 8)

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            made: Tensor = self.embedding(input_ids)
            return made

    given = Encoder(CPU, Tokenizer(), 6)(Batch(("a",), ["one three"]))
    assert not is_causal(Bag(), given, "here")


def test_texts_without_a_tokenizer_go_to_the_model_as_they_are() -> None:
    given = Encoder(CPU)(Batch(("a",), ["one three"]))
    assert given.args == (["one three"],)


def test_a_tokenizer_that_fails_is_one_sentence() -> None:
    def broken(*arguments: Any, **options: Any) -> Any:
        raise OverflowError("too many")

    with pytest.raises(UsageError, match=r"the tokenizer failed: OverflowError \(too many\)"):
        Encoder(CPU, broken)(Batch(("a",), ["x"]))


def test_views_for_pixels_are_refused_for_texts(ask: Any) -> None:
    request, _ = ask(views=("noise",))
    with pytest.raises(UsageError, match="not texts"):
        extract(request)
