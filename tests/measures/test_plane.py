"""Every estimator of the information plane agrees with its slow twin and keeps what it declares."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from repdiag.errors import InputError, UsageError
from repdiag.measures import plane_blocks, plane_codes
from repdiag.measures.declaration import Change
from repdiag.measures.plane_inputs import LayerScale, PlaneRows
from repdiag.measures.plane_neighbours import gaussian_bias
from repdiag.measures.plane_registry import all_estimators, parse_estimator
from tests.measures.plane_records import (
    Codes,
    Matrix,
    network,
    permuted,
    plane_rows,
    read,
    rows_of,
    scale_of,
    shuffled,
    standard_error,
)
from tests.measures.plane_twins import TWINS, kde_bound, kozachenko_leonenko, noisy, weighted

NETWORKS = range(50)
OPTIONS = [
    "binning{count=5}",
    "binning{width=0.3}",
    "binning{preset=idnns}",
    "binning{preset=ibsgd}",
    "binning{preset=ibsgd-mnist}",
    "adaptive_binning{count=4}",
    "adaptive_binning{edges=layer}",
    "kde{noise=0.2}",
    "kde{preset=ibsgd-mnist}",
    "renyi{bandwidth=step}",
    "renyi{alpha=1.01}",
    "renyi{alpha=1}",
    "renyi{alpha=0.5,bandwidth=step}",
    "diffusion{t=2}",
    "diffusion{preset=published}",
    "diffusion{bandwidth=step,t=3}",
    "cs{bandwidth=step}",
    "compressed_knn{noise=1,dimensions=2,k=3}",
]
KEYS = [*all_estimators(), *OPTIONS]
WEIGHTED = [key for key in KEYS if not key.startswith("compressed_knn")]
WITH_INPUTS = ["renyi", "renyi{alpha=1.01}", "renyi{alpha=1}", "cs", "cs{bandwidth=step}"]


def twin(key: str, rows: PlaneRows, w: Matrix | None = None) -> tuple[float, float]:
    choice = parse_estimator(key)
    return TWINS[choice.measure.name](weighted(rows, w), **choice.all_options)


# --- Twins. ---


def test_every_estimator_has_a_twin_and_no_twin_is_left_over() -> None:
    assert set(TWINS) == set(all_estimators())


@pytest.mark.parametrize("key", KEYS)
def test_twin_agrees_on_random_networks(key: str) -> None:
    rounding = 100 if "alpha=0.5" in key else 1  # Roots of eigenvalues that are rounding.
    for seed in NETWORKS if key in all_estimators() else range(0, 50, 7):
        rows = rows_of(network(seed), with_inputs=seed % 3 == 0)
        found, expected = read(key, rows), twin(key, rows)
        figures = float(found.ixt), float(found.ity[0])
        assert figures == pytest.approx(expected, rel=1e-8 * rounding, abs=1e-9 * rounding), seed


@pytest.mark.parametrize("key", KEYS)
def test_shuffled_labels_are_read_as_if_they_were_the_labels(key: str) -> None:
    if key.startswith("diffusion"):
        pytest.skip("there the shuffles are part of the figure: tested below")
    rows = rows_of(network(3))
    found = read(key, rows).ity
    for s in range(1, len(rows.labels)):
        alone = replace(rows, labels=rows.labels[s : s + 1])
        assert float(found[s]) == pytest.approx(twin(key, alone)[1], rel=1e-6, abs=1e-7)


def test_a_shuffle_is_compared_with_the_other_shuffles_by_diffusion() -> None:
    rows = rows_of(network(4))
    found = read("diffusion", rows).ity
    for s in (1, 2, 3):
        others = [i for i in (1, 2, 3) if i != s]
        alone = replace(rows, labels=rows.labels[[s, *others]])
        assert float(found[s]) == pytest.approx(twin("diffusion", alone)[1], rel=1e-6, abs=1e-9)
    assert float(found[1:].mean()) == pytest.approx(0, abs=1e-12)


def test_lower_bounds_of_kde() -> None:
    for seed in range(6):
        rows = rows_of(network(seed))
        details = read("kde{noise=0.05}", rows).details
        expected = kde_bound(weighted(rows), 4 * 0.05)
        assert (float(details["ixt_lower"]), float(details["ity_lower"])) == pytest.approx(expected)


@pytest.mark.parametrize("key", ["kde{noise=0.5}", "renyi", "cs"])
@pytest.mark.parametrize("few", [0, 50])
def test_blocks_and_ways_of_summing_make_no_difference(
    key: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(network(1))
    before = read(key, rows)
    monkeypatch.setattr(plane_blocks, "BLOCK", 7)
    monkeypatch.setattr(plane_blocks, "FEW", few)
    after = read(key, rows)
    for name in ("ixt", "ity", "ixt_influence", "ity_influence"):
        torch.testing.assert_close(getattr(after, name), getattr(before, name), rtol=1e-9, atol=1e-9)


def test_float32_is_chosen_where_it_errs_little_and_not_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(network(2))
    assert not plane_blocks.rounds_little(rows, rows.scale.width**-2)
    monkeypatch.setattr(plane_blocks, "SINGLE_ROWS", 0)
    assert plane_blocks.rounds_little(rows, rows.scale.width**-2)
    assert not plane_blocks.rounds_little(rows, 1e6)
    for key in ("renyi", "cs"):
        assert float(read(key, rows).ixt) == pytest.approx(twin(key, rows)[0], rel=1e-5)
    far = replace(rows, t=rows.t + 1e5 * (rows.x == 0)[:, None])
    far = replace(far, scale=replace(scale_of(far.t.numpy()), width=rows.scale.width))
    assert float(read("renyi", far).ixt) == pytest.approx(twin("renyi", far)[0], rel=1e-9)


# --- Influences. ---


def directional(key: str, rows: PlaneRows, row: int, step: float = 1e-5) -> tuple[float, float]:
    """Central difference of both figures towards more weight on one row."""
    even = np.full(rows.m, 1 / rows.m)
    towards = -even
    towards[row] += 1
    ahead, behind = (twin(key, rows, even + sign * step * towards) for sign in (1, -1))
    return (ahead[0] - behind[0]) / (2 * step), (ahead[1] - behind[1]) / (2 * step)


def fixed_width(key: str, rows: PlaneRows) -> tuple[str, PlaneRows]:
    """The same figure with the step's own width, or edges, held still."""
    if "bandwidth=step" not in key:
        return key, rows
    width = float(read(key, rows).details["width"])
    return key.replace("bandwidth=step", "bandwidth=layer"), replace(
        rows, scale=replace(rows.scale, width=width)
    )


