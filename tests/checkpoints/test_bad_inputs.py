from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from repdiag.checkpoints import Format, inspect_checkpoint, load_checkpoint, load_scripted, sniff
from repdiag.checkpoints import load as load_module
from repdiag.errors import EXIT_USAGE, InputError, RepdiagError
from tests.checkpoints import bad_inputs
from tests.checkpoints.bad_inputs import CANARY, ROWS, members, saved, state, written, zipped

pytestmark = pytest.mark.filterwarnings("ignore:.*sparse CSR.*:UserWarning")


def one_sentence(text: str) -> None:
    assert "\n" not in text
    assert "\x1b" not in text
    assert "weights_only" not in text
    assert "Traceback" not in text
    assert len(text) < 700


@pytest.mark.parametrize("row", ROWS)
def test_bad_input_is_one_sentence_and_runs_nothing(row: str, tmp_path: Path) -> None:
    make, phrase = ROWS[row]
    path = make(tmp_path)
    (tmp_path / CANARY).unlink(missing_ok=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError) as caught:
        load_checkpoint(path)
    assert phrase in str(caught.value)
    assert caught.value.exit_code == EXIT_USAGE
    one_sentence(str(caught.value))
    assert sorted(tmp_path.rglob("*")) == before
    assert not (tmp_path / CANARY).exists()


def test_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, state())

    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(InputError, match=r"cannot be read \(permission denied\)"):
        load_checkpoint(path)


def test_another_digest_is_refused_and_the_right_one_passes(tmp_path: Path) -> None:
    path = saved(tmp_path, state())
    digest = load_checkpoint(path).sha256
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"ckpt/data/0") + 70] ^= 1
    flipped = written(tmp_path, bytes(raw), "flipped.pt")
    assert load_checkpoint(path, sha256=digest.upper()).sha256 == digest
    with pytest.raises(InputError, match="sha256 mismatch"):
        load_checkpoint(flipped, sha256=digest)


def test_size_budget(tmp_path: Path) -> None:
    path = saved(tmp_path, state())
    with pytest.raises(InputError, match="over the limit of 100"):
        load_checkpoint(path, max_bytes=100)


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, state())

    def hashes_then_training_writes(stream: object) -> str:
        saved(tmp_path, {"weight": torch.zeros(400)})
        return "0" * 64

    monkeypatch.setattr(load_module, "hash_stream", hashes_then_training_writes)
    with pytest.raises(InputError):
        load_checkpoint(path)


def test_big_endian_file_has_the_same_values(tmp_path: Path) -> None:
    content = members(saved(tmp_path, {"weight": torch.arange(4.0)}))
    swapped = torch.arange(4.0).numpy().astype(">f4").tobytes()
    changed = {
        name: b"big" if name.endswith("byteorder") else swapped if name.endswith("data/0") else data
        for name, data in content.items()
    }
    loaded = load_checkpoint(zipped(tmp_path, changed))
    assert torch.equal(loaded.tensors["weight"], torch.arange(4.0))


def test_nan_weights_load_and_are_named(tmp_path: Path) -> None:
    path = saved(tmp_path, {"good": torch.ones(2), "bad\x1b[31m": torch.tensor([1.0, float("nan")])})
    notes = inspect_checkpoint(path)["notes"]
    assert any(
        "NaN or infinite values in 1 of 2 tensors" in note and "bad" in note and "\x1b" not in note
        for note in notes
    )


def test_suffix_that_disagrees_is_a_remark(tmp_path: Path) -> None:
    checkpoint = load_checkpoint(written(tmp_path, save(state()), "weights.pt"))
    assert checkpoint.format == "safetensors"
    assert checkpoint.notes == ("named .pt, but the content is safetensors",)
    odd = load_checkpoint(saved(tmp_path, state(), "weights.safetensors"))
    assert (odd.format, odd.notes) == ("torch-zip", ("named .safetensors, but the content is torch-zip",))


@pytest.mark.parametrize(
    "name", ["</script><img src=x onerror=alert(1)>", "\x1b[2J::error::x", "../../x", "a\u202eb", "##[error]"]
)
def test_hostile_names_are_names_and_stay_on_one_line(name: str, tmp_path: Path) -> None:
    document = inspect_checkpoint(saved(tmp_path, {name: torch.ones(2), "b": torch.ones(3)}))
    shown = document["groups"][0]["name"]
    assert not any(char in shown for char in "\x1b\n\u202e")
    assert "##[" not in shown


def test_scripted_files_run_only_when_asked(tmp_path: Path) -> None:
    path = bad_inputs.torchscript(tmp_path)
    assert sniff(path) is Format.TORCHSCRIPT
    trusted = load_checkpoint(path, trust=True)
    assert trusted.format == "torchscript"
    assert set(trusted.tensors) == {"weight", "bias"}
    assert load_scripted(path)(torch.ones(1, 3)).shape == (1, 4)


def test_data_is_not_run_as_code(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not TorchScript"):
        load_scripted(saved(tmp_path, state()))
    with pytest.raises(InputError, match=r"torch\.package"):
        load_scripted(bad_inputs.package(tmp_path))


def test_trust_does_not_extend_to_pickles(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"os\.system"):
        load_checkpoint(bad_inputs.os_system(tmp_path), trust=True)
    assert not (tmp_path / CANARY).exists()


def test_unsafe_loading_cannot_be_switched_on_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(InputError, match=r"os\.system"):
        load_checkpoint(bad_inputs.os_system(tmp_path))
    assert not (tmp_path / CANARY).exists()


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_mutated_files_load_or_are_refused(kind: str, tmp_path: Path) -> None:
    if kind == "safetensors":
        raw = save(state())
    else:
        raw = saved(tmp_path, state(), _use_new_zipfile_serialization=kind == "zip").read_bytes()
    dice = random.Random(0)
    refused = 0
    for _ in range(120):
        mutant = bytearray(raw)
        for _ in range(dice.choice([1, 1, 3, 12])):
            mutant[dice.randrange(len(mutant))] = dice.randrange(256)
        kept = dice.choice([len(mutant), dice.randrange(len(mutant))])
        path = written(tmp_path, bytes(mutant[:kept]))
        try:
            load_checkpoint(path)
        except RepdiagError as error:
            one_sentence(str(error))
            refused += 1
    assert refused > 20
