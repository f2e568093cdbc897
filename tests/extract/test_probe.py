"""Layers that a glob catches and that give nothing to keep are left out; a layer that was named is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from repdiag.errors import UsageError
from repdiag.extract import ExtractRequest, extract
from repdiag.store import open_store

Ask = Callable[..., ExtractRequest]
ODD = """
import torch
from torch import nn

class Lookup(nn.Module):
    def forward(self, x):
        return x.new_zeros(1, 7, 4)

class Names(nn.Module):
    def forward(self, x):
        return "nothing to keep"

class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.unused = nn.Linear(64, 4), nn.Linear(4, 4)
        self.lookup, self.names = Lookup(), Names()
    def forward(self, x):
        rows = self.linear(x.flatten(1))
        self.names(rows)
        return rows + self.lookup(rows).sum()

def make(): return Odd()
"""


@pytest.fixture
def odd(tmp_path: Path, ask: Ask) -> Ask:
    (tmp_path / "odd.py").write_text(ODD)
    layers = {"linear": torch.ones(4, 64), "unused": torch.ones(4, 4)}
    weights = {f"{name}.weight": value for name, value in layers.items()}
    torch.save(weights | {f"{name}.bias": torch.zeros(4) for name in layers}, tmp_path / "odd.pt")

    def make(*layers: str, **changes: object) -> ExtractRequest:
        return ask(tmp_path / "odd.pt", model=f"{tmp_path / 'odd.py'}:make", layers=layers, **changes)

    return make


def test_a_glob_keeps_what_has_rows_and_tells_what_it_left_out(odd: Ask) -> None:
    request = odd("*")
    summary = extract(request)
    with open_store(Path(request.output)) as store:
        assert [one.address.layer for one in store.representations] == ["linear"]
    assert any(note.endswith("as they do not run: unused") for note in summary.notes)
    assert any(note.endswith("as they give no rows of samples: lookup, names") for note in summary.notes)


def test_a_glob_beside_a_name_leaves_out_too(odd: Ask) -> None:
    request = odd("output", "l*", "un*")
    extract(request)
    with open_store(Path(request.output)) as store:
        assert [one.address.layer for one in store.representations] == ["linear", "output"]


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        (("*", "lookup"), r'"lookup" gives \(1, 7, 4\) for 2 samples'),
        (("*", "names"), '"names" gives str without a tensor'),
        (("*", "unused"), '"unused" does not run'),
        (("look*",), '"lookup" gives'),
        (("un*",), '"unused" does not run'),
    ],
)
def test_a_named_layer_and_a_glob_of_nothing_else_are_refused(
    odd: Ask, layers: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        extract(odd(*layers))


def test_a_pooling_that_only_some_layers_allow(odd: Ask) -> None:
    with pytest.raises(UsageError, match='"linear": --pool cls needs tokens'):
        extract(odd("l*", pool="cls"))
