from __future__ import annotations

import json
from pathlib import Path

import pytest

from repdiag.checkpoints.families import configured, family_of


def bert(layers: int = 2, prefix: str = "") -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {f"{prefix}embeddings.word_embeddings.weight": (100, 32)}
    shapes |= {f"{prefix}encoder.layer.{i}.attention.self.query.weight": (32, 32) for i in range(layers)}
    return shapes


@pytest.mark.parametrize("prefix", ["", "bert.", "model.text.bert."])
def test_a_family_with_its_sizes_under_any_prefix(prefix: str) -> None:
    found = family_of(bert(3, prefix))
    assert found is not None
    assert (found.layers, found.width, found.prefix) == (3, 32, prefix)
    assert str(found) == "bert, roberta, electra or xlm-roberta (3 layers, width 32)"


@pytest.mark.parametrize(
    ("shapes", "families"),
    [
        (
            {
                "encoder.layer.0.attention.attention.query.weight": (8, 8),
                "embeddings.patch_embeddings.projection.weight": (8, 3, 4, 4),
            },
            "vit, deit or vit_mae",
        ),
        (
            {
                "encoder.layer.0.attention.attention.query.weight": (8, 8),
                "encoder.layer.0.layer_scale1.lambda1": (8,),
                "embeddings.patch_embeddings.projection.weight": (8, 3, 4, 4),
            },
            "dinov2",
        ),
        ({"transformer.h.0.attn.c_attn.weight": (8, 24), "transformer.wte.weight": (50, 8)}, "gpt2"),
        (
            {"model.layers.0.mlp.gate_proj.weight": (16, 8), "model.embed_tokens.weight": (50, 8)},
            "llama, mistral or gemma",
        ),
        (
            {"encoder.layers.0.attention.q_proj.weight": (8, 8), "encoder.layer_norm.weight": (8,)},
            "wav2vec2, hubert or wavlm",
        ),
    ],
)
def test_families_are_told_apart(shapes: dict[str, tuple[int, ...]], families: str) -> None:
    found = family_of(shapes)
    assert found is not None
    assert (found.families, found.layers, found.width) == (families, 1, 8)


def test_no_family() -> None:
    assert family_of({"conv1.weight": (8, 3, 3, 3)}) is None
    assert family_of({"encoder.layer.0.attention.self.query.weight": (8, 8)}) is None


def test_the_configuration_beside_a_file_and_in_a_folder(tmp_path: Path) -> None:
    content = {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "hidden_size": 32,
        "num_hidden_layers": 2,
    }
    (tmp_path / "config.json").write_text(json.dumps(content))
    for path in (tmp_path, tmp_path / "model.safetensors"):
        found = configured(path)
        assert found is not None
        assert (found.model_type, found.model_class, found.folder) == ("bert", "BertModel", tmp_path)
        assert found.agrees(family_of(bert(2)))
        assert not found.agrees(family_of(bert(3)))
        assert not found.agrees(None)


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"model_type": 3}', "[" * 100_000])
def test_a_configuration_that_says_nothing_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert configured(tmp_path) is None
