"""Which of the arrays in a foreign file are representations, and which are sample columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue

from repdiag.errors import InputError, UsageError
from repdiag.store import schema
from repdiag.store.columns import as_column, clean_text
from repdiag.store.complaints import bad_input, bad_usage
from repdiag.store.opened import Contents, Item, RepresentationInfo, check_unique
from repdiag.store.rows import Array, Rows
from repdiag.store.texts import Texts
from repdiag.text import listing, nearest, printable
from repdiag.types import DEFAULT_VIEW, OUTPUT_LAYER, Address

_MODEL_ENDINGS = (".weight", ".bias")


@dataclass(frozen=True)
class Found:
    """One array in a file, not yet read. `kind` is numpy's letter (f, i, U ...) for its dtype."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    kind: str
    rows: Callable[[], Rows] | None = None
    values: Callable[[], Array] | None = None

    @property
    def is_matrix(self) -> bool:
        return self.kind == "f" and len(self.shape) == 2 and 0 not in self.shape and self.rows is not None

    def __str__(self) -> str:
        return f"{self.name} {self.shape} {self.dtype}"


@dataclass(frozen=True)
class Source:
    """A foreign file: where it is, what kind it is, and whether several arrays may be views."""

    path: Path
    format: str
    several_are_views: bool = True
    notes: tuple[str, ...] = ()


def foreign_contents(source: Source, arrays: Sequence[Found], dataset: str | None) -> Contents:
    """The contents of a foreign file: checkpoint = stem, layer `output`, view `base` or the array's name.

    Raises:
        InputError: nothing in it is (n, d) floats.
        UsageError: several could be meant, or `dataset` is not there.
    """
    chosen = _chosen(source, arrays, dataset)
    n = chosen[0].shape[0]
    columns, ids = _columns(source, arrays, n)
    used = {found.name for found in chosen} | {found.name for found in columns.values()}
    ignored = [str(found) for found in arrays if found.name not in used and found is not ids]
    provenance: dict[str, JsonValue] = {"file": source.path.name, "format": source.format}
    notes = [*source.notes, *([f"ignored: {listing(ignored, 20)}"] if ignored else [])]
    if notes:
        provenance["notes"] = list(notes)
    return Contents(
        items=[_item(source.path, found, alone=len(chosen) == 1) for found in chosen],
        columns={name: _column_loader(source.path, found) for name, found in columns.items()},
        ids=None if ids is None else _id_loader(source.path, ids),
        provenance=provenance,
    )


def _chosen(source: Source, arrays: Sequence[Found], dataset: str | None) -> list[Found]:
    shown = printable(source.path)
    if dataset is not None:
        return [_named(source, arrays, dataset)]
    matrices = [found for found in arrays if found.is_matrix]
    if not matrices:
        raise InputError(f"{shown}: {_why_none(arrays)}")
    _refuse_model(source, arrays)
    if len(matrices) == 1:
        return matrices
    if source.several_are_views and len({found.shape[0] for found in matrices}) == 1:
        return matrices
    if source.several_are_views:
        raise UsageError(f"{shown}: {_uneven(matrices)}")
    raise UsageError(
        f"{shown}: holds {len(matrices)} arrays that could be meant ({listing(map(str, matrices), 8)}); "
        "choose one with --dataset NAME"
    )


def _uneven(matrices: Sequence[Found]) -> str:
    """Arrays that cannot be views of one another."""
    held = listing((f"{found.name} {found.shape[0]:,}" for found in matrices), 8)
    return (
        f"its arrays have different numbers of rows ({held}), and views are the same samples in the same "
        "order; save them with equal rows, or choose one with --dataset NAME"
    )


def _named(source: Source, arrays: Sequence[Found], dataset: str) -> Found:
    wanted = dataset.strip("/")
    by_name: Mapping[str, Found] = {found.name.strip("/"): found for found in arrays}
    if wanted not in by_name:
        names = listing(by_name, 8) or "nothing"
        raise bad_usage(
            source.path,
            f'"{printable(dataset)}" is not in it.{nearest(wanted, by_name)} '
            f"It holds {names}; choose one with --dataset NAME",
        )
    if not by_name[wanted].is_matrix:
        raise bad_input(source.path, f"{_problem(by_name[wanted])}")
    return by_name[wanted]


def _refuse_model(source: Source, arrays: Sequence[Found]) -> None:
    """The weights of a model are 2-D floats too; taken as embeddings they would give a confident nonsense."""
    weights = [found.name for found in arrays if found.name.endswith(_MODEL_ENDINGS)]
    if weights:
        raise bad_usage(
            source.path,
            f"holds the weights of a model ({listing(weights, 3)}), not embeddings; "
            "run repdiag extract on it, or choose an array with --dataset NAME",
        )


def _why_none(arrays: Sequence[Found]) -> str:
    if not arrays:
        return "holds no arrays; (n, d) floats are needed"
    return _problem(max(arrays, key=lambda found: (found.kind == "f", len(found.shape))))


def _problem(found: Found) -> str:
    name, shape = printable(found.name), found.shape
    if found.kind == "c":
        return f"{name} holds complex numbers ({found.dtype}); save real (n, d) floats"
    if found.kind == "O":
        return f"{name} holds Python objects, which are never loaded; save (n, d) floats"
    if found.kind != "f":
        return (
            f"{name} holds {printable(found.dtype)}; (n, d) vectors of float16, float32 or float64 are needed"
        )
    if 0 in shape:
        return f"{name} has shape {shape}, so nothing to analyse; save at least one row"
    if len(shape) == 1:
        return f"{name} has shape {shape}, one number a sample; (n, d) vectors are needed"
    if len(shape) > 2:
        return f"{name} has shape {shape}; pool or flatten it to (n, d) first"
    return f"{name} is {printable(found.dtype)} with shape {shape}; (n, d) floats are needed"


def _columns(source: Source, arrays: Sequence[Found], n: int) -> tuple[dict[str, Found], Found | None]:
    columns: dict[str, Found] = {}
    for found in arrays:
        alias = schema.COLUMN_ALIASES.get(found.name.rpartition("/")[2].lower())
        if alias and found.shape == (n,) and found.kind in "iubUST" and found.values is not None:
            columns.setdefault(alias, found)
    return columns, columns.pop(schema.ID, None)


def _item(path: Path, found: Found, *, alone: bool) -> Item:
    if found.rows is None:
        raise bad_input(path, f"{_problem(found)}")
    rows = found.rows()
    view = DEFAULT_VIEW if alone else clean_text(found.name)
    address = Address(clean_text(path.stem), view, OUTPUT_LAYER)
    attrs = {"source": clean_text(found.name)}
    return Item(RepresentationInfo(address, *rows.shape, str(rows.dtype), None, attrs), rows)


def _column_loader(path: Path, found: Found) -> Callable[[], Array]:
    def load() -> Array:
        values: Any = found.values() if found.values is not None else []
        try:
            return as_column(values, found.name)
        except UsageError as error:
            raise bad_input(path, f"{error}") from error

    return load


def _id_loader(path: Path, found: Found) -> Callable[[], Sequence[str]]:
    load = _column_loader(path, found)
    return lambda: check_unique(Texts(map(str, load().tolist())), path)


def kind_of(dtype: np.dtype[Any]) -> str:
    """numpy's letter, with floats other than 16, 32 and 64 bits as `?`."""
    return "?" if dtype.kind == "f" and dtype.itemsize not in (2, 4, 8) else dtype.kind
