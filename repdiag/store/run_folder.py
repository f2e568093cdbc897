"""The files of a run folder: which are ours, which are whole, which go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from repdiag.errors import RepdiagError
from repdiag.store import native, schema
from repdiag.store.attributes import read_attribute
from repdiag.store.complaints import bad_input, bad_output, bad_usage, said
from repdiag.store.folder import file_sha256
from repdiag.store.guarded import open_hdf5
from repdiag.store.manifest import ShardEntry, config_sha256, first_difference
from repdiag.text import printable


def difference_with_file(path: Path, config: Mapping[str, Any]) -> str | None:
    """Why a file is not the finished result of this configuration, or None."""
    try:
        with open_hdf5(path) as file:
            if (
                not native.is_native(file, path)
                or read_attribute(file, schema.ATTR_COMPLETE, path) is not True
            ):
                return "is not a finished store"
            if read_attribute(file, schema.ATTR_CONFIG_SHA256, path) == config_sha256(config):
                return None
            old = read_attribute(file, schema.ATTR_CONFIG, path)
    except RepdiagError:
        return "is not a store"
    difference = first_difference(old if isinstance(old, dict) else {}, config)
    return f"was made with {difference or 'another configuration'}"


def has_size(run: Path, entry: ShardEntry) -> bool:
    path = run / schema.SHARDS / entry.file
    return path.is_file() and not path.is_symlink() and path.stat().st_size == entry.bytes


def is_intact(run: Path, entry: ShardEntry) -> bool:
    return has_size(run, entry) and file_sha256(run / schema.SHARDS / entry.file) == entry.sha256


def check_whole(run: Path, entries: Sequence[ShardEntry]) -> None:
    """Every view needs the same shards with the same rows: a hole would shift all rows behind it.

    Raises:
        InputError: naming the first shard that is missing or differs.
    """
    first: dict[int, int] = {}
    for entry in entries:
        if first.setdefault(entry.start, entry.rows) != entry.rows:
            where = printable(f"{entry.checkpoint}/{entry.view}")
            raise bad_input(
                run, f"{where} has {entry.rows} rows at {entry.start}, others {first[entry.start]}"
            )
    done = {entry.key for entry in entries}
    for checkpoint, view in sorted({(entry.checkpoint, entry.view) for entry in entries}):
        for start in sorted(first):
            if (checkpoint, view, start) not in done:
                where = printable(f"{checkpoint}/{view}")
                raise bad_input(
                    run, f"{where} lacks the shard at {start}; run the same extract command again"
                )


def refuse_foreign(run: Path) -> None:
    """Never work in, let alone clear, a folder that holds anything that is not ours."""
    if not run.exists():
        return
    if not run.is_dir():
        raise bad_usage(run, "is a file where the run folder belongs; give another name")
    ours = {schema.MANIFEST, schema.SHARDS, schema.HEADER, schema.LOCK}
    for found in sorted(run.iterdir()):
        if found.name not in ours and not found.name.endswith(".tmp"):
            raise bad_usage(run, f"holds {printable(found.name)}, which is not ours; give another name")


def remove_files(run: Path, keep: Sequence[str]) -> None:
    """Remove shards but those to keep, temporary files and, where nothing is kept, the manifest."""
    shards = [path for path in (run / schema.SHARDS).iterdir() if path.name not in keep]
    others = [path for path in run.iterdir() if path.name.endswith(".tmp") or path.name == schema.HEADER]
    manifest = [] if keep else [run / schema.MANIFEST]
    try:
        for path in [*manifest, *shards, *others]:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise bad_output(run, f"could not be cleared ({said(error)})") from error


def remove_run(run: Path) -> None:
    """Remove the run folder, lock last: what it held is in the file now."""
    remove_files(run, keep=())
    try:
        (run / schema.SHARDS).rmdir()
        (run / schema.LOCK).unlink(missing_ok=True)
        run.rmdir()
    except OSError as error:
        raise bad_output(run, f"could not be removed ({said(error)}); remove it") from error
