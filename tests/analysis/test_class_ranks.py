"""Ranks by class: those of each class alone, lowest first, with intervals that hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from repdiag.analysis import SpectrumRequest, analyse_spectrum
from repdiag.analysis.class_ranks import MOST_CLASSES
from repdiag.results import ClassRanks, Representation
from repdiag.store import memory_store
from repdiag.types import Status
from tests.analysis.memory import Array
from tests.reference import covariance_eigenvalues, entropy_rank

D = 16


def rows(n: int, seed: int = 0) -> Array:
    made: Array = np.random.default_rng(seed).standard_normal((n, D)) * np.arange(1, D + 1) ** -0.5
    return made.astype(np.float32)


def analysed(data: Array, labels: Array | None, **options: Any) -> Representation:
    request = {"device": "cpu", "interval": "fast", "measures": ("per_class_rank",), "closer": True}
    if labels is None:
        request["measures"] = ("effective_rank",)
    store = memory_store(data, labels=labels)
    return analyse_spectrum([store], SpectrumRequest(**{**request, **options})).representations[0]


def ranks(data: Array, labels: Array, **options: Any) -> ClassRanks:
    found = analysed(data, labels, **options).class_ranks
    assert found is not None
    return found


def test_each_class_has_the_rank_of_its_own_rows() -> None:
    data, labels = rows(900), np.array(["cat", "dog", "emu"])[np.arange(900) % 3]
    found = ranks(data, labels)
    assert [one.n for one in found.ranks] == [300, 300, 300]
    for one in found.ranks:
        own = data[labels == one.name].astype(np.float64)
        assert one.value == pytest.approx(entropy_rank(covariance_eigenvalues(own)), rel=1e-6)
    values = [one.value or 0.0 for one in found.ranks]
    assert values == sorted(values)


def test_a_class_that_collapsed_comes_first_and_its_interval_is_below_the_others() -> None:
    data, labels = rows(1200), np.arange(1200) % 4
    data[labels == 2, 2:] *= 1e-3
    first, *others = ranks(data, labels).ranks
    assert first.name == "2"
    assert first.low is not None
    assert first.high is not None
    assert first.value is not None
    assert first.low < first.value < first.high
    assert all(one.low is not None and first.high < one.low for one in others)


def test_intervals_are_as_wide_as_ranks_vary_from_draw_to_draw() -> None:
    labels = np.arange(800) % 2
    draws = [ranks(rows(800, seed), labels).ranks for seed in range(12)]
    values = np.log([next(one.value or 0.0 for one in each if one.name == "0") for each in draws])
    widths = [np.log((one.high or 1) / (one.low or 1)) / 2 / 2.09 for each in draws for one in each]
    assert 0.5 < np.mean(widths) / values.std(ddof=1) < 2


def test_a_class_that_does_not_vary_is_constant() -> None:
    data, labels = rows(400), np.arange(400) % 2
    data[labels == 1] = 1.0
    first = ranks(data, labels).ranks[0]
    assert (first.name, first.value, first.low, first.status) == ("1", None, None, Status.CONSTANT)


def test_no_interval_without_one_being_asked_for() -> None:
    found = ranks(rows(400), np.arange(400) % 2, interval="none")
    assert all(one.value is not None and one.low is None and one.high is None for one in found.ranks)


def test_of_many_classes_the_lowest_are_kept() -> None:
    data, labels = rows(2000), np.arange(2000) % 100
    data[labels == 71, 1:] = 0
    found = ranks(data, labels)
    assert found.classes == 100
    assert len(found.ranks) == MOST_CLASSES
    assert found.ranks[0].name == "71"


def test_rotation_changes_nothing() -> None:
    data, labels = rows(600).astype(np.float64), np.arange(600) % 3
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((D, D)))[0]
    before, after = ranks(data, labels).ranks, ranks(data @ turn, labels).ranks
    assert [one.name for one in before] == [one.name for one in after]
    assert [one.value for one in before] == pytest.approx([one.value for one in after], rel=1e-9)


def test_no_labels_no_ranks_by_class() -> None:
    assert analysed(rows(300), None).class_ranks is None
    assert analysed(rows(300), np.arange(300) % 2, closer=False).class_ranks is None
