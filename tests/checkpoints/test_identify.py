"""Architectures by the names and shapes of tensors: a small index by hand, and the one that ships."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from repdiag.checkpoints import identify
from repdiag.checkpoints.architectures import (
    INDEX,
    Architectures,
    Member,
    Shape,
    load_architectures,
    pack_architectures,
    token,
)
from repdiag.checkpoints.heads import fit_head, is_beside
from repdiag.errors import InputError

HEAD: dict[str, Shape] = {"fc.weight": (10, 16), "fc.bias": (10,)}
OTHER_HEAD: dict[str, Shape] = {"fc.fc1.weight": (4, 16)}


def net(width: int = 16, blocks: int = 4) -> dict[str, Shape]:
    """Twelve tensors of a net without its classifier."""
    first: dict[str, Shape] = {"stem.weight": (width, 3, 3, 3), "stem.bias": (width,)}
    rest = {
        f"blocks.{i}.{name}": (width, width)[: 2 if name == "w" else 1]
        for i in range(blocks)
        for name in "wb"
    }
    return {**first, **rest, "norm.weight": (width,), "norm.bias": (width,)}


def member(
    name: str, head: Mapping[str, Shape] = HEAD, computation: int = 0, preprocessing: int = 0
) -> Member:
    return Member(name, head, 10 if head else 0, computation, preprocessing)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Architectures:
    path = tmp_path_factory.mktemp("index") / "small.npz"
    classes = {
        "net": (net(), [member("timm:net"), member("timm:net_other", preprocessing=1)]),
        "wide": (net(32), [member("timm:wide"), member("torchvision:wide", computation=1)]),
        "deep": (net(16, 6), [member("timm:deep")]),
        "two_heads": (net(8), [member("timm:one"), member("timm:two", OTHER_HEAD)]),
    }
    bodies = [[token(name, shape) for name, shape in body.items()] for body, _ in classes.values()]
    path.write_bytes(pack_architectures(bodies, [names for _, names in classes.values()], {"timm": "1.0"}))
    return load_architectures(path)


def under(prefix: str, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    return {f"{prefix}{name}": shape for name, shape in shapes.items()}


@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.module.", "state_dict.model.", "my_own.deeper."]
)
def test_every_wrapping_gives_the_same_answer(index: Architectures, prefix: str) -> None:
    (answer,) = identify(under(prefix, {**net(), **HEAD}), index=index).answers
    assert (answer.names, answer.certain, answer.tensors) == (("timm:net", "timm:net_other"), True, 14)
    assert (answer.head, answer.classes, answer.left) == ("same", 10, ())
    assert answer.prepared == ("timm:net_other",)
    assert answer.differing == ()


def test_transparent_parts_inside_names_do_not_matter(index: Architectures) -> None:
    shapes = {name.replace("blocks.0.", "blocks.0.module."): shape for name, shape in net().items()}
    assert identify(shapes, index=index).answers[0].certain


def test_another_number_of_classes_is_certain(index: Architectures) -> None:
    (answer,) = identify({**net(), "fc.weight": (7, 16), "fc.bias": (7,)}, index=index).answers
    assert (answer.certain, answer.head, answer.classes) == (True, "other", 7)


@pytest.mark.parametrize(
    "extra", ["fc.0.weight", "projector.0.weight", "mlp_head.1.bias", "decoder_blocks.0.w"]
)
def test_another_head_is_left_out_and_certain(index: Architectures, extra: str) -> None:
    (answer,) = identify({**net(), extra: (5, 16)}, index=index).answers
    assert (answer.certain, answer.head, answer.left) == (True, "none", (extra,))


@pytest.mark.parametrize(
    "extra", ["blocks.0.se.weight", "attention.weight", "fc_norm.weight", "patch_proj.w"]
)
def test_a_tensor_that_may_be_in_the_trunk_is_never_certain(index: Architectures, extra: str) -> None:
    found = identify({**net(), **HEAD, extra: (16,)}, index=index)
    assert [(answer.names[0], answer.certain) for answer in found.answers] == [("timm:net", False)]


@pytest.mark.parametrize(
    ("head", "certain"), [((8, 16, 3, 3), False), ((8, 16, 1, 1), True), ((8, 16), True)]
)
def test_a_dense_head_may_hang_on_a_dilated_trunk(index: Architectures, head: Shape, certain: bool) -> None:
    (answer,) = identify({**under("backbone.", net()), "classifier.0.weight": head}, index=index).answers
    assert (answer.key, answer.certain) == ("backbone", certain)
    assert answer.doubts == (() if certain else ("classifier.0.weight",))


def test_the_larger_of_two_that_fit_is_taken(index: Architectures) -> None:
    (answer,) = identify({**net(16, 6), **HEAD}, index=index).answers
    assert answer.names == ("timm:deep",)


def test_names_that_compute_differently_are_told(index: Architectures) -> None:
    (answer,) = identify(net(32), index=index).answers
    assert (answer.certain, answer.differing) == (True, ("torchvision:wide",))


def test_the_head_tells_architectures_of_one_trunk_apart(index: Architectures) -> None:
    (two,) = identify({**net(8), **OTHER_HEAD}, index=index).answers
    assert (two.names, two.head) == (("timm:two",), "same")
    (either,) = identify(net(8), index=index).answers
    assert (either.names, either.head) == (("timm:one", "timm:two"), "none")


def test_several_sets_are_several_answers_and_weights_chooses(index: Architectures) -> None:
    shapes = {
        **under("student.backbone.", net()),
        **under("teacher.backbone.", net(32)),
        "student.head.w": (3,),
    }
    found = identify(shapes, index=index)
    assert {answer.key: answer.names[0] for answer in found.answers} == {
        "student.backbone": "timm:net",
        "teacher.backbone": "timm:wide",
    }
    (chosen,) = identify(shapes, "teacher", index).answers
    assert chosen.names[0] == "timm:wide"


def test_a_copy_inside_the_model_is_a_set_of_its_own(index: Architectures) -> None:
    found = identify({**net(), **HEAD, **under("ema.", {**net(), **HEAD})}, index=index)
    assert [(answer.key, answer.certain, answer.left) for answer in found.answers] == [
        ("", True, ()),
        ("ema", True, ()),
    ]


def test_below_full_coverage_nothing_is_an_answer(index: Architectures) -> None:
    shapes = {name: shape for name, shape in net().items() if name != "norm.bias"}
    found = identify(under("model.", shapes), index=index)
    assert found.answers == ()
    first = found.proposals[0]
    assert (first.name, first.key, round(first.coverage, 3)) == ("timm:net", "model", round(11 / 12, 3))
    assert len(found.proposals) <= 3


def test_other_input_channels_are_proposed_as_an_argument(index: Architectures) -> None:
    found = identify({**net(), "stem.weight": (16, 1, 3, 3)}, index=index)
    assert (found.answers, found.proposals[0].arguments) == ((), "in_chans=1")


def test_few_tensors_are_never_certain(tmp_path: Path) -> None:
    body = [token(name, (2, 2)) for name in "abc"]
    (tmp_path / "tiny.npz").write_bytes(pack_architectures([body], [[member("timm:tiny", {})]], {}))
    (answer,) = identify(
        dict.fromkeys("abc", (2, 2)), index=load_architectures(tmp_path / "tiny.npz")
    ).answers
    assert not answer.certain


def test_nothing_known_is_nothing(index: Architectures) -> None:
    found = identify({"layer.weight": (3, 3)}, index=index)
    assert (found.answers, found.proposals) == ((), ())
    assert identify({}, index=index).answers == ()


def test_heads_with_a_multiple_of_the_classes() -> None:
    boxes: dict[str, Shape] = {"score.weight": (91, 8), "box.weight": (364, 8)}
    assert fit_head(boxes, 91, {"score.weight": (5, 8), "box.weight": (20, 8)}).classes == 5
    assert fit_head(boxes, 91, {"score.weight": (5, 8), "box.weight": (24, 8)}).kind == "none"
    assert fit_head(boxes, 91, {"score.weight": (5, 9), "box.weight": (20, 8)}).kind == "none"
    assert fit_head({}, 0, {"score.weight": (5, 8)}).kind == "none"


def test_what_stands_beside_a_trunk() -> None:
    assert is_beside("head.mlp.0.weight", ["blocks.0.w"], ["head.weight"])
    assert not is_beside("head.norm.weight", ["head.norm2.weight", "blocks.0.w"], ["head.fc.weight"])


def test_the_index_that_ships_is_small_quick_and_whole() -> None:
    assert INDEX.stat().st_size < 2_000_000
    load_architectures.cache_clear()
    started = time.process_time()
    found = load_architectures()
    assert time.process_time() - started < 0.3
    assert set(found.packages) == {"timm", "torchvision"}
    names = [one.spec for group in found.members for one in group]
    assert len(names) == len(set(names)) > 1400
    assert {"timm:resnet50", "torchvision:resnet50", "timm:vit_base_patch16_224"} <= set(names)


def test_a_damaged_index_says_so(tmp_path: Path) -> None:
    with np.load(INDEX) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["steps"] = arrays["steps"].copy()
    arrays["steps"][5] += 1
    np.savez(tmp_path / "changed.npz", **arrays)
    with pytest.raises(InputError, match="does not match its checksum; install repdiag again"):
        load_architectures(tmp_path / "changed.npz")
    (tmp_path / "cut.npz").write_bytes(INDEX.read_bytes()[:1000])
    with pytest.raises(InputError, match="missing or damaged"):
        load_architectures(tmp_path / "cut.npz")
