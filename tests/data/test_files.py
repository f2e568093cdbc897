from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from repdiag.data import open_data
from repdiag.errors import InputError, UsageError

X = np.arange(24, dtype=np.float64).reshape(6, 4)
Y = np.array([0, 1, 2, 0, 1, 2])


def test_npy(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    source = open_data(str(tmp_path / "a.npy"))
    assert list(source.ids) == ["0", "1", "2", "3", "4", "5"]
    assert torch.equal(source.item(2), torch.tensor([8.0, 9.0, 10.0, 11.0]))
    assert source.item(2).dtype == torch.float32
    assert source.kind == "array"


@pytest.mark.parametrize("key", ["x", "data", "anything"])
def test_npz_with_columns(tmp_path: Path, key: str) -> None:
    names = np.array([f"n{i}" for i in range(6)])
    arrays: dict[str, Any] = {key: X, "y": Y, "id": names, "group": names}
    np.savez(tmp_path / "a.npz", **arrays)
    source = open_data(str(tmp_path / "a.npz"))
    assert source.columns["label"].tolist() == Y.tolist()
    assert source.columns["label"].dtype == np.int64
    assert list(source.ids) == names.tolist()
    assert source.columns["group"].tolist() == names.tolist()


def test_safetensors_reads_rows(tmp_path: Path) -> None:
    save_file({"data": X.astype(np.float16), "label": Y}, tmp_path / "a.safetensors")
    source = open_data(str(tmp_path / "a.safetensors"))
    assert torch.equal(source.item(5), torch.tensor([20.0, 21.0, 22.0, 23.0]))
    assert source.columns["label"].tolist() == Y.tolist()


def test_two_arrays_are_ambiguous(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", left=X, right=X)
    with pytest.raises(InputError, match=r"which array .* left \(6, 4\), right \(6, 4\)"):
        open_data(str(tmp_path / "a.npz"))


def test_a_vector_is_not_samples(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(5.0))
    with pytest.raises(InputError, match=r"shape \(5,\)"):
        open_data(str(tmp_path / "a.npy"))


def test_a_column_of_another_length_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=Y[:4])
    with pytest.raises(InputError, match='"label" has shape'):
        open_data(str(tmp_path / "a.npz"))


def test_pickled_arrays_are_not_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="not a readable"):
        open_data(str(tmp_path / "a.npy"))


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors", ".parquet"])
@pytest.mark.parametrize("content", [b"", b"<html>no</html>", bytes(range(256)) * 4])
def test_foreign_bytes_are_one_sentence(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"a{suffix}: is not a readable") as caught:
        open_data(str(path))
    assert "\n" not in str(caught.value)


def test_a_truncated_npy_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, X)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(InputError, match="not a readable"):
        open_data(str(path))


