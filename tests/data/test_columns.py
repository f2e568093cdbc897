"""Columns of any name are kept as label, group, split or a slice, whatever holds the data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repdiag.data import open_data, parse_columns
from repdiag.errors import InputError, UsageError
from tests.data.test_files import write_table

ROWS: list[dict[str, Any]] = [
    {"uuid": "p", "title": "A", "body": "one", "species": "cat", "patient": 7, "age": 1.5, "y": 0},
    {"uuid": "q", "title": "B", "body": "two", "species": "dog", "patient": 7, "age": 2.0, "y": 1},
]
WANTED = ("id=uuid", "text=body", "label=species", "group=patient", "age", "headline=title")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_tables(tmp_path: Path, suffix: str) -> None:
    path = write_table(tmp_path / f"a{suffix}", ROWS)
    source = open_data(path, columns=parse_columns(WANTED))
    assert list(source.ids) == ["p", "q"]
    assert [source.item(0), source.item(1)] == ["one", "two"]
    held = {name: values.tolist() for name, values in source.columns.items()}
    assert held == {
        "label": ["cat", "dog"],
        "group": [7, 7],
        "age": ["1.5", "2.0"],
        "headline": ["A", "B"],
        "length": [3, 3],
    }


def test_a_kept_column_is_neither_text_nor_feature(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.csv", [{"u": 1.0, "v": 2.5, "w": 3}, {"u": 3.0, "v": 4.5, "w": 4}])
    source = open_data(path, columns=parse_columns(("ward=w",)))
    assert source.item(1).tolist() == [3.0, 4.5]
    assert source.columns["ward"].tolist() == [3, 4]
    path = write_table(tmp_path / "b.csv", [{"body": "a", "note": "b"}])
    assert open_data(path, columns=parse_columns(("note",))).item(0) == "a"


def test_another_text_column_is_another_content(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.csv", [{"one": "a", "two": "b"}])
    first, second = (open_data(path, columns=parse_columns((f"text={name}",))) for name in ("one", "two"))
    assert first.columns["length"].tolist() == second.columns["length"].tolist()
    assert first.fingerprint != second.fingerprint


def test_arrays(tmp_path: Path) -> None:
    x = np.arange(12.0).reshape(3, 4)
    np.savez(tmp_path / "a.npz", left=x, right=x + 1, ward=np.array([5, 6, 5]), w=np.array(["a", "b", "c"]))
    source = open_data(str(tmp_path / "a.npz"), columns=parse_columns(("x=right", "group=ward", "split=w")))
    assert source.item(0).tolist() == [1.0, 2.0, 3.0, 4.0]
    assert source.columns["group"].tolist() == [5, 6, 5]
    assert source.columns["split"].tolist() == ["a", "b", "c"]


CALLABLE = """
class Data:
    wards = [1, 2, 1]
    def __len__(self): return 3
    def __getitem__(self, row):
        return {"pixels": [1.0 * row, 2.0], "species": "cat", "age": 0.5 * row, "id": f"s{row}"}
def make(): return Data()
"""


def test_dicts_and_attributes_of_a_dataset(code: Callable[[str], str]) -> None:
    source = open_data(code(CALLABLE), columns=parse_columns(("label=species", "age", "group=wards")))
    assert source.columns["label"].tolist() == ["cat"] * 3
    assert source.columns["age"].tolist() == ["0.0", "0.5", "1.0"]
    assert source.columns["group"].tolist() == [1, 2, 1]
    assert set(source.item(1)) == {"pixels"}


@pytest.mark.parametrize(
    ("suffix", "said"),
    [
        (".csv", 'no column "specie" for --column. Did you mean "species"'),
        (".jsonl", "There are: uuid, title"),
    ],
)
def test_a_column_that_is_not_there_names_its_neighbour(tmp_path: Path, suffix: str, said: str) -> None:
    path = write_table(tmp_path / f"a{suffix}", ROWS)
    with pytest.raises(InputError) as caught:
        open_data(path, columns=parse_columns(("label=specie",)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_that_no_item_has(code: Callable[[str], str]) -> None:
    with pytest.raises(InputError, match='no column "specie"'):
        open_data(code(CALLABLE), columns=parse_columns(("label=specie",)))


def test_data_without_columns(image_root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    for spec in (str(image_root), "digits", str(tmp_path / "a.txt")):
        with pytest.raises(UsageError, match="no columns to choose from"):
            open_data(spec, columns=parse_columns(("label=species",)))


@pytest.mark.parametrize("specs", [("",), ("=a",), ("a=",), ("a/b=c",), ("a=b", "a=c")])
def test_what_is_no_column(specs: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--column"):
        parse_columns(specs)
