"""A cliff that clusters leave is called so; one that a lost dimension leaves says that it was looked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from repdiag import synthetic
from repdiag.analysis import SpectrumRequest, analyse_spectrum
from repdiag.check import build_policy, check
from repdiag.check.gathered import gathered
from repdiag.results import Finding
from repdiag.store import memory_store
from tests.check.builders import figure

MEASURES = ("trace", "mean_share", "effective_rank", "top1_share", "spectral_cliff", "per_class_rank")
Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
N, D = 1000, 64


def found(rows: Array, labels: Array | None = None) -> dict[str, Finding]:
    """Findings of a check by kind."""
    measures = MEASURES if labels is not None else MEASURES[:-1]
    store = memory_store(rows.astype(np.float32), labels=labels)
    made = analyse_spectrum([store], SpectrumRequest(measures=measures, device="cpu"))
    judged = check(made, build_policy())
    return {one.kind: one for one in judged.findings if one.place}


def clusters(separation: float) -> synthetic.Cloud:
    return synthetic.clusters(N, D, classes=10, separation=separation, seed=0)


def test_clusters_are_named_with_their_evidence() -> None:
    finding = found(clusters(30.0).samples.numpy())["clusters"]
    assert (finding.id, finding.severity) == ("RD020", "fail")
    assert "The rows gather around about 10 points" in finding.message
    assert "or there are that many clusters" not in finding.message
    assert "a few points" in finding.cause
    assert "Give labels" in finding.next_step


def test_copies_of_a_few_samples_are_called_copies() -> None:
    rows = np.random.default_rng(0).standard_normal((6, D))[np.arange(N) % 6]
    finding = found(rows + 1e-3 * np.random.default_rng(1).standard_normal((N, D)))["clusters"]
    assert "about 6 points" in finding.message
    assert "are close copies of them" in finding.message


def test_a_lost_dimension_stays_dimensional() -> None:
    finding = found(synthetic.low_rank(N, D, rank=8, noise=0.01, seed=0).samples.numpy())["dimensional"]
    assert finding.severity == "fail"
    assert "about 8 directions live, and the rows do not gather around a few points" in finding.message


def test_labels_that_explain_it_keep_the_word() -> None:
    cloud = clusters(60.0)
    assert cloud.labels is not None
    judged = found(cloud.samples.numpy(), cloud.labels.numpy())
    assert "neural collapse" in judged
    assert "clusters" not in judged


def test_an_undecided_cliff_is_named_without_a_cause() -> None:
    finding = found(clusters(20.0).samples.numpy())["clusters"]
    assert finding.severity == "inconclusive"
    assert finding.cause == ""


TIGHT: dict[str, Any] = {"clusters": 10, "explained": 0.95, "null": 0.3, "contested": 0.0, "within": 0.2}


@pytest.mark.parametrize(
    ("change", "tight"),
    [
        ({}, True),
        ({"clusters": 1}, False),
        ({"explained": 0.79}, False),
        ({"null": 0.91}, False),
        ({"contested": 0.06}, False),
    ],
)
def test_every_condition_counts(change: dict[str, Any], tight: bool) -> None:
    evidence = gathered(figure(9.0, **{**TIGHT, **change}))
    assert evidence is not None
    assert evidence.tight is tight


def test_a_cliff_without_evidence_is_left_alone() -> None:
    assert gathered(figure(9.0, k=8)) is None
    assert gathered(figure(9.0, **{**TIGHT, "null": "many"})) is None


def test_the_collapsed_class_has_a_name() -> None:
    cloud = synthetic.clusters(N, D, classes=5, separation=2.0, seed=0)
    assert cloud.labels is not None
    rows, labels = cloud.samples.numpy().copy(), cloud.labels.numpy()
    rows[labels == 3] = rows[labels == 3][:1] + 1e-3 * rows[labels == 3][:, :1]
    finding = found(rows, labels)["class collapse"]
    assert 'it is class "3", effective rank 1' in finding.message
