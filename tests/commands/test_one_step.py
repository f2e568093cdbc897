"""`repdiag check CKPT --data ...`: extraction and gate in one step."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from repdiag.demo.model import build_encoder
from tests.commands.helpers import Typed

MODEL = "repdiag.demo.model:build_encoder"


@pytest.fixture
def checkpoint(here: Path) -> Path:
    torch.manual_seed(0)
    torch.save(build_encoder().state_dict(), here / "model.pt")
    return here / "model.pt"


def words(checkpoint: Path, *more: str) -> list[str]:
    return ["check", str(checkpoint), "--model", MODEL, "--data", "digits", "--limit", "600", *more]


def test_one_step_says_what_two_say(typed: Typed, checkpoint: Path, here: Path) -> None:
    one = typed(*words(checkpoint, "--layer", "backbone", "--json", "one.json"))
    assert "21/21 tensors" in one.err
    assert os.listdir(here) != []
    assert not (here / "embeddings.h5").exists()
    extract = ["extract", str(checkpoint), "--model", MODEL, "--data", "digits", "--limit", "600"]
    assert typed(*extract, "--layer", "backbone").code == 0
    two = typed("check", "embeddings.h5", "--json", "two.json")
    assert one.code == two.code
    first, second = (json.loads((here / name).read_text()) for name in ("one.json", "two.json"))
    assert first["representations"] == second["representations"]
    assert first["findings"] == second["findings"]


def test_a_store_can_be_kept(typed: Typed, checkpoint: Path, here: Path) -> None:
    ended = typed(*words(checkpoint, "--layer", "backbone", "-o", "kept.h5"))
    assert (here / "kept.h5").is_file()
    assert typed("check", "kept.h5").code == ended.code


def test_everything_can_stand_in_the_configuration(typed: Typed, checkpoint: Path, here: Path) -> None:
    (here / "repdiag.toml").write_text(
        f'[extract]\nmodel = "{MODEL}"\ndata = "digits"\nlimit = 600\nlayers = ["backbone"]\n'
        '[check]\nlayers = ["back*"]\non_inconclusive = "pass"\n'
    )
    ended = typed("check", checkpoint, "--json", "-")
    document = json.loads(ended.out)
    assert [row["layer"] for row in document["representations"]] == ["backbone"]
    assert document["representations"][0]["n"] == 600


def test_a_failed_extraction_is_no_verdict(typed: Typed, here: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, here / "other.pt")
    ended = typed(*words(here / "other.pt"))
    assert ended.code == 2
    assert ended.out == ""


def test_options_of_extraction_need_data(typed: Typed, checkpoint: Path) -> None:
    assert "--data" in typed("check", checkpoint, "--pool", "mean").sentence
    assert "nothing to check" in typed("check").sentence


def test_a_checkpoint_without_data_is_explained(typed: Typed, checkpoint: Path) -> None:
    ended = typed("check", checkpoint)
    assert ended.code == 2
    assert ended.sentence