@pytest.mark.parametrize("with_inputs", [False, True])
@pytest.mark.parametrize("key", WEIGHTED)
def test_influences_are_derivatives_by_weight(key: str, with_inputs: bool) -> None:
    if with_inputs and key not in WITH_INPUTS:
        pytest.skip("features of the inputs change nothing here")
    if "alpha=0.5" in key:
        pytest.skip("infinite slope where an eigenvalue vanishes")
    for seed in (0, 5, 7):
        rows = rows_of(network(seed), with_inputs)
        found = read(key, rows)
        key_here, rows_here = fixed_width(key, rows)
        for row in (0, 11, 45):
            expected = directional(key_here, rows_here, row)
            here = float(found.ixt_influence[row]), float(found.ity_influence[row])
            assert here == pytest.approx(expected, rel=2e-3, abs=2e-4), (seed, row)


@pytest.mark.parametrize("key", KEYS)
def test_influences_have_mean_zero(key: str) -> None:
    found = read(key, rows_of(network(6)))
    for influence in (found.ixt_influence, found.ity_influence):
        assert influence.shape == (48,)
        assert float(influence.mean()) == pytest.approx(0, abs=1e-9)


def test_influences_of_neighbours_are_those_of_leaving_a_row_out() -> None:
    rows = rows_of(network(8, m=60))
    k, q = 5, min(4, rows.t.shape[1])
    influence = read(f"compressed_knn{{k={k}}}", rows).ixt_influence.numpy()
    seen = noisy(weighted(rows), 0.1, q)[0]
    white = seen @ np.linalg.inv(np.linalg.cholesky(np.atleast_2d(np.cov(seen.T, bias=True)))).T
    without = np.array([kozachenko_leonenko(np.delete(white, i, 0), k) for i in range(60)])
    jackknife = -59 * (without - without.mean())
    widened = influence / np.linalg.norm(influence) * np.linalg.norm(jackknife)
    assert widened == pytest.approx(jackknife, rel=0.05, abs=0.05)
    extra = np.square(influence).sum() / 60**2 - np.square(widened).sum() / 60**2
    assert extra == pytest.approx(gaussian_bias(60, k, q) ** 2, rel=0.3)


