"""Real architectures by their tensors: what the index says of them, and what it was made from."""

from __future__ import annotations

import random

import pytest
from torch import nn

from repdiag.checkpoints import identify
from repdiag.checkpoints.architectures import load_architectures
from repdiag.models.catalogue import describe_architecture, known_specs, settings_digest

TWELVE = [
    "timm:resnet18",
    "timm:vit_tiny_patch16_224",
    "timm:convnext_atto",
    "timm:efficientnet_b0",
    "timm:mobilenetv3_small_050",
    "timm:swin_tiny_patch4_window7_224",
    "timm:vit_small_patch14_dinov2",
    "torchvision:resnet50",
    "torchvision:vgg11",
    "torchvision:vit_b_16",
    "torchvision:shufflenet_v2_x0_5",
    "torchvision:fasterrcnn_mobilenet_v3_large_fpn",
]


@pytest.fixture(autouse=True)
def _vision() -> None:
    pytest.importorskip("timm")
    pytest.importorskip("torchvision")


@pytest.mark.parametrize("spec", TWELVE)
def test_an_architecture_is_named_in_every_wrapping(spec: str) -> None:
    one = describe_architecture(spec)
    whole = {**one.body, **one.head}
    twins = {f"{side}.{name}": shape for side in ("student", "teacher") for name, shape in one.body.items()}
    for prefix in ("", "module.", "_orig_mod.module.", "state_dict.model."):
        (answer,) = identify({f"{prefix}{name}": shape for name, shape in whole.items()}).answers
        assert answer.certain
        assert spec in answer.names
        assert (answer.head, answer.left) == ("same" if one.head else "none", ())
    for answers, count in ((identify(one.body).answers, 1), (identify(twins).answers, 2)):
        assert [answer.certain and spec in answer.names for answer in answers] == [True] * count


@pytest.mark.parametrize("spec", TWELVE)
def test_one_tensor_less_is_never_certain(spec: str) -> None:
    one = describe_architecture(spec)
    dropped = random.Random(0).choice(list(one.body))
    shapes = {name: shape for name, shape in {**one.body, **one.head}.items() if name != dropped}
    found = identify(shapes)
    assert not any(answer.certain for answer in found.answers)
    assert spec in {name for proposal in found.proposals for name in _names(proposal.name)}


def _names(first: str) -> set[str]:
    """All names of the class that a proposal stands for."""
    groups = [{one.spec for one in group} for group in load_architectures().members]
    return next(group for group in groups if first in group)


def test_the_head_is_what_follows_the_number_of_classes() -> None:
    assert set(describe_architecture("timm:resnet18").head) == {"fc.weight", "fc.bias"}
    boxes = describe_architecture("torchvision:fasterrcnn_mobilenet_v3_large_fpn")
    assert boxes.classes == 91
    assert set(boxes.head) == {
        f"roi_heads.box_predictor.{part}.{kind}"
        for part in ("cls_score", "bbox_pred")
        for kind in ("weight", "bias")
    }


def test_settings_tell_computations_apart() -> None:
    def net(eps: float = 1e-5) -> nn.Module:
        return nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4, eps), nn.Dropout(0.1))

    assert settings_digest(net()) == settings_digest(net())
    assert settings_digest(net()) != settings_digest(net(eps=0.1))
    same = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Dropout(0.5))
    assert settings_digest(net()) == settings_digest(same)


@pytest.mark.slow
def test_of_220_architectures_in_six_wrappings_98_percent_are_named_and_none_wrongly() -> None:
    specs = random.Random(7).sample([s for s in known_specs() if s.startswith("timm:")], 200)
    specs += random.Random(7).sample([s for s in known_specs() if s.startswith("torchvision:")], 20)
    named = wrong = total = 0
    for spec in specs:
        one = describe_architecture(spec)
        whole = {**one.body, **one.head}
        both = {f"{side}.backbone.{n}": s for side in ("student", "teacher") for n, s in one.body.items()}
        prefixes = ("", "module.", "_orig_mod.module.", "state_dict.model.")
        files = [({f"{prefix}{n}": s for n, s in whole.items()}, 1) for prefix in prefixes]
        for shapes, sets in [*files, (one.body, 1), (both, 2)]:
            certain = [answer for answer in identify(shapes).answers if answer.certain]
            total += 1
            wrong += any(spec not in answer.names for answer in certain)
            named += len(certain) == sets and all(spec in answer.names for answer in certain)
    assert wrong == 0
    assert named / total >= 0.98
