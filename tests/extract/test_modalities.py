"""Entries of dict samples as views of the same samples, each with the layers that it runs through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from repdiag.errors import InputError, UsageError
from repdiag.extract import ExtractRequest, extract, plan
from repdiag.store import open_store
from repdiag.types import Address

Ask = Callable[..., ExtractRequest]

CODE = """
import torch
from torch import nn

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.visual = nn.Sequential(nn.Linear(12, 6), nn.Tanh())
        self.words = nn.EmbeddingBag(30, 5)
        self.join = nn.Linear(5, 6)
    def forward(self, text=None, image=None):
        seen = None if image is None else self.visual(image.flatten(1))
        read = None if text is None else self.join(self.words(text))
        return {"logits": seen if read is None else read}

def make(): return Two()

class Pairs:
    def __len__(self): return 20
    def __getitem__(self, row):
        generator = torch.Generator().manual_seed(row)
        if row == 4 and BROKEN: return {"image": torch.zeros(3, 2, 2), "label": 1, "id": "s4"}
        return {"image": torch.rand(3, 2, 2, generator=generator), "label": row % 3, "id": f"s{row}",
                "text": torch.randint(30, (4,), generator=generator)}

def pairs(): return Pairs()
"""


@pytest.fixture
def request_of(ask: Ask, tmp_path: Path) -> Callable[..., ExtractRequest]:
    def make(broken: bool = False, **changes: object) -> ExtractRequest:
        path = tmp_path / f"two_{broken}.py"
        path.write_text(f"BROKEN = {broken}\n{CODE}")
        if not (tmp_path / "net.pt").exists():
            space: dict[str, object] = {}
            exec(f"BROKEN = False\n{CODE}", space)
            torch.manual_seed(1)
            torch.save(space["make"]().state_dict(), tmp_path / "net.pt")  # type: ignore[operator]
        views = ("picture=image", "caption=text")
        given = {"model": f"{path}:make", "data": f"{path}:pairs", "limit": None, "views": views}
        return ask(tmp_path / "net.pt", **{**given, **changes})

    return make


def test_each_entry_goes_to_its_parameter_and_has_its_layers(
    request_of: Callable[..., ExtractRequest], tmp_path: Path
) -> None:
    request = request_of(layers=("visual", "join", "words", "output"), batch_size=7)
    summary = extract(request)
    assert sorted(map(str, summary.representations)) == [
        "net/caption/join",
        "net/caption/output",
        "net/caption/words",
        "net/picture/output",
        "net/picture/visual",
    ]
    assert any("view picture: " in note and "words" in note for note in summary.notes)
    space: dict[str, object] = {}
    exec(f"BROKEN = False\n{CODE}", space)
    model, pairs = space["make"](), space["pairs"]()  # type: ignore[operator]
    model.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))
    with open_store(Path(request.output)) as store, torch.inference_mode():
        assert list(store.ids) == [f"s{row}" for row in range(20)]
        for view, key in (("picture", "image"), ("caption", "text")):
            whole = model(**{key: torch.stack([pairs[row][key] for row in range(20)])})["logits"].numpy()
            rows = np.asarray(store.read(Address("net", view, "output"), 0, store.n))
            assert np.allclose(rows, whole, atol=1e-6)


def test_the_plan_counts_the_layers_of_each_view(request_of: Callable[..., ExtractRequest]) -> None:
    planned = plan(request_of(layers=("visual", "words")))
    assert [(layer.layer, layer.d) for layer in planned.layers] == [("visual", 6), ("words", 5)]
    assert planned.bytes == 20 * (6 + 5) * 4


def test_a_sample_without_one_entry_is_left_out_of_both(request_of: Callable[..., ExtractRequest]) -> None:
    with pytest.raises(InputError, match='sample 4 has no "text"'):
        extract(request_of(broken=True))
    request = request_of(broken=True, on_error="skip", layers=("output",), overwrite=True)
    extract(request)
    with open_store(Path(request.output)) as store:
        assert list(store.ids) == [f"s{row}" for row in range(20) if row != 4]
        assert store.read(Address("net", "picture", "output"), 0, store.n).shape == (19, 6)


def test_a_key_that_samples_lack_is_named(request_of: Callable[..., ExtractRequest]) -> None:
    with pytest.raises(UsageError, match=r'unknown view "txt".*entry of the samples \(image, text\).*"text"'):
        extract(request_of(views=("caption=txt",)))


def test_a_layer_that_no_entry_runs_through(request_of: Callable[..., ExtractRequest]) -> None:
    with pytest.raises(UsageError, match='"words" does not run'):
        extract(request_of(views=("picture=image",), layers=("words",)))