def test_text_lines_are_numbered_from_one(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("first\n\n third \n", encoding="utf-8")
    source = open_data(str(tmp_path / "a.txt"))
    assert (list(source.ids), source.item(1)) == (["1", "3"], "third")
    assert source.notes == ("1 blank lines were left out",)


def test_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("grün".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8 text"):
        open_data(str(tmp_path / "a.txt"))


ROWS: list[dict[str, Any]] = [
    {"id": "p", "sentence": "one", "label": 3, "split": "train", "note": 1.5},
    {"id": "q", "sentence": "two, and", "label": 4, "split": "test", "note": 2.5},
]


def write_table(path: Path, rows: list[dict[str, Any]]) -> str:
    if path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    elif path.suffix == ".csv":
        lines = [",".join(rows[0])] + [",".join(f'"{value}"' for value in row.values()) for row in rows]
        path.write_text("\n".join(lines))
    else:
        arrow = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(arrow.Table.from_pylist(rows), path)
    return str(path)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_tables(tmp_path: Path, suffix: str) -> None:
    source = open_data(write_table(tmp_path / f"a{suffix}", ROWS))
    assert [source.item(0), source.item(1)] == ["one", "two, and"]
    assert list(source.ids) == ["p", "q"]
    assert source.columns["label"].tolist() == [3, 4]
    assert source.columns["split"].tolist() == ["train", "test"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_the_only_text_column_is_taken(tmp_path: Path, suffix: str) -> None:
    source = open_data(
        write_table(tmp_path / f"a{suffix}", [{"body": "a b", "score": 2.0}, {"body": "c", "score": 1}])
    )
    assert source.item(0) == "a b"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_table_of_numbers_gives_rows(tmp_path: Path, suffix: str) -> None:
    rows = [{"u": 1.0, "v": 2.5, "label": "a"}, {"u": 3.0, "v": 4.5, "label": "b"}]
    source = open_data(write_table(tmp_path / f"a{suffix}", rows))
    assert source.kind == "array"
    assert source.item(1).tolist() == [3.0, 4.5]
    assert source.columns["label"].tolist() == ["a", "b"]


def test_two_text_columns_are_ambiguous(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.csv", [{"title": "a", "body": "b"}])
    with pytest.raises(InputError, match=r"which column holds the texts.* title, body"):
        open_data(path)


def test_labels_with_leading_zeros_stay_names(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.csv", [{"text": "a", "label": "01"}, {"text": "b", "label": "1"}])
    assert open_data(path).columns["label"].tolist() == ["01", "1"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", '{"text": "a"}\n{nonsense', "line 2 is not JSON"),
        ("a.jsonl", '{"text": "a"}\n[1]', "line 2 is not a JSON object"),
        ("a.jsonl", '{"text": "a"}\n{"text": null}', 'row 2 of column "text" is NoneType'),
        ("a.csv", "text,label\na,1\nb", "row 2 has 1 fields"),
        ("a.csv", "text,text\na,1\n", "two columns have the same name"),
        ("a.csv", "", "which column"),
        ("a.csv", "text\n", "has no samples"),
        ("a.txt", "\n\n", "has no samples"),
        ("a.jsonl", '{"id": 1, "text": "a"}\n{"id": 1, "text": "b"}', 'the id "1" stands twice'),
        ("a.weird", "x", "not a kind of data we read"),
        ("a.py", "x = 1", "name the callable too"),
    ],
)
def test_broken_files_are_one_sentence(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=said) as caught:
        open_data(str(tmp_path / name))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text("text\na\n")
    with pytest.raises(InputError, match=r'no such file or folder for --data\. Did you mean "texts.csv"'):
        open_data(str(tmp_path / "text.csv"))


def test_digits() -> None:
    source = open_data("digits")
    assert len(source) == 1797
    assert source.item(0).shape == (1, 8, 8)
    assert 0.0 <= float(source.item(0).min()) < float(source.item(0).max()) <= 1.0
    assert sorted(set(source.columns["label"].tolist())) == list(range(10))


def test_limit_is_random_sorted_and_seeded() -> None:
    drawn = open_data("digits", limit=100, seed=3)
    rows = [int(name) for name in drawn.ids]
    assert rows == sorted(rows)
    assert len(set(rows)) == 100
    assert rows != list(range(100))
    assert max(rows) > 1500
    assert list(open_data("digits", limit=100, seed=3).ids) == list(drawn.ids)
    assert list(open_data("digits", limit=100, seed=4).ids) != list(drawn.ids)
    everything = open_data("digits")
    assert torch.equal(drawn.item(7), everything.item(rows[7]))
    assert drawn.columns["label"].tolist() == everything.columns["label"][rows].tolist()


def test_limit_beyond_the_data_takes_all_and_zero_is_refused() -> None:
    assert len(open_data("digits", limit=5000)) == 1797
    with pytest.raises(UsageError, match="--limit 0"):
        open_data("digits", limit=0)


def test_the_fingerprint_follows_content_and_columns(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    first = open_data(str(tmp_path / "a.npz")).fingerprint
    assert open_data(str(tmp_path / "a.npz")).fingerprint == first
    np.savez(tmp_path / "a.npz", x=X + 1, y=Y)
    second = open_data(str(tmp_path / "a.npz")).fingerprint
    np.savez(tmp_path / "a.npz", x=X + 1, y=Y + 1)
    assert len({first, second, open_data(str(tmp_path / "a.npz")).fingerprint}) == 3
