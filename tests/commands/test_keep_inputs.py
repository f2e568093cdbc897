"""`repdiag extract --keep-inputs` as it is typed: option, configuration, kill, and what inspect shows."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from repdiag.data import open_data
from repdiag.store import open_store
from tests.commands.helpers import Typed, in_a_process

MODEL = """
import os
from pathlib import Path

import torch
from torch import nn

class Net(nn.Sequential):
    def forward(self, x):
        calls = Path("calls.txt")
        count = int(calls.read_text()) + 1 if calls.exists() else 1
        calls.write_text(str(count))
        if str(count) == os.environ.get("STOP_AT"):
            os.kill(os.getpid(), 9)
        return super().forward(x)

def build():
    return Net(nn.Flatten(), nn.Linear(64, 3))
"""
WORDS = ("extract", "one.pt", "two.pt", "--model", "net.py:build", "--data", "digits", "--limit", "60")


@pytest.fixture(autouse=True)
def files(here: Path) -> None:
    (here / "net.py").write_text(MODEL, encoding="utf-8")
    for seed, name in enumerate(("one", "two")):
        generator = torch.Generator().manual_seed(seed)
        state = {"1.weight": torch.randn(3, 64, generator=generator), "1.bias": torch.zeros(3)}
        torch.save(state, here / f"{name}.pt")


def kept(path: Path) -> np.ndarray:
    with open_store(path) as store:
        store.verify()
        ((_, rows),) = store.input_blocks("base", store.n)
        return rows


def digits() -> np.ndarray:
    source = open_data("digits", limit=60, seed=0)
    return torch.stack([source.item(index) for index in range(60)]).flatten(1).numpy()


def test_the_option_and_the_configuration_do_the_same(typed: Typed, here: Path) -> None:
    ended = typed(*WORDS, "--keep-inputs", "-o", "out_a.h5")
    assert ended.code == 0
    assert "note: inputs: 64 features a sample are kept, once for each view" in ended.out
    (here / "repdiag.toml").write_text("[extract]\nkeep_inputs = true\n", encoding="utf-8")
    assert typed(*WORDS, "-o", "out_b.h5").code == 0
    assert np.array_equal(kept(here / "out_a.h5"), digits())
    assert np.array_equal(kept(here / "out_b.h5"), digits())
    assert "complete already" in typed(*WORDS, "-o", "out_a.h5").out


def test_a_killed_run_is_resumed_with_its_inputs(
    typed: Typed, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the last forward pass: that of the second checkpoint, after the shard with the inputs."""
    words = (*WORDS, "--keep-inputs", "--batch-size", "60")
    assert typed(*words, "-o", "whole.h5").code == 0
    monkeypatch.setenv("STOP_AT", (here / "calls.txt").read_text())
    (here / "calls.txt").unlink()
    assert in_a_process(*words, cwd=here).returncode == -signal.SIGKILL
    with open_store(here / "embeddings.h5.partial", allow_partial=True) as store:
        assert {info.address.checkpoint for info in store.representations} == {"one"}
    monkeypatch.delenv("STOP_AT")
    assert typed(*words).code == 0
    assert np.array_equal(kept(here / "embeddings.h5"), digits())


def test_inspect_lists_them_and_other_commands_do_not_mind(typed: Typed, here: Path) -> None:
    assert typed(*WORDS, "--keep-inputs", "--view", "base", "--view", "noise").code == 0
    shown = typed("inspect", "embeddings.h5").out.splitlines()
    assert shown[-2:] == [
        "       60      64  float32  inputs of view base",
        "       60      64  float32  inputs of view noise",
    ]
    document = json.loads(typed("inspect", "embeddings.h5", "--json", "-").out)
    assert document["inputs"] == [
        {"view": view, "n": 60, "p": 64, "dtype": "float32"} for view in ("base", "noise")
    ]
    assert typed("spectrum", "embeddings.h5", "--no-report").code == 0
    without = typed(*WORDS, "-o", "plain.h5")
    assert without.code == 0
    assert json.loads(typed("inspect", "plain.h5", "--json", "-").out)["inputs"] == []


def test_it_declines_in_one_sentence(typed: Typed, here: Path) -> None:
    (here / "texts.txt").write_text("one\ntwo\nthree\n", encoding="utf-8")
    words = ("extract", "one.pt", "--model", "net.py:build", "--data", "texts.txt", "--keep-inputs")
    ended = typed(*words)
    assert ended.code == 2
    assert ended.sentence
    assert not list(here.glob("embeddings*"))
