from __future__ import annotations

from pathlib import Path

import pytest

from repdiag.errors import InputError, UsageError
from repdiag.extract.paths import checkpoint_paths, own_weights


def touched(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(*arguments: str) -> list[str]:
    return [named.name for named in checkpoint_paths(arguments)]


def test_a_folder_is_its_checkpoints_in_training_order(tmp_path: Path) -> None:
    touched(tmp_path, "epoch=10.ckpt", "epoch=9.ckpt", "epoch=100.ckpt", "log.txt", ".hidden.pt")
    assert names(str(tmp_path)) == ["epoch=9", "epoch=10", "epoch=100"]


def test_a_glob_is_sorted_too_and_names_nothing_twice(tmp_path: Path) -> None:
    touched(tmp_path, "step_20.pt", "step_3.pt")
    assert names(f"{tmp_path}/*.pt", f"{tmp_path}/step_3.pt") == ["step_3", "step_20"]


def test_a_hugging_face_folder_is_one_checkpoint(tmp_path: Path) -> None:
    touched(
        tmp_path,
        "checkpoint-500/model.safetensors",
        "checkpoint-1000/model.safetensors",
        "checkpoint-1000/x.pt",
    )
    assert names(str(tmp_path)) == ["checkpoint-500", "checkpoint-1000"]
    assert names(str(tmp_path / "checkpoint-500")) == ["checkpoint-500"]


def test_equal_names_are_told_apart_by_suffix_or_folder(tmp_path: Path) -> None:
    touched(tmp_path, "a/net.pt", "b/net.pt", "b/other.pt", "b/other.ckpt")
    assert names(str(tmp_path / "a"), str(tmp_path / "b")) == [
        "a/net.pt",
        "b/net.pt",
        "other.ckpt",
        "other.pt",
    ]


def test_what_is_not_there(tmp_path: Path) -> None:
    touched(tmp_path, "net.pt")
    with pytest.raises(InputError, match=r'no such checkpoint\. Did you mean "net.pt"'):
        names(str(tmp_path / "nett.pt"))
    with pytest.raises(InputError, match="matches no checkpoint"):
        names(str(tmp_path / "*.ckpt"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no checkpoints"):
        names(str(tmp_path / "empty"))


def test_models_that_bring_their_weights() -> None:
    assert own_weights("hf:some/dir") == ("some/dir",)
    for model in (None, "timm:resnet18", "file.py:make"):
        with pytest.raises(UsageError, match="no checkpoint was named"):
            own_weights(model)
