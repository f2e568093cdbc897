"""HDF5 files that are not ours: one 2-D float dataset, found without following a link out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import h5py

from repdiag.errors import InputError
from repdiag.store.candidates import Found, Source, foreign_contents, kind_of
from repdiag.store.columns import ColumnReader
from repdiag.store.complaints import bad_input
from repdiag.store.guarded import (
    check_layout,
    checked_column,
    checked_matrix,
    child,
    child_names,
    damage,
    identity,
    is_column_dtype,
    is_hard_link,
)
from repdiag.store.opened import Contents
from repdiag.store.rows import Array, DatasetRows
from repdiag.text import listing, printable

MAX_DEPTH = 16
MAX_OBJECTS = 10_000


@dataclass
class _Survey:
    """What a walk through the file met."""

    arrays: list[Found] = field(default_factory=list)
    refused: dict[str, InputError] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)


def foreign_hdf5_contents(file: h5py.File, path: Path, dataset: str | None) -> Contents:
    """The contents of an HDF5 file that is not ours.

    Raises:
        InputError: hostile storage, or nothing in it is (n, d) floats.
        UsageError: several datasets could be meant, or `dataset` is not there.
    """
    wanted = None if dataset is None else dataset.strip("/")
    survey = _survey(file, path, wanted)
    _refuse(survey, path, wanted)
    notes = [str(error) for error in survey.refused.values()]
    if survey.links:
        notes.append(f"links not followed: {listing(survey.links, 8)}")
    source = Source(path, "hdf5", several_are_views=False, notes=tuple(notes))
    return foreign_contents(source, survey.arrays, wanted)


def _refuse(survey: _Survey, path: Path, wanted: str | None) -> None:
    """Say why the dataset that was asked for, or the only one there is, cannot be read."""
    for link in survey.links:
        if wanted is not None and (wanted == link or wanted.startswith(f"{link}/")):
            raise bad_input(
                path,
                f"{printable(link)} is a soft or external link, which could read another file; "
                "copy the data in",
            )
    if wanted in survey.refused:
        raise survey.refused[wanted]
    if wanted is None and survey.refused and not any(found.is_matrix for found in survey.arrays):
        raise next(iter(survey.refused.values()))


def _survey(file: h5py.File, path: Path, wanted: str | None) -> _Survey:
    survey = _Survey()
    for name, dataset in _datasets(file, path, survey, wanted):
        try:
            survey.arrays.append(_described(dataset, name, path))
        except InputError as error:
            survey.refused[name] = error
    return survey


def _datasets(
    file: h5py.File, path: Path, survey: _Survey, wanted: str | None
) -> Iterator[tuple[str, h5py.Dataset]]:
    """Every dataset once, breadth first: hard links may form loops, and other links are not followed."""
    seen = {identity(file, path)}
    pending: list[tuple[str, h5py.Group]] = [("", file)]
    objects = 0
    while pending:
        prefix, group = pending.pop(0)
        for name in child_names(group, path):
            objects += 1
            if objects > MAX_OBJECTS:
                raise bad_input(path, f"holds over {MAX_OBJECTS} objects; copy the dataset to its own file")
            here = f"{prefix}/{name}".lstrip("/")
            if not is_hard_link(group, name, path):
                survey.links.append(here)
                continue
            found = _child(group, name, here, path, survey)
            if found is None or (identity(found, path) in seen and here != wanted):
                continue
            seen.add(identity(found, path))
            if isinstance(found, h5py.Dataset):
                yield here, found
            elif here.count("/") < MAX_DEPTH:
                pending.append((here, found))


def _child(
    group: h5py.Group, name: str, here: str, path: Path, survey: _Survey
) -> h5py.Group | h5py.Dataset | None:
    try:
        return child(group, name, path)
    except InputError as error:
        survey.refused[here] = error
        return None


def _described(dataset: h5py.Dataset, name: str, path: Path) -> Found:
    check_layout(dataset, path)
    with damage(path):
        shape = tuple(int(length) for length in dataset.shape or ())
        dtype = dataset.dtype
        letter = "U" if is_column_dtype(dtype) and dtype.kind not in "iub" else kind_of(dtype)
    return Found(
        name,
        shape,
        printable(dtype),
        letter,
        rows=lambda: DatasetRows.of(checked_matrix(dataset, path), path),
        values=partial(_column, dataset, shape, path),
    )


def _column(dataset: h5py.Dataset, shape: tuple[int, ...], path: Path) -> Array:
    return ColumnReader(checked_column(dataset, shape[0], path), path)()
