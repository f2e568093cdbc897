"""The journal of an extraction: shards that survive a kill, then one file by rename."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from repdiag.errors import InputError
from repdiag.files import sync_folder, write_file
from repdiag.store import lock, run_folder, schema
from repdiag.store.columns import clean_text, text_array
from repdiag.store.complaints import bad_input, bad_output, bad_usage, said
from repdiag.store.folder import open_folder
from repdiag.store.images import header_image
from repdiag.store.manifest import (
    HeaderEntry,
    Manifest,
    ShardEntry,
    canonical,
    config_sha256,
    first_difference,
    read_manifest,
    write_manifest,
)
from repdiag.store.opened import Store
from repdiag.store.rows import Array
from repdiag.store.shard_files import ShardFolder, ShardRows, shard_name
from repdiag.store.writer import (
    Attributes,
    Content,
    as_columns,
    clean_address,
    write_content,
)
from repdiag.text import printable
from repdiag.types import Address

Key = tuple[str, str, int]


class ShardWriter:
    """Writes finished shards one by one and merges them at the end.

    Use `ShardWriter.open(...)` as a context manager. `done` tells what an earlier run has
    finished; `already_complete` that there is nothing left to do.
    """

    def __init__(self, out: Path, run: Path, config: dict[str, Any], *, keep_shards: bool) -> None:
        self.out = out
        self.run = run
        self.config = config
        self.keep_shards = keep_shards
        self.already_complete = False
        self._manifest = Manifest(config=config)
        self._locked = False

    @classmethod
    def open(
        cls,
        out: Path | str,
        fingerprint: Mapping[str, Any],
        *,
        overwrite: bool = False,
        keep_shards: bool | None = None,
    ) -> ShardWriter:
        """Start, resume, or find that all is done.

        Args:
            out: the file to appear; text that ends in `/` keeps the shards in that folder instead.
            fingerprint: everything that the rows depend on, as JSON values.
            overwrite: start again, whatever is there but what a killed run with `overwrite` left.

        Raises:
            UsageError: another run is writing here, or what is there was made differently.
            OutputError: the folder cannot be written.
        """
        keep = str(out).endswith(("/", "\\")) if keep_shards is None else keep_shards
        path = Path(out)
        run = path if keep else path.with_name(path.name + schema.PARTIAL_SUFFIX)
        config: dict[str, Any] = json.loads(canonical(dict(fingerprint)))
        writer = cls(path, run, config, keep_shards=keep)
        writer._check_output(overwrite)
        writer._begin(overwrite)
        return writer

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the lock; finished shards stay for the next run."""
        if self._locked:
            lock.release(self.run / schema.LOCK)
            self._locked = False

    @property
    def done(self) -> set[Key]:
        """(checkpoint, view, start) of every finished shard."""
        return {entry.key for entry in self._manifest.shards}

    def rows(self, checkpoint: str, view: str, start: int) -> int:
        """How many rows a finished shard has."""
        key = (clean_text(checkpoint), clean_text(view), start)
        return next(entry.rows for entry in self._manifest.shards if entry.key == key)

    def write(
        self,
        checkpoint: str,
        view: str,
        start: int,
        layers: Mapping[str, Array],
        samples: Mapping[str, Sequence[Any]] | None = None,
        inputs: Array | None = None,
    ) -> None:
        """Write one shard: all layers of `rows` samples, from sample or row `start` on.

        Args:
            layers: (rows, d) float32 or float16 for each layer.
            samples: columns of these rows (`id`, `label` ...), so that an unfinished run has them too.
            inputs: (rows, p) float32 or float16, the features of these samples under this view; kept once, so
                with all shards of one checkpoint.

        Raises:
            UsageError: arrays that do not fit, or a shard that is already there.
            OutputError: the disk is full; earlier shards are safe.
        """
        self.write_shard(ShardRows(checkpoint, view, start, layers, samples, inputs))

    def write_shard(self, shard: ShardRows, number: int | None = None) -> None:
        """The same as one record; `number` is that of the shard in the plan, the first free one if None.

        Raises: what `write` raises.
        """
        self._check_writable()
        self._refuse_twice(shard.key)
        name = self._free_name() if number is None else shard_name(number)
        self.commit(self.folder.add(shard, name))

    def commit(self, entry: ShardEntry) -> None:
        """Take a shard that lies in the folder, of whichever process, into the manifest.

        Raises:
            UsageError: it is there already.
            OutputError: the disk is full; earlier shards are safe.
        """
        self._check_writable()
        self._refuse_twice(entry.key)
        self._save(
            shards=sorted([*self._manifest.shards, entry], key=lambda each: (len(each.file), each.file))
        )

    @property
    def folder(self) -> ShardFolder:
        """Where shards are put."""
        return ShardFolder(self.run, self.out, config_sha256(self.config))

    def finalize(
        self,
        samples: Mapping[str, Sequence[Any]] | None = None,
        checkpoints: Mapping[str, Attributes] | None = None,
        representations: Mapping[Address, Attributes] | None = None,
        attrs: Attributes | None = None,
    ) -> Path:
        """Merge all shards into the file, which appears by rename, and remove the run folder.

        Args:
            samples: n values for each column, in row order; those of the shards where it is None.
            checkpoints: attributes of each checkpoint (path, sha256, step ...).
            representations: attributes of each address (module, pool ...).
            attrs: of the file: seed, command ...

        Raises:
            InputError: a shard is missing, damaged, or its ids are not those of `samples`.
            OutputError: the disk is full; all shards are safe.
        """
        if self.already_complete:
            return self.out
        self._check_writable()
        run_folder.check_whole(self.run, self._manifest.shards)
        with open_folder(self.run, allow_partial=True) as store:
            content = Content(
                rows={info.address: store.rows(info.address) for info in store.representations},
                samples=self._samples(store, samples),
                checkpoints=checkpoints or {},
                representations={clean_address(at): given for at, given in (representations or {}).items()},
                attrs={**(attrs or {}), schema.ATTR_CONFIG: self.config},
                inputs={view: store.input_rows(view) for view in store.input_views},
            )
            if self.keep_shards:
                self._write_header(content)
            else:
                write_content(self.out, content, self.run)
        if not self.keep_shards:
            run_folder.remove_run(self.run)
        self.close()
        self.already_complete = True
        return self.out

    def _check_output(self, overwrite: bool) -> None:
        if self.keep_shards or not self.out.exists():
            return
        if overwrite:
            self.already_complete = self._was_clearing()
            return
        if self.out.is_dir():
            raise bad_usage(self.out, "is a folder; end its name with / to keep shards in it")
        difference = run_folder.difference_with_file(self.out, self.config)
        if difference:
            raise bad_usage(self.out, f"is there already and {difference}; give another name or --overwrite")
        self.already_complete = True

    def _was_clearing(self) -> bool:
        """Whether this very run was finished, and killed while it removed its folder."""
        cleared = self.run.is_dir() and not (self.run / schema.MANIFEST).exists()
        return cleared and run_folder.difference_with_file(self.out, self.config) is None

    def _begin(self, overwrite: bool) -> None:
        if self.already_complete and not self.run.is_dir():
            return
        run_folder.refuse_foreign(self.run)
        self._make_folders()
        lock.acquire(self.run / schema.LOCK)
        self._locked = True
        try:
            if self.already_complete:
                run_folder.remove_run(self.run)
            elif self._is_new(overwrite):
                self._start(overwrite)
            else:
                self._resume()
        except BaseException:
            self.close()
            raise

    def _make_folders(self) -> None:
        if not self.run.parent.exists():
            raise bad_output(self.run.parent, "no such folder to write to; make it first, or name another")
        try:
            self.run.mkdir(exist_ok=True)
            (self.run / schema.SHARDS).mkdir(exist_ok=True)
            sync_folder(self.run.parent)
        except OSError as error:
            raise bad_output(
                self.run, f"could not be made ({said(error)}); write to another folder"
            ) from error

    def _is_new(self, overwrite: bool) -> bool:
        """Whether nothing here is to be resumed: --overwrite starts again, but once."""
        if not (self.run / schema.MANIFEST).exists():
            return True
        if not overwrite:
            return False
        try:
            manifest = read_manifest(self.run)
        except InputError:
            return True
        return manifest.complete or not manifest.overwrite or manifest.config != self.config

    def _start(self, overwrite: bool) -> None:
        run_folder.remove_files(self.run, keep=())
        self._save(shards=[], overwrite=overwrite)

    def _resume(self) -> None:
        manifest = read_manifest(self.run)
        difference = first_difference(manifest.config, self.config)
        if difference:
            raise bad_usage(self.run, f"was begun with {difference}; give another name or --overwrite")
        self._manifest = manifest
        if manifest.complete and all(run_folder.has_size(self.run, entry) for entry in manifest.shards):
            self.already_complete = True
            return
        whole = [entry for entry in manifest.shards if run_folder.is_intact(self.run, entry)]
        run_folder.remove_files(self.run, keep=[entry.file for entry in whole])
        self._save(shards=whole)

    def _save(self, **changes: Any) -> None:
        manifest = self._manifest.model_copy(update={"complete": False, "header": None, **changes})
        write_manifest(self.run, manifest)
        self._manifest = manifest

    def _check_writable(self) -> None:
        if self.already_complete or not self._locked:
            state = "complete" if self.already_complete else "closed"
            raise bad_usage(self.out, f"is {state}; open it again with overwrite to write more")

    def _refuse_twice(self, key: Key) -> None:
        if key in self.done:
            raise bad_usage(self.run, f"the shard of {printable(key[1])} at {key[2]} is already written")

    def _free_name(self) -> str:
        taken = {entry.file for entry in self._manifest.shards}
        return next(name for name in map(shard_name, range(len(taken) + 1)) if name not in taken)

    def _samples(self, store: Store, given: Mapping[str, Sequence[Any]] | None) -> dict[str, Array]:
        if given is None:
            found = {name: column for name in store.columns if (column := store.column(name)) is not None}
            return as_columns({**found, schema.ID: text_array(list(store.ids))}, store.n, self.out)
        columns = as_columns(given, store.n, self.out)
        if store.has_ids and list(store.ids) != columns[schema.ID].tolist():
            raise bad_input(self.run, "the ids of its shards are not those of the samples")
        return columns

    def _write_header(self, content: Content) -> None:
        image = header_image(content)
        write_file(self.run / schema.HEADER, image)
        header = HeaderEntry(sha256=hashlib.sha256(image).hexdigest(), bytes=len(image))
        self._save(complete=True, header=header)
