from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repdiag.errors import InputError, OutputError, UsageError
from repdiag.store import ShardWriter, open_store
from repdiag.types import Address
from tests.store.helpers import (
    CONFIG,
    PLAN,
    D,
    N,
    matrix,
    names,
    refusal,
    shard_rows,
    small_store,
    whole,
    write_shards,
)

CHECKPOINTS: dict[str, dict[str, Any]] = {"epoch=1": {"step": 10}, "epoch=2": {"step": 20}}


@pytest.fixture(autouse=True)
def _fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


def finished(out: Path | str) -> Path:
    with ShardWriter.open(out, CONFIG) as writer:
        write_shards(writer, PLAN)
        return writer.finalize(checkpoints=CHECKPOINTS, attrs={"seed": 0})


def check_rows(path: Path) -> None:
    with open_store(path) as store:
        assert store.n == N
        assert list(store.ids) == names()
        label = store.column("label")
        assert label is not None
        assert label.tolist() == list(range(N))
        assert len(store.representations) == 8
        for info in store.representations:
            at = info.address
            expected = whole(at.checkpoint, at.view, at.layer)
            np.testing.assert_array_equal(store.read(at, 0, N), expected)
            np.testing.assert_array_equal(store.read(at, 7, 33), expected[7:33])
            np.testing.assert_array_equal(np.concatenate([rows for _, rows in store.blocks(at, 9)]), expected)
            assert info.attrs["finite_rows"] == N
        assert [info.step for info in store.representations] == [10] * 4 + [20] * 4
        assert store.provenance["config"] == CONFIG
        store.verify()


