"""Random weights are told from trained ones by a twin, and load reports are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Generator

from repdiag.analysis import SpectrumRequest, analyse_spectrum
from repdiag.check.further import further_findings
from repdiag.check.untrained import TWIN_OF, is_alike, shape_distance
from repdiag.demo.road import digit_images
from repdiag.demo.training import LEARNING_RATE, seeded_encoder, shuffled, update
from repdiag.results import Finding, Representation, Results, SpectrumRecord
from repdiag.store import memory_store
from repdiag.types import Address
from tests.check.builders import figure, healthy, insufficient, results, row

SPECTRUM = SpectrumRecord(eigenvalues=[1 / i for i in range(1, 50)], resolution_floor=0.0)


def with_checkpoints(found: Results, **held: Mapping[str, Any]) -> Results:
    stores = [{"file": "run.h5", "checkpoints": {name: dict(each) for name, each in held.items()}}]
    return found.model_copy(update={"source": {"stores": stores}})


def named(checkpoint: str, **changes: Any) -> Representation:
    return row(healthy(**changes), checkpoint=checkpoint, spectrum=SPECTRUM)


def twins(one: Representation, other: Representation) -> list[Finding]:
    made = with_checkpoints(results(one, other), twin={TWIN_OF: "last"})
    return further_findings(made, made.representations)


def test_a_checkpoint_like_its_twin_is_a_warning() -> None:
    (finding,) = twins(named("last"), named("twin", effective_rank=figure(300.0)))
    assert (finding.id, finding.kind, finding.severity) == ("RD019", "untrained twin", "warn")
    assert finding.place is not None
    assert finding.place.checkpoint == "last"
    assert 'cannot be told from "twin"' in finding.message
    assert "effective rank 320 and 300" in finding.message
    assert finding.low is not None
    assert "load report" in finding.next_step


DIFFERENT: dict[str, dict[str, Any]] = {
    "scale": {"trace": figure(30.0)},
    "rank": {"effective_rank": figure(60.0)},
    "cone": {"mean_share": figure(0.7)},
    "unsure": {"effective_rank": figure(300.0, half=0.6)},
    "no figure": {"effective_rank": insufficient(low=200.0)},
    "missing figure": {"trace": None},
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_one_figure_apart_is_enough(name: str) -> None:
    assert twins(named("last"), named("twin", **DIFFERENT[name])) == []


def test_another_shape_is_enough() -> None:
    steep = SpectrumRecord(eigenvalues=[i**-3 for i in range(1, 50)], resolution_floor=0.0)
    other = named("twin").model_copy(update={"spectrum": steep})
    assert shape_distance(named("last"), other) == pytest.approx(2.47, abs=0.01)
    assert twins(named("last"), other) == []
    assert twins(named("last"), named("twin").model_copy(update={"spectrum": None})) == []


@pytest.mark.parametrize(("mean", "warned"), [(0.2, True), (0.001, False)])
def test_where_a_normalisation_took_out_the_mean_the_rest_counts_more(mean: float, warned: bool) -> None:
    one, other = (
        named(name, mean_share=figure(mean), effective_rank=figure(rank))
        for name, rank in (("last", 20.0), ("twin", 24.0))
    )
    assert bool(twins(one, other)) is warned


def test_only_the_same_layer_of_the_named_checkpoint_is_compared() -> None:
    other = named("twin").model_copy(update={"layer": "another"})
    assert twins(named("last"), other) == []
    assert twins(named("first"), named("twin")) == []


REPORTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing": ({"tensors_loaded": 0, "missing": 40}, "warn", "Nothing was loaded"),
    "most": ({"tensors_loaded": 10, "missing": 30}, "warn", "30 of the 40 tensors"),
    "few": ({"tensors_loaded": 38, "missing": 2}, "info", "2 of the 40 tensors"),
}


@pytest.mark.parametrize("name", REPORTS)
def test_load_reports_are_read(name: str) -> None:
    held, severity, words = REPORTS[name]
    made = with_checkpoints(results(named("last"), named("last")), last=held)
    (finding,) = further_findings(made, made.representations)
    assert (finding.kind, finding.severity) == ("untrained twin", severity)
    assert words in finding.message


@pytest.mark.parametrize(
    "held",
    [
        {"tensors_loaded": 40, "missing": 0},
        {"tensors_loaded": "many"},
        {},
        {"tensors_loaded": 0, "missing": 40, TWIN_OF: "last"},
    ],
)
def test_whole_loads_foreign_stores_and_twins_themselves_say_nothing(held: Mapping[str, Any]) -> None:
    made = with_checkpoints(results(named("one")), one=held)
    assert further_findings(made, made.representations) == []


@pytest.mark.parametrize("source", [{}, {"stores": "text"}, {"stores": [1, {"checkpoints": [2]}]}])
def test_a_foreign_source_is_no_error(source: Any) -> None:
    made = results(named("last")).model_copy(update={"source": source})
    assert further_findings(made, made.representations) == []


def encoded(seed: int, epochs: int = 0) -> Representation:
    """The backbone of the demo's encoder on the digits."""
    images, generator = digit_images(), Generator().manual_seed(seed)
    model = seeded_encoder(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for _ in range(epochs):
        for batch in shuffled(images, generator):
            update(model.train(), optimizer, batch, 1.0, generator)
    with torch.no_grad():
        rows = model.eval().backbone(images.flatten(1) - 0.3).numpy()
    request = SpectrumRequest(
        measures=("trace", "mean_share", "effective_rank"), interval="fast", device="cpu"
    )
    made = analyse_spectrum([memory_store({Address(f"seed {seed}", "base", "backbone"): rows})], request)
    return made.representations[0]


def test_two_draws_of_real_weights_are_alike_and_one_epoch_tells_them_apart() -> None:
    draws, trained = [encoded(seed) for seed in range(4)], encoded(0, epochs=1)
    pairs = [(draws[i], draws[j]) for i in range(4) for j in range(i)]
    assert sum(bool(is_alike(one, other)) for one, other in pairs) >= 5
    assert not any(is_alike(trained, draw) for draw in draws)
