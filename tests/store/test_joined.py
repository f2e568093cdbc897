from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repdiag.errors import InputError, UsageError
from repdiag.store import Store, joining, memory_store, open_store, write_store
from repdiag.types import Address

BASE = Address("c", "base", "l")
N, D = 40, 6


def saved(folder: Path, part: int, n: int = N, **changes: Any) -> Store:
    """One part: ids go on from those of the part before it."""
    rows = np.random.default_rng(part).standard_normal((n, changes.get("d", D)))
    samples: Mapping[str, Any] = changes.get("samples") or {
        "id": [f"s{part * N + i}" for i in range(n)],
        "label": [f"class {i % 3}" for i in range(n)],
    }
    path = folder / f"part{part}.h5"
    write_store(
        path,
        samples,
        {changes.get("address", BASE): rows.astype(changes.get("dtype", np.float32))},
        {"c": {"sha256": changes.get("sha256", "a" * 64), "step": 7}},
    )
    return open_store(path)


def test_parts_are_one_store_in_their_order(tmp_path: Path) -> None:
    parts = [saved(tmp_path, part, n) for part, n in enumerate((40, 25, 33))]
    whole = joining(parts)
    assert (whole.n, whole.representations[0].d, whole.representations[0].step) == (98, D, 7)
    assert whole.representations[0].attrs["finite_rows"] == 98
    assert "sha256" not in whole.representations[0].attrs
    assert list(whole.ids) == [name for part in parts for name in part.ids]
    label = whole.column("label")
    assert label is not None
    assert label.tolist() == [f"class {i % 3}" for n in (40, 25, 33) for i in range(n)]
    expected = np.concatenate([part.read(BASE, 0, part.n) for part in parts])
    assert np.array_equal(whole.read(BASE, 0, 98), expected)
    assert np.array_equal(whole.read(BASE, 38, 70), expected[38:70])
    assert whole.path.name == "part0.h5 + part1.h5 + part2.h5"
    merged: Any = whole.provenance["merged"]
    assert [one["file"] for one in merged] == ["part0.h5", "part1.h5", "part2.h5"]
    whole.verify()


def test_the_wider_type_holds_both(tmp_path: Path) -> None:
    whole = joining([saved(tmp_path, 0, dtype=np.float16), saved(tmp_path, 1)])
    assert whole.representations[0].dtype == "float32"
    assert whole.read(BASE, 39, 41).dtype == np.float32


def test_parts_without_ids_are_told_by_their_place(tmp_path: Path) -> None:
    for part in range(2):
        np.save(tmp_path / f"{part}.npy", np.ones((5, 2), dtype=np.float32))
    whole = joining([open_store(tmp_path / f"{part}.npy") for part in range(2)])
    assert not whole.has_ids
    assert list(whole.ids) == [str(i) for i in range(10)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"d": 7}, "c/base/l has 6 and 7 features"),
        ({"address": Address("c", "base", "other")}, "c/base/l has 6 and none features"),
        ({"sha256": "b" * 64}, "c has other weights there"),
        ({"samples": {"id": [f"t{i}" for i in range(N)]}}, 'only one of them has the column "label"'),
    ],
)
def test_other_things_are_no_parts(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        joining([saved(tmp_path, 0), saved(tmp_path, 1, **changes)])
    assert str(caught.value).startswith("part0.h5 and part1.h5 are no parts of one store")


def test_a_sample_that_comes_twice_is_named(tmp_path: Path) -> None:
    samples = {"id": [f"s{i + 39}" for i in range(N)], "label": ["x"] * N}
    with pytest.raises(InputError, match='id "s39" comes twice'):
        joining([saved(tmp_path, 0), saved(tmp_path, 1, samples=samples)])


def test_ids_on_one_side_only_are_refused() -> None:
    rows = np.ones((5, D), dtype=np.float32)
    with pytest.raises(UsageError, match="memory has ids and memory has none, so equal samples"):
        joining([memory_store(rows, ids=list("abcde")), memory_store(rows)])
