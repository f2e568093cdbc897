from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from repdiag.data import Batch, Reading, open_data, parse_views, read_batches
from repdiag.extract.inputs import Encoder
from repdiag.extract.loading import Loaded
from repdiag.extract.runner import reading_of

BASE = parse_views(())[0]


def loaded_on(device: str) -> Loaded:
    return Loaded(nn.Identity(), Encoder(torch.device(device)), None, None, {}, "", ())


@pytest.mark.parametrize(
    ("device", "pinned"), [("cpu", False), ("cuda", True), ("cuda:1", True), ("mps", False)]
)
def test_batches_for_cuda_are_pinned(device: str, pinned: bool) -> None:
    assert reading_of(loaded_on(device), BASE, 3) == Reading(BASE, 3, None, None, pinned)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("pinned", [False, True])
def test_samples_are_stacked_straight_into_pinned_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, pinned: bool
) -> None:
    rows = np.random.default_rng(0).standard_normal((10, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", rows)
    source = open_data(str(tmp_path / "x.npy"))
    made: list[tuple[Any, bool]] = []
    original: Callable[..., Tensor] = torch.empty

    def empty(shape: Any, *, pin_memory: bool = False, **named: Any) -> Tensor:
        made.append((tuple(shape), pin_memory))
        return original(shape, **named)

    monkeypatch.setattr("repdiag.data.batches.torch.empty", empty)
    reading = Reading(BASE, 0, pinned=pinned)
    batches = list(read_batches(source, [(0, 6), (6, 10)], reading, workers))
    assert np.array_equal(torch.cat([batch.inputs for batch in batches]).numpy(), rows)  # type: ignore[misc]
    assert made == ([((6, 3), True), ((4, 3), True)] if pinned else [])


@pytest.mark.parametrize(("device", "expected"), [("cpu", False), ("cuda", True)])
def test_a_gpu_takes_inputs_while_we_go_on(
    monkeypatch: pytest.MonkeyPatch, device: str, expected: bool
) -> None:
    moved: list[tuple[str, bool]] = []

    def to(self: Tensor, where: torch.device, *, non_blocking: bool = False) -> Tensor:
        moved.append((where.type, non_blocking))
        return self

    monkeypatch.setattr(torch.Tensor, "to", to)
    encoder = Encoder(torch.device(device))
    encoder(Batch(("a",), torch.ones(1, 2)))
    encoder(Batch(("a",), {"x": torch.ones(1, 2), "y": torch.ones(1)}))
    assert moved == [(device, expected)] * 3