# --- Laws. ---


def _rotated(t: Matrix, r: np.random.Generator) -> Matrix:
    found: Matrix = t @ np.linalg.qr(r.standard_normal((t.shape[1], t.shape[1])))[0]
    return found


CHANGES: Mapping[Change, Callable[[Matrix, np.random.Generator], Matrix]] = {
    "rotation": _rotated,
    "translation": lambda t, r: t + r.standard_normal(t.shape[1]),
    "feature order": lambda t, r: t[:, r.permutation(t.shape[1])],
    "row order": lambda t, r: t,
}
PROMISES = [(key, change) for key in KEYS for change in parse_estimator(key).measure.invariant_to]


@pytest.mark.parametrize(("key", "change"), PROMISES, ids=str)
def test_nothing_changes_that_should_not(key: str, change: Change) -> None:
    r = np.random.default_rng(1)
    rows = rows_of(network(9))
    before = read(key, rows)
    t = np.ascontiguousarray(CHANGES[change](rows.t.numpy(), r))
    rows = replace(rows, t=torch.from_numpy(t))
    if change == "row order":
        rows = permuted(rows, r.permutation(rows.m))
    after = read(key, rows)
    assert float(after.ixt) == pytest.approx(float(before.ixt), rel=1e-8, abs=1e-9)
    torch.testing.assert_close(after.ity, before.ity, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("key", KEYS)
def test_scale_freedom_is_as_declared(key: str) -> None:
    """Every layer of a series keeps its scale, and one step grows to twice its size."""
    rows = rows_of(network(0 if "idnns" in key else 9))
    before, after = read(key, rows), read(key, replace(rows, t=2 * rows.t))
    same = float(after.ixt) == pytest.approx(float(before.ixt), rel=1e-6, abs=1e-9)
    assert same is parse_estimator(key).scale_free


DATA_PROCESSING = [key for key in KEYS if key.startswith(("binning", "adaptive", "kde", "renyi"))]


@pytest.mark.parametrize("key", DATA_PROCESSING)
def test_labels_that_inputs_determine_tell_no_more_than_inputs(key: str) -> None:
    for seed in range(12):
        found = read(key, rows_of(network(seed)))
        assert float(found.ity[0]) <= float(found.ixt) + 1e-9


@pytest.mark.parametrize("key", [key for key in KEYS if not key.startswith("compressed_knn")])
@pytest.mark.parametrize("spread", [1e-3, 1.0, 1e3])
def test_ceilings(key: str, spread: float) -> None:
    for seed in range(6):
        net = network(seed)
        t = spread * net.t
        labels = net.labels.copy()
        labels[: 30 + seed] = 0
        found = read(
            key, plane_rows(t, labels, x=net.x, scale=replace(scale_of(t), width=scale_of(net.t).width))
        )
        for value, ceiling in ((found.ixt, found.ixt_ceiling), (found.ity[0], found.ity_ceiling)):
            assert math.isfinite(float(value))
            assert float(value) <= float(ceiling) + 1e-6


@pytest.mark.parametrize("key", ["binning", "kde", "renyi", "renyi{alpha=1.01}", "diffusion", "cs"])
def test_rows_that_are_far_apart_reach_the_ceiling_of_inputs(key: str) -> None:
    labels = np.arange(50) % 2
    rows = plane_rows(1e3 * np.arange(50.0)[:, None], labels, scale=LayerScale(0.0, 49e3, 1.0, 1.0))
    found = read(key if key != "binning" else "binning{count=1000}", rows)
    assert float(found.ixt) == pytest.approx(math.log(50), rel=1e-9)
    assert float(found.ixt_ceiling) == pytest.approx(math.log(50), rel=1e-9)


def apart(m: int, seed: int) -> tuple[Matrix, Codes]:
    """Two classes far from each other, in two features."""
    r = np.random.default_rng(seed)
    labels = np.arange(m) % 2
    return r.standard_normal((m, 2)) + 8 * labels[:, None], labels


@pytest.mark.parametrize("key", ["renyi", "renyi{alpha=1}", "cs", "diffusion", "compressed_knn"])
def test_shuffled_labels_tell_next_to_nothing_and_separate_classes_do(key: str) -> None:
    t, labels = apart(400, seed=2)
    found = read(key, plane_rows(t, labels, shuffles=6))
    null = found.ity[1:]
    assert abs(float(null.mean())) < 0.03
    assert float(found.ity[0]) > 0.15
    assert float(found.ity[0]) > float(null.mean()) + 10 * float(null.std())


@pytest.mark.parametrize("key", ["binning{count=8}", "compressed_knn{noise=0.1}"])
def test_separate_classes_tell_the_entropy_of_the_labels(key: str) -> None:
    t, labels = apart(400, seed=3)
    found = read(key, plane_rows(t, labels))
    assert float(found.ity[0]) == pytest.approx(math.log(2), rel=0.03)
    assert float(found.ity_ceiling) == pytest.approx(math.log(2))


# --- Odd layers. ---


@pytest.mark.parametrize("scale", [LayerScale(0.3, 0.3, 0.0, 0.0), LayerScale(-1.0, 1.0, 0.5, 0.4)])
@pytest.mark.parametrize("key", [key for key in KEYS if "edges=layer" not in key])
def test_a_constant_layer_tells_nothing(key: str, scale: LayerScale) -> None:
    rows = plane_rows(np.full((60, 3), 0.3), np.arange(60) % 3, scale=scale)
    found = read(key, rows)
    noisy_figure = key.startswith("compressed_knn")
    spare = 4 * standard_error(found.ixt_influence) if noisy_figure else 1e-9
    assert abs(float(found.ixt)) <= spare
    spare = 4 * standard_error(found.ity_influence) if noisy_figure else 1e-9
    assert abs(float(found.ity[0])) <= spare
    for influence in (found.ixt_influence, found.ity_influence):
        assert bool(influence.isfinite().all())


@pytest.mark.parametrize("key", KEYS)
def test_one_class_tells_nothing(key: str) -> None:
    net = network(10)
    found = read(key, plane_rows(net.t, np.zeros(48, dtype=np.int64), x=net.x))
    assert found.ity.tolist() == pytest.approx([0.0] * 4, abs=1e-9)
    assert float(found.ity_ceiling) >= -1e-12


@pytest.mark.parametrize("key", KEYS)
def test_classes_of_a_single_row(key: str) -> None:
    net = network(10)
    labels = net.labels.copy()
    labels[0] = labels.max() + 1
    found = read(key, plane_rows(net.t, labels, x=net.x))
    assert bool(found.ity.isfinite().all())
    assert bool(found.ity_influence.isfinite().all())


@pytest.mark.parametrize(
    "key", ["binning", "adaptive_binning", "kde", "renyi", "renyi{alpha=1}", "cs", "diffusion"]
)
def test_inputs_that_come_twice_count_once(key: str) -> None:
    """Every input doubled: the same figures, and no more to tell apart than there are inputs."""
    net = network(12)
    once = np.unique(net.x, return_index=True)[1]
    net_t, labels = net.t[once], net.labels[once]
    scale = scale_of(net_t)
    twice = np.tile(np.arange(len(once)), 2)
    one = read(key, plane_rows(net_t, labels, scale=scale))
    two = read(key, plane_rows(net_t[twice], labels[twice], x=twice, scale=scale))
    assert float(two.ixt) == pytest.approx(float(one.ixt), rel=1e-6)
    assert float(two.ixt_ceiling) == pytest.approx(math.log(len(once)))
    if key != "diffusion":
        assert float(two.ity[0]) == pytest.approx(float(one.ity[0]), rel=1e-6, abs=1e-9)


def test_fewer_rows_than_neighbours_and_more_features_than_rows() -> None:
    r = np.random.default_rng(0)
    for key in KEYS:
        found = read(key, plane_rows(r.standard_normal((6, 40)), np.arange(6) % 2))
        assert bool(found.ity.isfinite().all()), key
        assert math.isfinite(float(found.ixt)), key


def test_edges_over_all_steps_need_quantiles() -> None:
    rows = rows_of(network(0))
    bare = replace(rows, scale=replace(rows.scale, quantiles=()))
    with pytest.raises(InputError, match="use edges=step"):
        read("adaptive_binning{edges=layer}", bare)


# --- Codes. ---


def test_hashes_tell_rows_apart_exactly_as_comparison_does() -> None:
    r = np.random.default_rng(3)
    for d in (1, 2, 7, 300):
        cells = r.integers(-3, 4, (500, d)) * 2 ** int(r.integers(0, 20))
        cells[::3] = cells[0]
        _, expected = np.unique(cells, axis=0, return_inverse=True)
        found = plane_codes.ranks(plane_codes.row_codes(torch.from_numpy(cells))).numpy()
        assert len({*zip(found.tolist(), expected.ravel().tolist(), strict=True)}) == expected.max() + 1
        assert found.max() == expected.max()


def test_shares_of_codes() -> None:
    codes = torch.tensor([[5, -1, 5, 7], [0, 0, 0, 0]])
    assert plane_codes.shares(codes).tolist() == [[0.5, 0.25, 0.5, 0.25], [1.0] * 4]


def test_shuffles_keep_the_sizes_of_the_classes() -> None:
    rows = shuffled(np.array([0, 0, 1, 2, 2, 2]), 4)
    assert all(np.bincount(row).tolist() == [2, 1, 3] for row in rows)


# --- Declarations. ---


@pytest.mark.parametrize("name", all_estimators())
def test_every_declaration_can_be_read(name: str) -> None:
    choice = parse_estimator(name)
    assert choice.measure.summary.endswith(".")
    for option in choice.measure.defaults:
        assert f"<{option}>" in choice.measure.definition
    assert not any(f"<{option}>" in choice.definition for option in choice.measure.defaults)
    for sentence in (choice.measure.says, choice.measure.cannot):
        assert len(sentence) > 40
        assert not sentence.endswith(".")
    assert choice.measure.cite
    assert 1000 <= choice.most_rows <= 20_000


def test_no_two_estimators_say_the_same() -> None:
    every = all_estimators().values()
    for words in ("says", "cannot", "definition", "summary"):
        assert len({getattr(each, words) for each in every}) == len(every)


@pytest.mark.parametrize(
    "key",
    [
        "binning{count=1}",
        "binning{width=-1}",
        "binning{preset=other}",
        "adaptive_binning{edges=run}",
        "kde{noise=0}",
        "kde{preset=idnns}",
        "renyi{alpha=0}",
        "renyi{bandwidth=own}",
        "diffusion{t=0}",
        "diffusion{preset=mean}",
        "cs{bandwidth=none}",
        "compressed_knn{noise=0}",
        "compressed_knn{dimensions=0}",
        "compressed_knn{k=0}",
        "kdes",
    ],
)
def test_options_that_mean_nothing_are_refused(key: str) -> None:
    with pytest.raises(UsageError):
        parse_estimator(key)
