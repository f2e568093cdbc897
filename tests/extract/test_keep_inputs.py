"""`--keep-inputs`: what the model is called with, once for each view, in the order of the samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from repdiag.data import open_data
from repdiag.errors import UsageError
from repdiag.extract import ExtractRequest, extract, plan
from repdiag.extract import features as features_module
from repdiag.extract import shards as shards_module
from repdiag.store import Store, open_store

Save = Callable[..., tuple[Path, nn.Module]]
Ask = Callable[..., ExtractRequest]


def inputs(store: Store, view: str = "base") -> np.ndarray:
    return np.concatenate([rows for _, rows in store.input_blocks(view, 47)])


def digits() -> np.ndarray:
    source = open_data("digits", limit=150, seed=0)
    return torch.stack([source.item(index) for index in range(len(source))]).flatten(1).numpy()


@pytest.mark.parametrize("end", [".h5", "/"], ids=["file", "folder"])
def test_inputs_are_kept_once_for_each_view(save: Save, ask: Ask, tmp_path: Path, end: str) -> None:
    for step in (1, 2):
        save(f"step_{step}.pt", seed=step)
    views = ("base", "a=noise:0.2", "dropout")
    request = ask(
        tmp_path / "step_*.pt",
        views=views,
        layers=("output",),
        keep_inputs=True,
        dtype="float16",
        output=f"{tmp_path}/out{end}",
    )
    summary = extract(request)
    assert "inputs: 64 features a sample are kept, once for each view" in summary.notes
    assert len(summary.representations) == 6
    with open_store(Path(request.output)) as store:
        assert store.input_views == ("a", "base", "dropout")
        info = store.inputs("base")
        assert info is not None
        assert (info.shape, info.dtype) == ((150, 64), "float32")
        assert np.array_equal(inputs(store), digits())
        assert np.array_equal(inputs(store, "dropout"), digits())
        assert np.std(inputs(store, "a") - digits()) == pytest.approx(0.2, rel=0.05)
        store.verify()


def test_without_the_option_nothing_is_kept(save: Save, ask: Ask) -> None:
    path, _ = save()
    extract(ask(path))
    with open_store(Path(ask(path).output)) as store:
        assert store.inputs("base") is None


def test_the_option_is_part_of_the_configuration(save: Save, ask: Ask) -> None:
    path, _ = save()
    extract(ask(path))
    with pytest.raises(UsageError, match="another keep-inputs"):
        extract(ask(path, keep_inputs=True))
    extract(ask(path, keep_inputs=True, overwrite=True))
    assert extract(ask(path, keep_inputs=True)).was_complete


@pytest.mark.parametrize("stopped_at", [2, 5, 9])
def test_an_interrupted_run_resumes_bit_by_bit(
    save: Save, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    """4 shards for each of 2 checkpoints and 2 views; stopped with inputs half written and written."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    monkeypatch.setattr(shards_module, "SHARD_ROWS", 40)
    for step in (1, 2):
        save(f"step_{step}.pt", seed=step)
    same: dict[str, Any] = {"views": ("base", "noise"), "layers": ("output",), "keep_inputs": True}
    whole = ask(tmp_path / "step_*.pt", **same, output=str(tmp_path / "whole.h5"))
    broken = ask(tmp_path / "step_*.pt", **same, output=str(tmp_path / "broken.h5"))
    extract(whole)
    original, made = shards_module.make_shard, 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal made
        made += 1
        if made == stopped_at:
            raise KeyboardInterrupt
        return original(*arguments, **named)

    monkeypatch.setattr("repdiag.extract.runner.make_shard", counted)
    with pytest.raises(KeyboardInterrupt):
        extract(broken)
    extract(broken)
    assert Path(broken.output).read_bytes() == Path(whole.output).read_bytes()
    with open_store(Path(broken.output)) as store:
        assert np.array_equal(inputs(store), digits())


def test_embeddings_do_not_depend_on_it(save: Save, ask: Ask, tmp_path: Path) -> None:
    path, _ = save()
    requests = [ask(path, keep_inputs=keep, output=f"{tmp_path}/{keep}.h5") for keep in (False, True)]
    for request in requests:
        extract(request)
    with open_store(Path(requests[0].output)) as one, open_store(Path(requests[1].output)) as other:
        for info in one.representations:
            assert np.array_equal(one.read(info.address, 0, 150), other.read(info.address, 0, 150))


