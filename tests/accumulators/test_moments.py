"""Moments against two-pass computations in numpy, where it is hard: large means, left-out groups."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from repdiag import linalg
from repdiag.accumulators import ClassSums, FeatureMoments, GroupedMoments, grouped_rows
from repdiag.accumulators.energies import GroupEnergies
from tests.accumulators.kinds import GROUPS, D, Rows, rows
from tests.reference import Matrix


def moments(data: Rows, chunk: int = 17) -> GroupedMoments:
    state = GroupedMoments.empty(GROUPS, D)
    for start in range(0, len(data.rows), chunk):
        state = state.update(data.batch(list(range(start, min(start + chunk, len(data.rows))))))
    return state


def two_pass(x: Matrix) -> Matrix:
    """Covariance in extended precision."""
    long = x.astype(np.longdouble)
    centred = long - long.mean(axis=0)
    found: Matrix = (centred.T @ centred / (len(x) - 1)).astype(np.float64)
    return found


def relative(found: torch.Tensor, expected: Matrix) -> float:
    return float(np.linalg.norm(found.numpy() - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize("mean", [0.0, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("chunk", [1, 7, 90])
def test_covariance_with_a_mean_far_from_zero(mean: float, chunk: int) -> None:
    data = rows(mean=mean)
    found = moments(data, chunk).total().covariance
    assert relative(found, two_pass(data.rows.numpy())) < 1e-9


def test_large_mean_stored_as_float32() -> None:
    """Storage loses digits there; the sums over the stored bytes do not."""
    data = rows(400, mean=1e6, dtype=torch.float32)
    found = moments(data, 13).total().covariance
    assert relative(found, two_pass(data.rows.double().numpy())) < 1e-9


def test_merge_with_a_mean_far_from_zero() -> None:
    data = rows(200, mean=1e6)
    parts = [GroupedMoments.empty(GROUPS, D).update(data.batch(list(range(i, 200, 8)))) for i in range(8)]
    total = parts[0]
    for part in parts[1:]:
        total = total.merge(part)
    assert relative(total.total().covariance, two_pass(data.rows.numpy())) < 1e-9


@pytest.mark.parametrize("group", range(GROUPS - 1))
@pytest.mark.parametrize("mean", [1.0, 1e6])
def test_without_a_group_equals_the_other_rows(group: int, mean: float) -> None:
    data = rows(mean=mean)
    state = moments(data)
    left = state.without(group, state.total())
    others = data.rows[torch.from_numpy(data.groups != group)].numpy()
    assert left.count == len(others)
    assert relative(left.covariance, two_pass(others)) < 1e-9
    np.testing.assert_allclose(left.mean.numpy(), others.mean(axis=0), rtol=1e-12)


def test_without_an_empty_group_is_the_whole() -> None:
    state = moments(rows())
    total = state.total()
    left = state.without(GROUPS - 1, total)
    assert left.count == total.count
    torch.testing.assert_close(left.scatter, total.scatter)


def test_group_equals_its_own_rows() -> None:
    data = rows()
    own = data.rows[torch.from_numpy(data.groups == 2)].numpy()
    found = moments(data).group(2)
    assert found.count == len(own)
    assert relative(found.covariance, two_pass(own)) < 1e-12


def test_second_moment_and_selection() -> None:
    data = rows()
    total = moments(data).total()
    x = data.rows.numpy()
    np.testing.assert_allclose(total.second_moment.numpy(), x.T @ x / len(x), rtol=1e-12)
    chosen = total.select(torch.tensor([4, 1]))
    np.testing.assert_allclose(chosen.covariance.numpy(), np.cov(x[:, [4, 1]], rowvar=False), rtol=1e-12)


def test_rows_in_memory_become_a_batch() -> None:
    data = rows()
    batch = grouped_rows(data.rows, data.groups.tolist(), GROUPS)
    found = GroupedMoments.empty(GROUPS, D).update(batch).total()
    torch.testing.assert_close(found.scatter, moments(data).total().scatter)


def test_features_over_some_groups() -> None:
    data = rows(mean=1e6)
    state = FeatureMoments.empty(GROUPS, D).update(data.batch(list(range(len(data.rows)))))
    found = state.over([0, 3])
    own = data.rows[torch.from_numpy(np.isin(data.groups, [0, 3]))].numpy()
    np.testing.assert_allclose(found.mean[0].numpy(), own.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found.squares[0].numpy(), own.var(axis=0) * len(own), rtol=1e-8)


def test_unit_rows_leave_zero_rows_alone() -> None:
    data = rows()
    state = FeatureMoments.empty(GROUPS, D, unit=True).update(data.batch(list(range(len(data.rows)))))
    assert float(state.nonzero.sum()) == len(data.rows) - 1
    lengths = np.linalg.norm(data.rows.numpy(), axis=1, keepdims=True)
    unit = np.divide(data.rows.numpy(), lengths, where=lengths > 0, out=np.zeros_like(data.rows.numpy()))
    np.testing.assert_allclose(state.over([0, 1, 2, 3]).mean[0].numpy(), unit.mean(axis=0), rtol=1e-12)


def test_class_sums_with_a_mean_far_from_zero() -> None:
    data = rows(300, mean=1e6)
    state = ClassSums.empty(GROUPS, 3, D)
    for start in range(0, 300, 11):
        state = state.update(data.batch(list(range(start, min(start + 11, 300)))))
    assert state.origin is not None
    counts, sums = state.counts.sum(0), state.sums.sum(0)
    for label in range(3):
        own = data.rows.numpy()[data.labels == label].astype(np.longdouble)
        deviation = (own - state.origin.numpy()).mean(axis=0).astype(np.float64)
        np.testing.assert_allclose((sums[label] / counts[label]).numpy(), deviation, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("unit", [False, True])
def test_energies_from_rows_and_from_scatters_agree(unit: bool) -> None:
    data = rows()
    batch = data.batch(list(range(len(data.rows))))
    grouped = GroupedMoments.empty(GROUPS, D, unit=unit).update(batch)
    total = grouped.total()
    values, basis = linalg.eigenbasis(total.covariance)
    exact = GroupEnergies.of_moments(grouped, basis, total.mean, values)
    streamed = GroupEnergies.empty(GROUPS, basis, total.mean, unit=unit).update(batch)
    assert exact.count == streamed.count
    close = partial(torch.testing.assert_close, rtol=1e-4, atol=1e-4)
    close(streamed.sums.double(), exact.sums)
    close(streamed.squares.double(), exact.squares)
    close(exact.squares.sum(0), values * (total.count - 1))
