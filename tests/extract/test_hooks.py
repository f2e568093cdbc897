from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from repdiag.errors import UsageError
from repdiag.extract.hooks import Tap, check_batch, listening, output_tap, tensor_of
from repdiag.extract.penultimate import default_taps

X = torch.randn(3, 2, 8, 8, generator=torch.Generator().manual_seed(0))


def hooks_of(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


def test_hooks_are_gone_after_the_block_and_after_an_error() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    taps = [output_tap("0"), Tap("1.input", "1", "input")]
    with listening(model, taps, lambda tap, value: None):
        assert hooks_of(model) == 2
    assert hooks_of(model) == 0
    with pytest.raises(ZeroDivisionError), listening(model, taps, lambda tap, value: None):
        raise ZeroDivisionError
    assert hooks_of(model) == 0


def test_inputs_are_taken_by_position_or_by_name() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            made: Tensor = self.inner(input=x)
            return made

    taken: list[Any] = []
    with listening(Named(), [Tap("inner.input", "inner", "input")], lambda tap, value: taken.append(value)):
        pass
    model = Named()
    with listening(model, [Tap("inner.input", "inner", "input")], lambda tap, value: taken.append(value)):
        model(X)
    assert len(taken) == 1
    assert taken[0] is X


@pytest.mark.parametrize(
    ("value", "took"),
    [
        (X, ""),
        ((X, None), "took element 0 of 2"),
        ((None, X), "took element 1 of 2"),
        ({"a": 1, "b": X}, "took b"),
        (OrderedDict(pooler_output=X[:, 0], last_hidden_state=X), "took last_hidden_state"),
        ({"token_embeddings": X[:, 0], "sentence_embedding": X}, "took sentence_embedding"),
        (([X], None), "took element 0 of 1"),
    ],
)
def test_which_tensor_is_taken_is_said(value: Any, took: str) -> None:
    tensor, said = tensor_of(value, "layer")
    assert tensor is X
    assert said == took


@pytest.mark.parametrize("value", [None, 3, {}, (), {"a": 1}])
def test_a_layer_without_a_tensor_is_named(value: Any) -> None:
    with pytest.raises(UsageError, match='layer "deep" gives'):
        tensor_of(value, "deep")


def test_samples_must_be_the_first_axis() -> None:
    assert check_batch(X, 3, "a") is X
    with pytest.raises(UsageError, match="another axis"):
        check_batch(torch.zeros(7, 3, 4), 3, "a")
    with pytest.raises(UsageError, match=r"gives \(\) for 3 samples"):
        check_batch(torch.zeros(()), 3, "a")


def taps_of(model: nn.Module) -> list[str]:
    model.eval()
    with torch.inference_mode():
        taps = default_taps(model, lambda: model(X))
    assert hooks_of(model) == 0
    return [tap.layer for tap in taps]


class Functional(nn.Module):
    """Pools and flattens with functions, as torchvision's models do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 5, 3)
        self.head = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.head(functional.relu(self.conv(x)).mean((2, 3)))
        return made


class Normalised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(128, 6), nn.ReLU())
        self.projector = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return functional.normalize(self.projector(self.body(x)))


class Pooler(nn.Module):
    """A Linear beside the road whose result has the output's shape but is not in it."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(128, 4), nn.ReLU())
        self.pooler = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        made = self.body(x)
        return {"x": made, "pooled": self.pooler(made)}


class Tokens(nn.Module):
    """A feed-forward Linear gives (b, t, d), the shape of the output; it is no head."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(8, 8)
        self.second = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.first(x.flatten(1, 2))
        made: Tensor = tokens + self.second(tokens)
        return made


class LanguageModel(Tokens):
    def __init__(self) -> None:
        super().__init__()
        self.lm_head = nn.Linear(8, 30)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.lm_head(super().forward(x))
        return made


def resnet_like() -> nn.Module:
    names = OrderedDict(
        conv=nn.Conv2d(2, 5, 3), act=nn.ReLU(inplace=True), pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten()
    )
    return nn.Sequential(OrderedDict(**names, drop=nn.Dropout(0.5), fc=nn.Linear(5, 4)))


@pytest.mark.parametrize(
    ("model", "layers"),
    [
        (resnet_like(), ["flat", "output"]),
        (Functional(), ["head.input", "output"]),
        (Normalised(), ["body", "output"]),
        (Pooler(), ["output"]),
        (Tokens(), ["output"]),
        (LanguageModel(), ["lm_head.input", "output"]),
        (nn.Sequential(nn.Conv2d(2, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()), ["output"]),
        (nn.Sequential(nn.Flatten(), nn.Linear(128, 4)), ["0", "output"]),
        (nn.Sequential(nn.Identity(), nn.Linear(8, 4)), ["0", "output"]),
        (nn.Sequential(nn.Conv2d(2, 5, 3), nn.Flatten(), nn.Linear(180, 4)), ["1", "output"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else type(value).__name__,
)
def test_the_default_layers(model: nn.Module, layers: list[str]) -> None:
    assert taps_of(model) == layers


def test_the_values_behind_the_default_are_the_input_of_the_head() -> None:
    model = Functional().eval()
    taken: dict[str, Tensor] = {}
    with torch.inference_mode():
        taps = default_taps(model, lambda: model(X))
        with listening(model, taps, lambda tap, value: taken.update({tap.layer: value})):
            output = model(X)
        assert torch.equal(model.head(taken["head.input"]), output)


class OnlyPassesOn(nn.Module):
    """What goes into its head was made by a function; modules only pass it on, as in timm's transformers."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(4, 6)
        self.norm, self.drop, self.head = nn.Identity(), nn.Dropout(0.1), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        value: Tensor = self.head(self.drop(self.norm(self.embed(x).mean(dim=1))))
        return value


def test_of_modules_that_only_pass_it_on_the_first_is_the_penultimate_layer() -> None:
    model = OnlyPassesOn().eval()
    X = torch.randn(2, 5, 4)
    with torch.inference_mode():
        taps = default_taps(model, lambda: model(X))
    assert [tap.layer for tap in taps] == ["norm", "output"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("resnet18", "global_pool"),
        ("vit_tiny_patch16_224", "fc_norm"),
        ("mobilenetv3_small_050", "flatten"),
        ("convnext_atto", "head.flatten"),
    ],
)
def test_timm_models(name: str, layer: str) -> None:
    timm = pytest.importorskip("timm")
    model = timm.create_model(name, pretrained=False).eval()
    x = torch.randn(2, 3, 224, 224)
    taken: dict[str, Tensor] = {}
    with torch.inference_mode():
        taps = default_taps(model, lambda: model(x))
        with listening(model, taps, lambda tap, value: taken.update({tap.layer: value})):
            output = model(x)
        made = model.get_classifier()(taken[taps[0].layer].reshape(2, -1))
    torch.testing.assert_close(made, output)
    assert [tap.layer for tap in taps] == [layer, "output"]
