from __future__ import annotations

import socket
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from repdiag.errors import InputError, MissingExtraError, UsageError
from repdiag.models import build_model, build_scripted, layer_names, resolve_layers
from repdiag.models.build import parse_argument

NETS = """
import torch
from torch import nn

class Net(nn.Sequential):
    def __init__(self, width=4):
        super().__init__(nn.Linear(3, width), nn.Dropout(0.5))

def build(width=4, **rest):
    return Net(width)

def with_preprocessing():
    module = Net()
    module.preprocessing = {"mean": [0.5], "std": [0.25], "input_size": [1, 8, 8]}
    return module

def with_transform():
    module = Net()
    module.preprocessing = lambda sample: sample * 2
    return module

def wrong(): return {"weight": 1}
def raises(): raise OSError("no\\nfile")
ready = Net(6)
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nets.py, and no network."""
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was fetched from a network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    return tmp_path


def test_callable_gets_its_arguments_as_values() -> None:
    model = build_model("nets.py:build", {"width": "7"})
    assert model.module(torch.ones(2, 3)).shape == (2, 7)
    assert (model.kind, model.preprocessing, model.spec) == ("array", None, "nets.py:build")
    assert not model.module.training


def test_a_class_and_a_ready_module_do() -> None:
    assert len(build_model("nets.py:Net", {}).module) == 2  # type: ignore[arg-type]
    assert build_model("nets.py:ready", {}).module(torch.ones(1, 3)).shape == (1, 6)


def test_preprocessing_of_the_module_is_recorded() -> None:
    model = build_model("nets.py:with_preprocessing", {})
    assert model.kind == "image"
    assert model.preprocessing == {"mean": [0.5], "std": [0.25], "input_size": [1, 8, 8]}
    transform = build_model("nets.py:with_transform", {}).transform
    assert transform is not None
    assert transform(3) == 6


@pytest.mark.parametrize(
    ("spec", "phrase"),
    [
        ("nets.py:wrong", "returned a dict, not a torch.nn.Module"),
        ("nets.py:raises", r"raised OSError \(no\\x0afile\)"),
        ("resnet18", "is none of timm:NAME"),
        ("hff:", 'Did you mean "hf"'),
        ("hf:sentence/not-here", "not a folder; nothing is downloaded"),
        ("sentence-transformers:not-here", "not a folder"),
    ],
)
def test_mistakes_are_one_sentence(spec: str, phrase: str) -> None:
    with pytest.raises(UsageError, match=phrase) as caught:
        build_model(spec, {})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("0.5", 0.5), ("true", True), ("False", False), ("None", None), ("null", None),
        ("[1, 2]", [1, 2]), ("abc", "abc"), ("", ""), ("resnet:18", "resnet:18"),
    ],
)  # fmt: skip
def test_arguments_become_values(text: str, value: object) -> None:
    assert parse_argument(text) == value


def test_missing_package_is_one_line_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r'pip install "repdiag\[vision\]"'):
        build_model("timm:resnet18", {})


def test_timm_is_built_without_weights_and_with_its_preprocessing() -> None:
    pytest.importorskip("timm")
    model = build_model("timm:resnet18", {"num_classes": "0"})
    assert model.kind == "image"
    assert model.preprocessing is not None
    assert model.preprocessing["mean"] == [0.485, 0.456, 0.406]
    assert model.preprocessing["input_size"] == [3, 224, 224]
    assert not any("fc" in name for name in model.module.state_dict())


def test_timm_names_its_neighbours_and_never_a_hub() -> None:
    pytest.importorskip("timm")
    with pytest.raises(UsageError, match='Did you mean "resnet18"'):
        build_model("timm:resnet18x", {})
    with pytest.raises(UsageError, match="no such model"):
        build_model("timm:hf-hub:someone/resnet18", {})
    with pytest.raises(UsageError, match="could not be built with no_such_option=1: TypeError"):
        build_model("timm:resnet18", {"no_such_option": "1"})


def test_torchvision_is_built_without_weights_and_with_its_transforms() -> None:
    pytest.importorskip("torchvision")
    model = build_model("torchvision:resnet18", {})
    assert model.preprocessing is not None
    assert (model.preprocessing["crop_size"], model.preprocessing["resize_size"]) == ([224], [256])
    assert model.preprocessing["interpolation"] == "bilinear"
    with pytest.raises(UsageError, match='Did you mean "resnet18"'):
        build_model("torchvision:resnet1", {})


def test_torchvision_backbones_are_not_fetched() -> None:
    pytest.importorskip("torchvision")
    assert build_model("torchvision:lraspp_mobilenet_v3_large", {}).module is not None


def test_hf_folder_without_a_configuration(here: Path) -> None:
    pytest.importorskip("transformers")
    (here / "model").mkdir()
    with pytest.raises(InputError, match=r"its config\.json cannot be used") as caught:
        build_model("hf:model", {})
    assert "\n" not in str(caught.value)


def test_sentence_transformers_wants_safetensors(here: Path) -> None:
    (here / "model").mkdir()
    with pytest.raises(InputError, match="save the model as safetensors"):
        build_model("sentence-transformers:model", {})


def test_scripted_file_becomes_a_model(here: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(nn.Linear(3, 2)), "a.pt")
    model = build_scripted(here / "a.pt")
    assert model.module(torch.ones(1, 3)).shape == (1, 2)


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Linear(4, 4), nn.ReLU()))


def test_layer_names_and_types() -> None:
    expected = [("0", "Linear"), ("1", "Sequential"), ("1.0", "Linear"), ("1.1", "ReLU")]
    assert layer_names(net()) == expected


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (["*"], ["0", "1", "1.0", "1.1"]),
        (["1.*", "0"], ["0", "1.0", "1.1"]),
        (["output", "1"], ["1", "output"]),
        (["[01]"], ["0", "1"]),
    ],
)
def test_globs_resolve_in_the_order_of_definition(globs: list[str], expected: list[str]) -> None:
    assert resolve_layers(net(), globs) == expected


def test_a_layer_that_is_not_there_offers_the_nearest() -> None:
    with pytest.raises(UsageError, match=r'no layer of the model matches "outptu"\. Did you mean "output"'):
        resolve_layers(net(), ["1.0", "outptu"])
