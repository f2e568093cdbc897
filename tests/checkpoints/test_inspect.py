from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from repdiag.checkpoints import LoadReport, describe, inspect_checkpoint
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
    assert document["rank_bound"] is None
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
