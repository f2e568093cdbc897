"""`repdiag information --given`, and opt-in measures, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from repdiag.store import write_store
from repdiag.types import Address
from tests.commands.helpers import Typed

ONLY = ("--measure", "conditional_ksg_mi", "--measure", "conditional_renyi_mi")


@pytest.fixture
def trio(here: Path) -> Path:
    """Three views of 150 samples; the first two have only the third in common. Labels are its sign."""
    r = np.random.default_rng(0)
    text = r.standard_normal((150, 2))
    views = {
        "image": text + 0.5 * r.standard_normal((150, 2)),
        "audio": text + 0.5 * r.standard_normal((150, 2)),
    }
    rows = {
        Address("e1", name, "out"): made.astype(np.float32) for name, made in (*views.items(), ("text", text))
    }
    ids = [f"clip_{i}" for i in range(150)]
    return write_store(here / "trio.h5", {"id": ids, "label": (text[:, 0] > 0).astype(int).tolist()}, rows)


def test_what_is_given_stands_in_table_json_and_report(typed: Typed, trio: Path, here: Path) -> None:
    ended = typed("information", trio, "--given", "text", "--json", "r.json", "--interval", "none")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[1] == "y = e1/image/out  (n 150)"
    assert lines[2] == "given e1/text/out, where a measure is conditional"
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("  conditional_ksg_mi ") for line in lines)
    assert "note: 2 pairs hold what is given and were left out" in ended.out
    made = json.loads((here / "r.json").read_text(encoding="utf-8"))
    (pair,) = made["pairs"]
    estimate = pair["estimates"]["conditional_ksg_mi"]
    assert estimate["details"]["given"] == "e1/text/out"
    assert estimate["definition"].endswith("; given text")
    assert estimate["value"] < 0.3 < pair["estimates"]["ksg_mi"]["value"]
    assert "; given text" in (here / "trio.information.html").read_text(encoding="utf-8")


def test_labels_when_asked_by_name(typed: Typed, trio: Path) -> None:
    ended = typed("information", trio, "--view", "image", "--view", "audio", *ONLY, "--no-report")
    assert ended.code == 0
    assert "given labels, where a measure is conditional" in ended.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--given", "txt"), 'Did you mean "text"?'),
        (("--given", "*/*/out"), "every pair holds what --given"),
        (("--given", "text", "--measure", "cka"), "--given is read by conditional_renyi_mi"),
    ],
)
def test_refusals_are_one_sentence(typed: Typed, trio: Path, words: tuple[str, ...], said: str) -> None:
    ended = typed("information", trio, *words, "--no-report")
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.sentence


def test_opt_in_measures_are_listed_and_measured_by_name(typed: Typed, trio: Path) -> None:
    names = ("diffusion_entropy", "conditional_mutual_information")
    listed = typed("measures").out
    assert all(name in listed for name in names)
    assert "opt in: true" in typed("measures", names[0]).out
    usual = typed("spectrum", trio, "--view", "text", "--json", "-", "--no-report", "--interval", "none")
    assert not set(names) & set(json.loads(usual.out)["representations"][0]["estimates"])
    asked = [word for name in names for word in ("--measure", name)]
    ended = typed("spectrum", trio, "--view", "text", *asked, "--json", "-", "--no-report")
    (item,) = json.loads(ended.out)["representations"]
    assert {name: each["status"] for name, each in item["estimates"].items()} == dict.fromkeys(names, "ok")
