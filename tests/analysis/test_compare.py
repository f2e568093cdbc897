"""Laws of the paired difference: what it says of data that are the same, and of a planted drop."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from repdiag.analysis import Side, SpectrumRequest, compare
from repdiag.errors import UsageError
from repdiag.results import DIFFERENCE, RATIO, Estimate, Results, seen
from repdiag.store import Store, keeping, memory_store
from repdiag.types import Address, Status

Rows = NDArray[np.float64]
QUICK = ("effective_rank", "participation_ratio", "trace", "top1_share", "mean_share", "uniformity")


def names(n: int, first: int = 0) -> list[str]:
    return [f"img_{row}" for row in range(first, first + n)]


def power_law(n: int, d: int, exponent: float = 1.0, seed: int = 0) -> Rows:
    return np.random.default_rng(seed).standard_normal((n, d)) * np.arange(1, d + 1) ** (-exponent / 2)


def dropped(n: int, d: int, drop: float, seed: int = 0) -> tuple[Rows, Rows]:
    """Isotropic A, and B whose rows are correlated 0.95 with it and whose last directions are gone."""
    first, other = np.random.default_rng(seed).standard_normal((2, n, d))
    second = 0.95 * first + np.sqrt(1 - 0.95**2) * other
    second[:, round(d * (1 - drop)) :] *= 1e-3
    return first, second


def alike(n: int, d: int, more: float, seed: int = 3) -> tuple[Rows, Rows]:
    """A with eigenvalues 1/i, and B with a spectrum steeper by `more` and rows correlated 0.95 with A's."""
    first, other = np.random.default_rng(seed).standard_normal((2, n, d))
    scale = np.arange(1, d + 1) ** -0.5
    return first * scale, (0.95 * first + np.sqrt(1 - 0.95**2) * other) * scale ** (1 + more)


def results(a: Store, b: Store, *measures: str, **options: Any) -> Results:
    request = SpectrumRequest(measures=measures or QUICK, device="cpu", **options)
    return compare(Side(a), Side(b), request)


def differences(a: Store, b: Store, *measures: str, **options: Any) -> dict[str, Estimate]:
    return results(a, b, *measures, **options).pairs[0].estimates


@pytest.mark.parametrize("shape", [(600, 16), (60, 96)], ids=["n > d", "n < d"])
@pytest.mark.parametrize("interval", ["fast", "full"])
def test_a_store_does_not_differ_from_itself(shape: tuple[int, int], interval: Any) -> None:
    store = memory_store(power_law(*shape), ids=names(shape[0]))
    found = differences(store, store, interval=interval)
    assert set(found) == set(QUICK)
    for name, estimate in found.items():
        same = 1.0 if estimate.unit == RATIO else 0.0
        assert estimate.value == same, name
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.high - estimate.low < 0.0025, name
        assert seen(estimate) == "no difference seen"


@pytest.mark.parametrize("interval", ["fast", "full"])
def test_swapping_the_sides_inverts(interval: Any) -> None:
    ids = names(400)
    a, b = (memory_store(power_law(400, 32, e, seed=s), ids=ids) for e, s in ((1.0, 0), (1.5, 1)))
    one, other = differences(a, b, interval=interval), differences(b, a, interval=interval)
    for name, estimate in one.items():
        values = [estimate.value, estimate.low, estimate.high, estimate.plugin]
        back = [other[name].value, other[name].high, other[name].low, other[name].plugin]
        turned = [1 / v if estimate.unit == RATIO else -v for v in back if v is not None]
        assert turned == pytest.approx(values, rel=1e-9), name


def test_values_are_of_the_corrected_figures_and_plugins_of_the_plugins() -> None:
    ids = names(200)
    a, b = (memory_store(power_law(200, 64, e, seed=s), ids=ids) for e, s in ((0.5, 0), (1.0, 1)))
    made = results(a, b)
    one, other = (side.estimates for side in made.representations)
    for name, estimate in made.pairs[0].estimates.items():
        x, y = one[name], other[name]
        assert x.value is not None
        assert y.value is not None
        wanted = y.value / x.value if estimate.unit == RATIO else y.value - x.value
        assert estimate.value == pytest.approx(wanted), name
        assert (estimate.details["a"], estimate.details["b"]) == (x.value, y.value)
        assert estimate.correction == x.correction
    assert made.pairs[0].estimates["effective_rank"].correction == "lev"
    assert made.pairs[0].estimates["top1_share"].unit == DIFFERENCE


