"""Every measure of a pair agrees with its slow twin and keeps what its declaration promises."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import psi

from repdiag.analysis.bandwidth import kernel_of
from repdiag.analysis.pair_records import GRAMS
from repdiag.errors import InputError, UsageError
from repdiag.measures import trees
from repdiag.measures.declaration import Change
from repdiag.measures.pair_corrections import information_bias, wishart_bias
from repdiag.measures.pair_grams import delta_gram, gaussian_gram, matrix_entropy
from repdiag.measures.pair_inputs import PairNeed
from repdiag.measures.pair_kernels import conditional_renyi_mi, renyi_joint_entropy, renyi_mi
from repdiag.measures.pair_moments import cka, logdet_mi
from repdiag.measures.pair_neighbours import conditional_ksg_mi
from repdiag.measures.pair_registry import all_pair_measures, parse_pair_selection
from repdiag.stats.logdet import wishart_bias as wishart_bias_on_the_host
from tests.measures.pair_records import (
    Matrix,
    corrected,
    gram_totals,
    joint_moments,
    kernel_rows,
    median_widths,
    reading,
    row_pairs,
    value,
)
from tests.measures.pair_twins import TWINS, Views, twin

Labels = NDArray[np.int64]
SHAPES = [(60, 8, 5), (40, 6, 6), (25, 30, 30), (30, 1, 1)]
OPTIONS = [
    "logdet_mi{eps=0.1}",
    "logdet_mi{eps=0.01,relative=false}",
    "total_coding_rate{eps_sq=1}",
    "cka{unbiased=false}",
    "cka{kernel=gaussian}",
    "cka{kernel=gaussian,unbiased=false}",
    "renyi_mi{alpha=1}",
    "renyi_mi{alpha=0.5,kernel=cosine}",
    "renyi_mi{kernel=linear}",
    "renyi_joint_entropy{alpha=1.01}",
    "renyi_joint_entropy{kernel=cosine}",
    "renyi_conditional_entropy{alpha=3,kernel=linear}",
    "conditional_renyi_mi{alpha=1}",
    "matrix_mi{alpha=2}",
    "matrix_mi{space=feature}",
    "matrix_mi{alpha=2,space=feature}",
    "diffusion_mi{t=2}",
    "diffusion_mi{preset=published}",
    "diffusion_mi{anisotropic=true}",
    "ksg_mi{k=5,norm=euclidean}",
    "ksg_mi{standardize=false}",
    "ksg_mi{components=2}",
    "conditional_ksg_mi{k=5,norm=euclidean}",
    "conditional_ksg_mi{standardize=false}",
]
KEYS = [*all_pair_measures(), *OPTIONS]
SAME_WIDTH = ("alignment", "mmcr", "matrix_mi{space=feature}", "matrix_mi{alpha=2,space=feature}")
FULL_RANK = ("gaussian_mi", "joint_total_correlation")
"""Infinite where the rows do not outnumber the features of both views."""


def draw(n: int, d1: int, d2: int, seed: int = 0, shared: float = 0.7) -> tuple[Matrix, Matrix]:
    """Two views with a common part, about means that are not zero."""
    r = np.random.default_rng(seed)
    common = r.standard_normal((n, 3))
    views = [
        shared * common @ r.standard_normal((3, d)) + r.standard_normal((n, d)) + r.standard_normal(d)
        for d in (d1, d2)
    ]
    return views[0], views[1]


def labels_of(n: int) -> Labels:
    return np.arange(n) % 3


def figure(key: str, x: Matrix, y: Matrix, labels: Labels | None = None) -> float:
    return value(key, x, y, labels=labels_of(len(x)) if labels is None else labels)


# --- Trees. ---


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("k", [1, 3])
def test_a_tree_counts_what_blocks_count(k: int, ties: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = draw(600, 2, 3)
    if ties:
        x, y = x.round(), y.round()
        x[100:110], y[100:110] = x[0], y[0]
    found = figure(f"ksg_mi{{k={k}}}", x, y)
    monkeypatch.setattr(trees, "TREE_FEATURES", 0)
    assert figure(f"ksg_mi{{k={k}}}", x, y) == pytest.approx(found, rel=1e-12)


# --- Twins. ---


def test_every_measure_has_a_twin_and_no_twin_is_left_over() -> None:
    assert set(TWINS) == set(all_pair_measures())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("key", KEYS)
def test_twin_agrees(key: str, shape: tuple[int, int, int]) -> None:
    n, d1, d2 = shape
    if (key in FULL_RANK and n - 1 <= d1 + d2) or (key in SAME_WIDTH and d1 != d2):
        pytest.skip("the figure does not exist here: tested below")
    if "feature" in key and d1 == 1:
        pytest.skip("one feature has no correlations")
    x, y = draw(*shape, seed=sum(shape))
    selection = parse_pair_selection(key)
    views = Views(x, y, median_widths(x, y), labels_of(n))
    expected = twin(selection.measure.name, views, **selection.all_options)
    tolerance = 1e-6 if selection.needs in GRAMS else 1e-8
    if key == "logdet_mi" and n < d1:
        tolerance = 1e-5  # The twin inverts a matrix of condition 1e8 and subtracts.
    # Sums of float32 blocks: entropies near one, of which information is a difference.
    least = 1e-7 if selection.needs in GRAMS else 1e-10
    assert figure(key, x, y) == pytest.approx(expected, rel=tolerance, abs=least)


def test_linear_cka_from_sums_is_that_of_all_pairs_of_rows() -> None:
    x, y = draw(80, 7, 4, shared=1.0)
    views = Views(x + 30, y - 20, (1.0, 1.0))
    for unbiased in (True, False):
        key = f"cka{{unbiased={str(unbiased).lower()}}}"
        assert value(key, views.x, views.y) == pytest.approx(twin("cka", views, unbiased=unbiased), abs=1e-10)


def test_the_reference_point_of_the_moments_does_not_matter() -> None:
    x, y = draw(50, 4, 3)
    elsewhere = torch.full((7,), 2.5, dtype=torch.float64)
    assert float(cka(joint_moments(x, y, origin=elsewhere))) == pytest.approx(value("cka", x, y), abs=1e-11)


def test_sums_over_all_pairs_and_a_sample_of_rows_give_the_same_figures() -> None:
    x, y = draw(300, 6, 9)
    rows, sums = renyi_mi(kernel_rows(x, y)), renyi_mi(gram_totals(x, y))
    assert float(rows.value) == pytest.approx(float(sums.value), rel=1e-6)
    assert rows.details["estimator"] == "exact"
    for name, found in sums.details.items():
        assert float(rows.details[name]) == pytest.approx(float(found), rel=1e-6), name


# --- What declarations promise. ---


def _rotated(rows: Matrix, r: np.random.Generator) -> Matrix:
    found: Matrix = rows @ np.linalg.qr(r.standard_normal((rows.shape[1], rows.shape[1])))[0]
    return found


CHANGES: Mapping[Change, Callable[[Matrix, np.random.Generator], Matrix]] = {
    "rotation": _rotated,
    "translation": lambda rows, r: rows + 2 * r.standard_normal(rows.shape[1]),
    "scale": lambda rows, r: rows * r.uniform(5, 50),
    "row scale": lambda rows, r: rows * np.exp(r.standard_normal((len(rows), 1))),
    "feature order": lambda rows, r: rows[:, r.permutation(rows.shape[1])],
    "row order": lambda rows, r: rows,
}
PROMISES = [(name, change) for name, each in all_pair_measures().items() for change in each.invariant_to]


@pytest.mark.parametrize(("name", "change"), PROMISES, ids=str)
def test_nothing_changes_that_should_not(name: str, change: Change) -> None:
    """Each view is changed for itself; only the order of the rows is changed for both."""
    x, y = draw(60, 6, 6, seed=3)
    r = np.random.default_rng(4)
    before, labels = figure(name, x, y), labels_of(60)
    x, y = (CHANGES[change](rows, r) for rows in (x, y))
    if change == "row order":
        order = r.permutation(60)
        x, y, labels = x[order], y[order], labels[order]
    found = figure(name, np.ascontiguousarray(x), np.ascontiguousarray(y), labels)
    assert found == pytest.approx(before, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("key", KEYS)
def test_symmetry_is_as_declared(key: str) -> None:
    x, y = draw(60, 6, 6, seed=5)
    one, other = figure(key, x, y), figure(key, y, x)
    if parse_pair_selection(key).measure.symmetric:
        assert one == pytest.approx(other, rel=1e-9, abs=1e-12)
    else:
        assert one != pytest.approx(other, rel=1e-3)


def equal(x: Matrix, y: Matrix) -> tuple[Matrix, Matrix]:
    return x, x + 0 * y


def heavy(x: Matrix, y: Matrix) -> tuple[Matrix, Matrix]:
    return np.sinh(3 * x), np.sinh(2 * y)


def apart(x: Matrix, y: Matrix) -> tuple[Matrix, Matrix]:
    return x, np.random.default_rng(1).permutation(y)


@pytest.mark.parametrize("kind", [equal, heavy, apart])
@pytest.mark.parametrize("name", all_pair_measures())
def test_bounds(name: str, kind: Callable[[Matrix, Matrix], tuple[Matrix, Matrix]]) -> None:
    low, high = all_pair_measures()[name].bounds
    for seed, n in ((1, 20), (2, 45)):
        found = figure(name, *kind(*draw(n, 4, 4, seed=seed)))
        assert low is None or found >= float(low) - 1e-9
        assert high is None or found <= (math.log(n) if isinstance(high, str) else float(high)) + 1e-9


@pytest.mark.parametrize("name", all_pair_measures())
def test_every_declaration_can_be_read(name: str) -> None:
    selection = parse_pair_selection(name)
    measure = selection.measure
    assert measure.summary.endswith(".")
    assert "<" not in selection.definition.replace("< ", "")
    for sentence in (measure.says, measure.cannot):
        assert len(sentence) > 40
        assert not sentence.endswith(".")
    assert measure.cite


@pytest.mark.parametrize(
    "key",
    [
        "renyi_mi{alpha=0}",
        "renyi_mi{kernel=laplace}",
        "logdet_mi{eps=0}",
        "total_coding_rate{eps_sq=0}",
        "cka{kernel=cosine}",
        "matrix_mi{space=both}",
        "matrix_mi{alpha=-1}",
        "diffusion_mi{preset=paper}",
        "diffusion_mi{t=0}",
        "ksg_mi{k=0}",
        "ksg_mi{components=-1}",
        "ksg_mi{norm=l1}",
        "conditional_ksg_mi{k=0}",
        "conditional_ksg_mi{norm=l1}",
    ],
)
def test_options_that_mean_nothing_are_refused(key: str) -> None:
    with pytest.raises(UsageError, match="takes only options where"):
        parse_pair_selection(key)


def test_the_record_follows_from_the_options() -> None:
    needs = {
        "renyi_mi": PairNeed.GRAM,
        "renyi_mi{alpha=1}": PairNeed.KERNELS,
        "renyi_joint_entropy{kernel=cosine}": PairNeed.COSINE_GRAM,
        "renyi_mi{alpha=1,kernel=linear}": PairNeed.KERNEL_SAMPLE,
        "cka": PairNeed.MOMENTS,
        "cka{kernel=gaussian}": PairNeed.ROWS,
        "matrix_mi": PairNeed.ROWS,
        "conditional_renyi_mi": PairNeed.GIVEN,
        "conditional_ksg_mi": PairNeed.GIVEN,
        "matrix_mi{space=feature}": PairNeed.MOMENTS,
    }
    assert {key: parse_pair_selection(key).needs for key in needs} == needs


# --- Kernel entropies. ---


@pytest.mark.parametrize("alpha", [1, 1.5, 2, 5])
def test_the_joint_entropy_is_at_least_that_of_each_view(alpha: float) -> None:
    for seed in range(4):
        x, y = draw(40, 5, 3, seed=seed)
        found = reading(f"renyi_mi{{alpha={alpha}}}", x, y)
        parts = [float(found.details[name]) for name in ("entropy_x", "entropy_y")]
        joint = sum(parts) - float(found.value)
        assert joint >= max(parts) - 1e-9


@pytest.mark.parametrize("kernel", ["gaussian", "cosine"])
def test_order_one_is_never_negative_and_order_two_can_be(kernel: str) -> None:
    """At alpha = 1 it is the information of a separable quantum state, whose entropies are subadditive and
    not below those of its parts. At alpha = 2 outliers of x among the ordinary rows of y suffice."""
    x, y = np.ones((40, 2)), np.ones((40, 2))
    x[:4] = y[4:8] = [50.0, -50.0]
    widths = (1.0, 1.0)
    first = reading(f"renyi_mi{{alpha=1,kernel={kernel}}}", x, y, widths)
    assert 0 < float(first.value) < float(first.details["entropy_x"])
    assert value(f"renyi_mi{{kernel={kernel}}}", x, y, widths) < -0.01


@pytest.mark.parametrize("alpha", [0.5, 1, 2, 5])
def test_a_clustering_tells_all_of_itself_and_a_cloud_less(alpha: float) -> None:
    """With kernels of zeros and ones the product of a kernel with itself is itself; with others it is not."""
    clusters = 1000.0 * np.eye(4)[np.arange(40) % 4]
    sharp = renyi_mi(kernel_rows(clusters, clusters, (1.0, 1.0)), alpha=alpha)
    assert float(sharp.details["self_x"]) == pytest.approx(math.log(4), rel=1e-9)
    assert float(sharp.value) == pytest.approx(float(sharp.details["entropy_x"]), rel=1e-9)
    cloud = renyi_mi(kernel_rows(*draw(40, 3, 3)), alpha=alpha)
    assert float(cloud.details["self_x"]) < float(cloud.details["entropy_x"]) - 0.05


def test_given_one_label_for_all_nothing_is_conditioned_on() -> None:
    x, y = draw(50, 4, 4)
    found = conditional_renyi_mi(row_pairs(x, y, labels=np.zeros(50, dtype=np.int64)))
    assert float(found.value) == pytest.approx(float(renyi_mi(kernel_rows(x, y)).value), rel=1e-9)
    assert float(found.details["unconditional"]) == pytest.approx(float(found.value), rel=1e-9)


def test_given_what_both_views_show_nothing_is_left() -> None:
    codes = np.arange(48) % 4
    clusters = 1000.0 * np.eye(4)[codes]
    rows = row_pairs(clusters, clusters, (1.0, 1.0), labels=codes)
    assert float(conditional_renyi_mi(rows).value) == pytest.approx(0, abs=1e-9)
    assert float(conditional_renyi_mi(rows).details["unconditional"]) == pytest.approx(math.log(4))


def test_a_third_view_comes_before_the_labels() -> None:
    x, y = draw(50, 4, 4)
    z, labels = draw(50, 2, 2, seed=9)[0], labels_of(50)
    given_both = conditional_renyi_mi(row_pairs(x, y, z=z, labels=labels))
    assert float(given_both.value) == float(conditional_renyi_mi(row_pairs(x, y, z=z)).value)
    kernels = [
        gaussian_gram(torch.from_numpy(a), w) for a, w in zip((x, y, z), _widths(x, y, z), strict=True)
    ]
    a, b, c = kernels
    parts = [float(matrix_entropy(each, 2)) for each in (a * c, b * c, a * b * c, c)]
    assert float(given_both.value) == pytest.approx(parts[0] + parts[1] - parts[2] - parts[3])


def _widths(x: Matrix, y: Matrix, z: Matrix) -> tuple[float, float, float]:
    return (*median_widths(x, y), median_widths(z, z)[0])


def test_without_labels_and_third_view_there_is_nothing_to_condition_on() -> None:
    with pytest.raises(InputError, match="third view or labels"):
        conditional_renyi_mi(row_pairs(*draw(20, 3, 3)))
    with pytest.raises(InputError, match="third view or labels"):
        conditional_ksg_mi(row_pairs(*draw(20, 3, 3)))


@pytest.mark.parametrize("n", [2, 3, 6, 7, 20])
def test_the_bandwidth_is_the_median_distance_of_different_rows(n: int) -> None:
    x, y = draw(n, 3, 2)
    for rows, found in zip((x, y), median_widths(x, y), strict=True):
        pairs = [math.dist(rows[i], rows[j]) for i in range(n) for j in range(i)]
        assert found == pytest.approx(np.median(pairs), rel=1e-9)
        assert found == pytest.approx(kernel_of(torch.from_numpy(rows)).width, rel=1e-9)


def test_labels_are_alike_or_not() -> None:
    found = delta_gram(torch.tensor([3, 5, 3]))
    assert found.tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    assert found.dtype is torch.float64


def test_shuffling_raises_the_joint_entropy_of_dependent_views() -> None:
    x, y = draw(80, 3, 3, shared=2.0)
    for alpha in (1.0, 2.0):
        joint = float(renyi_joint_entropy(kernel_rows(x, y), alpha=alpha).value)
        assert float(renyi_joint_entropy(kernel_rows(*apart(x, y)), alpha=alpha).value) > joint


# --- Nulls and corrections. ---


def test_debiased_figures_of_independent_views_are_near_zero() -> None:
    """On average over draws, within three standard errors; the plug-ins are not."""
    r = np.random.default_rng(0)
    views = [(r.standard_normal((80, 6)), r.standard_normal((80, 5))) for _ in range(40)]
    for key in ("gaussian_mi", "renyi_mi"):
        found = np.array([corrected(key, *pair) for pair in views])
        assert abs(found.mean()) < 3 * found.std() / math.sqrt(len(found))
        plain = np.array([value(key, *pair) for pair in views])
        assert plain.mean() > 10 * abs(found.mean())
    aligned = np.array([value("cka", *pair) for pair in views])
    assert abs(aligned.mean()) < 3 * aligned.std() / math.sqrt(len(aligned))
    assert np.mean([value("cka{unbiased=false}", *pair) for pair in views]) > 0.05


def test_the_correction_finds_the_information_of_gaussian_views() -> None:
    rho = np.linspace(0.8, 0.1, 5)
    truth = float(-np.log(1 - rho**2).sum() / 2)
    r = np.random.default_rng(1)
    found, features = [], []
    for _ in range(60):
        x, noise = r.standard_normal((40, 5)), r.standard_normal((40, 5))
        y = rho * x + np.sqrt(1 - rho**2) * noise
        found.append(corrected("gaussian_mi", x, y))
        features.append(corrected("joint_total_correlation", x, y))
    for each in (np.array(found), np.array(features)):
        assert abs(each.mean() - truth) < 3 * each.std() / math.sqrt(len(each))


@pytest.mark.parametrize(("p", "degrees"), [(1, 1), (3, 10), (32, 511), (64, 64)])
def test_the_bias_of_a_log_determinant_is_that_of_the_host(p: int, degrees: int) -> None:
    found = wishart_bias(torch.tensor([p]), p + 3, degrees)
    assert float(found) == pytest.approx(wishart_bias_on_the_host(p, degrees), rel=1e-12)


def test_the_bias_does_not_exist_where_the_determinant_is_zero() -> None:
    assert math.isnan(wishart_bias(torch.tensor([5]), 5, 4))
    assert float(information_bias(torch.tensor(8), torch.tensor(9), 17, 2000)) == pytest.approx(
        0.018, rel=0.02
    )


def test_gaussian_information_counts_directions_not_columns() -> None:
    x, y = draw(60, 4, 3)
    wider = np.hstack([x, x[:, :2] - x[:, 1:3], np.full((60, 1), 0.5)])
    assert value("gaussian_mi", wider, y) == pytest.approx(value("gaussian_mi", x, y), rel=1e-8)
    assert corrected("gaussian_mi", wider, y) == pytest.approx(corrected("gaussian_mi", x, y), rel=1e-8)


def test_gaussian_information_is_infinite_where_one_view_settles_a_direction() -> None:
    x, y = draw(60, 4, 3)
    assert value("gaussian_mi", x, np.hstack([y, x[:, :1]])) == math.inf
    assert value("gaussian_mi", *draw(25, 30, 30)) == math.inf


# --- Log-determinant information. ---


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("eps", [1e-8, 1e-4, 0.1, 10.0])
def test_logdet_information_is_the_same_in_both_directions(eps: float, relative: bool) -> None:
    """As published it regresses one view on the other; both directions give what we compute at once."""
    x, y = draw(60, 6, 4)
    found = float(logdet_mi(joint_moments(x, y), eps=eps, relative=relative).value)
    for one, other in ((x, y), (y, x)):
        expected = twin("logdet_mi", Views(one, other, (1, 1)), eps=eps, relative=relative)
        assert found == pytest.approx(expected, rel=1e-6)


def test_logdet_information_becomes_gaussian_as_the_floor_falls() -> None:
    x, y = draw(100, 4, 5)
    assert value("logdet_mi{eps=1e-10}", x, y) == pytest.approx(value("gaussian_mi", x, y), rel=1e-7)


def test_the_sensitivity_is_the_slope_over_log_eps() -> None:
    moments = joint_moments(*draw(60, 5, 5))
    for relative in (True, False):
        step = 1e-4
        ends = [logdet_mi(moments, eps=0.01 * math.exp(s), relative=relative) for s in (-step, 0, step)]
        slope = float(ends[2].value - ends[0].value) / (2 * step)
        assert float(ends[1].details["sensitivity"]) == pytest.approx(slope, rel=1e-5)


def test_of_equal_views_the_floor_alone_sets_the_value() -> None:
    x, _ = draw(400, 20, 20)
    found = reading("logdet_mi", x, x)
    assert float(found.details["sensitivity"]) == pytest.approx(-10, rel=1e-3)


# --- Single measures. ---


def test_the_feature_space_form_does_not_see_which_row_is_which() -> None:
    x, y = draw(100, 5, 5, shared=2.0)
    order = np.random.default_rng(0).permutation(100)
    key = "matrix_mi{space=feature}"
    assert value(key, x, y[order]) == pytest.approx(value(key, x, y), rel=1e-9)
    assert value("matrix_mi", x, y[order]) != pytest.approx(value("matrix_mi", x, y), rel=1e-2)
    assert "spectral functional" in all_pair_measures()["matrix_mi"].cannot


@pytest.mark.parametrize("key", ["alignment", "mmcr", "matrix_mi{space=feature}"])
def test_views_of_different_width_cannot_be_compared_feature_by_feature(key: str) -> None:
    with pytest.raises(UsageError, match="same number of features in both"):
        value(key, *draw(30, 4, 5))


def test_alignment_and_mmcr_know_their_ends() -> None:
    rows = np.vstack([np.eye(4)] * 5)
    assert value("alignment", rows, rows) == 0
    assert value("alignment", rows, -rows) == pytest.approx(4)
    assert value("mmcr", rows, 3 * rows) == pytest.approx(1)
    assert value("mmcr", rows, -rows) == 0


def test_the_rates_of_unrelated_features_add_up() -> None:
    rows = np.vstack([np.eye(4), -np.eye(4)] * 3)
    crossed = np.repeat(np.eye(2), 12, axis=0)[:, [0, 1]] * np.tile([[1.0], [-1.0]], (12, 1))
    found = reading("total_coding_rate", rows, crossed)
    assert float(found.details["shared"]) >= -1e-12
    parts = float(found.details["rate_x"] + found.details["rate_y"] - found.details["shared"])
    assert float(found.value) == pytest.approx(parts)
    itself = reading("total_coding_rate", rows, rows)
    assert float(itself.details["shared"]) > 0.5 * float(itself.details["rate_x"])


def test_views_that_differ_by_a_similarity_are_aligned_perfectly() -> None:
    x, _ = draw(60, 5, 5)
    turned = 3 * _rotated(x, np.random.default_rng(0)) + 7
    for key in ("cka", "cka{unbiased=false}", "cka{kernel=gaussian}"):
        assert value(key, x, turned) == pytest.approx(1, abs=1e-9)


def test_nearest_neighbours_find_the_information_of_a_gaussian_pair() -> None:
    x, noise = np.random.default_rng(3).standard_normal((2, 1500, 1))
    y = 0.75 * x + math.sqrt(1 - 0.75**2) * noise
    assert value("ksg_mi", x, y) == pytest.approx(-math.log(1 - 0.75**2) / 2, abs=0.06)
    assert value("ksg_mi", x, noise) == pytest.approx(0, abs=0.06)


def test_nearest_neighbours_reach_their_ceiling_for_equal_views() -> None:
    x, _ = draw(100, 2, 2)
    found = reading("ksg_mi", x, x)
    assert float(found.value) == pytest.approx(float(psi(100) - psi(3)), rel=1e-12)
    assert float(found.details["ceiling"]) == pytest.approx(float(found.value), rel=1e-12)
    assert "warning" not in found.details
    assert "above 10" in reading("ksg_mi", *draw(100, 6, 5)).details["warning"]


def test_nearest_neighbours_need_more_rows_than_k() -> None:
    assert math.isnan(value("ksg_mi", *draw(3, 2, 2)))


@pytest.mark.parametrize("key", KEYS)
def test_views_without_spread_raise_nothing(key: str) -> None:
    """What such a figure means is the analysis's to say; here it is a number, infinite or NaN."""
    still = np.full((30, 4), 0.5)
    found = value(key, still, still, (1.0, 1.0), labels=labels_of(30))
    assert math.isnan(found) or found >= -1e-9
