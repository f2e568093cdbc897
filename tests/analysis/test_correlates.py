"""What the leading direction follows is found with an interval, and nothing where there is nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch._subclasses.fake_tensor import FakeTensorMode

from repdiag import linalg, synthetic
from repdiag.analysis import SpectrumRequest, analyse_spectrum
from repdiag.analysis.correlates import correlates, leading_direction
from repdiag.analysis.row_sample import RowSample
from repdiag.results import Representation
from repdiag.store import Store, memory_store
from repdiag.store.opened import Contents, Item
from repdiag.store.rows import LazyRows
from tests.analysis.memory import Array

N, D = 1500, 64


def cloud(n: int = N) -> Array:
    rows: Array = synthetic.power_law(n, D, exponent=1.0, seed=0).samples.numpy()
    return rows


def driven(lengths: Array, strength: float = 4.0) -> Array:
    """Rows whose leading direction is how long their input was."""
    direction = np.random.default_rng(1).standard_normal(D) / D**0.5
    score = (lengths - lengths.mean()) / lengths.std()
    rows: Array = cloud(n=len(lengths)) + strength * score[:, None] * direction
    return rows


def analysed(rows: Array, order: Array | None = None, **columns: Array) -> Representation:
    """A representation whose samples have columns; `order` rearranges both."""
    places = np.arange(len(rows)) if order is None else order
    item = memory_store(rows[places])._items.popitem()[1]
    held = {name: (lambda values=values: values[places]) for name, values in columns.items()}
    ids = [f"sample {place}" for place in places]
    store = Store(Path("memory"), Contents([Item(item.info, LazyRows.of(rows[places]))], held, lambda: ids))
    request = SpectrumRequest(measures=("top1_share",), interval="fast", device="cpu")
    return analyse_spectrum([store], request).representations[0]


def sampled(rows: Array) -> RowSample:
    groups = (np.arange(len(rows)) % 20).astype(np.uint8)
    return RowSample(torch.from_numpy(rows), np.arange(len(rows)), groups)


def test_a_column_that_drives_the_leading_direction_comes_first() -> None:
    lengths = np.random.default_rng(2).integers(5, 512, N)
    other = np.random.default_rng(3).integers(0, 100, N)
    found = analysed(driven(lengths), n_tokens=lengths, shuffled=other).correlates
    assert found[0].name == "n_tokens"
    figure = found[0].figure
    assert figure.low is not None
    assert figure.value is not None
    assert 0.9 < figure.low <= figure.value <= (figure.high or 0) <= 1
    assert all((each.figure.value or 0) < 0.2 for each in found[1:] if each.name == "shuffled")
    assert {each.name for each in found} == {"n_tokens", "shuffled", "norm"}


def test_labels_groups_and_splits_are_no_nuisances() -> None:
    lengths = np.random.default_rng(2).integers(5, 512, N)
    found = analysed(driven(lengths), label=lengths, group=lengths, split=lengths).correlates
    assert [each.name for each in found] == ["norm"]


def test_neither_text_nor_a_constant_column_is_looked_at() -> None:
    text = np.array(["a", "b"] * (N // 2), dtype=object)
    assert [c.name for c in analysed(cloud(), text=text, same=np.ones(N, dtype=np.int64)).correlates] == [
        "norm"
    ]


def test_length_of_the_rows_says_that_it_points_along_the_mean() -> None:
    mean = np.random.default_rng(4).standard_normal(D)
    lengths = 1 + 0.3 * np.random.default_rng(5).uniform(-1, 1, (N, 1))
    found = analysed((cloud() / 10 + mean) * lengths).correlates[0]
    assert found.name == "norm"
    assert (found.figure.low or 0) > 0.9
    assert found.figure.details["cosine_with_mean"] == pytest.approx(1, abs=0.02)


def test_rows_of_unit_length_have_no_length_to_follow() -> None:
    rows = cloud() + 1
    assert analysed(rows / np.linalg.norm(rows, axis=1, keepdims=True)).correlates == []


def test_order_of_the_rows_changes_nothing() -> None:
    lengths = np.random.default_rng(2).integers(5, 512, N)
    first, second = (
        analysed(driven(lengths), order, n_tokens=lengths).correlates
        for order in (np.arange(N), np.random.default_rng(6).permutation(N))
    )
    assert [each.name for each in first] == [each.name for each in second]
    for one, other in zip(first, second, strict=True):
        assert one.figure.value == pytest.approx(other.figure.value, abs=1e-9)
        assert one.figure.low == pytest.approx(other.figure.low, abs=1e-9)


def test_figure_is_spearmans() -> None:
    rows, column = cloud(n=300), np.random.default_rng(7).integers(0, 9, 300).astype(np.float64)
    column += np.round(3 * rows[:, 0])
    direction = leading_direction(sampled(rows).centred).numpy()
    expected = abs(spearmanr(rows @ direction, column).statistic)
    found = correlates(sampled(rows), {"column": column}, 0.95)
    assert next(each for each in found if each.name == "column").figure.value == pytest.approx(
        expected, abs=1e-12
    )


def test_interval_covers_the_correlation_of_the_population() -> None:
    """Bivariate normal with r = 0.8: Spearman's is 6 / pi * asin(r / 2)."""
    truth, covered = 6 / np.pi * np.arcsin(0.4), 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        first, noise = random.standard_normal((2, 200))
        rows = np.outer(first, [10.0, 0, 0]) + 0.01 * random.standard_normal((200, 3))
        figure = correlates(sampled(rows), {"x": 0.8 * first + 0.6 * noise}, 0.95)[0].figure
        covered += (figure.low or 0) <= truth <= (figure.high or 0)
    assert covered >= 88


@pytest.mark.parametrize("shape", [(300, 40), (60, 200)])
def test_leading_direction_is_that_of_the_covariance(shape: tuple[int, int]) -> None:
    rows = synthetic.power_law(*shape, exponent=1.5, seed=0).samples
    centred = rows - rows.mean(0)
    expected = linalg.eigenbasis(centred.mT @ centred)[1][:, 0]
    assert float((leading_direction(centred) @ expected).abs()) == pytest.approx(1, abs=1e-6)


def test_few_rows_say_nothing() -> None:
    assert analysed(cloud(n=49)).correlates == []


def test_a_constant_has_no_correlates() -> None:
    assert analysed(np.ones((N, D))).correlates == []


def test_leading_direction_stays_on_its_device() -> None:
    with FakeTensorMode():
        for shape in ((60, 20), (20, 60)):
            assert (
                leading_direction(torch.ones(shape, dtype=linalg.DTYPE, device="cuda")).device.type == "cuda"
            )