@pytest.mark.parametrize("interval", ["fast", "full"])
def test_the_order_of_ids_does_not_matter(interval: Any) -> None:
    a, b = alike(400, 32, 0.1)
    order = np.random.default_rng(5).permutation(400)
    ids = names(400)
    straight = differences(memory_store(a, ids=ids), memory_store(b, ids=ids), interval=interval)
    shuffled = memory_store(b[order], ids=[ids[row] for row in order])
    for name, estimate in differences(memory_store(a, ids=ids), shuffled, interval=interval).items():
        same = straight[name]
        assert estimate.details["pairing"] == "paired"
        assert estimate.value == pytest.approx(same.value, rel=1e-10)
        assert [estimate.low, estimate.high] == pytest.approx([same.low, same.high], rel=1e-10)


def test_the_same_rows_in_another_order_are_no_difference() -> None:
    rows = power_law(400, 32)
    order = np.random.default_rng(5).permutation(400)
    ids = names(400)
    a, b = memory_store(rows, ids=ids), memory_store(rows[order], ids=[ids[row] for row in order])
    assert {seen(estimate) for estimate in differences(a, b).values()} == {"no difference seen"}


@pytest.mark.parametrize("interval", ["fast", "full"])
def test_a_planted_drop_is_found_with_pairs(interval: Any) -> None:
    a, b = dropped(512, 128, 0.1)
    ids = names(512)
    stores = memory_store(a, ids=ids), memory_store(b, ids=ids)
    rank = differences(*stores, "effective_rank", interval=interval)["effective_rank"]
    assert seen(rank) == "lower"
    assert rank.value == pytest.approx(0.9, rel=0.015)


def test_with_few_samples_only_pairs_show_a_drop() -> None:
    a, b = alike(128, 32, 0.1)
    ids = names(128)
    paired = differences(memory_store(a, ids=ids), memory_store(b, ids=ids), "effective_rank")
    apart = memory_store(b, ids=names(128, first=1000))
    unpaired = differences(memory_store(a, ids=ids), apart, "effective_rank")
    assert seen(paired["effective_rank"]) == "lower"
    assert seen(unpaired["effective_rank"]) == "no difference seen"
    assert unpaired["effective_rank"].details["pairing"] == "unpaired"
    assert unpaired["effective_rank"].value == pytest.approx(paired["effective_rank"].value)


def test_common_ids_equal_the_restricted_arrays() -> None:
    a, b = dropped(500, 24, 0.1)
    order = np.random.default_rng(1).permutation(400)
    ids = names(500)
    kept = np.sort(order[:350])
    whole = differences(memory_store(a, ids=ids), memory_store(b[kept], ids=[ids[row] for row in kept]))
    same = [ids[row] for row in kept]
    cut = differences(memory_store(a[kept], ids=same), memory_store(b[kept], ids=same))
    for name, estimate in whole.items():
        assert estimate.details["pairing"] == "paired on 350 common samples"
        assert estimate.model_copy(update={"details": {}}) == cut[name].model_copy(update={"details": {}})


def test_rows_with_nan_are_left_out_of_both_sides() -> None:
    a, b = dropped(300, 12, 0.1)
    b[7], a[9, 3] = np.nan, np.inf
    ids = names(300)
    good = np.delete(np.arange(300), [7, 9])
    made = results(memory_store(a, ids=ids), memory_store(b, ids=ids))
    same = [ids[row] for row in good]
    cut = differences(memory_store(a[good], ids=same), memory_store(b[good], ids=same))
    assert made.pairs[0].n == 298
    assert made.pairs[0].estimates == cut
    assert any("2 of 300 samples were left out" in note for note in made.representations[0].notes)


def test_row_numbers_pair_only_stores_of_one_length() -> None:
    a, b = dropped(200, 12, 0.1)
    made = results(memory_store(a), memory_store(b))
    assert made.source["pairing"] == "paired"
    assert "taken to be the same samples" in str(made.source["notes"])
    shorter = results(memory_store(a), memory_store(b[:150]))
    assert shorter.source["pairing"] == "unpaired"
    one_sided = results(memory_store(a, ids=names(200)), memory_store(b))
    assert one_sided.source["pairing"] == "unpaired"


def test_groups_of_one_side_are_those_of_both() -> None:
    a, b = dropped(400, 12, 0.1)
    ids, frames = names(400), np.arange(400) // 8
    first, second = (memory_store(rows, ids=ids, groups=frames) for rows in (a, b))
    wanted = differences(first, second)
    assert differences(first, memory_store(b, ids=ids)) == wanted
    assert differences(memory_store(a, ids=ids), second) == wanted
    assert differences(memory_store(a, ids=ids), memory_store(b, ids=ids)) != wanted


