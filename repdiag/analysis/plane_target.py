"""What I(T;Y) is about: a column of the samples as class codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repdiag.errors import UsageError
from repdiag.store import Store
from repdiag.text import listing, nearest, printable

LABEL = "label"
FEW, BINS = 20, 10
"""Numbers with more distinct values than this are cut at quantiles into so many bins."""

ROWS_A_CLASS = 5
"""Numbers in the column `label` are classes while there are so many samples of each on average."""


@dataclass(frozen=True, slots=True)
class Target:
    """Class codes (n,) of the samples in file order, 0..classes-1; None where there is no target."""

    name: str
    codes: NDArray[np.int64] | None
    classes: int = 1
    note: str = ""


def target_of(store: Store, name: str | None) -> Target:
    """The column called `name`, or the labels where a store has some.

    Raises:
        UsageError: a name that is not a column of the store.
    """
    wanted = name or LABEL
    column = store.column(wanted)
    if column is None and name is not None:
        columns = ", ".join(printable(each, 40) for each in store.columns) or "none"
        raise UsageError(
            f'{printable(store.path.name)} has no column "{printable(name)}".{nearest(name, store.columns)} '
            f"It has: {columns}"
        )
    if column is None:
        note = (
            f"{printable(store.path.name)} has no labels: I(T;Y) needs a column of the samples; extract data "
            "with labels, or name one with --target"
        )
        return Target(wanted, None, note=note)
    return _coded(wanted, column)


def splits_of(store: Store, most: int) -> tuple[dict[str | None, NDArray[np.bool_]], list[str]]:
    """Which samples (n,) are in each split, all of them first under None; and notes."""
    every: dict[str | None, NDArray[np.bool_]] = {None: np.ones(store.n, dtype=bool)}
    column = store.column("split")
    if column is None:
        return every, []
    texts = np.array([str(value) for value in column.tolist()], dtype=object)
    names = list(dict.fromkeys(texts.tolist()))
    if len(names) > most:
        return every, [f"split has {len(names)} values ({listing(names, 3)}): only all samples are drawn"]
    if len(names) == 1:
        return every, []
    return {**every, **{name: np.asarray(texts == name) for name in names}}, []


def _coded(name: str, column: NDArray[Any]) -> Target:
    numbers = _numbers(column)
    if numbers is not None and _is_measured(name, numbers):
        edges = np.quantile(numbers, np.arange(1, BINS) / BINS)
        values, codes = np.unique(np.searchsorted(edges, numbers, side="right"), return_inverse=True)
        note = f"target {printable(name, 60)}: {len(np.unique(numbers)):,} numbers are cut at quantiles into "
        return Target(name, codes.astype(np.int64), len(values), f"{note}{len(values)} bins")
    texts = column.astype(str) if column.dtype == object else column
    values, codes = np.unique(texts, return_inverse=True)
    return Target(name, codes.astype(np.int64), len(values))


def _numbers(column: NDArray[Any]) -> NDArray[np.float64] | None:
    """The column as numbers, where all of it is."""
    try:
        numbers = np.array(column.tolist(), dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return numbers if np.isfinite(numbers).all() else None


def _is_measured(name: str, numbers: NDArray[np.float64]) -> bool:
    """Numbers that are measured rather than codes of classes."""
    distinct = len(np.unique(numbers))
    if name == LABEL and (numbers == numbers.round()).all():
        return distinct > max(FEW, len(numbers) / ROWS_A_CLASS)
    return distinct > FEW
