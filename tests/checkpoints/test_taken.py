"""Of names with the same tensors, the one that a file is taken for."""

from __future__ import annotations

from pathlib import Path

import pytest

from repdiag.checkpoints import Answer, Checkpoint
from repdiag.checkpoints.taken import taken

NAMES = ("timm:resnet18", "timm:resnetblur18", "torchvision:resnet18")


def answer(names: tuple[str, ...] = NAMES, computations: tuple[int, ...] = (0, 1, 0)) -> Answer:
    inputs = tuple(range(len(names)))
    return Answer("", names, computations, inputs, True, "same", 1000, ("fc.weight",), (), 100)


def checkpoint(name: str = "last.pt", **metadata: str) -> Checkpoint:
    return Checkpoint(Path(name), "0" * 64, "torch-zip", {}, None, None, metadata, (), 0)


def chosen(file: Checkpoint, found: Answer) -> tuple[Answer, str]:
    result = taken(file, found)
    assert result is not None
    return result


def test_what_both_libraries_have_is_taken() -> None:
    found, because = chosen(checkpoint(), answer())
    assert (found.names[0], found.differing, because) == (
        "timm:resnet18",
        ("timm:resnetblur18",),
        "both timm and torchvision have this one",
    )


@pytest.mark.parametrize("said", ["resnetblur18", "resnetblur18.bt_in1k"])
def test_what_the_file_says_of_itself_comes_first(said: str) -> None:
    found, because = chosen(checkpoint("resnet18.pt", arch=said), answer())
    assert (found.names[0], found.differing) == (
        "timm:resnetblur18",
        ("timm:resnet18", "torchvision:resnet18"),
    )
    assert because == "the file names its architecture"
    assert found.prepared == ("timm:resnet18", "torchvision:resnet18")


@pytest.mark.parametrize("name", ["nest_base_jx-ep9.pth", "My_nest_base_jx.ckpt"])
def test_the_longest_name_in_the_name_of_the_file_is_taken(name: str) -> None:
    found, because = chosen(checkpoint(name), answer(("timm:nest_base", "timm:nest_base_jx"), (0, 1)))
    assert (found.names[0], because) == ("timm:nest_base_jx", "the name of the file says so")


@pytest.mark.parametrize("name", ["last.pt", "finest_bases.pt"])
def test_where_nothing_tells_there_is_no_choice(name: str) -> None:
    assert taken(checkpoint(name), answer(("timm:nest_base", "timm:nest_base_jx"), (0, 1))) is None


def test_names_that_compute_the_same_are_one_model() -> None:
    found, because = chosen(checkpoint(), answer(computations=(0, 0, 0)))
    assert (found.names, because) == (NAMES, "")
