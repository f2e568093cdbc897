"""`--twin` in a run: a second checkpoint in the store, by which `check` tells weights that did not load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from repdiag.analysis import SpectrumRequest, analyse_spectrum
from repdiag.check import check
from repdiag.data import open_data
from repdiag.errors import UsageError
from repdiag.extract import ExtractRequest, extract, plan
from repdiag.results import Finding
from repdiag.store import open_store
from repdiag.types import Address
from tests.check.builders import policy

Save = Callable[..., tuple[Path, nn.Module]]
Ask = Callable[..., ExtractRequest]


def rows(request: ExtractRequest, name: str, view: str = "base", layer: str = "6") -> np.ndarray:
    with open_store(Path(request.output)) as store:
        return np.asarray(store.read(Address(name, view, layer), 0, store.n))


def warnings_of(request: ExtractRequest) -> list[Finding]:
    asked = SpectrumRequest(interval="fast", device="cpu", layers=("6",))
    with open_store(Path(request.output)) as store:
        results = check(analyse_spectrum([store], asked), policy())
    assert not [one for one in results.findings if one.place and one.place.checkpoint == "net-twin"]
    return [one for one in results.findings if one.kind == "untrained twin" and one.severity == "warn"]


def trained(build: Callable[[], nn.Module], path: Path, steps: int = 60) -> None:
    """A few epochs of the digits."""
    source = open_data("digits")
    x = torch.stack([source.item(index) for index in range(len(source))])
    y: Tensor = torch.as_tensor(source.columns["label"])
    torch.manual_seed(0)
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(steps):
        picked = torch.randint(len(x), (128,))
        loss = nn.functional.cross_entropy(model(x[picked]), y[picked])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    torch.save(model.state_dict(), path)


def test_a_trained_model_is_told_from_its_twin(
    build: Callable[[], nn.Module], ask: Ask, tmp_path: Path
) -> None:
    trained(build, tmp_path / "net.pt")
    request = ask(tmp_path / "net.pt", limit=None, twin=True, layers=("6",))
    summary = extract(request)
    assert [address.checkpoint for address in summary.representations] == ["net", "net-twin"]
    assert "net-twin: fresh weights in all 11 tensors (seed 0), nothing loaded" in summary.reports
    with open_store(Path(request.output)) as store:
        recorded: Any = store.provenance["checkpoints"]
        assert recorded["net-twin"]["twin_of"] == "net"
        assert "twin_of" not in recorded["net"]
    assert warnings_of(request) == []


def test_random_weights_under_another_seed_are_a_warning(
    build: Callable[[], nn.Module], ask: Ask, tmp_path: Path
) -> None:
    torch.manual_seed(11)
    torch.save(build().state_dict(), tmp_path / "net.pt")
    request = ask(tmp_path / "net.pt", limit=None, twin=True, layers=("6",))
    extract(request)
    (finding,) = warnings_of(request)
    assert finding.place is not None
    assert finding.place.checkpoint == "net"


def test_a_checkpoint_of_which_almost_nothing_loaded_is_a_warning(
    build: Callable[[], nn.Module], ask: Ask, tmp_path: Path
) -> None:
    trained(build, tmp_path / "net.pt")
    whole = torch.load(tmp_path / "net.pt", weights_only=True)
    torch.save({"8.bias": whole["8.bias"]}, tmp_path / "net.pt")
    request = ask(tmp_path / "net.pt", limit=None, twin=True, layers=("6",), allow_partial=True)
    extract(request)
    assert np.array_equal(rows(request, "net"), rows(request, "net-twin"))
    assert {one.rule for one in warnings_of(request)} == {"twin", "load report"}


def test_each_checkpoint_has_a_twin_and_a_run_resumes_within_one(
    save: Save, ask: Ask, tmp_path: Path, stop_at: Callable[[int], None]
) -> None:
    for step in (1, 2):
        save(f"step_{step}.pt", seed=step)
    checkpoints = (tmp_path / "step_1.pt", tmp_path / "step_2.pt")
    whole = ask(*checkpoints, twin=True, views=("base", "noise"))
    assert plan(whole).checkpoints == ("step_1", "step_1-twin", "step_2", "step_2-twin")
    assert plan(whole).bytes == 2 * plan(ask(*checkpoints, views=("base", "noise"))).bytes
    seen: list[tuple[int, int]] = []
    extract(whole, lambda label, done, total: seen.append((done, total)))
    assert seen[-1] == (150 * 8, 150 * 8)
    again = ask(*checkpoints, twin=True, views=("base", "noise"), output=str(tmp_path / "again.h5"))

    stop_at(25)
    with pytest.raises(KeyboardInterrupt):
        extract(again)
    extract(again)
    for name in ("step_1", "step_1-twin", "step_2", "step_2-twin"):
        assert np.array_equal(rows(whole, name, "noise"), rows(again, name, "noise"))
    assert not np.array_equal(rows(whole, "step_1"), rows(whole, "step_1-twin"))
    with pytest.raises(UsageError, match="twin"):
        extract(ask(*checkpoints, views=("base", "noise")))
