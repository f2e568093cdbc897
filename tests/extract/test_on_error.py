"""Broken samples: the first ends the run with its name, or all are left out of every view and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from repdiag.errors import InputError, UsageError
from repdiag.extract import ExtractRequest, extract
from repdiag.store import open_store
from repdiag.types import Address

Save = Callable[..., tuple[Path, nn.Module]]
Ask = Callable[..., ExtractRequest]

DATA = """
import numpy as np, torch

BROKEN = {3, 17}

class Digits:
    def __init__(self):
        self.x = np.random.default_rng(0).normal(size=(40, 1, 8, 8)).astype("float32")
        self.labels = list(range(40))
    def __len__(self): return len(self.x)
    def __getitem__(self, row):
        if row in BROKEN: raise ValueError(f"row {row} is damaged")
        return torch.from_numpy(self.x[row])

def make(): return Digits()

class Named(Digits):
    def __init__(self):
        super().__init__()
        del self.labels
    def __getitem__(self, row):
        return {"x": super().__getitem__(row), "id": f"s{row}", "label": row % 4, "ward": f"w{row % 3}"}

def named(): return Named()

class Worst(Digits):
    def __getitem__(self, row): raise ValueError("never")

def worst(): return Worst()

def picky(x):
    if float(x.flatten()[0]) > 1.0: raise ValueError("too bright")
    return x
"""


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    path = tmp_path / "my_data.py"
    path.write_text(DATA)
    return path


def contents(request: ExtractRequest, view: str = "base") -> tuple[list[str], np.ndarray, Any]:
    with open_store(Path(request.output)) as store:
        rows = np.asarray(store.read(Address("net", view, "output"), 0, store.n))
        return list(store.ids), rows, store.provenance["data"]


def test_the_first_one_ends_the_run_with_its_name(save: Save, ask: Ask, digits: Path) -> None:
    path, _ = save()
    with pytest.raises(UsageError, match=r"sample 3 raised ValueError \(row 3 is damaged\)"):
        extract(ask(path, data=f"{digits}:make", limit=None))
    with pytest.raises(UsageError, match="sample 3 raised"):
        extract(ask(path, data=f"{digits}:named", limit=None))


@pytest.mark.parametrize("workers", [0, 3])
@pytest.mark.parametrize("name", ["make", "named"])
def test_skipped_ones_leave_no_row_and_are_named(
    save: Save, ask: Ask, digits: Path, tmp_path: Path, name: str, workers: int
) -> None:
    path, _ = save()
    request = ask(path, data=f"{digits}:{name}", limit=None, on_error="skip", workers=workers, batch_size=8)
    summary = extract(request)
    ids, rows, data = contents(request)
    prefix = "s" if name == "named" else ""
    kept = [row for row in range(40) if row not in (3, 17)]
    assert ids == [f"{prefix}{row}" for row in kept]
    assert (data["left_out"], data["left_out_names"]) == (2, ["3", "17"])
    assert "2 samples that cannot be read were left out (--on-error skip): 3, 17" in summary.notes
    healthy = digits.with_name("healthy.py")
    healthy.write_text(DATA.replace("{3, 17}", "set()"))
    other = ask(path, data=f"{healthy}:{name}", limit=None, output=str(tmp_path / "b.h5"), batch_size=8)
    extract(other)
    assert np.allclose(rows, contents(other)[1][kept], rtol=1e-5, atol=1e-6)
    with open_store(Path(request.output)) as store:
        label = store.column("label")
        assert label is not None
        assert label.tolist() == [row % 4 if name == "named" else row for row in kept]


def test_one_that_breaks_in_one_view_is_left_out_of_all(save: Save, ask: Ask, digits: Path) -> None:
    path, _ = save()
    bright = np.random.default_rng(0).normal(size=(40, 64)).astype("float32")[:, 0] > 1.0
    assert 1 <= bright.sum() <= 12
    views = ("base", f"mine={digits}:picky")
    request = ask(path, data=f"{digits}:make", limit=None, views=views, on_error="skip")
    extract(request)
    expected = [str(row) for row in range(40) if row not in (3, 17) and not bright[row]]
    for view in ("base", "mine"):
        ids, rows, data = contents(request, view)
        assert ids == expected
        assert len(rows) == len(expected) == 40 - data["left_out"]
    healthy = digits.with_name("healthy.py")
    healthy.write_text(DATA.replace("{3, 17}", "set()"))
    with pytest.raises(UsageError, match=r'sample "\d+": --view mine=.* raised ValueError'):
        extract(ask(path, data=f"{healthy}:make", limit=None, views=views, overwrite=True))


def test_a_resumed_run_has_the_same_samples(
    save: Save, ask: Ask, digits: Path, tmp_path: Path, stop_at: Callable[[int], None]
) -> None:

    path, _ = save()
    options: dict[str, Any] = {"data": f"{digits}:named", "limit": 30, "views": ("base", "noise")}
    options |= {"on_error": "skip", "batch_size": 8}
    whole = ask(path, **options)
    extract(whole)
    again = ask(path, **options, output=str(tmp_path / "again.h5"))
    stop_at(6)
    with pytest.raises(KeyboardInterrupt):
        extract(again)
    extract(again)
    for view in ("base", "noise"):
        one, other = contents(whole, view), contents(again, view)
        assert one[0] == other[0]
        assert np.array_equal(one[1], other[1])


def test_a_run_does_not_resume_with_other_samples(save: Save, ask: Ask, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "pictures").mkdir()
    for index in range(6):
        image.new("RGB", (9, 9), (index * 20, 0, 0)).save(tmp_path / "pictures" / f"{index}.png")
    damaged = tmp_path / "pictures" / "2.png"
    content = damaged.read_bytes()
    damaged.write_bytes(content[:40])
    path, _ = save()
    model = tmp_path / "net.py"
    recorded = '{"size": 8, "resize": 9, "mean": [0.5], "std": [0.25]}'
    model.write_text(
        model.read_text() + f"\ndef grey():\n    m = make()\n    m.preprocessing = {recorded}\n    return m\n"
    )
    options: dict[str, Any] = {"model": f"{model}:grey", "data": str(tmp_path / "pictures"), "limit": None}
    with pytest.raises(InputError, match=r"2\.png"):
        extract(ask(path, **options))
    request = ask(path, **options, on_error="skip")
    extract(request)
    assert contents(request)[0] == ["0.png", "1.png", "3.png", "4.png", "5.png"]
    damaged.write_bytes(content)
    with pytest.raises(UsageError, match="source content"):
        extract(request)


def test_nothing_left_is_an_error(save: Save, ask: Ask, digits: Path) -> None:
    path, _ = save()
    with pytest.raises(InputError, match=r"none of its 40 samples can be read; the first: .*sample 0 raised"):
        extract(ask(path, data=f"{digits}:worst", limit=None, on_error="skip"))


def test_another_word_is_refused(save: Save, ask: Ask) -> None:
    path, _ = save()
    with pytest.raises(UsageError, match='--on-error "skipp" is not one of fail, skip'):
        extract(ask(path, on_error="skipp"))
