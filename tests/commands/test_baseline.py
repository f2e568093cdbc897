"""`repdiag baseline`, and `check` against what it wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from repdiag import synthetic
from repdiag.check import read_baseline
from tests.commands.helpers import Typed

D = 24


def rows(exponent: float, n: int = 900) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return synthetic.power_law(n, D, exponent=exponent, seed=2).samples.numpy().astype(np.float32)


def test_the_road_of_a_project(typed: Typed, here: Path) -> None:
    np.save(here / "good.npy", rows(0.7))
    np.save(here / "fallen.npy", rows(1.3))
    ended = typed("baseline", "good.npy", "-o", "repdiag-baseline.json")
    assert ended.code == 0, ended.err
    assert "repdiag-baseline.json" in ended.out
    (here / "repdiag.toml").write_text('[check.baseline]\nfile = "repdiag-baseline.json"\n')
    same = typed("check", "good.npy")
    assert same.code == 0
    assert "no baseline" not in same.out
    fallen = typed("check", "fallen.npy")
    assert fallen.code == 1
    assert "RD021 drop" in fallen.out
    assert "effective_rank.max_drop" in fallen.out


def test_the_flag_comes_before_the_configuration(typed: Typed, here: Path) -> None:
    np.save(here / "good.npy", rows(0.7))
    (here / "repdiag.toml").write_text('[check.baseline]\nfile = "missing.json"\n')
    assert typed("check", "good.npy").code == 2
    assert typed("baseline", "good.npy", "-o", "other.json").code == 0
    assert typed("check", "good.npy", "--baseline", "other.json").code == 0


def test_a_written_drop_needs_a_baseline_and_writing_one_does_not(typed: Typed, here: Path) -> None:
    np.save(here / "good.npy", rows(0.7))
    (here / "repdiag.toml").write_text('[check.rules]\neffective_rank = { max_drop = "5%" }\n')
    assert "no baseline was given" in typed("check", "good.npy").sentence
    assert typed("baseline", "good.npy", "-o", "b.json").code == 0
    assert typed("check", "good.npy", "--baseline", "b.json").code == 0


def test_a_store_that_does_not_pass_is_kept_with_a_word(typed: Typed, here: Path) -> None:
    np.save(here / "flat.npy", synthetic.low_rank(900, D, rank=3, noise=1e-3, seed=0).samples.numpy())
    ended = typed("baseline", "flat.npy", "-o", "b.json")
    assert ended.code == 0
    assert "says fail of this store" in ended.err


def test_bad_input_leaves_no_file(typed: Typed, here: Path) -> None:
    np.save(here / "flat.npy", np.ones((900, D), dtype=np.float32))
    for words in (["flat.npy"], ["missing.npy"], ["flat.npy", "--layer", "nothing"]):
        ended = typed("baseline", *words, "-o", "b.json")
        assert ended.code == 2
        assert ended.sentence
        assert not (here / "b.json").exists()
    np.save(here / "good.npy", rows(0.7))
    assert "-o" in typed("baseline", "good.npy").sentence
    assert typed("baseline", "good.npy", "-o", "nowhere/b.json").code == 2


def test_views_and_measures_with_options_are_kept(typed: Typed, here: Path) -> None:
    np.savez(here / "two.npz", left=rows(0.7), right=rows(0.8))
    (here / "repdiag.toml").write_text(
        '[check.rules]\n"rankme{center=true}" = { min = 2.0, max_drop = "8%" }\n'
    )
    assert typed("baseline", "two.npz", "-o", "b.json").code == 0
    kept = read_baseline(here / "b.json").representations
    assert [one.view for one in kept] == ["left", "right"]
    assert all("rankme{center=true}" in one.estimates for one in kept)
    assert typed("check", "two.npz", "--baseline", "b.json").code == 0
