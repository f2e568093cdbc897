"""Samples that cannot be read: named, counted, and left out where that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from repdiag.data import MOST_NAMES, Broken, View, open_data, parse_views, readable
from repdiag.errors import InputError, UsageError


def left_over(spec: str, workers: int = 0) -> tuple[list[str], list[str]]:
    """Ids that are left, and names of what was left out."""
    broken = Broken(skip=True)
    source = readable(open_data(spec, broken=broken), (View(),), 0, broken, workers)
    return list(source.ids), broken.names


@pytest.mark.parametrize("workers", [0, 2])
def test_damaged_images(image_root: Path, workers: int) -> None:
    (image_root / "cat" / "b.png").write_bytes(b"broken")
    ids, names = left_over(str(image_root), workers)
    assert names == ["cat/b.png"]
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("name", "content", "ids", "names"),
    [
        ("a.jsonl", '{"text": "a"}\n{nonsense\n{"text": null}\n[1]\n{"text": "b"}', ["0", "4"],
         ["line 2", "line 4", "2"]),
        ("a.jsonl", '{"text": "a", "id": "p"}\n{"id": "q"}\n', ["p"], ["q"]),
        ("a.csv", "text,label\na,1\nb\nc,2\nd,3,4", ["0", "2"], ["row 2", "row 4"]),
    ],
)  # fmt: skip
def test_rows_of_tables(tmp_path: Path, name: str, content: str, ids: list[str], names: list[str]) -> None:
    (tmp_path / name).write_text(content)
    assert left_over(str(tmp_path / name)) == (ids, names)
    with pytest.raises(InputError):
        open_data(str(tmp_path / name))


def test_columns_follow_the_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\na,1\nb\nc,2\n")
    source = open_data(str(tmp_path / "a.csv"), broken=Broken(skip=True))
    assert source.columns["label"].tolist() == [1, 2]
    assert [source.item(0), source.item(1)] == ["a", "c"]


MANY = """
import numpy as np
class Data:
    def __len__(self): return 300
    def __getitem__(self, row):
        if row % 2: raise OSError("gone")
        return np.full(4, float(row))
def make(): return Data()
def fails():
    yield np.ones(2)
    raise OSError("gone")
def picky(x, generator):
    if x[0] == 8: raise ValueError("no eight")
    return x
"""


def test_at_most_a_hundred_names_are_recorded(code: Callable[[str], str]) -> None:
    broken = Broken(skip=True)
    source = readable(open_data(code(MANY), broken=broken), (View(),), 0, broken)
    assert source.provenance["left_out"] == 150
    assert source.provenance["left_out_names"] == [str(row) for row in range(1, 2 * MOST_NAMES, 2)]
    assert len(source) == 150
    assert source.item(1).tolist() == [2.0] * 4
    (note,) = source.notes
    assert note.startswith("150 samples that cannot be read were left out (--on-error skip): 1, 3, 5")
    assert note.endswith("and 145 more")


def test_a_view_that_refuses_a_sample(code: Callable[[str], str]) -> None:
    spec, broken = code(MANY), Broken(skip=True)
    views = parse_views(("base", f"mine={spec.replace(':make', ':picky')}"))
    source = readable(open_data(spec, limit=280, broken=broken), views, 0, broken)
    assert not set(source.ids) & {"8", *map(str, range(1, 300, 2))}
    assert "8" in broken.names
    assert len(source) + len(broken.names) == 280


def test_an_iterable_that_raises_has_ended(code: Callable[[str], str]) -> None:
    with pytest.raises(UsageError, match="sample 1 raised OSError"):
        open_data(code(MANY).replace(":make", ":fails"), broken=Broken(skip=True))


def test_whole_data_is_what_it_was(code: Callable[[str], str]) -> None:
    broken = Broken(skip=True)
    source = open_data("digits", limit=20, broken=broken)
    assert readable(source, (View(),), 0, broken) is source
