from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from repdiag.checkpoints import LoadReport, describe, identify, inspect_checkpoint
from repdiag.checkpoints.architectures import Member, load_architectures, pack_architectures, token
from repdiag.checkpoints.report import under
from tests.checkpoints.bad_inputs import saved


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def test_document_has_the_fields_of_the_contract(tmp_path: Path) -> None:
    content = {
        "student": {f"module.{n}": t for n, t in net().state_dict().items()},
        "teacher": net().state_dict(),
        "optimizer": {"state": {0: {"exp_avg": torch.ones(9)}}},
        "epoch": 4,
        "global_step": 40,
    }
    document = inspect_checkpoint(saved(tmp_path, content))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert (document["schema"], document["schema_version"]) == ("repdiag.inspect", 1)
    assert (document["format"], document["step"], document["epoch"]) == ("torch-zip", 40, 4)
    assert document["weights"] == ["student", "teacher"]
    assert document["wrappers"] == ["student", "module", "teacher"]
    assert document["tensors"] == 14
    assert document["parameters"] == 2 * (16 + 8)
    assert document["dtypes"] == {"float32": 12, "int64": 2}
    assert document["architecture"] is None
    assert document["rank_bound"]["rank"] == 3
    assert any("training state" in note for note in document["notes"])


def test_one_set_at_the_top_has_no_name(tmp_path: Path) -> None:
    document = inspect_checkpoint(saved(tmp_path, net().state_dict()))
    assert (document["weights"], document["wrappers"]) == ([], [])
    assert document["parameters"] == 24


def test_zero_weights_are_named_and_zero_biases_are_not(tmp_path: Path) -> None:
    content = {"a.weight": torch.zeros(3), "a.bias": torch.zeros(3), "b.weight": torch.ones(2)}
    notes = inspect_checkpoint(saved(tmp_path, content))["notes"]
    assert notes == ["zero throughout, 1 of 3 tensors: a.weight"]


def test_description_fits_a_terminal_and_lists_the_groups(tmp_path: Path) -> None:
    content = {f"blocks.{i}.weight": torch.ones(2, 2) for i in range(30)}
    document = inspect_checkpoint(saved(tmp_path, content))
    text = describe(document)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert len(document["groups"]) == 21
    assert document["groups"][-1] == {"name": "10 more", "tensors": 10, "elements": 40}
    assert "parameters 120" in text


def named(index: Path, monkeypatch: pytest.MonkeyPatch, computations: tuple[int, int] = (0, 1)) -> None:
    """An index with one class: nine blocks and a head `fc` for 10 classes, under two names."""
    body = [token(name, shape) for name, shape in BLOCKS.items()]
    head: dict[str, tuple[int, ...]] = {"fc.weight": (10, 4)}
    names = ("timm:nine", "torchvision:nine")
    members = [Member(name, head, 10, number, 0) for name, number in zip(names, computations, strict=True)]
    index.write_bytes(pack_architectures([body], [members], {"timm": "1"}))
    found = load_architectures(index)
    # By the table of modules: the package has a function of the same name.
    monkeypatch.setattr(sys.modules[identify.__module__], "load_architectures", lambda: found)


BLOCKS = {f"blocks.{i}.weight": (4, 4) for i in range(9)}


def blocks() -> dict[str, torch.Tensor]:
    return {name: torch.eye(4) for name in BLOCKS}


def test_architecture_of_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named(tmp_path / "index.npz", monkeypatch)
    content = {
        "state_dict": {f"model.{n}": t for n, t in {**blocks(), "fc.weight": torch.ones(3, 4)}.items()}
    }
    document = inspect_checkpoint(saved(tmp_path, content))
    found = document["architecture"]
    assert {key: found[key] for key in ("name", "equivalent", "coverage", "certain")} == {
        "name": "timm:nine",
        "equivalent": ["torchvision:nine"],
        "coverage": 1.0,
        "certain": True,
    }
    assert (found["key"], found["head"], found["classes"]) == ("state_dict.model", "other", 3)
    assert found["differing"] == ["torchvision:nine"]
    assert any("compute something else; say which with --model" in note for note in document["notes"])
    text = " ".join(describe(document).split())
    assert "model timm:nine, for 3 classes, under state_dict.model (from names and shapes" in text
    assert "rank at most 1 at the output of fc (3 x 4)" in text


