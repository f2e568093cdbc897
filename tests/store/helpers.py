"""Small stores and arrays for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from repdiag.errors import RepdiagError
from repdiag.store import ShardWriter, open_store, write_store
from repdiag.types import Address

Array = np.ndarray[Any, np.dtype[Any]]
N, D = 40, 6
BASE = Address("epoch=1", "base", "layer4.1")
CONFIG = {"model": "timm:resnet18", "data": {"spec": "digits", "limit": 40}, "layers": ["layer4.1"]}


def matrix(seed: int = 0, n: int = N, d: int = D, dtype: str = "float32") -> Array:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(dtype)


def names(n: int = N) -> list[str]:
    return [f"sample-{row}" for row in range(n)]


def small_store(path: Path, **changes: Any) -> Path:
    """A store of one representation, with ids and labels."""
    given: dict[str, Any] = {
        "samples": {"id": names(), "label": [row % 4 for row in range(N)]},
        "embeddings": {BASE: matrix()},
        "checkpoints": {BASE.checkpoint: {"step": 100, "path": "/home/someone/epoch=1.ckpt"}},
        "attrs": {"seed": 7, "command": "repdiag extract", "config": CONFIG},
    }
    return write_store(path, **{**given, **changes})


@contextmanager
def edited(path: Path) -> Iterator[h5py.File]:
    """The file open for vandalism."""
    with h5py.File(path, "r+") as file:
        yield file


def foreign_file(path: Path, data: Mapping[str, Any]) -> Path:
    """An HDF5 file that is not ours."""
    with h5py.File(path, "w") as file:
        for name, values in data.items():
            file[name] = values
    return path


def refusal(path: Path, kind: type[RepdiagError], **options: Any) -> str:
    """The one sentence with which opening fails; exactly of this kind."""
    with pytest.raises(RepdiagError) as caught:
        open_store(path, **options).close()
    assert type(caught.value) is kind, caught.value
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return sentence


def write_shards(writer: ShardWriter, plan: Sequence[tuple[str, str, int]], rows: int = 10) -> None:
    """Write the planned shards that are not done, with rows that depend on the plan only."""
    for checkpoint, view, start in plan:
        if (checkpoint, view, start) in writer.done:
            continue
        layers = {layer: shard_rows(checkpoint, view, layer, start, rows) for layer in ("early", "late")}
        columns: dict[str, list[Any]] = {
            "id": names()[start : start + rows],
            "label": list(range(start, start + rows)),
        }
        writer.write(checkpoint, view, start, layers, columns)


def shard_rows(checkpoint: str, view: str, layer: str, start: int, rows: int = 10) -> Array:
    seed = sum(map(ord, checkpoint + view + layer)) * 1000 + start
    return matrix(seed, rows, 3 if layer == "early" else D)


def whole(checkpoint: str, view: str, layer: str) -> Array:
    return np.concatenate([shard_rows(checkpoint, view, layer, start) for start in range(0, N, 10)])


PLAN = [
    (checkpoint, view, start)
    for checkpoint in ("epoch=1", "epoch=2")
    for view in ("base", "crop")
    for start in range(0, N, 10)
]
