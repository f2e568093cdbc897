"""Information of pairs: known answers, which pairs are chosen, and input that gives no answer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from repdiag.accumulators import grouped_rows
from repdiag.accumulators.joint import JointSums
from repdiag.analysis import InformationRequest, PairChoice, analyse_information
from repdiag.analysis.bandwidth import kernel_of
from repdiag.analysis.pair_choice import choose_pairs
from repdiag.analysis.pair_nulls import itself
from repdiag.analysis.pair_records import joint_moments
from repdiag.errors import UsageError
from repdiag.measures.pair_inputs import GramTotals
from repdiag.results import Estimate, Pair, Results
from repdiag.stats.logdet import gaussian_information
from repdiag.store import memory_store
from repdiag.types import Address, IntervalMethod, Status

Array = np.ndarray[Any, np.dtype[Any]]


def gaussian_pair(n: int, d: int, rho: float, seed: int = 0) -> tuple[Array, Array]:
    """Views whose features are correlated one by one: -d/2 log(1 - rho^2) nats."""
    r = np.random.default_rng(seed)
    x = r.standard_normal((n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * r.standard_normal((n, d))


def measured(x: Array, y: Array, *measures: str, **options: Any) -> Pair:
    """The only pair of a store in memory; other options are those of the store and of the request."""
    store_options: dict[str, Any] = {k: options.pop(k) for k in ("ids", "labels", "groups") if k in options}
    return analysed({"x": x, "y": y}, *measures, store_options=store_options, **options).pairs[0]


def analysed(
    views: Any, *measures: str, store_options: dict[str, Any] | None = None, **options: Any
) -> Results:
    request = InformationRequest(measures=measures, **{"device": "cpu", **options})
    return analyse_information([memory_store(views, **(store_options or {}))], request)


def one(x: Array, y: Array, measure: str, **options: Any) -> Estimate:
    return measured(x, y, measure, **options).estimates[measure]


# --- Known answers. ---


@pytest.mark.parametrize(("d", "rho"), [(1, 0.5), (4, 0.7), (32, 0.3)])
def test_gaussian_pairs_have_their_information(d: int, rho: float) -> None:
    x, y = gaussian_pair(3000, d, rho)
    truth = -d / 2 * math.log(1 - rho**2)
    pair = measured(x, y, "gaussian_mi", "logdet_mi")
    gaussian = pair.estimates["gaussian_mi"]
    assert gaussian.low is not None
    assert gaussian.high is not None
    assert gaussian.low <= truth <= gaussian.high
    assert gaussian.value == pytest.approx(truth, rel=0.1)
    assert gaussian.plugin is not None
    assert gaussian.value is not None
    assert gaussian.plugin > gaussian.value
    assert gaussian.correction == "unbiased"
    plain = pair.estimates["logdet_mi"]
    assert plain.value == pytest.approx(gaussian.plugin, rel=1e-3)
    assert plain.correction == "none"


def test_rows_of_unequal_length_take_off_more() -> None:
    x, y = gaussian_pair(400, 20, 0.0)
    lengths = np.exp(0.8 * np.random.default_rng(3).standard_normal((400, 1)))
    even, uneven = one(x, y, "gaussian_mi"), one(x * lengths, y * lengths, "gaussian_mi")
    assert even.value == pytest.approx(0.0, abs=0.15)
    assert uneven.plugin is not None
    assert even.plugin is not None
    assert uneven.plugin > 1.2 * even.plugin
    assert uneven.value == pytest.approx(gaussian_information(x * lengths, y * lengths).value, rel=1e-6)
    assert uneven.value is not None
    assert abs(uneven.value) < 0.15 * uneven.plugin


@pytest.mark.parametrize("measure", ["renyi_mi", "gaussian_mi", "cka", "alignment"])
def test_independent_views_are_at_their_null(measure: str) -> None:
    x, y = gaussian_pair(1200, 8, 0.0)
    found = one(x, y, measure)
    null, low, high = (float(found.details[name]) for name in ("null", "null_low", "null_high"))  # type: ignore[arg-type]
    assert low <= null <= high
    assert found.low is not None
    assert found.high is not None
    assert found.low <= null <= found.high


def test_a_view_with_itself_is_its_self_information() -> None:
    x, _ = gaussian_pair(900, 6, 0.0)
    pair = measured(x, x.copy(), "renyi_mi", "cka", "alignment", "gaussian_mi")
    same = pair.estimates["renyi_mi"]
    assert same.value == pytest.approx(same.details["self_x"], rel=1e-6)
    assert same.details["normalised"] == pytest.approx(1.0, rel=1e-6)
    assert pair.estimates["cka"].value == pytest.approx(1.0)
    assert pair.estimates["alignment"].value == pytest.approx(0.0, abs=1e-12)
    infinite = pair.estimates["gaussian_mi"]
    assert (infinite.value, infinite.status) == (None, Status.NONFINITE)


def test_renyi_information_is_that_of_the_matrices() -> None:
    """Against the definition with n x n matrices, at the same bandwidth."""
    x, y = gaussian_pair(200, 3, 0.8)
    found = measured(x, y, "renyi_mi", "renyi_joint_entropy")
    details = found.estimates["renyi_mi"].details
    grams = []
    for view, name in ((x, "x"), (y, "y")):
        squares = ((view[:, None] - view[None]) ** 2).sum(-1)
        above = np.sqrt(squares[np.triu_indices(200, 1)])
        assert details[f"bandwidth_{name}"] == pytest.approx(np.median(above), rel=1e-9)
        kernel = np.exp(-squares / (2 * np.median(above) ** 2))
        assert details[f"mean_kernel_{name}"] == pytest.approx(
            kernel[np.triu_indices(200, 1)].mean(), rel=1e-9
        )
        grams.append(kernel / 200)
    entropies = [-math.log((k**2).sum()) for k in (*grams, 200 * grams[0] * grams[1])]
    expected = entropies[0] + entropies[1] - entropies[2]
    assert found.estimates["renyi_mi"].plugin == pytest.approx(expected, rel=1e-5)
    assert found.estimates["renyi_joint_entropy"].value == pytest.approx(entropies[2], rel=1e-6)


def test_delete_one_and_delete_group_intervals_are_alike() -> None:
    x, y = gaussian_pair(800, 5, 0.6)
    alone = one(x, y, "renyi_mi")
    tied = one(x, y, "renyi_mi", groups=np.arange(800))
    assert alone.value == pytest.approx(tied.value, rel=1e-9)
    widths = [e.high - e.low for e in (alone, tied) if e.high is not None and e.low is not None]
    assert len(widths) == 2
    assert 0.5 < widths[0] / widths[1] < 2


def test_tied_rows_widen_the_interval() -> None:
    """Each row eight times: as much information, an eighth of the samples."""
    x, y = (np.repeat(view, 8, axis=0) for view in gaussian_pair(100, 4, 0.6))
    width = {
        tied: found.high - found.low
        for tied in (False, True)
        if (found := one(x, y, "cka", **({"groups": np.arange(800) // 8} if tied else {}))).low is not None
        and found.high is not None
    }
    assert width[True] > 1.5 * width[False]


def test_no_interval_where_none_is_asked_for() -> None:
    x, y = gaussian_pair(300, 4, 0.5)
    for found in measured(x, y, interval="none").estimates.values():
        assert (found.low, found.high, found.interval_method) == (None, None, IntervalMethod.NONE)


def test_the_seed_alone_decides_the_null() -> None:
    x, y = gaussian_pair(300, 4, 0.5)
    first, again, other = (one(x, y, "renyi_mi", seed=seed).details["null"] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_saturated_at_the_ceiling_and_unresolved_without_contrast() -> None:
    x, y = gaussian_pair(300, 4, 0.5)
    narrow = one(x, y, "renyi_joint_entropy", bandwidth=1e-3)
    assert narrow.status is Status.SATURATED
    assert narrow.value == pytest.approx(math.log(300), rel=1e-6)
    same = one(*(gaussian_pair(300, 2, 0.5)[:1] * 2), "ksg_mi")
    assert same.status is Status.SATURATED
    assert same.value == pytest.approx(same.details["ceiling"])
    few, many = (one(*gaussian_pair(n, 500, 0.5), "renyi_mi") for n in (12, 300))
    assert few.status is Status.UNRESOLVED
    assert few.value is not None
    assert many.status is Status.OK


# --- The pieces. ---


@settings(max_examples=20, deadline=None)
@given(n=st.integers(2, 300), seed=st.integers(0, 9))
def test_the_bandwidth_is_the_median_distance(n: int, seed: int) -> None:
    rows = np.random.default_rng(seed).standard_normal((n, 3))
    distances = [math.dist(rows[i], rows[j]) for i in range(n) for j in range(i)]
    assert kernel_of(torch.from_numpy(rows)).width == pytest.approx(np.median(distances), rel=1e-9)


def test_a_view_beside_itself_is_what_its_rows_give() -> None:
    x, y = (torch.from_numpy(view) for view in gaussian_pair(50, 3, 0.4))
    both, twice = torch.cat([x, y], dim=1), torch.cat([y, y], dim=1)
    origin = both.mean(0)
    made = joint_moments(JointSums.empty(1, 3, origin).update(grouped_rows(both, [0] * 50, 1)))
    expected = JointSums.empty(1, 3, origin[3:].repeat(2)).update(grouped_rows(twice, [0] * 50, 1))
    found = itself(made, 1)
    for name in ("origin", "shift", "scatter", "weighted", "products"):
        torch.testing.assert_close(getattr(found, name), getattr(joint_moments(expected), name))
    sums = torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0])
    swapped = itself(GramTotals(sums, 9, (1.0, 2.0), (0.5, 0.6)), 1)
    assert isinstance(swapped, GramTotals)
    assert swapped.sums.tolist() == [4.0, 4.0, 1.0, 1.0, 1.0]
    assert swapped.widths == (2.0, 2.0)


# --- Which pairs. ---


def places(addresses: list[tuple[str, str, str]], **globs: Any) -> list[str]:
    rows = {Address(*each): np.zeros((2, 2)) for each in addresses}
    pairs, _ = choose_pairs(memory_store(rows), PairChoice(**globs))
    return [f"{x.address} {y.address}" for x, y in pairs]


def test_views_before_layers_before_checkpoints() -> None:
    views = [("c", view, layer) for view in "ab" for layer in "12"]
    assert places(views) == ["c/a/1 c/b/1", "c/a/2 c/b/2"]
    layers = [("c", "a", layer) for layer in "123"]
    assert places(layers) == ["c/a/1 c/a/2", "c/a/1 c/a/3", "c/a/2 c/a/3"]
    assert places([(c, "a", "1") for c in "cd"]) == ["c/a/1 d/a/1"]
    assert places(views, views=("a",)) == ["c/a/1 c/a/2"]


def test_many_checkpoints_are_paired_in_a_row() -> None:
    rows = {Address(f"epoch={i}", "a", "1"): np.zeros((2, 2)) for i in range(14)}
    pairs, notes = choose_pairs(memory_store(rows), PairChoice())
    assert len(pairs) == 14
    assert "the first with the last" in notes[0]


def test_globs_of_addresses_choose_both_sides_once() -> None:
    layers = [("c", "a", layer) for layer in "123"]
    assert places(layers, x=("*/1", "*/2"), y=("*/2",)) == ["c/a/1 c/a/2"]
    assert places(layers, x=("c/a/3",)) == ["c/a/3 c/a/1", "c/a/3 c/a/2"]


@pytest.mark.parametrize(
    ("globs", "said"),
    [
        ({"layers": ("1",)}, "is no pair"),
        ({"x": ("c/a/9",)}, "no address of"),
        ({"x": ("*/1",), "y": ("*/1",)}, "pair"),
    ],
)
def test_no_pair_is_an_error_that_says_what_to_give(globs: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        places([("c", "a", layer) for layer in "123"], **globs)


def test_too_many_pairs_are_refused_before_anything_is_read() -> None:
    rows = {Address("c", "a", f"l{i}"): np.zeros((2, 2)) for i in range(30)}
    with pytest.raises(UsageError, match="435 pairs are over 400"):
        analysed(rows)


# --- Input that gives no answer. ---


def test_a_constant_view_has_no_information() -> None:
    x, _ = gaussian_pair(100, 4, 0.0)
    pair = measured(x, np.ones((100, 4)))
    same = pair.estimates["alignment"]
    assert same.status is Status.UNRESOLVED
    assert same.value == pytest.approx(same.details["null"])
    for name, found in pair.estimates.items():
        if name != "alignment":
            assert (found.value, found.status) == (None, Status.CONSTANT)
            assert found.details["reason"] == "y does not vary beyond rounding"


def test_rows_that_are_not_finite_in_either_view_are_left_out_of_both() -> None:
    x, y = gaussian_pair(200, 4, 0.7)
    kept = np.setdiff1d(np.arange(200), [3, 50])
    ids = [str(i) for i in range(200)]
    broken = x.copy(), y.copy()
    broken[0][3, 1], broken[1][50, 2] = np.nan, np.inf
    names = ("renyi_mi", "gaussian_mi", "cka", "alignment", "ksg_mi")
    found = measured(*broken, *names, ids=ids)
    clean = measured(x[kept], y[kept], *names, ids=[ids[i] for i in kept])
    assert found.n == clean.n == 198
    for name in names:
        assert found.estimates[name].value == pytest.approx(clean.estimates[name].value, rel=1e-6, abs=1e-9)
        assert found.estimates[name].high == pytest.approx(clean.estimates[name].high, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 9])
def test_few_rows_are_insufficient(n: int) -> None:
    x, y = gaussian_pair(n, 4, 0.5)
    for found in measured(x, y).estimates.values():
        assert (found.value, found.status) == (None, Status.INSUFFICIENT)


def test_no_finite_row_is_nonfinite() -> None:
    x, y = gaussian_pair(20, 4, 0.5)
    for found in measured(x * np.nan, y).estimates.values():
        assert (found.value, found.status) == (None, Status.NONFINITE)


def test_gaussian_information_says_how_many_samples_it_needs() -> None:
    found = one(*gaussian_pair(60, 40, 0.5), "gaussian_mi")
    assert (found.value, found.status) == (None, Status.INSUFFICIENT)
    assert found.details["reason"] == "n = 60; d1 + d2 = 80 needs n = 82"


def test_views_of_different_width_leave_alignment_out() -> None:
    x, y = gaussian_pair(100, 6, 0.5)
    results = analysed({"x": x, "y": y[:, :4]})
    assert "alignment" not in results.pairs[0].estimates
    assert any("alignment: left out" in str(note) for note in results.source["notes"])  # type: ignore[union-attr]
    with pytest.raises(UsageError, match="same number of features"):
        analysed({"x": x, "y": y[:, :4]}, "alignment")


def test_most_distances_zero_ask_for_a_bandwidth() -> None:
    x, y = gaussian_pair(100, 4, 0.5)
    x[10:] = 0
    assert "give --bandwidth" in str(one(x, y, "renyi_mi").details["reason"])
    assert one(x, y, "renyi_mi", bandwidth=1.0).value is not None


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_huge_and_tiny_units_change_nothing(scale: float) -> None:
    x, y = gaussian_pair(100, 4, 0.5)
    for name in ("renyi_mi", "gaussian_mi", "cka"):
        assert one(x * scale, y, name).value == pytest.approx(one(x, y, name).value, rel=1e-6)


def test_half_precision_is_read_in_full() -> None:
    x, y = (view.astype(np.float16) for view in gaussian_pair(200, 4, 0.5))
    wide = [view.astype(np.float64) for view in (x, y)]
    for name in ("renyi_mi", "cka"):
        assert one(x, y, name).value == pytest.approx(one(wide[0], wide[1], name).value, rel=1e-5)


@pytest.mark.parametrize(
    "changed", [{"bandwidth": -1.0}, {"bandwidth": math.inf}, {"rows": 5}, {"rows": 5000}]
)
def test_settings_that_mean_nothing_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        measured(*gaussian_pair(20, 2, 0.5), **changed)


def test_a_result_can_be_read_back() -> None:
    made = analysed(dict(zip("xy", gaussian_pair(60, 3, 0.5), strict=True)))
    assert Results.model_validate_json(made.to_json()) == made
    assert made.source["measures"]["renyi_mi"]["cannot"]  # type: ignore[index,call-overload]


def test_labels_condition_where_the_store_has_them() -> None:
    """What two views share is their label: given it, nearly nothing is left."""
    r = np.random.default_rng(0)
    labels = np.arange(300) % 3
    centres = 8 * r.standard_normal((3, 4))
    x, y = (centres[labels] + r.standard_normal((300, 4)) for _ in "xy")
    found = one(x, y, "conditional_renyi_mi", labels=labels, rows=300, interval="none")
    assert found.value is not None
    assert found.value < 0.5 * float(found.details["unconditional"])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="label"):
        one(x, y, "conditional_renyi_mi")


def test_more_rows_than_an_interval_takes_say_so() -> None:
    x, y = gaussian_pair(1200, 2, 0.5)
    found = one(x, y, "cs_qmi", rows=1200)
    assert (found.low, found.interval_method) == (None, IntervalMethod.NONE)
    assert "intervals are given up to 1,000 rows" in str(found.details["no_interval"])
    assert one(x, y, "cs_qmi").details["rows"] == 1000


def test_wide_views_have_figures_without_intervals() -> None:
    x, y = gaussian_pair(60, 800, 0.5)
    found = one(x, y, "cka")
    assert found.value == pytest.approx(0.25, abs=0.1)
    assert found.low is None
    assert "up to 1,500 features" in str(found.details["no_interval"])


def test_several_stores_give_their_pairs_one_after_the_other() -> None:
    x, y = gaussian_pair(50, 2, 0.5)
    stores = [memory_store({"a": x, "b": y}), memory_store({"c": x, "d": y})]
    results = analyse_information(stores, InformationRequest(measures=("cka",), device="cpu"))
    assert [(pair.x.view, pair.y.view) for pair in results.pairs] == [("a", "b"), ("c", "d")]
