"""Paths through the information plane from stores in memory and on disk: order, runs, samples, splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repdiag.analysis import PlaneChoice, PlaneRequest, analyse_plane
from repdiag.analysis.plane_defaults import chosen_defaults
from repdiag.analysis.plane_points import Measured, measured
from repdiag.analysis.plane_rows import PlaneSource, Spot
from repdiag.analysis.plane_samples import samples_of
from repdiag.analysis.plane_scale import scan
from repdiag.analysis.plane_series import series_of
from repdiag.analysis.plane_target import target_of
from repdiag.analysis.source import no_progress
from repdiag.errors import UsageError
from repdiag.measures.plane_registry import EstimatorChoice
from repdiag.results import Results, Trajectory
from repdiag.store import Store, memory_store, open_store
from repdiag.types import Address, Status
from tests.analysis import planes
from tests.analysis.test_plane_points import evidence, rows

BINS = ("binning",)


def stored(rows: dict[int, dict[str, Any]], name: str = "step={}", **columns: Any) -> Store:
    n = len(next(iter(rows[0].values())))
    arrays = {
        Address(name.format(step), "base", layer): array
        for step, held in rows.items()
        for layer, array in held.items()
    }
    return memory_store(arrays, labels=np.arange(n) % 2, columns=columns)


def path_of(results: Results, layer: str, **names: Any) -> Trajectory:
    (found,) = [
        path
        for path in results.trajectories
        if path.layer == layer and all(getattr(path, name) == value for name, value in names.items())
    ]
    return found


def values(path: Trajectory) -> list[float]:
    return [point.ixt.value for point in path.points if point.ixt.value is not None]


def test_a_path_turns_where_its_layer_does() -> None:
    results = analyse_plane([stored(planes.rising_then_falling())], PlaneRequest(estimators=BINS))
    turns = values(path_of(results, "turns"))
    assert turns.index(max(turns)) == 4
    assert turns[-1] < turns[4]
    kinds = {(phase.layer, phase.kind): phase for phase in results.phases}
    fall = kinds["turns", "compression"]
    assert fall.start == "step=4"
    assert fall.size.low is not None
    assert fall.size.low > 0.5
    assert fall.p_value is None
    assert "five are needed" in fall.message
    flat = kinds["grows", "compression"]
    assert flat.start == "step=7"
    assert flat.size.value == pytest.approx(0.0, abs=0.05)
    assert "no fall" in flat.message


def test_the_scale_is_that_of_all_steps_and_its_bandwidth_may_be_given() -> None:
    rows = planes.rising_then_falling()
    store = stored(rows)
    series, samples = series_of([store], PlaneChoice()), samples_of([store], None)
    found = scan(series, samples, None, True, no_progress).scales[None, ("base", "grows")]
    every = np.concatenate([rows[step]["grows"] for step in rows])
    assert (found.low, found.high) == (every.min(), every.max())
    assert found.quantiles[0] == pytest.approx(every.min())
    assert found.quantiles[-1] == pytest.approx(every.max())
    widths = [np.median(distances(rows[step]["grows"])) for step in rows]
    assert found.width == pytest.approx(np.median(widths), rel=1e-5)
    deviations = [rows[step]["grows"].var(0).mean() for step in rows]
    assert found.deviation == pytest.approx(np.sqrt(np.mean(deviations)), rel=1e-5)
    assert scan(series, samples, 0.5, False, no_progress).scales[None, ("base", "grows")].width == 0.5


def distances(rows: Any) -> Any:
    apart = np.linalg.norm(rows[:, None].astype(float) - rows[None], axis=2)
    return apart[np.triu_indices(len(rows), 1)]


def test_rows_are_the_same_samples_whatever_the_order_of_the_file(tmp_path: Path) -> None:
    made = planes.rising_then_falling()
    order = np.random.default_rng(3).permutation(planes.N)
    mixed = {step: {name: array[order] for name, array in held.items()} for step, held in made.items()}
    ids = [f"i{i}" for i in range(planes.N)]
    request = PlaneRequest(estimators=BINS, rows=100)
    found = []
    for given, names, at in ((made, ids, range(planes.N)), (mixed, [ids[i] for i in order], order)):
        arrays = {Address(f"s{k}", "base", name): a for k, held in given.items() for name, a in held.items()}
        labels = np.array([i % 2 for i in at])
        found.append(analyse_plane([memory_store(arrays, ids=names, labels=labels)], request))
    assert found[0].trajectories == found[1].trajectories
    assert found[0].trajectories[0].points[0].ixt.details["rows"] == 100
    notes = found[0].source["notes"]
    assert isinstance(notes, list)
    assert "binning: the 100 of 300 samples with the lowest id hashes are used" in notes


def test_a_row_that_is_not_finite_once_is_left_out_everywhere() -> None:
    made = planes.rising_then_falling()
    made[3]["turns"][[5, 9]] = np.nan
    made[6]["turns"][7, 1] = np.inf
    results = analyse_plane([stored(made)], PlaneRequest(estimators=BINS))
    counts = {path.layer: {p.ixt.details["rows"] for p in path.points} for path in results.trajectories}
    assert counts == {"turns": {planes.N - 3}, "grows": {planes.N}}
    notes = results.source["notes"]
    assert isinstance(notes, list)
    assert any("base/turns: 3 of 300 rows hold NaN or infinity" in str(note) for note in notes)


def test_splits_have_their_own_paths_and_null() -> None:
    split = np.array(["train" if i % 3 else "test" for i in range(planes.N)], dtype=object)
    results = analyse_plane(
        [stored(planes.rising_then_falling(), split=split)], PlaneRequest(estimators=BINS)
    )
    rows = {
        path.split: path.points[0].ixt.details["rows"]
        for path in results.trajectories
        if path.layer == "turns"
    }
    assert rows == {None: 300, "test": 100, "train": 200}
    assert {phase.split for phase in results.phases} == {None, "test", "train"}


def test_steps_order_a_store_then_epochs_then_the_store(tmp_path: Path) -> None:
    made = planes.rising_then_falling(4)
    order = {3: made[0], 1: made[1], 2: made[2], 10: made[3]}
    for attrs, kind, said in (
        ("step", "step", ""),
        ("epoch", "epoch", "epochs stand for it"),
        ("", "order", "no checkpoint has a step: the path follows the order of the store"),
    ):
        path = planes.written(tmp_path / f"{kind}.h5", order, name="ck{}", attrs=attrs)
        with open_store(path) as store:
            series = series_of([store], PlaneChoice())
        assert series.kind == kind
        assert [stop.checkpoint for stop in series.runs[0].stops] == ["ck1", "ck2", "ck3", "ck10"]
        steps = [None] * 4 if kind == "order" else [1, 2, 3, 10]
        assert [stop.step for stop in series.runs[0].stops] == steps
        assert any(said in note for note in series.notes) if said else not series.notes


def test_stores_of_other_steps_are_one_path_and_of_the_same_steps_are_runs(tmp_path: Path) -> None:
    made = planes.rising_then_falling()
    early = planes.written(tmp_path / "early.h5", {step: made[step] for step in (4, 5, 6, 7)})
    late = planes.written(tmp_path / "late.h5", {step: made[step] for step in (0, 1, 2, 3)})
    with open_store(early) as first, open_store(late) as second:
        joined = analyse_plane([first, second], PlaneRequest(estimators=BINS))
        twice = series_of([first, first], PlaneChoice())
    assert [point.step for point in path_of(joined, "turns").points] == list(range(8))
    assert [run.name for run in twice.runs] == ["early (1)", "early (2)"]
    assert "each is a run of its own" in twice.notes[0]


def test_runs_are_drawn_one_by_one_and_as_their_mean(tmp_path: Path) -> None:
    stores = [
        open_store(planes.written(tmp_path / f"seed{seed}.h5", planes.rising_then_falling(seed=seed)))
        for seed in range(5)
    ]
    request = PlaneRequest(PlaneChoice(layers=("turns",), group_runs=True), BINS)
    results = analyse_plane(stores, request)
    mean, *each = results.trajectories
    assert (mean.run, mean.runs) == (None, 5)
    assert [path.run for path in each] == [f"seed{seed}" for seed in range(5)]
    assert values(mean) == pytest.approx(np.mean([values(path) for path in each], axis=0).tolist())
    point = mean.points[4].ixt
    spread = np.std([values(path)[4] for path in each], ddof=1)
    assert point.high is not None
    assert point.value is not None
    assert point.high - point.value == pytest.approx(2.776 * spread / np.sqrt(5), rel=1e-3)
    fall = next(phase for phase in results.phases if phase.kind == "compression")
    assert (fall.run, fall.runs, fall.p_value, fall.start_step) == (None, 5, 1 / 32, 4)
    assert len(results.phases) == 2
    for store in stores:
        store.close()


def test_runs_within_a_store_are_found_by_name() -> None:
    made = planes.rising_then_falling(4)
    arrays = {
        Address(f"seed{seed}/step{step}", "base", "turns"): made[step]["turns"]
        for seed in range(3)
        for step in made
    }
    store = memory_store(arrays, labels=np.arange(planes.N) % 2)
    results = analyse_plane([store], PlaneRequest(PlaneChoice(run=r"seed(\d+)"), BINS))
    assert [path.run for path in results.trajectories] == [None, "0", "1", "2"]
    assert results.trajectories[0].points[0].checkpoint == "checkpoint 1"
    fall = next(phase for phase in results.phases if phase.kind == "compression")
    assert "no p-value: 3 runs, five are needed" in fall.message


def test_a_checkpoint_that_one_run_lacks_is_not_in_the_mean(tmp_path: Path) -> None:
    made = planes.rising_then_falling(4)
    whole = planes.written(tmp_path / "a.h5", made)
    part = planes.written(tmp_path / "b.h5", {step: made[step] for step in (0, 1, 3)})
    with open_store(whole) as first, open_store(part) as second:
        results = analyse_plane([first, second], PlaneRequest(PlaneChoice(group_runs=True), BINS))
    assert [point.step for point in path_of(results, "turns", run=None).points] == [0, 1, 3]
    notes = results.source["notes"]
    assert isinstance(notes, list)
    assert "1 checkpoint is not in every run, and left out of means" in notes


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (PlaneChoice(group_runs=True), "holds one run, and --group-runs needs several"),
        (PlaneChoice(run="seed("), "is no regular expression"),
        (PlaneChoice(run="seed"), 'finds no run in checkpoint "step=0"'),
        (PlaneChoice(layers=("turn",)), 'Did you mean "turns"?'),
    ],
)
def test_what_makes_no_series_is_refused(choice: PlaneChoice, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("(", r"\(").replace("?", r"\?")):
        series_of([stored(planes.rising_then_falling(3))], choice)


def test_stores_of_different_samples_are_refused(tmp_path: Path) -> None:
    one = planes.written(tmp_path / "one.h5", planes.rising_then_falling(2))
    other = planes.written(tmp_path / "other.h5", planes.rising_then_falling(2, n=200))
    said = r"one\.h5 \(n 300\) and other\.h5 \(n 200\) hold different"
    with open_store(one) as first, open_store(other) as second, pytest.raises(UsageError, match=said):
        analyse_plane([first, second], PlaneRequest(estimators=BINS))


def test_targets_are_classes_or_numbers_in_bins() -> None:
    n = planes.N
    words = np.array([f"w{i % 3}" for i in range(n)], dtype=object)
    lengths, texts = np.arange(n) ** 2, np.array([f"{i / 7}" for i in range(n)], dtype=object)
    store = stored(planes.rising_then_falling(1), word=words, length=lengths, text=texts)
    assert (target_of(store, None).classes, target_of(store, "word").classes) == (2, 3)
    binned = target_of(store, "length")
    assert binned.codes is not None
    assert np.bincount(binned.codes).tolist() == [30] * 10
    assert binned.note == "target length: 300 numbers are cut at quantiles into 10 bins"
    assert target_of(store, "text").classes == 10
    with pytest.raises(UsageError, match=r'no column "lenght"\. Did you mean "length"'):
        target_of(store, "lenght")


def test_labels_are_classes_while_there_are_some_of_each() -> None:
    array = np.zeros((600, 2))
    hundred = memory_store(array, labels=np.arange(600) % 100)
    assert target_of(hundred, None).classes == 100
    assert target_of(memory_store(array, labels=np.arange(600)), None).classes == 10
    nothing = target_of(memory_store(array), None)
    assert nothing.codes is None
    assert "has no labels" in nothing.note


def test_equal_inputs_are_one_input() -> None:
    made = planes.rising_then_falling(2)
    inputs = np.repeat(np.arange(planes.N // 2, dtype=np.float32), 2)[:, None]
    arrays = {Address(f"s{k}", "base", "turns"): held["turns"] for k, held in made.items()}
    store = memory_store(arrays, labels=np.arange(planes.N) % 2, inputs={"base": inputs})
    results = analyse_plane([store], PlaneRequest(estimators=BINS))
    assert results.trajectories[0].points[0].ixt.details["ceiling"] == pytest.approx(np.log(150))


def test_features_of_inputs_reach_the_estimator_in_the_order_of_its_rows() -> None:
    made = planes.rising_then_falling(2)
    arrays = {Address(f"s{k}", "base", "turns"): held["turns"] for k, held in made.items()}
    store = memory_store(arrays, inputs={"base": made[1]["turns"].copy()})
    series, samples = series_of([store], PlaneChoice()), samples_of([store], None)
    source = PlaneSource(samples, scan(series, samples, None, False, no_progress), inputs=True)
    layer = ("base", "turns")
    spot = Spot(None, series.runs[0].stops[1], layer)
    ranks = source.splits(layer, 120)[None]
    given = source.plane_rows(spot, source.read(spot, {None: ranks}), ranks)
    assert given.inputs is not None
    assert (given.inputs == given.t).all()
    order = np.argsort(samples.order(0))[:120]
    assert (given.t.numpy() == made[1]["turns"][order]).all()
    assert given.input_width == pytest.approx(np.median(distances(made[1]["turns"][order])), rel=1e-5)
    plain = PlaneSource(samples, source.scanned)
    assert plain.plane_rows(spot, plain.read(spot, {None: ranks}), ranks).inputs is None


def test_inputs_that_are_not_stored_are_refused() -> None:
    with pytest.raises(UsageError, match="holds no inputs of view base; extract it with --keep-inputs"):
        analyse_plane([stored(planes.rising_then_falling(2))], PlaneRequest(estimators=BINS, inputs=True))


def test_defaults_pass_over_what_resolves_nothing() -> None:
    resolved = measured(planes.choice(), rows(), evidence())
    nothing = measured(planes.choice(), rows(), evidence(constant=True))

    def pilot(choice: EstimatorChoice) -> dict[str, list[Measured]]:
        if choice.key == "binning":
            return {"a": [nothing, resolved]}  # one point is no path
        told = resolved if choice.key in ("kde", "renyi{bandwidth=step}") else nothing
        return {"a": [nothing, told, told]}

    found = chosen_defaults(pilot)
    assert [choice.key for choice in found.choices] == ["kde", "renyi{bandwidth=step}"]
    assert "passed over: binning resolves nothing (I(X;T) constant) in any of 1 layers" in found.notes[0]
    neither = chosen_defaults(lambda choice: {"a": [nothing]})
    assert [choice.key for choice in neither.choices] == ["binning", "adaptive_binning"]
    assert "none resolves anything" in neither.notes[0]


def test_the_usual_pair_is_of_both_kinds() -> None:
    results = analyse_plane([stored(planes.rising_then_falling())], PlaneRequest())
    assert {path.estimator for path in results.trajectories} == {"binning", "adaptive_binning"}
    agrees = {(p.layer, p.kind, p.estimator): p.agrees for p in results.phases}
    assert all(answer in (True, False, None) for answer in agrees.values())
    answers = {agrees["turns", "compression", name] for name in ("binning", "adaptive_binning")}
    assert len(answers) == 1
    assert answers != {None}


def test_steps_are_paired_so_that_a_phase_is_sharper_than_its_points() -> None:
    results = analyse_plane([stored(planes.rising_then_falling())], PlaneRequest(estimators=BINS))
    point = path_of(results, "turns").points[4].ixt
    fall = next(p for p in results.phases if p.layer == "turns" and p.kind == "compression")
    assert fall.size.status is Status.OK
    assert fall.size.plugin is not None
    assert fall.size.value == pytest.approx(fall.size.plugin, abs=0.1)
    assert point.low is not None
    assert point.high is not None
    assert fall.size.low is not None
    assert fall.size.high is not None


def test_groups_of_samples_widen_the_intervals() -> None:
    made = {0: planes.rising_then_falling(1)[0]}
    tied = {0: {name: np.repeat(array[:75], 4, axis=0) for name, array in made[0].items()}}
    arrays = {Address("s0", "base", name): array for name, array in tied[0].items()}
    labels, groups = np.arange(300) // 4 % 2, np.arange(300) // 4
    free, grouped = (
        analyse_plane([memory_store(arrays, labels=labels, groups=each)], PlaneRequest(estimators=BINS))
        for each in (None, groups)
    )
    widths = []
    for results in (free, grouped):
        point = path_of(results, "grows").points[0].ity
        assert point.low is not None
        assert point.high is not None
        widths.append(point.high - point.low)
    assert widths[1] > 1.3 * widths[0]
