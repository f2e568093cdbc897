"""A store that is open for reading, whatever kind of file it came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from pydantic import JsonValue

from repdiag.errors import UsageError
from repdiag.store.complaints import bad_input
from repdiag.store.inputs import Inputs, InputsInfo, no_inputs
from repdiag.store.rows import Array, Rows
from repdiag.store.texts import Texts
from repdiag.text import nearest, printable
from repdiag.types import Address, matches_any


@dataclass(frozen=True)
class RepresentationInfo:
    """What is known of a representation without reading its rows."""

    address: Address
    n: int
    d: int
    dtype: str
    step: int | None = None
    attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """A representation and where its rows come from."""

    info: RepresentationInfo
    rows: Rows


@dataclass(frozen=True)
class Contents:
    """Everything an opener found; columns and ids are read when they are asked for."""

    items: Sequence[Item]
    columns: Mapping[str, Callable[[], Array]] = field(default_factory=dict)
    ids: Callable[[], Sequence[str]] | None = None
    provenance: Mapping[str, JsonValue] = field(default_factory=dict)
    has_moments: frozenset[Address] = frozenset()
    inputs: Mapping[str, Inputs] = field(default_factory=dict)
    verify: Callable[[], None] | None = None


class Store:
    """Representations of the same n samples, in the same order.

    Use it as a context manager, or call `close`.
    """

    def __init__(self, path: Path, contents: Contents, resources: ExitStack | None = None) -> None:
        self.path = path
        self._contents = contents
        self._resources = resources or ExitStack()
        items = sorted(contents.items, key=lambda item: _training_order(item.info))
        self._items = {item.info.address: item for item in items}
        self._columns: dict[str, Array] = {}
        self.representations: tuple[RepresentationInfo, ...] = tuple(item.info for item in items)
        self.n: int = self.representations[0].n
        self.columns: tuple[str, ...] = tuple(contents.columns)
        self.provenance: dict[str, JsonValue] = dict(contents.provenance)
        self.has_moments: frozenset[Address] = contents.has_moments
        self.input_views: tuple[str, ...] = tuple(sorted(contents.inputs, key=natural))

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the files."""
        self._resources.close()

    @cached_property
    def ids(self) -> Sequence[str]:
        """n texts, all different; the row index where the file has none."""
        if self._contents.ids is None:
            return Texts(map(str, range(self.n)))
        return self._contents.ids()

    @property
    def has_ids(self) -> bool:
        """False where the ids are only row indices."""
        return self._contents.ids is not None

    def column(self, name: str) -> Array | None:
        """A sample column, (n,) int64 or text, or None; read once."""
        if name not in self._contents.columns:
            return None
        if name not in self._columns:
            self._columns[name] = self._contents.columns[name]()
        return self._columns[name]

    def info(self, address: Address) -> RepresentationInfo:
        """The representation at an address.

        Raises:
            UsageError: there is none.
        """
        return self._item(address).info

    def rows(self, address: Address) -> Rows:
        """The source of a representation's rows.

        Raises:
            UsageError: there is none.
        """
        return self._item(address).rows

    def read(self, address: Address, start: int, stop: int) -> Array:
        """Rows start to stop (both cut to 0..n): fresh, (stop - start, d), C order, stored dtype."""
        start = min(max(start, 0), self.n)
        return self._item(address).rows.read(start, max(start, min(stop, self.n)))

    def blocks(self, address: Address, rows: int) -> Iterator[tuple[int, Array]]:
        """All rows in order, as (start, block) with `rows` rows in each block but the last."""
        return self._in_blocks(self._item(address).rows, rows)

    def inputs(self, view: str) -> InputsInfo | None:
        """The input features of a view, (n, p), or None where they were not kept."""
        return self._contents.inputs[view].info if view in self._contents.inputs else None

    def input_rows(self, view: str) -> Rows:
        """The source of a view's inputs.

        Raises:
            UsageError: they were not kept.
        """
        if view not in self._contents.inputs:
            raise no_inputs(view, self.input_views, self.path)
        return self._contents.inputs[view].rows

    def input_blocks(self, view: str, rows: int) -> Iterator[tuple[int, Array]]:
        """All inputs of a view in the order of the samples, as `blocks` gives representations.

        Raises:
            UsageError: they were not kept.
        """
        return self._in_blocks(self.input_rows(view), rows)

    def select(
        self, views: Sequence[str] = (), layers: Sequence[str] = (), checkpoints: Sequence[str] = ()
    ) -> tuple[RepresentationInfo, ...]:
        """Representations that match a glob (or an exact name) on each axis; no glob matches all.

        Raises:
            UsageError: a glob that matches nothing, with the nearest name.
        """
        asked = (("checkpoint", tuple(checkpoints)), ("view", tuple(views)), ("layer", tuple(layers)))
        for axis, globs in asked:
            self._refuse_unmatched(axis, globs)
        found = tuple(
            info
            for info in self.representations
            if all(_matches(getattr(info.address, axis), globs) for axis, globs in asked)
        )
        if not found:
            wanted = ", ".join(f"{axis} {printable(' '.join(globs))}" for axis, globs in asked if globs)
            raise UsageError(f"{self._shown}: no representation has {wanted} together; {self._list_hint}")
        return found

    def verify(self) -> None:
        """Compare all stored checksums with the bytes.

        Raises:
            InputError: the first one that differs.
        """
        if self._contents.verify is not None:
            self._contents.verify()

    @property
    def _shown(self) -> str:
        return printable(self.path.name)

    @property
    def _list_hint(self) -> str:
        return f"list them with: repdiag inspect {self._shown}"

    def _in_blocks(self, source: Rows, rows: int) -> Iterator[tuple[int, Array]]:
        for start in range(0, self.n, max(1, rows)):
            yield start, source.read(start, min(self.n, start + max(1, rows)))

    def _item(self, address: Address) -> Item:
        if address not in self._items:
            self.select(layers=(address.layer,), views=(address.view,), checkpoints=(address.checkpoint,))
            raise UsageError(f"{printable(address)} is not in {self._shown}; {self._list_hint}")
        return self._items[address]

    def _refuse_unmatched(self, axis: str, globs: Sequence[str]) -> None:
        names = list(dict.fromkeys(str(getattr(info.address, axis)) for info in self.representations))
        for glob in globs:
            if not any(_matches(name, (glob,)) for name in names):
                raise UsageError(
                    f'{axis} "{printable(glob)}" is not in {self._shown}.{nearest(glob, names)} '
                    f"It holds {len(names)} {axis}{'s' if len(names) > 1 else ''}; {self._list_hint}"
                )


