"""Which columns of the data are kept for each sample: those with known names, and those of `--column`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from repdiag.data.source import COLUMN_NAMES
from repdiag.errors import InputError, UsageError
from repdiag.text import listing, nearest, printable

Wanted = Mapping[str, str]
"""Name in the store -> column of the data."""


def parse_columns(specs: Sequence[str]) -> dict[str, str]:
    """`NAME=COLUMN`, or `NAME` for a column that keeps its name.

    Raises:
        UsageError: an empty part, a name with a slash, or a name given twice.
    """
    wanted: dict[str, str] = {}
    for spec in specs:
        name, equals, column = (part.strip() for part in spec.partition("="))
        column = column if equals else name
        if not name or not column or "/" in name:
            raise UsageError(f'--column "{printable(spec)}" is not NAME or NAME=COLUMN; a NAME has no slash')
        if name in wanted:
            raise UsageError(f'--column gives "{printable(name)}" twice; give every NAME one column')
        wanted[name] = column
    return wanted


def kept_columns(available: Collection[str], wanted: Wanted, where: str) -> dict[str, str]:
    """Name in the store -> column of the data, known names first; what is wanted goes before them.

    Raises:
        InputError: a column that is not there.
    """
    for column in wanted.values():
        if column not in available:
            near = nearest(column, available)
            raise InputError(
                f'{printable(where)}: has no column "{printable(column)}" for --column.{near} '
                f"There are: {listing(available) or 'none'}"
            )
    known = {COLUMN_NAMES[name]: name for name in available if name in COLUMN_NAMES}
    return {**known, **wanted}


def refuse_columns(wanted: Wanted, where: str, kind: str) -> None:
    """For data without columns to choose from.

    Raises:
        UsageError: some are wanted.
    """
    if wanted:
        raise UsageError(
            f"{printable(where)}: {kind} has no columns to choose from, so leave out --column; "
            "tables, .npz, .safetensors and dicts from a callable have"
        )
