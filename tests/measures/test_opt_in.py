"""Measures that are opt-in: diffusion entropy, and the information of a classifier's outputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from repdiag.analysis import SpectrumRequest, outputs
from repdiag.analysis.evidence import CLOUD_ROWS
from repdiag.errors import UsageError
from repdiag.measures.diffusion import diffusion_entropy
from repdiag.measures.inputs import Cloud
from repdiag.measures.registry import all_measures
from repdiag.results import Estimate
from repdiag.types import IntervalMethod, Status
from tests.analysis.memory import analyse, figure

Array = np.ndarray[Any, np.dtype[Any]]
DSE, CMI = "diffusion_entropy", "conditional_mutual_information"


def normal(n: int, d: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((n, d))


def classifier(n: int, classes: int, sharp: float, seed: int = 0) -> tuple[Array, Array]:
    """Logits that favour the right class by `sharp`, with noise, and labels."""
    labels = np.arange(n) % classes
    return sharp * np.eye(classes)[labels] + normal(n, classes, seed), labels


def information(rows: Array, labels: Array, key: str = CMI, **options: Any) -> Estimate:
    return figure(rows, key, labels=labels, **options)


def softmax(rows: Array) -> Array:
    exponentials = np.exp(rows - rows.max(axis=1, keepdims=True))
    found: Array = exponentials / exponentials.sum(axis=1, keepdims=True)
    return found


def test_they_are_measured_only_when_asked_for() -> None:
    opt_in = {name for name, measure in all_measures().items() if measure.opt_in}
    assert opt_in == {DSE, CMI}
    assert not opt_in & {selection.measure.name for selection in SpectrumRequest().selections()}
    assert set(analyse(normal(60, 4), DSE, CMI, labels=np.arange(60) % 3).estimates) == opt_in


# --- Diffusion entropy. ---


def test_clusters_far_apart_are_counted() -> None:
    """The walk never leaves a cluster: as many eigenvalues of one as there are clusters."""
    clusters = np.repeat(np.eye(5), 40, axis=0) + 1e-3 * normal(200, 5)
    found = figure(100 * clusters, f"{DSE}{{preset=published}}")
    assert found.value == pytest.approx(math.log(5), rel=0.05)
    assert found.status is Status.OK


def test_rows_that_are_all_apart_saturate() -> None:
    wide = figure(1000 * normal(200, 20), f"{DSE}{{preset=published}}")
    assert wide.status is Status.SATURATED
    assert wide.value == pytest.approx(math.log(200), rel=1e-6)
    narrow = figure(normal(200, 20) / 1000, f"{DSE}{{preset=published}}")
    assert narrow.value == pytest.approx(0, abs=1e-3)
    assert narrow.status is Status.OK
    assert figure(normal(200, 20), DSE).status is Status.OK


def test_the_bandwidth_stands_beside_it() -> None:
    rows = normal(150, 6)
    found = figure(rows, DSE)
    distances = [math.dist(a, b) for i, a in enumerate(rows) for b in rows[:i]]
    assert found.details["bandwidth"] == pytest.approx(np.median(distances), rel=1e-9)
    kernel = np.exp(-np.square(distances) / (2 * np.median(distances) ** 2))
    assert found.details["mean_kernel"] == pytest.approx(kernel.mean(), rel=1e-9)
    assert found.details["rows"] == 150
    assert found.details["ceiling"] == pytest.approx(math.log(150))
    published = figure(rows, f"{DSE}{{preset=published}}").details
    assert published["bandwidth"] == 10
    assert published["median_distance"] == found.details["bandwidth"]


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_units_beyond_the_squares_of_floats(scale: float) -> None:
    assert figure(normal(80, 5) * scale, DSE).value == pytest.approx(
        figure(normal(80, 5), DSE).value, rel=1e-9
    )
    published = figure(normal(80, 5) * scale, f"{DSE}{{preset=published}}").value
    assert published == pytest.approx(0 if scale < 1 else math.log(80), abs=1e-9)


def test_intervals_up_to_a_thousand_rows() -> None:
    few = figure(normal(300, 4), DSE, interval="full")
    assert few.low is not None
    assert few.high is not None
    assert few.value is not None
    assert few.low < few.value < few.high
    assert few.high - few.low < 0.5
    many = figure(normal(CLOUD_ROWS + 10, 4), DSE, interval="full")
    assert (many.low, many.interval_method) == (None, IntervalMethod.NONE)
    assert "intervals are given up to 1,000 rows" in str(many.details["no_interval"])
    assert "no_interval" not in figure(normal(CLOUD_ROWS + 10, 4), DSE).details


def test_over_half_of_the_rows_alike_have_no_median_bandwidth() -> None:
    rows = normal(100, 4)
    rows[10:] = 1
    found = figure(rows, DSE)
    assert (found.value, found.status) == (None, Status.INSUFFICIENT)
    assert "preset=published" in str(found.details["reason"])
    assert figure(rows, f"{DSE}{{preset=published}}").value is not None
    assert figure(np.ones((50, 3)), DSE).status is Status.CONSTANT


def test_without_some_rows_it_is_the_figure_of_the_others() -> None:
    rows = torch.from_numpy(normal(60, 3))
    kept = torch.arange(7, 60)
    left = diffusion_entropy(Cloud(rows, 2.0, kept=kept)).value
    assert float(left) == float(diffusion_entropy(Cloud(rows[7:], 2.0)).value)


# --- Information of a classifier's outputs. ---


def test_outputs_that_depend_on_the_label_alone_have_none() -> None:
    labels = np.arange(200) % 4
    found = information(5 * np.eye(4)[labels], labels)
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.details["read_as"] == "logits"


def test_outputs_that_scatter_evenly_over_all_classes_have_log_d() -> None:
    """Certain outputs, as many of each class within every label."""
    labels = np.repeat(np.arange(4), 40)
    found = information(np.eye(4)[np.arange(160) % 4], labels)
    assert found.value == pytest.approx(math.log(4), rel=1e-12)
    assert found.details["read_as"] == "probabilities"


def test_logits_and_their_probabilities_agree() -> None:
    logits, labels = classifier(300, 5, 2.0)
    for dtype in (np.float64, np.float32, np.float16):
        shares = softmax(logits).astype(dtype)
        found = information(shares, labels)
        assert found.details["read_as"] == "probabilities"
        assert found.value == pytest.approx(information(logits, labels).value, rel=2e-3)
    forced = information(softmax(logits), labels, f"{CMI}{{outputs=logits}}")
    assert forced.value is not None
    assert forced.value < 0.2 * (information(logits, labels).value or 0)


def test_sharper_classifiers_have_less() -> None:
    values = [information(*classifier(400, 4, sharp)).value or 0 for sharp in (3.0, 6.0, 12.0)]
    assert values[0] > 2 * values[1] > 4 * values[2] > 0


def test_rows_are_weighed_alike_or_classes_are() -> None:
    logits, labels = classifier(400, 2, 0.0)
    logits[:300] *= 0.01
    labels = (np.arange(400) >= 300).astype(int)
    by_row, by_class = (information(logits, labels, f"{CMI}{{weighting={w}}}") for w in ("sample", "class"))
    largest = float(by_row.details["largest"])  # type: ignore[arg-type]
    assert by_row.value == pytest.approx(largest / 4, rel=0.01)
    assert by_class.value == pytest.approx(largest / 2, rel=0.01)
    assert by_row.details["smallest_class"] == 100


def test_the_interval_covers_fresh_samples() -> None:
    truth = information(*classifier(40_000, 4, 2.0, seed=100)).plugin
    assert truth is not None
    inside = 0
    for seed in range(30):
        found = information(*classifier(400, 4, 2.0, seed=seed), interval="full")
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= truth <= found.high
    assert inside >= 25


def test_several_passes_over_many_classes_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, labels = classifier(300, 10, 1.0)
    once = information(logits, labels, interval="full")
    monkeypatch.setattr(outputs, "SUM_BYTES", 16 * 20 * 10 * 3)
    found = information(logits, labels, interval="full")
    assert found.value == pytest.approx(once.value)
    assert found.low == pytest.approx(once.low)


def test_fewer_rows_than_features_are_read_as_they_are() -> None:
    """No rotation to fewer coordinates: outputs have no others."""
    logits, labels = classifier(60, 100, 1.0)
    labels = labels % 3
    expected = information(np.vstack([logits] * 2), np.concatenate([labels] * 2)).value
    assert information(logits, labels).value == pytest.approx(expected, rel=1e-9)


def test_a_class_with_one_row_and_a_single_class() -> None:
    logits, labels = classifier(101, 3, 1.0)
    labels[:] = 0
    alone = information(logits, labels, interval="full")
    assert alone.value is not None
    assert alone.details["classes"] == 1
    labels[7] = 1
    found = information(logits, labels, interval="full")
    assert found.low is not None
    assert found.details["smallest_class"] == 1
    assert found.value == pytest.approx(alone.value, rel=0.05)


def test_too_few_rows_for_the_classes() -> None:
    found = information(*classifier(40, 10, 1.0))
    assert (found.value, found.status) == (None, Status.INSUFFICIENT)
    assert found.details["reason"] == "n = 40; 10 classes need n = 50"


def test_constant_logits_and_rows_with_nan() -> None:
    logits, labels = classifier(200, 4, 2.0)
    assert information(np.full((200, 4), 3.0), labels).status is Status.CONSTANT
    broken = logits.copy()
    broken[[3, 50]] = np.nan
    kept = np.setdiff1d(np.arange(200), [3, 50])
    assert information(broken, labels).value == pytest.approx(information(logits[kept], labels[kept]).value)
    assert information(broken * np.nan, labels).status is Status.NONFINITE


def test_huge_logits_are_certain_outputs() -> None:
    logits, labels = classifier(200, 4, 0.0)
    certain = np.eye(4)[logits.argmax(axis=1)]
    assert information(logits * 1e200, labels).value == pytest.approx(information(certain, labels).value)


def test_rows_that_are_no_distribution() -> None:
    shares = softmax(classifier(200, 4, 1.0)[0])
    labels = np.arange(200) % 4
    shares[17] *= 0.9
    assert information(shares, labels).details["read_as"] == "logits"
    found = information(shares, labels, f"{CMI}{{outputs=probabilities}}")
    assert (found.value, found.status) == (None, Status.INSUFFICIENT)
    assert "no distribution" in str(found.details["reason"])


def test_labels_are_needed() -> None:
    with pytest.raises(UsageError, match="conditional_mutual_information needs labels"):
        figure(normal(50, 3), CMI)