@pytest.mark.parametrize("interval", ["fast", "full"])
@pytest.mark.parametrize("case", ["constant", "few", "nan", "zero"])
def test_a_side_without_figures_gives_a_status(case: str, interval: Any) -> None:
    n = 6 if case == "few" else 200
    healthy = memory_store(power_law(n, 12), ids=names(n))
    bad = {"constant": np.ones((n, 12)), "few": power_law(n, 12, seed=1), "zero": np.zeros((n, 12))}
    rows = bad.get(case, np.full((n, 12), np.nan))
    for pair in ((healthy, memory_store(rows, ids=names(n))), (memory_store(rows, ids=names(n)), healthy)):
        made = results(*pair, interval=interval)
        estimate = made.pairs[0].estimates["effective_rank"]
        assert estimate.value is None
        assert estimate.status in (Status.CONSTANT, Status.INSUFFICIENT, Status.NONFINITE)
        assert estimate.details["reason"]
        json.loads(made.to_json(), parse_constant=pytest.fail)
        for each in made.pairs[0].estimates.values():
            assert (each.value is None) == (not each.status.has_value)


def test_every_measure_has_a_status_with_labels_and_rogue_features() -> None:
    rows = power_law(300, 24)
    rows[:, 3] *= 60
    ids, labels = names(300), np.arange(300) % 3
    a, b = (memory_store(each, ids=ids, labels=labels) for each in (rows, rows * 1.5))
    found = compare(Side(a), Side(b), SpectrumRequest(device="cpu")).pairs[0].estimates
    assert {"effective_rank{rogue=drop}", "neural_collapse_nc1", "per_class_rank"} <= set(found)
    assert seen(found["trace"]) == "higher"
    assert found["trace"].value == pytest.approx(2.25)


def test_layers_are_matched_by_name() -> None:
    rows = power_law(100, 8)
    a = memory_store({Address("x", "base", layer): rows for layer in ("one", "two")}, ids=names(100))
    b = memory_store({Address("y", "base", layer): rows for layer in ("two", "three")}, ids=names(100))
    made = results(a, b)
    (pair,) = made.pairs
    assert (pair.x.layer, pair.y.layer, pair.x.checkpoint, pair.y.checkpoint) == ("two", "two", "x", "y")
    assert made.source["notes"] == [
        "only in A, not compared: base/one",
        "only in B, not compared: base/three",
    ]
    assert [one.checkpoint for one in made.representations] == ["x", "y"]


def test_what_cannot_be_compared_is_refused() -> None:
    rows = power_law(100, 8)
    a, b = (memory_store({Address("x", "base", layer): rows}) for layer in ("layer1", "layer2"))
    with pytest.raises(UsageError, match=r'Did you mean "base/layer2"\?'):
        results(a, b)
    with pytest.raises(UsageError, match="without an interval"):
        results(a, a, interval="none")
    with pytest.raises(UsageError, match="several views"):
        results(a, a, "lidar")
    several = memory_store({Address("x"): rows, Address("y"): rows})
    with pytest.raises(UsageError, match=r"2 checkpoints \(x, y\).*repdiag compare memory::x memory::y"):
        results(several, a)


def test_two_checkpoints_of_one_store() -> None:
    rows = power_law(200, 8)
    store = memory_store({Address("x"): rows, Address("y"): rows * 2})
    made = compare(Side(store, "x"), Side(store, "y"), SpectrumRequest(measures=("trace",), device="cpu"))
    assert made.pairs[0].estimates["trace"].value == pytest.approx(4.0)
    assert made.source["notes"] == []


def test_kept_rows_are_those_of_the_index() -> None:
    rows = np.arange(60.0).reshape(20, 3)
    store = memory_store(rows, ids=names(20), labels=np.arange(20))
    index = np.array([0, 1, 7, 8, 19])
    kept = keeping(store, index)
    (info,) = kept.representations
    assert (kept.n, info.n) == (5, 5)
    for size in (1, 2, 5):
        blocks = [block for _, block in kept.blocks(info.address, size)]
        assert np.array_equal(np.concatenate(blocks), rows[index])
    assert kept.ids == [f"img_{row}" for row in index]
    column = kept.column("label")
    assert column is not None
    assert column.tolist() == index.tolist()
