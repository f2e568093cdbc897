"""`repdiag inspect`: by content, whatever the name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.commands.helpers import Typed


@pytest.fixture
def checkpoint(here: Path) -> Path:
    state = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 2)).state_dict()
    torch.save(
        {"state_dict": {f"module.{name}": value for name, value in state.items()}, "epoch": 7}, "ckpt.pt"
    )
    return here / "ckpt.pt"


def test_a_checkpoint(typed: Typed, checkpoint: Path) -> None:
    ended = typed("inspect", checkpoint)
    assert ended.code == 0
    assert "parameters 58" in ended.out
    assert "epoch      7" in ended.out


def test_a_checkpoint_as_json(typed: Typed, checkpoint: Path) -> None:
    ended = typed("inspect", checkpoint, "--json", "-")
    document = json.loads(ended.out)
    assert ended.err == ""
    assert (document["schema"], document["schema_version"]) == ("repdiag.inspect", 1)
    wanted = (
        "format sha256 wrappers weights parameters tensors dtypes step epoch architecture rank_bound notes"
    )
    assert set(wanted.split()) <= set(document)
    assert (document["parameters"], document["tensors"], document["epoch"]) == (58, 4, 7)


BUILDER = """
import torch

def build():
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 2))
"""


def test_a_model_with_the_checkpoint_in_it(typed: Typed, checkpoint: Path, here: Path) -> None:
    (here / "build.py").write_text(BUILDER, encoding="utf-8")
    words = ("inspect", checkpoint, "--model", "build.py:build")
    document = json.loads(typed(*words, "--json", "-").out)["model"]
    assert document["load_report"].startswith("4/4 tensors, 0 missing, 0 unexpected")
    assert [item["layer"] for item in document["layers"]] == ["0", "1", "output"]
    text = typed(*words).out
    assert "4/4 tensors" in text
    assert "Linear" in text


def test_a_model_that_does_not_fit(typed: Typed, checkpoint: Path, here: Path) -> None:
    (here / "build.py").write_text(BUILDER.replace("(8, 2)", "(8, 3)"), encoding="utf-8")
    ended = typed("inspect", checkpoint, "--model", "build.py:build")
    assert ended.code == 2
    assert "ckpt.pt" in ended.sentence


def test_a_model_argument_needs_a_value(typed: Typed, checkpoint: Path) -> None:
    ended = typed("inspect", checkpoint, "--model", "torchvision:resnet18", "--model-arg", "weights")
    assert "NAME=VALUE" in ended.sentence


def test_output_shapes_of_a_model_with_preprocessing(typed: Typed, here: Path) -> None:
    """The whole model's own output too, which no hook sees."""
    (here / "build.py").write_text(
        "import torch\ndef build():\n"
        "    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 5))\n"
        "    model.preprocessing = {'size': 2, 'mean': [0.5] * 3, 'std': [0.5] * 3}\n"
        "    return model\n",
        encoding="utf-8",
    )
    torch.save({"1.weight": torch.ones(5, 12), "1.bias": torch.ones(5)}, "net.pt")
    document = json.loads(typed("inspect", "net.pt", "--model", "build.py:build", "--json", "-").out)
    shapes = {item["layer"]: item["output_shape"] for item in document["model"]["layers"]}
    assert shapes == {"0": [1, 12], "1": [1, 5], "output": [1, 5]}


@pytest.mark.slow
def test_output_shapes_where_the_model_names_its_input(typed: Typed, here: Path) -> None:
    models = pytest.importorskip("torchvision").models
    torch.save(models.resnet18().state_dict(), "resnet.pt")
    document = json.loads(typed("inspect", "resnet.pt", "--model", "torchvision:resnet18", "--json", "-").out)
    shapes = {item["layer"]: item["output_shape"] for item in document["model"]["layers"]}
    assert shapes["layer4.1.relu"] == [1, 512, 7, 7]
    assert shapes["output"] == [1, 1000]


def test_safetensors_is_a_checkpoint(typed: Typed, here: Path) -> None:
    save_file({"layer.weight": torch.ones(2, 3)}, here / "model.safetensors")
    assert json.loads(typed("inspect", "model.safetensors", "--json", "-").out)["parameters"] == 6


def test_an_array_is_a_store_whatever_its_name(typed: Typed, healthy: Path, here: Path) -> None:
    healthy.rename(here / "healthy.pt")
    document = json.loads(typed("inspect", "healthy.pt", "--json", "-").out)
    (item,) = document["representations"]
    assert (document["schema"], item["n"], item["d"], item["dtype"]) == (
        "repdiag.inspect",
        2000,
        16,
        "float32",
    )


def test_a_store_for_people(typed: Typed, healthy: Path) -> None:
    ended = typed("inspect", healthy)
    assert ended.code == 0
    assert "2,000" in ended.out
    assert "float32" in ended.out
    assert str(healthy.parent) not in ended.out


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html>", b"\x00" * 4096, b"version https://git-lfs.github.com/spec/v1\n"]
)
def test_what_is_neither_is_one_sentence(typed: Typed, here: Path, content: bytes) -> None:
    (here / "x.pt").write_bytes(content)
    ended = typed("inspect", "x.pt")
    assert ended.code == 2
    assert "x.pt" in ended.sentence


def test_a_missing_file(typed: Typed) -> None:
    assert "none.pt" in typed("inspect", "none.pt").sentence
