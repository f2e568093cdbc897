from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from repdiag.data import (
    Reading,
    SampleSource,
    View,
    check_views,
    open_data,
    parse_views,
    read_batch,
    read_batches,
    sample_generator,
)
from repdiag.errors import UsageError


@pytest.fixture(scope="module")
def digits() -> SampleSource:
    return open_data("digits", limit=40, seed=0)


def rows(source: SampleSource, view: View, seed: int = 0, size: int = 40) -> torch.Tensor:
    parts = [
        read_batch(source, start, start + size, Reading(view, seed)).inputs
        for start in range(0, len(source), size)
    ]
    return torch.cat([part for part in parts if isinstance(part, torch.Tensor)])


@pytest.mark.parametrize("spec", ["crop", "noise", "simclr", "a=noise:0.5", "left", "right=mask"])
def test_a_view_depends_on_seed_name_and_id_but_not_on_the_batch(digits: SampleSource, spec: str) -> None:
    (view,) = parse_views([spec])
    whole = rows(digits, view)
    assert torch.equal(whole, rows(digits, view, size=7))
    fewer = open_data("digits", limit=39, seed=1)
    common = [name for name in fewer.ids if name in digits.ids]
    assert common
    at = [list(fewer.ids).index(name) for name in common], [list(digits.ids).index(name) for name in common]
    assert torch.equal(rows(fewer, view)[at[0]], whole[at[1]])


@pytest.mark.parametrize("kind", ["crop", "noise", "simclr"])
def test_another_seed_or_name_is_another_draw(digits: SampleSource, kind: str) -> None:
    one, two = parse_views([f"a={kind}", f"b={kind}"])
    assert not torch.equal(rows(digits, one), rows(digits, two))
    assert not torch.equal(rows(digits, one), rows(digits, one, seed=1))


def test_threads_change_nothing(digits: SampleSource) -> None:
    reading = Reading(parse_views(["simclr"])[0], 0)
    ranges = [(0, 16), (16, 32), (32, 48)]
    threaded, alone = (list(read_batches(digits, ranges, reading, workers)) for workers in (3, 0))
    assert [len(batch) for batch in threaded] == [16, 16, 8]
    for one, other in zip(threaded, alone, strict=True):
        assert torch.equal(torch.as_tensor(one.inputs), torch.as_tensor(other.inputs))
        assert one.ids == other.ids


def test_leaving_early_ends_the_threads(digits: SampleSource) -> None:
    batches = read_batches(digits, [(0, 8), (8, 16), (16, 24)], Reading(View(), 0), 2)
    assert len(next(batches)) == 8
    batches.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("repdiag-data")]


def test_base_changes_nothing(digits: SampleSource) -> None:
    assert torch.equal(rows(digits, View())[3], digits.item(3))


def test_noise_has_the_sigma_asked_for(digits: SampleSource) -> None:
    (view,) = parse_views(["noise=0.25"])
    assert view.name == "noise"
    assert float((rows(digits, view) - rows(digits, View())).std()) == pytest.approx(0.25, rel=0.05)


def test_halves_split_the_last_axis(digits: SampleSource) -> None:
    left, right, masked = (rows(digits, view) for view in parse_views(["left", "right", "m=left:mask"]))
    whole = rows(digits, View())
    assert left.shape == right.shape == (40, 1, 8, 4)
    assert torch.equal(torch.cat([left, right], -1), whole)
    assert torch.equal(masked[..., :4], left)
    assert not masked[..., 4:].any()


def test_augmentations_keep_shape_and_range(digits: SampleSource) -> None:
    whole = rows(digits, View())
    for view in parse_views(["crop=0.3", "simclr"]):
        made = rows(digits, view)
        assert made.shape == whole.shape
        assert float(made.min()) >= -1e-6
        assert float(made.max()) <= 1 + 1e-6
        assert not torch.equal(made, whole)


def test_colour_jitter_of_grey_pixels_stays_grey() -> None:
    from repdiag.data.augment import _turn_hue

    grey = torch.full((3, 4, 4), 0.5)
    torch.testing.assert_close(_turn_hue(grey, 0.3), grey, rtol=0, atol=1e-3)
    colour = torch.rand((3, 4, 4), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(_turn_hue(_turn_hue(colour, 0.1), -0.1), colour, rtol=0, atol=1e-5)
    torch.testing.assert_close(_turn_hue(colour, 1.0), colour, rtol=0, atol=1e-5)


def test_callables(tmp_path: Path, digits: SampleSource) -> None:
    path = tmp_path / "my_views.py"
    path.write_text(
        "import torch\ndef plain(x): return -x\n"
        "def drawn(x, generator): return x + torch.rand((), generator=generator)\n"
        "def broken(x): raise RuntimeError('no')\n"
    )
    plain, drawn, broken = parse_views([f"minus={path}:plain", f"{path}:drawn", f"b={path}:broken"])
    assert [plain.name, drawn.name] == ["minus", "drawn"]
    assert torch.equal(rows(digits, plain), -rows(digits, View()))
    assert torch.equal(rows(digits, drawn), rows(digits, drawn, size=3))
    with pytest.raises(UsageError, match=r"raised RuntimeError \(no\)"):
        rows(digits, broken)


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        (["crap"], 'unknown view "crap".*Did you mean "crop"'),
        (["noise=-1"], "not a value that noise takes"),
        (["crop=2"], "not a value that crop takes"),
        (["noise=loud"], "unknown view"),
        (["noise=nan"], "unknown view|not a value"),
        (["base=3"], "not a value"),
        (["noise="], 'ends after "="'),
        (["crop", "crop"], 'two views are called "crop"'),
    ],
)
def test_views_that_make_no_sense(specs: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_views(specs)


def test_views_that_do_not_fit_the_data(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs images or arrays, not texts"):
        check_views(parse_views(["base", "noise"]), "text")
    np.save(tmp_path / "a.npy", np.ones((3, 4)))
    source = open_data(str(tmp_path / "a.npy"))
    with pytest.raises(UsageError, match=r"needs \(c, h, w\) samples"):
        rows(source, parse_views(["crop"])[0])


def test_default_view_and_generator_are_stable() -> None:
    assert parse_views([]) == (View(),)
    draw = torch.randint(0, 2**31, (3,), generator=sample_generator(0, "noise", "cat/a.jpg"))
    assert (
        draw.tolist()
        == torch.randint(0, 2**31, (3,), generator=sample_generator(0, "noise", "cat/a.jpg")).tolist()
    )