def test_a_near_architecture_is_a_proposal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named(tmp_path / "index.npz", monkeypatch)
    document = inspect_checkpoint(saved(tmp_path, {**blocks(), "blocks.8.weight": torch.ones(5, 5)}))
    found = document["architecture"]
    assert (found["name"], found["certain"], found["coverage"]) == ("timm:nine", False, round(8 / 9, 4))
    assert found["nearest"][0] == {"name": "timm:nine", "coverage": 0.8889, "try": "--model timm:nine"}
    assert any("nearest: timm:nine (88% of its tensors)" in note for note in document["notes"])
    assert "perhaps timm:nine" in describe(document)


def test_a_tensor_inside_the_trunk_makes_it_uncertain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(tmp_path / "index.npz", monkeypatch)
    document = inspect_checkpoint(saved(tmp_path, {**blocks(), "blocks.0.se.weight": torch.ones(5)}))
    assert (document["architecture"]["certain"], document["architecture"]["coverage"]) == (False, 1.0)
    assert any("not certain: it also holds blocks.0.se.weight" in note for note in document["notes"])


def test_a_configuration_beside_the_weights_names_a_family(tmp_path: Path) -> None:
    prefix = "encoder.layer.0.attention.self"
    content = {
        "embeddings.word_embeddings.weight": torch.ones(9, 4),
        f"{prefix}.query.weight": torch.ones(4, 4),
    }
    document = inspect_checkpoint(saved(tmp_path, content))
    found = document["architecture"]
    assert (found["name"], found["from"], found["certain"]) == ("hf:bert", "key patterns", False)
    (tmp_path / "config.json").write_text(
        '{"model_type": "roberta", "hidden_size": 4, "num_hidden_layers": 1}'
    )
    document = inspect_checkpoint(saved(tmp_path, content))
    found = document["architecture"]
    assert (found["name"], found["from"], found["certain"]) == ("hf:roberta", "config.json", True)
    assert any("load it with: --model " in note for note in document["notes"])


def test_settings_and_dead_scales_are_shown(tmp_path: Path) -> None:
    state = net().state_dict()
    state["1.weight"][0] = 0.0
    content = {"state_dict": state, "hyper_parameters": {"lr": 0.1, "arch": "small", "x" * 5: "\x1b[31m"}}
    document = inspect_checkpoint(saved(tmp_path, content))
    text = describe(document)
    assert "setting    hyper_parameters.lr = 0.1" in text
    assert "\x1b" not in text
    assert any(note.startswith("1 batch-norm scales are zero") for note in document["notes"])


def test_load_report_reads_as_promised() -> None:
    names = tuple(f"w{i}" for i in range(152))
    ignored = tuple(f"module.projector.{i}.weight" for i in range(38))
    report = LoadReport(names, 152, ignored=ignored, key="backbone")
    assert str(report) == "152/152 tensors, 0 missing, 0 unexpected, 38 ignored under projector."
    assert report.complete


def test_load_report_counts_what_did_not_fit() -> None:
    report = LoadReport(("a",), 4, missing=("b", "c"), unexpected=("x",), mismatched=("d (2,) for (3,)",))
    assert str(report) == "1/4 tensors, 2 missing, 1 unexpected, 1 of another shape, 0 ignored."
    assert not report.complete


def test_groups_of_ignored_names_are_told_from_the_wrapper() -> None:
    names = ["student.head.w", "teacher.a.w", "teacher.b.w", "queue"]
    assert under(names, "student.backbone") == " under teacher, head, queue"
    assert under([], "a") == ""
    assert under(["a.w", "b.w", "c.w", "d.w"], "") == " under a, b, c and 1 more"
