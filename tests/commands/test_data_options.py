"""`--twin`, `--column` and `--on-error`, as they are typed and as they stand in repdiag.toml."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from repdiag.store import open_store
from tests.commands.helpers import Typed

NET = """
from torch import nn
def build():
    return nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 4))
"""
DATA = """
import numpy as np
class Data:
    def __len__(self): return 200
    def __getitem__(self, row):
        if row == 9: raise ValueError("damaged")
        x = np.random.default_rng(row).normal(size=6)
        return {"x": x, "species": "cat" if row % 2 else "dog", "age": row / 4}
def make(): return Data()
"""
WORDS = (
    "extract",
    "one.pt",
    "--model",
    "net.py:build",
    "--data",
    "mine.py:make",
    "--device",
    "cpu",
    "--twin",
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "mine.py").write_text(DATA)
    torch.manual_seed(5)
    torch.save(nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 4)).state_dict(), tmp_path / "one.pt")
    return tmp_path


def test_as_it_is_typed(typed: Typed, here: Path) -> None:
    ended = typed(*WORDS)
    assert ended.code == 2
    assert "sample 9 raised ValueError (damaged)" in ended.sentence
    ended = typed(*WORDS, "--on-error", "skip", "--column", "label=species", "--column", "age")
    assert ended.code == 0
    (line,) = [line for line in ended.out.splitlines() if "cannot be read" in line]
    assert line == "note: 1 sample that cannot be read was left out (--on-error skip): 9"
    with open_store(here / "embeddings.h5") as store:
        assert store.n == 199
        label, age = store.column("label"), store.column("age")
        assert label is not None
        assert age is not None
        assert label.tolist()[:2] == ["dog", "cat"]
        assert age.tolist()[1] == "0.25"
        names = {info.address.checkpoint for info in store.representations}
        assert names == {"one", "one-twin"}
    ended = typed("check", "embeddings.h5", "--exit-zero")
    assert ended.code == 0
    assert 'cannot be told from "one-twin"' in " ".join(ended.out.split())
    assert "one-twin/base" not in ended.out


def test_as_it_is_configured(typed: Typed, here: Path) -> None:
    assert typed(*WORDS, "--on-error", "skip", "--column", "group=species", "-o", "a.h5").code == 0
    lines = (
        "[extract]",
        "twin = true",
        'columns = ["group=species"]',
        'on_error = "skip"',
        'output = "b.h5"',
    )
    (here / "repdiag.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert typed(*WORDS[:-1]).code == 0
    with open_store(here / "a.h5") as one, open_store(here / "b.h5") as other:
        assert [info.address for info in one.representations] == [
            info.address for info in other.representations
        ]
        for info in one.representations:
            assert np.array_equal(one.read(info.address, 0, one.n), other.read(info.address, 0, other.n))
        first, second = one.column("group"), other.column("group")
        assert first is not None
        assert second is not None
        assert first.tolist() == second.tolist()
