"""Extraction without --model: the tensors say what the model is, or what to add."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from repdiag.errors import MissingExtraError, UsageError
from repdiag.extract import ExtractRequest, ExtractSummary, extract
from repdiag.store import open_store


@pytest.fixture
def resnet() -> dict[str, Tensor]:
    models = pytest.importorskip("torchvision").models
    pytest.importorskip("timm")
    torch.manual_seed(0)
    return dict(models.resnet18().state_dict())


Run = Callable[..., ExtractSummary]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Extraction of a saved state over four pictures."""
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "pictures").mkdir()
    for i in range(4):
        pixels = np.random.default_rng(i).integers(0, 255, (40, 48, 3), dtype=np.uint8)
        image.fromarray(pixels).save(tmp_path / "pictures" / f"{i}.png")

    def extracted(content: Any, name: str = "net.pt", **more: Any) -> ExtractSummary:
        torch.save(content, tmp_path / name)
        request = ExtractRequest((str(tmp_path / name),), str(tmp_path / "pictures"))
        return extract(replace(request, output=str(tmp_path / "out.h5"), layers=("output",), **more))

    return extracted


def widths(summary: ExtractSummary) -> list[int]:
    with open_store(summary.path) as store:
        return [info.d for info in store.representations]


def test_a_state_dict_alone_is_enough(run: Run, resnet: dict[str, Tensor]) -> None:
    summary = run({"state_dict": {f"module.{name}": value for name, value in resnet.items()}})
    text = " ".join(summary.notes)
    assert "identified as timm:resnet18 from the names and shapes of 102 tensors (timm 1" in text
    assert "torchvision:resnet18 preprocess" in text or "torchvision:resnet18 too" in text
    assert "timm:resnetblur18 have the same tensors and compute something else" in text
    assert summary.reports[0].startswith("net: 122/122 tensors, 0 missing, 0 unexpected, 0 ignored")
    with open_store(summary.path) as store:
        facts: Any = store.provenance["checkpoints"]
        facts = facts["net"]
        assert (facts["model"], facts["identified"]) == ("timm:resnet18", "timm:resnet18")
        assert facts["preprocessing"]["source"] == "timm"
    assert widths(summary) == [1000]


def test_without_a_classifier_the_output_is_the_trunk(run: Run, resnet: dict[str, Tensor]) -> None:
    trunk = {f"backbone.{name}": value for name, value in resnet.items() if not name.startswith("fc.")}
    summary = run({**trunk, "projector.0.weight": torch.ones(8, 512)})
    assert widths(summary) == [512]
    assert "120/120 tensors" in summary.reports[0]
    assert "1 ignored under projector" in summary.reports[0]


def test_a_head_of_another_kind_is_left_out_and_listed(run: Run, resnet: dict[str, Tensor]) -> None:
    trunk = {name: value for name, value in resnet.items() if not name.startswith("fc.")}
    summary = run({**trunk, "fc.0.weight": torch.ones(8, 512), "fc.2.weight": torch.ones(4, 8)})
    assert widths(summary) == [512]
    assert "120/120 tensors, 0 missing, 0 unexpected, 2 ignored under fc" in summary.reports[0]


def test_another_number_of_classes(run: Run, resnet: dict[str, Tensor]) -> None:
    summary = run({**resnet, "fc.weight": torch.randn(7, 512), "fc.bias": torch.zeros(7)})
    assert widths(summary) == [7]
    assert "net: its classifier is for 7 classes" in summary.notes


def test_names_that_compute_differently_must_be_chosen_from(
    run: Run, resnet: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repdiag.extract.identified.taken", lambda *_: None)
    with pytest.raises(
        UsageError, match=r"timm:resnetblur18, .*compute different .*: --model timm:resnet18$"
    ):
        run(resnet)


def test_several_sets_must_be_chosen(run: Run, resnet: dict[str, Tensor]) -> None:
    both = {"student": resnet, "teacher": {name: value * 1 for name, value in resnet.items()}}
    with pytest.raises(UsageError, match=r"holds several sets .*student, teacher; .*--weights teacher"):
        run(both)
    assert "122 ignored under student" in run(both, weights="teacher").reports[0]
    with pytest.raises(UsageError, match="has no weights named techer"):
        run(both, weights="techer", overwrite=True)


def test_a_near_one_is_proposed_and_not_loaded(run: Run, resnet: dict[str, Tensor]) -> None:
    with pytest.raises(UsageError, match=r"nearest are timm:resnet18 \(99% .*--model-arg in_chans=1"):
        run({**resnet, "conv1.weight": torch.ones(64, 1, 7, 7)})
    with pytest.raises(UsageError, match=r"every tensor of timm:resnet18, but layer1\.0\.se\.weight too"):
        run({**resnet, "layer1.0.se.weight": torch.ones(3, 3)})


def test_without_the_package_the_name_is_given_all_the_same(
    run: Run, resnet: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise MissingExtraError("timm", "vision", "--model timm:NAME")

    monkeypatch.setattr("repdiag.extract.identified.build_model", missing)
    with pytest.raises(
        MissingExtraError, match=r'identified as timm:resnet18, which needs timm; .*"repdiag\[vision\]"'
    ):
        run(resnet)


@pytest.mark.slow
def test_a_hugging_face_folder_needs_no_model(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    transformers.BertModel(config).save_pretrained(tmp_path / "bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh"]
    (tmp_path / "bert" / "vocab.txt").write_text("\n".join(words))
    (tmp_path / "bert" / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    (tmp_path / "texts.txt").write_text("a b c\nd e\nf g h\n")
    request = ExtractRequest(
        (str(tmp_path / "bert"),), str(tmp_path / "texts.txt"), output=str(tmp_path / "o.h5")
    )
    summary = extract(request)
    assert any("identified from config.json" in note for note in summary.notes)
    assert summary.rows == 3