def check_rows(items: Sequence[Item], path: Path) -> int:
    """The number of rows that all representations share.

    Raises:
        InputError: none at all, or two that differ.
    """
    if not items:
        raise bad_input(path, "holds no representations; extract some with: repdiag extract")
    first = items[0].info
    for item in items:
        if item.info.n != first.n:
            raise bad_input(
                path,
                f"{printable(first.address)} has {first.n} rows but "
                f"{printable(item.info.address)} has {item.info.n}; all rows must be the same samples",
            )
    return first.n


def check_unique(ids: Sequence[str], path: Path) -> Sequence[str]:
    """`ids`, once they are known to differ.

    Raises:
        InputError: naming the first one that comes twice.
    """
    hashes = np.sort(np.fromiter(map(hash, ids), np.int64, len(ids)))
    if (hashes[1:] == hashes[:-1]).any():
        seen: set[str] = set()
        for name in ids:
            if name in seen:
                raise bad_input(path, f'id "{printable(name)}" comes twice; ids must be unique')
            seen.add(name)
    return ids


def _matches(name: str, globs: tuple[str, ...]) -> bool:
    return name in globs or matches_any(name, globs)


def _training_order(info: RepresentationInfo) -> tuple[Any, ...]:
    step = (info.step is None, info.step or 0)
    return (*step, natural(info.address.checkpoint), natural(info.address.view), natural(info.address.layer))


def natural(name: str) -> tuple[Any, ...]:
    """A key that puts `layer2` before `layer10`; the name itself breaks ties such as 1 and 01."""
    parts = re.split(r"([0-9]+)", name)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts), name
