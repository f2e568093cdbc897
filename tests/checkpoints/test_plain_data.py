"""Hyper-parameters beside the weights: plain data opens, whatever else is refused by name."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from repdiag.checkpoints import inspect_checkpoint, load_checkpoint
from repdiag.errors import InputError
from tests.checkpoints.bad_inputs import members, saved, state, zipped


def lightning(**settings: Any) -> dict[str, Any]:
    return {"state_dict": state(), "epoch": 3, "global_step": 70, **settings}


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])
def test_a_namespace_of_arguments_is_data(options: dict[str, Any], tmp_path: Path) -> None:
    arguments = argparse.Namespace(lr=0.1, arch="resnet18", deep=argparse.Namespace(width=8), tags=["a", "b"])
    path = saved(tmp_path, lightning(hyper_parameters=arguments, args=argparse.Namespace()), **options)
    document = inspect_checkpoint(path)
    assert (document["step"], document["epoch"], document["tensors"]) == (70, 3, 2)
    settings = {name: text for name, text in document["metadata"].items() if name.startswith("hyper")}
    assert settings == {
        "hyper_parameters.lr": "0.1",
        "hyper_parameters.arch": "resnet18",
        "hyper_parameters.deep.width": "8",
        "hyper_parameters.tags.0": "a",
        "hyper_parameters.tags.1": "b",
    }


@pytest.mark.parametrize("number", [np.float64(0.5), np.float32(0.5), np.int64(7), np.bool_(True)])
def test_numbers_of_numpy_are_data(number: np.generic, tmp_path: Path) -> None:
    assert load_checkpoint(saved(tmp_path, lightning(best=number))).metadata["best"] == str(number.item())


def test_the_older_name_of_numpy_is_known(tmp_path: Path) -> None:
    content = members(saved(tmp_path, lightning(best=np.float64(0.5))))
    older = {name: data.replace(b"numpy._core", b"numpy.core") for name, data in content.items()}
    assert load_checkpoint(zipped(tmp_path, older)).metadata["best"] == "0.5"


def test_a_namespace_cannot_be_made_to_call(tmp_path: Path) -> None:
    """A second BUILD finds the __setstate__ that the first one planted: it can only be what torch allows."""
    arguments = argparse.Namespace(__setstate__=print, lr=0.1)
    with pytest.raises(InputError, match=r"builtins\.print"):
        load_checkpoint(saved(tmp_path, lightning(args=arguments)))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(1 << 2000, "an integer of 2,001 bits", id="digits"),
        pytest.param(1 << 70, "an integer of 71 bits", id="bits"),
        pytest.param("x" * 10_000, "x" * 199 + "…", id="text"),
    ],
)
def test_values_beyond_measure_are_cut(value: object, shown: str, tmp_path: Path) -> None:
    assert load_checkpoint(saved(tmp_path, lightning(note=value))).metadata["note"] == shown


def test_weights_of_a_namespace_are_weights(tmp_path: Path) -> None:
    found = load_checkpoint(saved(tmp_path, {"model": argparse.Namespace(**state())}))
    assert torch.equal(found.tensors["model.weight"], state()["weight"])
