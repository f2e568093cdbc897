"""Samples behind a direction: the planted ones are found, by name, however the rows are turned or ordered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from repdiag.analysis import SpectrumRequest, analyse_spectrum, source
from repdiag.analysis.shown_samples import (
    AT_EACH_END,
    HIGHEST,
    ID_LETTERS,
    MOST_REPEATED,
    MOST_SHOWN,
    SHOWN_BYTES,
    within_budget,
)
from repdiag.results import Representation, Results, SampleScore, ShownSamples
from repdiag.store import Store, memory_store
from repdiag.types import Address
from tests.analysis.memory import Array
from tests.report.samples import HOSTILE

N, D = 900, 24
LARGE, SMALL = [100 + i for i in range(AT_EACH_END)], [500 + i for i in range(AT_EACH_END)]


def rows(n: int = N, d: int = D, seed: int = 0) -> Array:
    made: Array = np.random.default_rng(seed).standard_normal((n, d)) * np.arange(1, d + 1) ** -0.8
    return made.astype(np.float32)


def planted(n: int = N, d: int = D) -> Array:
    """One direction, turned into all coordinates, along which some rows are far out to either side."""
    made = rows(n, d)
    direction = np.ones(d, dtype=np.float32) / np.sqrt(d)
    for i, place in enumerate(LARGE):
        made[place] += (30 - i) * direction
    for i, place in enumerate(SMALL):
        made[place] -= (25 - i) * direction
    return made


def names(n: int = N) -> list[str]:
    return [f"s{i}" for i in range(n)]


def analysed(data: Array, ids: list[str] | None = None, **options: Any) -> Representation:
    held: dict[str, Any] = {key: options.pop(key) for key in ("labels", "columns") if key in options}
    held["ids"] = ids or names(len(data))
    return results_of(memory_store(data, **held), **options).representations[-1]


def results_of(store: Store, **options: Any) -> Results:
    request = {"device": "cpu", "interval": "fast", "measures": ("effective_rank",), "closer": True}
    return analyse_spectrum([store], SpectrumRequest(**{**request, **options}))


def shown(data: Array, ids: list[str] | None = None, **options: Any) -> ShownSamples:
    found = analysed(data, ids, **options).shown_samples
    assert found is not None
    return found


def ids(samples: list[SampleScore]) -> list[str]:
    return [one.id for one in samples]


@pytest.mark.parametrize("interval", ["none", "fast", "full"])
@pytest.mark.parametrize(("n", "d"), [(N, D), (700, 1000)], ids=["tall", "wide"])
def test_planted_samples_are_at_the_ends(n: int, d: int, interval: str) -> None:
    first = shown(planted(n, d), interval=interval).directions[0]
    assert ids(first.high) == [f"s{place}" for place in LARGE]
    assert ids(first.low) == [f"s{place}" for place in SMALL]
    assert [one.score for one in first.high] == sorted((one.score for one in first.high), reverse=True)
    assert first.high[0].score > 3
    assert first.low[0].score < -3


@pytest.mark.parametrize(("n", "d"), [(N, D), (60, 100), (3000, 16)], ids=["two passes", "wide", "one pass"])
def test_scores_are_those_of_a_singular_value_decomposition(n: int, d: int) -> None:
    data = rows(n, d)
    centred = data.astype(np.float64) - data.mean(axis=0, dtype=np.float64)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    found = shown(data)
    assert [one.share for one in found.directions] == pytest.approx(
        (values**2 / (values**2).sum())[: len(found.directions)], rel=1e-6
    )
    for column, one in zip(left.T * np.sqrt(n - 1), found.directions, strict=False):
        furthest = np.abs(column).argmax()
        assert one.high[0].id == f"s{furthest}"
        assert one.high[0].score == pytest.approx(abs(column[furthest]), rel=1e-3)
        turned = column * np.sign(column[furthest])
        assert [s.score for s in one.low] == pytest.approx(np.sort(turned)[:AT_EACH_END], rel=2e-3, abs=2e-3)


def test_a_rotation_changes_no_score_and_no_name() -> None:
    turn = np.linalg.qr(np.random.default_rng(5).standard_normal((D, D)))[0]
    data = planted().astype(np.float64)
    before, after = shown(data), shown(data @ turn)
    for left, right in zip(before.directions, after.directions, strict=True):
        assert ids(left.high) == ids(right.high)
        assert ids(left.low) == ids(right.low)
        assert [s.score for s in left.high] == pytest.approx([s.score for s in right.high], rel=1e-4)


def test_samples_keep_their_names_when_rows_are_rearranged() -> None:
    order = np.random.default_rng(6).permutation(N)
    before = shown(planted())
    after = shown(planted()[order], [names()[place] for place in order])
    assert [ids(one.high) for one in before.directions] == [ids(one.high) for one in after.directions]
    assert ids(before.leverage) == ids(after.leverage)


@pytest.mark.parametrize("size", [64 * 8 * D, 1])
def test_blocks_change_nothing(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = shown(planted())
    monkeypatch.setattr(source, "BLOCK_BYTES", size)
    for left, right in zip(shown(planted()).directions, whole.directions, strict=True):
        assert ids(left.low) == ids(right.low)
        assert [one.score for one in left.high] == pytest.approx([one.score for one in right.high], rel=1e-3)


def test_a_store_of_half_precision_far_from_zero() -> None:
    data = (planted() + 20).astype(np.float16)
    assert ids(shown(data).directions[0].high) == [f"s{place}" for place in LARGE]


def test_labels_groups_and_texts_stand_beside_the_ids() -> None:
    columns = {"text": np.array([f"the {i}th text" for i in range(N)])}
    first = shown(planted(), labels=np.arange(N) % 3, columns=columns).directions[0].high[0]
    assert (first.label, first.text, first.group) == (str(LARGE[0] % 3), f"the {LARGE[0]}th text", None)


def test_leverage_is_a_share_of_all_of_it() -> None:
    found = shown(planted()).leverage
    assert len(found) == HIGHEST
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert 0 < sum(one.score for one in found) < 1
    data = rows()
    data[33] += 1e4
    alone = shown(data).leverage[0]
    assert alone.id == "s33"
    assert alone.score == pytest.approx(1 / AT_EACH_END, rel=0.1)


def test_equal_rows_are_listed_with_their_number() -> None:
    data = rows()
    data[[7, 400, 800]] = data[3]
    data[500] = data[499]
    found = shown(data)
    assert [(one.rows, one.ids) for one in found.repeated] == [
        (4, ["s3", "s7", "s400", "s800"]),
        (2, ["s499", "s500"]),
    ]
    assert found.repeats == 4


def test_only_the_largest_sets_of_equal_rows_are_listed() -> None:
    data = np.repeat(rows(50), 2, axis=0)
    data = np.concatenate([data, data[:2]])
    found = shown(data)
    assert len(found.repeated) == MOST_REPEATED
    assert found.repeated[0].rows == 4
    assert found.repeats == 52


def test_rows_that_are_not_finite_are_never_shown() -> None:
    data = planted()
    data[LARGE[0], 3] = np.nan
    data[LARGE[1], 0] = np.inf
    found = shown(data)
    assert found.n == N - 2
    assert ids(found.directions[0].high)[:6] == [f"s{place}" for place in LARGE[2:]]


def test_rows_of_low_rank_have_no_more_directions_than_that() -> None:
    generator = np.random.default_rng(8)
    data = (generator.standard_normal((N, 3)) @ generator.standard_normal((3, D))).astype(np.float32)
    assert len(shown(data).directions) == 3


def test_nothing_is_shown_of_rows_that_do_not_vary() -> None:
    found = analysed(np.ones((N, D), dtype=np.float32))
    assert found.shown_samples is None
    assert found.distributions is None


def test_nothing_is_shown_unless_it_is_asked_for() -> None:
    found = analysed(planted(), closer=False)
    assert found.shown_samples is None
    assert found.distributions is None


def test_the_figures_are_the_same_either_way() -> None:
    assert analysed(planted()).estimates == analysed(planted(), closer=False).estimates


def test_samples_are_shown_of_the_last_checkpoint_and_of_a_dozen_at_most() -> None:
    places = [Address(f"epoch={step}", "base", f"layer{i}") for step in (1, 2) for i in range(14)]
    store = memory_store({place: rows(60, 4, seed=i) for i, place in enumerate(places)})
    found = results_of(store).representations
    held = [one for one in found if one.shown_samples]
    assert {one.checkpoint for one in held} == {"epoch=2"}
    assert len(held) == MOST_SHOWN
    assert (held[0].layer, held[-1].layer) == ("layer0", "layer13")
    assert all(one.distributions for one in found)


def test_hostile_and_long_names_are_harmless_and_short() -> None:
    hostile = [f"{HOSTILE[i % len(HOSTILE)]}{i}" for i in range(N)]
    found = shown(planted(), hostile)
    every = [one.id for d in found.directions for one in (*d.low, *d.high)] + ids(found.leverage)
    assert every
    assert all(len(name) <= ID_LETTERS for name in every)
    assert not set("".join(every)) & set("\x1b\u202e\u2028\u2029\x00")


def test_both_ends_of_a_long_name_remain() -> None:
    long = [f"{'deep/' * 40}image-{i}.jpg" for i in range(N)]
    first = shown(planted(), long).directions[0].high[0].id
    assert first.startswith("deep/deep/")
    assert first.endswith(f"image-{LARGE[0]}.jpg")


def test_the_budget_of_bytes_holds_whatever_the_names_are() -> None:
    wide = ["\U0001f98a" * 200 + str(i) for i in range(N)]
    columns = {
        "text": np.array(["\U0001f98a" * 200] * N),
        "group": np.array([str(i) + name[:150] for i, name in enumerate(wide)]),
    }
    found = analysed(planted(), wide, columns=columns)
    assert found.shown_samples is not None
    assert found.shown_samples.left_out > 0
    assert len(found.shown_samples.directions) + found.shown_samples.left_out == AT_EACH_END
    without = found.model_copy(update={"shown_samples": None})
    size = len(_json(found)) - len(_json(without))
    assert size <= SHOWN_BYTES


def test_no_budget_leaves_no_direction() -> None:
    found = within_budget(shown(planted()), most=0)
    assert found.directions == []
    assert found.left_out == 8


def test_equal_input_gives_equal_samples() -> None:
    assert shown(planted()) == shown(planted())


def _json(one: Representation) -> bytes:
    return Results(repdiag="0", command="spectrum", representations=[one]).to_json().encode()


class Counted(Store):
    """Counts the rows that are read."""

    seen = 0

    def read(self, address: Address, start: int, stop: int) -> Array:
        self.seen += stop - start
        return super().read(address, start, stop)

    def blocks(self, address: Address, rows: int) -> Iterator[tuple[int, Array]]:
        self.seen += self.n
        return super().blocks(address, rows)


@pytest.mark.parametrize(("data", "added"), [(planted(), 0), (rows(3000, 16), 1)], ids=["two", "one"])
def test_no_pass_is_added_where_one_follows_anyway(data: Array, added: int) -> None:
    """Below 50 rows a feature leverages are read in a second pass: scores come with it."""
    seen = []
    for closer in (False, True):
        plain = memory_store(data)
        counted = Counted(plain.path, plain._contents)
        results_of(counted, closer=closer)
        seen.append(counted.seen)
    assert seen[0] >= len(data)
    assert seen[1] - seen[0] == added * len(data)
