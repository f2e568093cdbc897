"""A small convolutional model as user code, checkpoints of it, and a request over the digits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from repdiag.extract import ExtractRequest, shards

MODEL = """
import torch
from torch import nn

def make(width=8, classes=10, dropout=0.3):
    return nn.Sequential(
        nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(width, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, classes),
    )
"""


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(MODEL)
    return path


@pytest.fixture
def build(model_file: Path) -> Callable[[], nn.Module]:
    """The same model, made by hand."""
    space: dict[str, Any] = {}
    exec(compile(model_file.read_text(), str(model_file), "exec"), space)
    make: Callable[[], nn.Module] = space["make"]
    return make


@pytest.fixture
def save(tmp_path: Path, build: Callable[[], nn.Module]) -> Callable[..., tuple[Path, nn.Module]]:
    """Writes a checkpoint with weights of its own and gives it with the model that holds them."""

    def write(name: str = "net.pt", seed: int = 0, **extra: Any) -> tuple[Path, nn.Module]:
        torch.manual_seed(seed)
        model = build().eval()
        model[1].running_var.uniform_(0.5, 1.5)  # type: ignore[index]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"state_dict": model.state_dict(), **extra} if extra else model.state_dict(), path)
        return path, model

    return write


@pytest.fixture
def ask(tmp_path: Path, model_file: Path) -> Callable[..., ExtractRequest]:
    """A request over 150 digits, with changes."""

    def make(*checkpoints: Path | str, **changes: Any) -> ExtractRequest:
        defaults: dict[str, Any] = {
            "data": "digits",
            "model": f"{model_file}:make",
            "limit": 150,
            "batch_size": 32,
            "device": "cpu",
            "output": str(tmp_path / "out.h5"),
        }
        return ExtractRequest(tuple(map(str, checkpoints)), **{**defaults, **changes})

    return make


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Shards of 8 rows, and a run that is interrupted once, at the shard of this number."""
    original = shards.make_shard
    monkeypatch.setattr(shards, "SHARD_ROWS", 8)

    def arrange(number: int) -> None:
        made = 0

        def stopping(*arguments: Any) -> Any:
            nonlocal made
            made += 1
            if made == number:
                raise KeyboardInterrupt
            return original(*arguments)

        monkeypatch.setattr("repdiag.extract.runner.make_shard", stopping)

    return arrange
