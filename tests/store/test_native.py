"""Our own format, when a part of it does not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from repdiag.errors import InputError, UsageError
from repdiag.store import open_store
from tests.store.helpers import BASE, D, N, edited, matrix, names, refusal, small_store

PLACE = "embeddings/epoch=1/base/layer4.1"


def test_unfinished_is_refused_unless_asked_for(tmp_path: Path) -> None:
    path = small_store(tmp_path / "s.h5")
    with edited(path) as file:
        file.attrs["complete"] = False
    assert "--allow-partial" in refusal(path, InputError)
    with open_store(path, allow_partial=True) as store:
        assert store.n == N
        assert store.provenance["complete"] is False


def _newer(file: h5py.File) -> None:
    file.attrs["format_version"] = 2


def _no_version(file: h5py.File) -> None:
    del file.attrs["format_version"]


def _odd_version(file: h5py.File) -> None:
    file.attrs["format_version"] = "1"


def _no_completeness(file: h5py.File) -> None:
    del file.attrs["complete"]


def _no_ids(file: h5py.File) -> None:
    del file["samples/id"]


def _no_samples(file: h5py.File) -> None:
    del file["samples"]


def _no_embeddings(file: h5py.File) -> None:
    del file["embeddings"]


def _empty_embeddings(file: h5py.File) -> None:
    del file["embeddings/epoch=1"]


def _fewer_ids(file: h5py.File) -> None:
    del file["samples/id"]
    file["samples/id"] = names(N - 1)


def _fewer_rows(file: h5py.File) -> None:
    file["embeddings/epoch=1/base/other"] = matrix(n=N - 1)


def _duplicate_ids(file: h5py.File) -> None:
    del file["samples/id"]
    file["samples/id"] = ["same" if row in (5, 30) else f"r{row}" for row in range(N)]


def _float_label(file: h5py.File) -> None:
    del file["samples/label"]
    file["samples/label"] = np.zeros(N)


def _same_address_twice(file: h5py.File) -> None:
    file["embeddings/epoch=1/base/layer4%2E1"] = matrix()


def _too_many_finite(file: h5py.File) -> None:
    file[PLACE].attrs["finite_rows"] = N + 1


BROKEN: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "newer": (_newer, "format version 2, newer than 1"),
    "no version": (_no_version, "no format_version"),
    "odd version": (_odd_version, "no format_version"),
    "no completeness": (_no_completeness, "complete=false"),
    "no ids": (_no_ids, "lacks samples/id"),
    "no samples": (_no_samples, "lacks samples/id"),
    "no embeddings": (_no_embeddings, "no representations"),
    "empty embeddings": (_empty_embeddings, "no representations"),
    "fewer ids": (_fewer_ids, "has shape (39,), but the embeddings have 40 rows"),
    "fewer rows": (_fewer_rows, "epoch=1/base/other has 39"),
    "duplicate ids": (_duplicate_ids, 'id "same" comes twice'),
    "float label": (_float_label, "integers or text"),
    "same address twice": (_same_address_twice, "twice"),
    "too many finite rows": (_too_many_finite, "claims 41 finite rows"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_store_is_refused(tmp_path: Path, case: str) -> None:
    change, word = BROKEN[case]
    path = small_store(tmp_path / "s.h5")
    with edited(path) as file:
        change(file)
    assert word in refusal(path, InputError)


def test_dataset_option_is_for_foreign_files(tmp_path: Path) -> None:
    assert "--layer" in refusal(small_store(tmp_path / "s.h5"), UsageError, dataset="x")


def test_stores_of_other_writers_are_read(tmp_path: Path) -> None:
    """Only the required parts, with variable-length ids, as another program would write them."""
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file.attrs.update({"format": b"repdiag", "format_version": 1, "complete": True})
        file["samples/id"] = np.arange(N)
        file["samples/split"] = np.array([b"train"] * N)
        file["samples/seen"] = np.arange(N) % 2 == 0
        file[PLACE] = matrix()
    with open_store(tmp_path / "s.h5") as store:
        assert store.ids[:2] == ["0", "1"]
        split, seen = store.column("split"), store.column("seen")
        assert split is not None
        assert split.tolist() == ["train"] * N
        assert seen is not None
        assert seen.tolist() == [1, 0] * (N // 2)
        assert store.info(BASE).d == D
        assert store.info(BASE).step is None
        store.verify()


def test_many_variable_texts_that_point_at_one_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repdiag.store.columns.MAX_TEXT_BYTES", 1000)
    path = small_store(tmp_path / "s.h5")
    with edited(path) as file:
        del file["samples/id"]
        file.create_dataset("samples/id", data=[f"{row:040d}" for row in range(N)], dtype=h5py.string_dtype())
    assert "of text" in refusal(path, InputError)