def test_shards_become_one_file(tmp_path: Path) -> None:
    out = finished(tmp_path / "e.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["e.h5"]
    check_rows(out)


def test_trailing_slash_keeps_shards(tmp_path: Path) -> None:
    out = finished(f"{tmp_path}/run/")
    assert out == tmp_path / "run"
    assert sorted(path.name for path in out.iterdir()) == ["header.h5", "manifest.json", "shards"]
    assert len(list((out / "shards").iterdir())) == len(PLAN)
    check_rows(out)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("killed_after", [0, 1, 7, 16])
def test_resumed_run_gives_the_same_bytes(tmp_path: Path, keep: bool, killed_after: int) -> None:
    end = "/" if keep else ""
    straight = finished(f"{tmp_path}/straight{end}")
    out = f"{tmp_path}/killed{end}"
    with ShardWriter.open(out, CONFIG) as writer:
        write_shards(writer, PLAN[:killed_after])
    run = tmp_path / ("killed" if keep else "killed.partial")
    leave_debris(run)
    with ShardWriter.open(out, CONFIG) as writer:
        assert writer.done == set(PLAN[:killed_after])
        if killed_after:
            assert writer.rows(*PLAN[0]) == 10
        write_shards(writer, PLAN)
        resumed = writer.finalize(checkpoints=CHECKPOINTS, attrs={"seed": 0})
    assert tree(resumed) == tree(straight)
    assert not any(path.name.endswith((".tmp", ".partial")) for path in tmp_path.rglob("*"))


def leave_debris(run: Path) -> None:
    """What a kill leaves: a torn temporary file, and a shard that no manifest names."""
    (run / "shards" / ".00003.h5.99.tmp").write_bytes(b"torn")
    (run / ".manifest.json.99.tmp").write_bytes(b"{")
    (run / "shards" / "00099.h5").write_bytes(b"not named")


def tree(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else [found for found in path.rglob("*") if found.is_file()]
    return {str(found.relative_to(path)): found.read_bytes() for found in files}


def test_damaged_and_missing_shards_are_redone(tmp_path: Path) -> None:
    straight = finished(tmp_path / "straight.h5")
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        write_shards(writer, PLAN)
    shards = tmp_path / "e.h5.partial" / "shards"
    image = bytearray((shards / "00002.h5").read_bytes())
    image[len(image) // 2] ^= 1
    (shards / "00002.h5").write_bytes(image)
    (shards / "00005.h5").unlink()
    (shards / "00007.h5").write_bytes(b"")
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        assert writer.done == set(PLAN) - {PLAN[2], PLAN[5], PLAN[7]}
        write_shards(writer, PLAN)
        writer.finalize(checkpoints=CHECKPOINTS, attrs={"seed": 0})
    assert tree(tmp_path / "e.h5") == tree(straight)


def test_nothing_is_done_twice(tmp_path: Path) -> None:
    out = finished(tmp_path / "e.h5")
    before = out.stat().st_mtime_ns
    with ShardWriter.open(out, CONFIG) as writer:
        assert writer.already_complete
        assert writer.finalize() == out
        with pytest.raises(UsageError, match="complete"):
            writer.write("c", "v", 0, {"l": matrix()})
    assert out.stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == ["e.h5"]


def test_kept_folder_is_complete_the_second_time(tmp_path: Path) -> None:
    finished(f"{tmp_path}/run/")
    with ShardWriter.open(f"{tmp_path}/run/", CONFIG) as writer:
        assert writer.already_complete
    check_rows(tmp_path / "run")


def test_kept_folder_that_lost_a_shard_is_not_complete(tmp_path: Path) -> None:
    finished(f"{tmp_path}/run/")
    (tmp_path / "run" / "shards" / "00003.h5").unlink()
    assert "is missing" in refusal(tmp_path / "run", InputError)
    with ShardWriter.open(f"{tmp_path}/run/", CONFIG) as writer:
        assert writer.done == set(PLAN) - {PLAN[3]}
        write_shards(writer, PLAN)
        writer.finalize(checkpoints=CHECKPOINTS, attrs={"seed": 0})
    check_rows(tmp_path / "run")


def test_another_configuration_names_the_field(tmp_path: Path) -> None:
    other = {**CONFIG, "data": {"spec": "digits", "limit": 500}}
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        write_shards(writer, PLAN[:2])
    with pytest.raises(UsageError, match=r"data.limit \(40 there, 500 now\)"):
        ShardWriter.open(tmp_path / "e.h5", other)
    out = finished(tmp_path / "f.h5")
    with pytest.raises(UsageError, match=r"data.limit \(40 there, 500 now\).*--overwrite"):
        ShardWriter.open(out, other)
    with pytest.raises(UsageError, match=r"view \(null there"):
        ShardWriter.open(out, {**CONFIG, "view": "crop"})


def test_overwrite_starts_again_and_keeps_the_old_file_until_the_end(tmp_path: Path) -> None:
    out = finished(tmp_path / "e.h5")
    other = {**CONFIG, "seed": 1}
    with ShardWriter.open(out, other, overwrite=True) as writer:
        assert writer.done == set()
        writer.write("new", "base", 0, {"only": matrix()})
        check_rows(out)
        writer.finalize()
    with open_store(out) as store:
        assert [str(info.address) for info in store.representations] == ["new/base/only"]
    with ShardWriter.open(out, other) as writer:
        assert writer.already_complete


def test_a_killed_run_with_overwrite_goes_on_when_it_is_given_again(tmp_path: Path) -> None:
    out = finished(tmp_path / "e.h5")
    other = {**CONFIG, "seed": 1}
    with ShardWriter.open(out, other, overwrite=True) as writer:
        write_shards(writer, PLAN[:3])
    with ShardWriter.open(out, other, overwrite=True) as writer:
        assert writer.done == set(PLAN[:3])
    with ShardWriter.open(out, {**CONFIG, "seed": 2}, overwrite=True) as writer:
        assert writer.done == set()


def test_a_kill_while_merging_leaves_nothing_beside_the_run_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def replace(source: Path, target: Path) -> None:
        seen.extend(found.name for found in tmp_path.iterdir())
        raise KeyboardInterrupt

    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        write_shards(writer, PLAN)
        monkeypatch.setattr(os, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            writer.finalize(checkpoints=CHECKPOINTS)
    assert seen == ["e.h5.partial"]


def test_overwrite_clears_an_unfinished_run_of_another_configuration(tmp_path: Path) -> None:
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        write_shards(writer, PLAN[:3])
    (tmp_path / "e.h5.partial" / "manifest.json").write_text("damaged", encoding="utf-8")
    with pytest.raises(InputError, match="--overwrite"):
        ShardWriter.open(tmp_path / "e.h5", CONFIG)
    with ShardWriter.open(tmp_path / "e.h5", {"x": 1}, overwrite=True) as writer:
        assert writer.done == set()
        assert list((tmp_path / "e.h5.partial" / "shards").iterdir()) == []


def test_other_peoples_files_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match=r"cat\.jpg, which is not ours"):
            ShardWriter.open(f"{tmp_path}/photos/", CONFIG, overwrite=overwrite)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]
    (tmp_path / "text.h5").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="is not a store"):
        ShardWriter.open(tmp_path / "text.h5", CONFIG)
    with pytest.raises(UsageError, match="end its name with /"):
        ShardWriter.open(tmp_path / "photos", CONFIG)
    with pytest.raises(UsageError, match="is a file"):
        ShardWriter.open(f"{tmp_path}/text.h5/", CONFIG)


def test_unfinished_run_gives_rows_of_finished_shards_only_when_asked(tmp_path: Path) -> None:
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        write_shards(writer, PLAN[:6])
    run = tmp_path / "e.h5.partial"
    assert "--allow-partial" in refusal(run, InputError)
    assert "interrupted" in refusal(tmp_path / "e.h5", InputError)
    with open_store(run, allow_partial=True) as store:
        assert store.n == 20  # base has 4 shards, crop has 2: the rows that both have
        assert list(store.ids) == names(20)
        for view in ("base", "crop"):
            at = Address("epoch=1", view, "late")
            np.testing.assert_array_equal(store.read(at, 0, 20), whole("epoch=1", view, "late")[:20])
        assert store.provenance["complete"] is False


def test_run_folder_without_shards(tmp_path: Path) -> None:
    with (
        ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer,
        pytest.raises(InputError, match="no finished shards"),
    ):
        writer.finalize()
    assert "no finished shards" in refusal(tmp_path / "e.h5.partial", InputError, allow_partial=True)


def test_holes_are_never_closed(tmp_path: Path) -> None:
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        write_shards(writer, [key for key in PLAN if key != ("epoch=2", "base", 20)])
        with pytest.raises(InputError, match="epoch=2/base lacks the shard at 20"):
            writer.finalize()
    assert not (tmp_path / "e.h5").exists()


def test_samples_that_are_given_must_be_those_of_the_shards(tmp_path: Path) -> None:
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        write_shards(writer, PLAN[:4])
        with pytest.raises(UsageError, match="39 entries"):
            writer.finalize({"id": names(39)})
        with pytest.raises(InputError, match="are not those of the samples"):
            writer.finalize({"id": names()[::-1]})
        writer.finalize({"id": names(), "label": ["a"] * N})
    with open_store(tmp_path / "e.h5") as store:
        column = store.column("label")
    assert column is not None
    assert column.tolist() == ["a"] * N


def test_views_must_hold_the_same_samples(tmp_path: Path) -> None:
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        writer.write("c", "base", 0, {"l": matrix()}, {"id": names()})
        writer.write("c", "crop", 0, {"l": matrix()}, {"id": names()[::-1]})
        with pytest.raises(InputError, match="differ"):
            writer.finalize()


def test_duplicate_ids_across_shards(tmp_path: Path) -> None:
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        for start in (0, 10):
            writer.write("c", "base", start, {"l": matrix(n=10)}, {"id": names(10)})
        with pytest.raises(InputError, match='"sample-0" comes twice'):
            writer.finalize()


def test_layers_that_change_between_shards(tmp_path: Path) -> None:
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        writer.write("c", "base", 0, {"l": matrix(n=10)})
        writer.write("c", "base", 10, {"l": matrix(n=10, d=D + 1)})
        with pytest.raises(InputError, match="different layers"):
            writer.finalize()


def test_rows_of_unequal_shards_without_ids(tmp_path: Path) -> None:
    """Tokens as rows: the plan counts samples, and a shard has as many rows as it has."""
    lengths = {0: 3, 10: 9, 20: 1}
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        for start in (20, 0, 10):
            writer.write("c", "base", start, {"l": shard_rows("c", "base", "l", start, lengths[start])})
        writer.finalize()
    expected = np.concatenate([shard_rows("c", "base", "l", start, rows) for start, rows in lengths.items()])
    with open_store(tmp_path / "e.h5") as store:
        np.testing.assert_array_equal(store.read(Address("c", "base", "l"), 0, 99), expected)
        assert list(store.ids) == [str(row) for row in range(13)]


@pytest.mark.parametrize(
    "layers",
    [
        {},
        {"a": matrix(), "b": matrix(n=3)},
        {"a": matrix().astype("f8")},
        {"a\0": matrix(), "a\\x00": matrix()},
    ],
)
def test_shards_that_do_not_fit(tmp_path: Path, layers: dict[str, Any]) -> None:
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        with pytest.raises(UsageError):
            writer.write("c", "base", 0, layers)
        writer.write("c", "base", 0, {"a": matrix()})
        with pytest.raises(UsageError, match="already written"):
            writer.write("c", "base", 0, {"a": matrix()})


def test_closed_writer_writes_nothing(tmp_path: Path) -> None:
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        pass
    with pytest.raises(UsageError, match="closed"):
        writer.write("c", "base", 0, {"a": matrix()})


def test_missing_parent_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no: no such folder to write to"):
        ShardWriter.open(tmp_path / "no" / "e.h5", CONFIG)


def test_crash_between_rename_and_clearing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is there, whole, and so is the run folder: the next run finishes the clearing."""
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        write_shards(writer, PLAN)
        with monkeypatch.context() as patch:
            patch.setattr(
                "repdiag.store.run_folder.remove_run", lambda run: (_ for _ in ()).throw(KeyboardInterrupt)
            )
            with pytest.raises(KeyboardInterrupt):
                writer.finalize(checkpoints=CHECKPOINTS, attrs={"seed": 0})
    assert (tmp_path / "e.h5.partial").is_dir()
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        assert writer.already_complete
    assert [path.name for path in tmp_path.iterdir()] == ["e.h5"]


@pytest.mark.parametrize(
    ("field", "value"), [("sha256", "0" * 64), ("rows", 11), ("file", "../../x.h5"), ("view", "other")]
)
def test_changed_manifest_is_refused(tmp_path: Path, field: str, value: object) -> None:
    out = finished(f"{tmp_path}/run/")
    path = out / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["shards"][0][field] = value
    path.write_text(json.dumps(content), encoding="utf-8")
    assert "checksum" in refusal(out, InputError)


def test_every_flipped_bit_of_a_shard_or_manifest_is_found(tmp_path: Path) -> None:
    out = finished(f"{tmp_path}/run/")
    generator = np.random.default_rng(0)
    files = [found for found in sorted(out.rglob("*")) if found.is_file()]
    for _ in range(100):
        path = files[generator.integers(len(files))]
        image = bytearray(path.read_bytes())
        place, bit = int(generator.integers(len(image))), int(generator.integers(8))
        image[place] ^= 1 << bit
        original = path.read_bytes()
        path.write_bytes(image)
        with pytest.raises(InputError), open_store(out) as store:
            store.verify()
        path.write_bytes(original)
    check_rows(out)


def test_manifest_of_a_newer_version(tmp_path: Path) -> None:
    out = finished(f"{tmp_path}/run/")
    path = out / "manifest.json"
    content = {**json.loads(path.read_text(encoding="utf-8")), "format_version": 9, "shiny": True}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert "format version 9, newer than 1" in refusal(out, InputError)


class FullDisk:
    """Lets `allowed` writes through, then the disk is full."""

    def __init__(self, allowed: int, code: int) -> None:
        self.allowed = allowed
        self.code = code

    def step(self) -> None:
        self.allowed -= 1
        if self.allowed < 0:
            raise OSError(self.code, os.strerror(self.code))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("door", ["pwrite", "fsync", "replace", "ftruncate"])
def test_disk_that_fails_while_merging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: str, code: int
) -> None:
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        write_shards(writer, PLAN)
        for allowed in (0, 1, 3, 20):
            disk = FullDisk(allowed, code)
            real = getattr(os, door)

            def failing(*args: Any, disk: FullDisk = disk, real: Any = real) -> Any:
                disk.step()
                return real(*args)

            with monkeypatch.context() as patch:
                patch.setattr(os, door, failing)
                if door in ("pwrite",) or allowed == 0:
                    with pytest.raises(OutputError, match="could not be written"):
                        writer.finalize(checkpoints=CHECKPOINTS, attrs={"seed": 0})
                    assert sorted(path.name for path in tmp_path.iterdir()) == ["e.h5.partial"]
        writer.finalize(checkpoints=CHECKPOINTS, attrs={"seed": 0})
    check_rows(tmp_path / "e.h5")


def test_disk_that_fills_up_while_shards_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync
    for allowed in range(8):
        disk = FullDisk(allowed, errno.ENOSPC)

        def failing(descriptor: int, disk: FullDisk = disk) -> None:
            disk.step()
            real(descriptor)

        with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer, monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing)
            before = writer.done
            with pytest.raises(OutputError):
                write_shards(writer, PLAN)
            assert before <= writer.done
        assert not list(tmp_path.rglob("*.tmp"))
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        write_shards(writer, PLAN)
        writer.finalize(checkpoints=CHECKPOINTS)
    check_rows(tmp_path / "e.h5")


def test_full_disk_leaves_the_old_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_store(tmp_path / "s.h5")
    before = path.read_bytes()

    def full(*args: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OutputError, match=r"no space left on device\); make room"):
        small_store(path, attrs={"seed": 8})
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["s.h5"]