def test_inputs_count_for_the_size_of_a_shard(save: Save, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = save()
    monkeypatch.setattr(shards_module, "SHARD_BYTES", 70 * (64 + 10) * 4)
    held = []
    original = shards_module.make_shard

    def watched(*arguments: Any, **named: Any) -> Any:
        shard = original(*arguments, **named)
        held.append(None if shard.inputs is None else shard.inputs.shape)
        return shard

    monkeypatch.setattr("repdiag.extract.runner.make_shard", watched)
    extract(ask(path, layers=("output",), keep_inputs=True))
    assert held == [(64, 64), (64, 64), (22, 64)]


def test_a_plan_counts_their_bytes(save: Save, ask: Ask) -> None:
    path, _ = save()
    request = ask(path, views=("base", "noise"), layers=("output",))
    without, kept = plan(request), plan(ask(path, views=request.views, layers=("output",), keep_inputs=True))
    assert kept.bytes - without.bytes == 150 * 2 * 64 * 4


DATA = """
import torch

class Samples(torch.utils.data.Dataset):
    def __init__(self, make):
        self.make = make
    def __len__(self):
        return 20
    def __getitem__(self, index):
        return self.make(index)

def numbers():
    return Samples(lambda index: torch.tensor(float(index)))
def doubles():
    return Samples(lambda index: torch.full((2, 3), index / 7, dtype=torch.float64))
def integers():
    return Samples(lambda index: torch.full((3,), index))
def texts():
    return Samples(lambda index: f"text {index}")
def named():
    return Samples(lambda index: {"a": torch.ones(3) * index})

class Any(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3))
    def forward(self, x=None, a=None):
        x = a if x is None else x
        return torch.ones(len(x), 5) * self.weight.sum()

def model():
    return Any()
"""


@pytest.fixture
def own(tmp_path: Path, ask: Ask) -> Callable[..., ExtractRequest]:
    """A request over user data that keeps inputs, with a model that takes anything."""
    (tmp_path / "own.py").write_text(DATA)
    torch.save({"weight": torch.ones(3)}, tmp_path / "own.pt")

    def make(data: str, **changes: Any) -> ExtractRequest:
        given = {"limit": None, "batch_size": 7, "layers": ("output",), "keep_inputs": True, **changes}
        code = tmp_path / "own.py"
        return ask(tmp_path / "own.pt", data=f"{code}:{data}", model=f"{code}:model", **given)

    return make


@pytest.mark.parametrize(("data", "p"), [("numbers", 1), ("doubles", 6)])
def test_every_float_tensor_is_one_row_of_float32(own: Ask, data: str, p: int) -> None:
    extract(own(data))
    with open_store(Path(own(data).output)) as store:
        rows = inputs(store)
    expected = np.arange(20) / (1 if p == 1 else 7)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, np.tile(expected[:, None], p).astype(np.float32))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("texts", "these samples are texts; leave it out"),
        ("named", "these samples are named inputs; leave it out"),
        ("integers", "these samples are int64, which may be ids of tokens; give them as floats"),
    ],
)
def test_samples_without_features_are_declined(own: Ask, tmp_path: Path, data: str, said: str) -> None:
    for attempt in (extract, plan):
        with pytest.raises(UsageError, match=said) as caught:
            attempt(own(data))
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("out.h5*"))


def test_too_many_features_are_declined(
    save: Save, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = save()
    monkeypatch.setattr(features_module, "MOST_FEATURES", 63)
    with pytest.raises(UsageError, match="a sample has 64 features, and 1 to 63 are kept; extract from"):
        extract(ask(path, keep_inputs=True))
    assert not list(tmp_path.glob("out.h5*"))


def test_a_row_for_each_position_has_no_inputs(save: Save, ask: Ask) -> None:
    path, _ = save()
    with pytest.raises(UsageError, match="needs one row a sample, not one a token"):
        extract(ask(path, layers=("0",), pool="none", keep_inputs=True))


def test_samples_that_differ_in_size_between_batches(own: Ask, tmp_path: Path) -> None:
    uneven = "\ndef uneven():\n    return Samples(lambda index: torch.ones(3 if index < 7 else 4))\n"
    (tmp_path / "own.py").write_text(DATA + uneven)
    with pytest.raises(UsageError, match="samples have 4 features, others 3"):
        extract(own("uneven"))
