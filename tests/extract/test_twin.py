"""The twin of a checkpoint has fresh weights of the model's own initialisation, whoever builds the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from repdiag.errors import UsageError
from repdiag.extract import ExtractRequest, NamedPath
from repdiag.extract.loading import Loaded, load
from repdiag.extract.twin import TWIN_OF, as_twin, check_twin_names, renew, twin_name

Save = Callable[..., tuple[Path, nn.Module]]
Ask = Callable[..., ExtractRequest]


def twin_of(path: Path, request: ExtractRequest) -> Loaded:
    named = NamedPath("net", path)
    return as_twin(load(named, request, "array"), named, request)


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_every_tensor_is_what_the_builder_draws_with_the_seed(
    save: Save, ask: Ask, build: Callable[[], nn.Module]
) -> None:
    path, model = save(seed=7)
    before = torch.random.get_rng_state()
    twin = twin_of(path, ask(path, seed=3))
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(3)
    assert same(state(twin.module), state(build()))
    assert not torch.equal(twin.module.state_dict()["0.weight"], model.state_dict()["0.weight"])
    assert not twin.module.training
    assert (twin.attributes[TWIN_OF], twin.attributes["tensors_loaded"]) == ("net", 0)
    assert twin.attributes["weights_seed"] == 3
    assert twin.report == "net-twin: fresh weights in all 11 tensors (seed 3), nothing loaded"
    assert twin.notes == ()
    assert "sha256" not in twin.attributes
    assert "missing" not in twin.attributes


PRETRAINED = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.place = nn.Parameter(torch.zeros(1, 64))
        self.fixed = nn.Parameter(torch.linspace(0, 1, 64), requires_grad=False)
        self.register_buffer("table", torch.linspace(0, 1, 5))
        self.body = nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU())
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(self.body(x.flatten(1) + self.place + self.fixed))

def trained():
    generator = torch.Generator().manual_seed(99)
    net = Net()
    with torch.no_grad():
        for value in [net.place, *net.body.parameters()]:
            value.copy_(5 + torch.rand(value.shape, generator=generator))
        net.body[1].running_mean.copy_(torch.rand(16, generator=generator))
    return net

one = trained()

def again():
    return one
"""


@pytest.mark.parametrize("name", ["trained", "again"])
def test_a_builder_that_brings_trained_weights_is_reset(ask: Ask, tmp_path: Path, name: str) -> None:
    file = tmp_path / "pretrained.py"
    file.write_text(PRETRAINED)
    space: dict[str, Any] = {}
    exec(PRETRAINED, space)
    trained = state(space["trained"]())
    torch.save(trained, tmp_path / "net.pt")
    request = ask(tmp_path / "net.pt", model=f"{file}:{name}")
    twin = twin_of(tmp_path / "net.pt", request)
    fresh = state(twin.module)
    assert fresh["body.0.weight"].abs().max() <= 1 / 8
    assert torch.equal(fresh["body.1.weight"], torch.ones(16))
    assert torch.equal(fresh["body.1.running_mean"], torch.zeros(16))
    assert not torch.equal(fresh["place"], trained["place"])
    assert torch.equal(fresh["place"].sort().values, trained["place"].sort().values)
    assert torch.equal(fresh["fixed"], trained["fixed"])
    assert torch.equal(fresh["table"], trained["table"])
    assert "same for every seed" in twin.notes[0]
    assert same(fresh, state(twin_of(tmp_path / "net.pt", request).module))


def test_a_constant_start_of_a_few_weights_is_the_model_s_own() -> None:
    def build() -> nn.Module:
        model = nn.Sequential(nn.Linear(20, 20), nn.Linear(6, 2))
        model[1].load_state_dict({"weight": torch.eye(2, 6), "bias": torch.zeros(2)})
        return model

    model = build()
    assert renew(model, build, 0) == 0
    assert torch.equal(model[1].weight, torch.eye(2, 6))  # type: ignore[index]


def test_a_head_that_was_taken_off_stays_off() -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 2))

    model = nn.Sequential(nn.Linear(8, 4), nn.Identity())
    assert renew(model, build, 5) == 0
    torch.manual_seed(5)
    assert torch.equal(state(model)["0.weight"], state(build())["0.weight"])


def test_a_transformers_model_is_drawn_by_its_own_initialisation() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    brought = transformers.BertModel(config)
    with torch.no_grad():
        for value in brought.parameters():
            value.mul_(30).add_(1)
    held = state(brought)

    def build() -> nn.Module:
        model = nn.Sequential(transformers.BertModel(config))
        model[0].load_state_dict(held)
        return model

    model = build()
    assert renew(model, build, 0) > 0
    fresh = state(model[0])  # type: ignore[index]
    weight = fresh["encoder.layer.0.attention.self.query.weight"]
    assert 0.015 < float(weight.std()) < 0.025
    assert abs(float(fresh["embeddings.word_embeddings.weight"].mean())) < 0.01


def test_names() -> None:
    assert twin_name("a") == "a-twin"
    check_twin_names([NamedPath("a", Path("a")), NamedPath("b-twin", Path("b"))])
    with pytest.raises(UsageError, match='"a" a twin with the name of another checkpoint, "a-twin"'):
        check_twin_names([NamedPath("a", Path("a")), NamedPath("a-twin", Path("b"))])


def test_a_whole_model_has_no_twin(build: Callable[[], nn.Module], ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "whole.pt"
    torch.jit.trace(build().eval(), torch.zeros(2, 1, 8, 8)).save(path)  # type: ignore[no-untyped-call]
    with pytest.raises(UsageError, match="cannot be built anew"):
        twin_of(path, ask(path, model=None, trust=True))
