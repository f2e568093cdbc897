"""Samples behind one small interface: how many, their ids and columns, and one item at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, Literal

import numpy as np
from pydantic import JsonValue

from repdiag.errors import InputError, MissingExtraError, RepdiagError, UsageError
from repdiag.text import printable

Kind = Literal["image", "array", "text", "inputs"]
"""What an item is: a PIL image, a float tensor, a str, or a mapping of tensors for `model(**item)`."""

COLUMN_NAMES = {
    "id": "id", "ids": "id",
    "label": "label", "labels": "label", "y": "label", "target": "label", "targets": "label",
    "group": "group", "groups": "group",
    "split": "split", "splits": "split",
}  # fmt: skip
"""Names that a file may use for the columns we know."""


@dataclass(frozen=True)
class Part:
    """One entry of samples that are dicts: what it is, and it at a row of the whole data."""

    kind: Kind
    fetch: Callable[[int], Any]


@dataclass(frozen=True)
class SampleSource:
    """n samples. Nothing is read before `item` is called, except ids and columns.

    Attributes:
        spec: what the user asked for, without folders of this machine.
        kind: what an item is (see `Kind`).
        ids: n unique texts.
        columns: `label`, `group`, `split` and others, each of length n.
        fetch: item at a row of the whole data, before `limit`.
        rows: (n,) rows of the whole data that these samples are.
        content: digest of what the items are read from, for resuming.
        provenance: facts for the store.
        notes: sentences for the user.
        parts: of samples that are dicts, each of their entries.
    """

    spec: str
    kind: Kind
    ids: Sequence[str]
    fetch: Callable[[int], Any]
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    rows: np.ndarray | None = None
    content: str = ""
    provenance: Mapping[str, JsonValue] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    parts: Mapping[str, Part] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def item(self, index: int, key: str = "") -> Any:
        """One sample, or its entry `key`: a PIL image, (...) float tensor, str or mapping, see `kind_of`."""
        fetch = self.parts[key].fetch if key else self.fetch
        return fetch(index if self.rows is None else int(self.rows[index]))

    def kind_of(self, key: str) -> Kind:
        """What an item is, or its entry `key`."""
        return self.parts[key].kind if key else self.kind

    @property
    def fingerprint(self) -> str:
        """sha256 over kind, content, ids and columns: two runs with the same one saw the same samples."""
        digest = hashlib.sha256(f"{self.kind}\0{self.content}\0{len(self)}".encode())
        for text in self.ids:
            digest.update(text.encode("utf-8", "backslashreplace") + b"\0")
        for name in sorted(self.columns):
            digest.update(f"{name}\0{self.columns[name].tolist()}".encode("utf-8", "backslashreplace"))
        return digest.hexdigest()


@dataclass
class Broken:
    """What to do with a broken sample.

    Attributes:
        skip: go on without it; else its error is raised.
        names: of those that were left out, in order.
        first: what was wrong with the first one.
    """

    skip: bool = False
    names: list[str] = field(default_factory=list)
    first: str = ""

    def found(self, name: str, error: RepdiagError) -> None:
        """Raise the error, or note the name."""
        if not self.skip or isinstance(error, MissingExtraError):
            raise error
        self.first = self.first or str(error)
        self.names.append(name)


def checked(source: SampleSource) -> SampleSource:
    """The source itself when it has samples, unique ids and columns of the right length.

    Raises:
        InputError: no samples, an id that stands twice, or a column of another length.
    """
    if not len(source):
        raise InputError(f"{printable(source.spec)}: has no samples; give data with at least two")
    seen: set[str] = set()
    for name in source.ids:
        if name in seen:
            raise InputError(
                f'{printable(source.spec)}: the id "{printable(name)}" stands twice; make ids unique'
            )
        seen.add(name)
    for column, values in source.columns.items():
        if values.shape != (len(source),):
            raise InputError(
                f'{printable(source.spec)}: column "{printable(column)}" has shape {values.shape}, '
                f"but there are {len(source)} samples; give one value a sample"
            )
    return source


def limited(source: SampleSource, limit: int | None, seed: int) -> SampleSource:
    """`limit` samples drawn at random with `seed`, in their old order; never simply the first.

    Raises:
        UsageError: limit below 1.
    """
    if limit is None:
        return source
    if limit < 1:
        raise UsageError(f"--limit {limit} leaves no samples; give 1 or more")
    if limit >= len(source):
        return source
    rows = np.sort(np.random.default_rng(seed).choice(len(source), limit, replace=False))
    drawn = {"limit": limit, "limit_seed": seed, "available": len(source)}
    return replace(restricted(source, rows), provenance={**source.provenance, **drawn})


def restricted(source: SampleSource, rows: np.ndarray) -> SampleSource:
    """The samples at `rows`, (m,) indices into these samples, in that order."""
    return replace(
        source,
        ids=tuple(source.ids[row] for row in rows),
        columns={name: values[rows] for name, values in source.columns.items()},
        rows=rows if source.rows is None else source.rows[rows],
    )


def column(values: Sequence[Any] | np.ndarray, name: str, where: str) -> np.ndarray:
    """A sample column: int64 where every value is a whole number, else text objects, as the store takes it.

    Raises:
        InputError: a value that is neither a number nor text.
    """
    plain = [_plain(value, name, where) for value in values]
    if any(isinstance(value, str) for value in plain):
        plain = [str(value) for value in plain]
        return _integers(plain) if _all_integers(plain) else np.array(plain, dtype=object)
    if all(float(value).is_integer() and abs(value) < 2**63 for value in plain):
        return np.array([int(value) for value in plain], dtype=np.int64)
    return np.array([repr(value) for value in plain], dtype=object)


def _plain(value: Any, name: str, where: str) -> Any:
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    if value is None or isinstance(value, (str, int, float)):
        return "" if value is None else value
    raise InputError(
        f'{printable(where)}: column "{printable(name)}" holds {type(value).__name__}; give numbers or text'
    )


def _all_integers(texts: Sequence[str]) -> bool:
    return all(text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() for text in texts)


def _integers(texts: Sequence[str]) -> np.ndarray:
    # Labels such as "007" are names, not numbers: only what reads back unchanged becomes one.
    if any(str(int(text)) != text or abs(int(text)) >= 2**63 for text in texts):
        return np.array(texts, dtype=object)
    return np.array([int(text) for text in texts], dtype=np.int64)


def without_folders(spec: str) -> str:
    """A spec as the store may show it: `hf:/models/bert` is `hf:bert`, `/a/b.py:make` is `b.py:make`."""
    name, given, value = spec.rpartition("=")
    head, colon, tail = value.rpartition(":")
    parts = [PurePath(part).name or part for part in ([head, tail] if colon else [tail])]
    return printable(name + given + colon.join(parts))


def file_digest(path: str) -> str:
    """sha256 of a file, read in pieces.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{printable(path)}: {(error.strerror or 'cannot be read').lower()}") from error
