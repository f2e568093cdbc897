"""The fingerprint of a good store, and a later run against it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repdiag import synthetic
from repdiag.analysis import Side, SpectrumRequest, analyse_spectrum, compare
from repdiag.check import (
    CheckConfig,
    CheckFlags,
    build_policy,
    check,
    fingerprint,
    read_baseline,
    write_baseline,
)
from repdiag.check.against import against
from repdiag.errors import ConfigError, UsageError
from repdiag.results import RATIO, Results
from repdiag.store import Store, memory_store
from repdiag.types import Address, Status, Verdict
from tests.check.builders import figure, only, results, row

N, D = 800, 24
MEASURES = ("trace", "mean_share", "effective_rank", "participation_ratio", "top1_share", "spectral_cliff")
Rows = np.ndarray[Any, np.dtype[np.floating[Any]]]


def rows_of(exponent: float, n: int = N, seed: int = 3, noise: float = 0.0) -> Rows:
    """Rows of a power law; those of two exponents with one seed are the same samples."""
    made = synthetic.power_law(n, D, exponent=exponent, seed=seed).samples.numpy()
    return made + noise * np.random.default_rng(seed + 1).standard_normal(made.shape)


def store_of(rows: Rows, checkpoint: str = "epoch_9", *, ids: bool = True, seed: int = 0) -> Store:
    names = [f"sample {seed}-{number}" for number in range(len(rows))] if ids else None
    return memory_store({Address(checkpoint, "base", "backbone"): rows}, ids=names)


def analysed(store: Store, *, replicates: bool = True, interval: str = "full") -> Results:
    request = SpectrumRequest(measures=MEASURES, replicates=replicates, interval=interval)  # type: ignore[arg-type]
    return analyse_spectrum([store], request)


@pytest.fixture(scope="module")
def good() -> Results:
    return analysed(store_of(rows_of(0.7)))


@pytest.fixture
def file(good: Results, tmp_path: Path) -> Path:
    write_baseline(fingerprint(good), tmp_path / "base.json")
    return tmp_path / "base.json"


def judged(found: Results, file: Path, **config: Any) -> Results:
    return check(found, build_policy(CheckConfig.model_validate(config), CheckFlags(baseline=file)))


def test_a_baseline_reads_back_and_holds_no_row(good: Results, file: Path) -> None:
    kept = read_baseline(file).representations[0]
    assert (kept.n, kept.d, kept.layer, sum(kept.group_sizes)) == (N, D, "backbone", N)
    assert kept.eigenvalues == pytest.approx(good.representations[0].spectrum.eigenvalues, rel=1e-6)  # type: ignore[union-attr]
    assert len(kept.estimates["effective_rank"].without) == len(kept.group_sizes)
    assert kept.moments is not None
    assert kept.moments.trace == pytest.approx(kept.estimates["trace"].value, rel=1e-6)
    longest = max(len(value) for value in lists_in(json.loads(file.read_text())))
    assert longest <= max(D, 20)


def lists_in(content: object) -> list[list[object]]:
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else []
    own = [content] if isinstance(content, list) else []
    return [*own, *(found for each in inner for found in lists_in(each))]


def test_one_layer_takes_at_most_64_kb_even_where_it_is_wide(tmp_path: Path) -> None:
    wide = synthetic.power_law(300, 4096, seed=0).samples.numpy().astype(np.float32)
    request = SpectrumRequest(replicates=True, interval="fast")
    found = analyse_spectrum([store_of(wide)], request)
    write_baseline(fingerprint(found), tmp_path / "wide.json")
    assert (tmp_path / "wide.json").stat().st_size <= 64_000


def test_the_mean_of_a_cone_is_in_its_moments(tmp_path: Path) -> None:
    rows = rows_of(0.7) + 2.0
    kept = fingerprint(analysed(store_of(rows))).representations[0]
    assert kept.moments is not None
    assert kept.moments.mean_norm == pytest.approx(np.linalg.norm(rows.mean(0)), rel=1e-6)


def test_two_writings_are_byte_equal(good: Results, file: Path, tmp_path: Path) -> None:
    write_baseline(fingerprint(good), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == file.read_bytes()


@pytest.mark.parametrize("interval", ["full", "fast"])
def test_the_ratio_is_the_paired_difference_of_compare(tmp_path: Path, interval: str) -> None:
    first, second = store_of(rows_of(0.7)), store_of(rows_of(0.8, noise=0.01))
    write_baseline(fingerprint(analysed(first, interval=interval)), tmp_path / "b.json")
    found = analysed(second, interval=interval).representations[0]
    ours = against(found, read_baseline(tmp_path / "b.json"), 0.95).estimates
    request = SpectrumRequest(measures=MEASURES, interval=interval)  # type: ignore[arg-type]
    theirs = compare(Side(first), Side(second), request).pairs[0].estimates
    ratios = [name for name in MEASURES if theirs[name].unit == RATIO]
    assert ratios
    for name in ratios:
        assert ours[name].details["pairing"] == "paired"
        for end in ("value", "low", "high"):
            assert getattr(ours[name], end) == pytest.approx(getattr(theirs[name], end), rel=1e-6), name


def test_a_run_on_the_same_samples_passes_against_itself(good: Results, file: Path) -> None:
    assert judged(good, file).verdict is Verdict.PASS


def test_a_drop_fails_with_its_figure(file: Path) -> None:
    found = judged(analysed(store_of(rows_of(1.2))), file)
    assert found.verdict is Verdict.FAIL
    finding = next(one for one in only(found, "fail") if one.kind == "drop")
    assert finding.value is not None
    assert finding.value > 0.1
    assert "below the baseline's" in finding.message
    assert found.pairs[0].estimates["effective_rank"].details["pairing"] == "paired"


def test_a_small_drop_is_within_the_dead_band(file: Path) -> None:
    found = judged(analysed(store_of(rows_of(0.73))), file)
    ratio = found.pairs[0].estimates["effective_rank"]
    assert ratio.high is not None
    assert ratio.high < 1.0
    assert found.verdict is Verdict.PASS


def test_other_samples_are_compared_unpaired_and_with_more_error(file: Path) -> None:
    same = judged(analysed(store_of(rows_of(0.75))), file).pairs[0].estimates["effective_rank"]
    other = (
        judged(analysed(store_of(rows_of(0.75, seed=8), seed=8)), file).pairs[0].estimates["effective_rank"]
    )
    assert other.details["pairing"] == "unpaired"
    assert width(other) > 2 * width(same)


def width(estimate: Any) -> float:
    return float(estimate.high - estimate.low)


def test_a_figure_without_a_correction_is_not_compared_across_sizes(file: Path) -> None:
    found = analysed(store_of(rows_of(0.7, n=500), seed=5))
    one = judged(found, file, rules={"effective_rank": {"max_drop": "10%"}})
    assert one.pairs[0].estimates["effective_rank"].value is not None
    cliff = one.pairs[0].estimates["spectral_cliff"]
    assert cliff.value is None
    assert "no correction" in str(cliff.details["reason"])


def test_a_shrunk_scale_is_named_and_warns(file: Path) -> None:
    found = judged(analysed(store_of(1e-3 * rows_of(0.7))), file)
    assert found.verdict is Verdict.PASS
    assert [one.kind for one in only(found, "warn")] == ["shrunk scale"]


def test_several_checkpoints_are_no_baseline(good: Results) -> None:
    two = [good.representations[0].model_copy(update={"checkpoint": name}) for name in ("a", "b")]
    with pytest.raises(UsageError, match="one checkpoint, and here are 2"):
        fingerprint(good.model_copy(update={"representations": two}))


def test_a_constant_is_no_baseline() -> None:
    with pytest.raises(UsageError, match="does not vary"):
        fingerprint(analysed(store_of(np.ones((N, D)))))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layer": "projector"}, "does not hold base/projector; it holds base/backbone"),
        ({"view": "crop"}, "does not hold crop/backbone"),
        ({"d": 32}, "has d = 24 and this one d = 32"),
        ({"pool": "mean"}, "was made with pooling cls and this one with mean"),
        ({"preprocessing": {"size": 224}}, "was made with preprocessing"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    good: Results, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    known = good.representations[0].model_copy(update={"pool": "cls", "preprocessing": {"size": 96}})
    write_baseline(fingerprint(good.model_copy(update={"representations": [known]})), tmp_path / "b.json")
    other = good.model_copy(update={"representations": [known.model_copy(update=change)]})
    with pytest.raises(ConfigError, match=said):
        judged(other, tmp_path / "b.json")


def test_another_definition_is_refused(good: Results, file: Path) -> None:
    content = json.loads(file.read_text())
    content["representations"][0]["estimates"]["effective_rank"]["definition"] = "something else"
    file.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match="defines effective_rank as something else"):
        judged(good, file)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": "repdiag.results"}', '{"a": 1}', "\x00"])
def test_a_file_that_is_no_baseline_is_refused(good: Results, tmp_path: Path, content: str) -> None:
    (tmp_path / "b.json").write_text(content)
    with pytest.raises(ConfigError, match="is not a baseline"):
        judged(good, tmp_path / "b.json")


def test_without_a_baseline_nothing_is_asked_of_it() -> None:
    found = check(results(row()), build_policy())
    assert found.pairs == []
    assert [one.rule for one in only(found, "not_applicable")] == [
        "effective_rank.max_drop",
        "per_class_rank.min_of_median",
    ]


def test_a_figure_that_is_missing_now_is_undecided(good: Results, file: Path) -> None:
    lost = good.representations[0]
    nothing = figure(None).model_copy(
        update={
            "definition": lost.estimates["effective_rank"].definition,
            "status": Status.INSUFFICIENT,
        }
    )
    changed = lost.model_copy(update={"estimates": {**lost.estimates, "effective_rank": nothing}})
    found = judged(good.model_copy(update={"representations": [changed]}), file)
    assert "effective_rank.max_drop" in [one.rule for one in only(found, "inconclusive")]
    assert found.verdict is Verdict.INCONCLUSIVE
