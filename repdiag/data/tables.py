"""Text lines and tables: .txt, .csv, .jsonl and .parquet, with id, label, group and split columns."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from repdiag.data._optional import optional
from repdiag.data.columns import Wanted, kept_columns
from repdiag.data.source import COLUMN_NAMES, Broken, SampleSource, column, file_digest
from repdiag.errors import InputError
from repdiag.text import listing, printable

SUFFIXES = (".txt", ".csv", ".jsonl", ".parquet")
TEXT_COLUMNS = ("text", "sentence")

Table = Mapping[str, Sequence[Any]]


def text_lines(path: Path, spec: str) -> SampleSource:
    """One text a line; its id is the line number, counted from 1; blank lines are left out.

    Raises:
        InputError: unreadable or not UTF-8.
    """
    lines = _read_text(path).splitlines()
    kept = [(str(number), line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    blank = len(lines) - len(kept)
    return _texts(path, spec, [text for _, text in kept], [number for number, _ in kept], {}, blank)


def table_file(
    path: Path, spec: str, wanted: Wanted | None = None, broken: Broken | None = None
) -> SampleSource:
    """Texts from the column `text`, `sentence` or the only text column; a table of numbers gives (d,) rows.

    Args:
        wanted: other columns to keep, see `parse_columns`; as `text` the one that holds the texts.
        broken: what to do with a row that is not whole; None fails.

    Raises:
        MissingExtraError: a .parquet file without pyarrow.
        InputError: unreadable, ragged, or without a column to use.
    """
    reader = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}[path.suffix.lower()]
    wanted, broken = dict(wanted or {}), broken or Broken()
    table, rows = reader(path, broken)
    kept = kept_columns(table, wanted, str(path))
    texts = kept.pop("text") if "text" in wanted else None
    columns = {name: column(table[source], source, str(path)) for name, source in kept.items()}
    ids = [str(value) for value in columns.pop("id", rows)]
    taken = {*COLUMN_NAMES, *kept.values()} - {texts}
    candidates = {name: values for name, values in table.items() if name not in taken}
    name = texts or _text_column(candidates, path)
    if name is None:
        return _numbers(path, spec, candidates, ids, columns)
    whole = _whole(table[name], name, ids, path, broken)
    return replace(
        _texts(
            path,
            spec,
            [table[name][row] for row in whole],
            [ids[row] for row in whole],
            {key: values[whole] for key, values in columns.items()},
        ),
        content=f"{file_digest(str(path))} {name}",
    )


def _texts(
    path: Path,
    spec: str,
    texts: Sequence[str],
    ids: Sequence[str],
    columns: Mapping[str, np.ndarray],
    blank: int = 0,
) -> SampleSource:
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    return SampleSource(
        spec=spec,
        kind="text",
        ids=tuple(ids),
        fetch=texts.__getitem__,
        columns={"length": lengths, **columns},
        content=file_digest(str(path)),
        provenance={"data": path.name, "kind": "texts"},
        notes=(f"{blank} blank lines were left out",) if blank else (),
    )


def _numbers(
    path: Path, spec: str, table: Table, ids: Sequence[str], columns: Mapping[str, np.ndarray]
) -> SampleSource:
    rows = np.array(
        [[float(value) for value in values] for values in table.values()], dtype=np.float32
    ).T.copy()
    return SampleSource(
        spec=spec,
        kind="array",
        ids=tuple(ids),
        fetch=lambda row: torch.from_numpy(rows[row].copy()),
        columns=columns,
        content=file_digest(str(path)),
        provenance={"data": path.name, "kind": "table", "columns": list(table)},
        notes=(f"took the {len(table)} number columns as features",),
    )


def _text_column(table: Table, path: Path) -> str | None:
    for name in TEXT_COLUMNS:
        if name in table:
            return name
    texts = [name for name, values in table.items() if not _numeric(values)]
    if len(texts) == 1:
        return texts[0]
    if not texts and table:
        return None
    found = listing(table) or "none"
    raise InputError(f'{printable(path)}: which column holds the texts? Name one "text"; columns: {found}')


def _numeric(values: Iterable[Any]) -> bool:
    try:
        return all(value is not None and (float(value), True)[1] for value in values)
    except (TypeError, ValueError):
        return False


def _whole(values: Sequence[Any], name: str, ids: Sequence[str], path: Path, broken: Broken) -> list[int]:
    """Rows that hold a text."""
    for row, value in enumerate(values):
        if not isinstance(value, str):
            what = f'row {row + 1} of column "{printable(name)}" is {type(value).__name__}, not text'
            broken.found(ids[row], InputError(f"{printable(path)}: {what}; fill it in or drop the row"))
    return [row for row, value in enumerate(values) if isinstance(value, str)]


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{printable(path)}: {(error.strerror or 'cannot be read').lower()}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{printable(path)}: is not UTF-8 text (byte {error.start}); convert it, for example with iconv"
        ) from error


def _csv(path: Path, broken: Broken) -> tuple[Table, Sequence[int]]:
    _read_text(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = next(reader, [])
            rows = [row for row in reader if row]
    except csv.Error as error:
        raise InputError(
            f"{printable(path)}: is not a readable .csv file ({printable(error, 80)})"
        ) from error
    return _columns(header, rows, path, broken)


def _columns(
    header: Sequence[str], rows: Sequence[Sequence[Any]], path: Path, broken: Broken
) -> tuple[Table, Sequence[int]]:
    if len(set(header)) != len(header):
        raise InputError(
            f"{printable(path)}: two columns have the same name; rename one of {listing(header)}"
        )
    whole = []
    for number, row in enumerate(rows):
        if len(row) == len(header):
            whole.append(number)
            continue
        what = f"row {number + 1} has {len(row)} fields, the header {len(header)}"
        broken.found(f"row {number + 1}", InputError(f"{printable(path)}: {what}"))
    return {name: [rows[number][index] for number in whole] for index, name in enumerate(header)}, whole


def _jsonl(path: Path, broken: Broken) -> tuple[Table, Sequence[int]]:
    lines = [(number, line) for number, line in enumerate(_read_text(path).split("\n"), 1) if line.strip()]
    rows: dict[int, dict[str, Any]] = {}
    for index, (number, line) in enumerate(lines):
        try:
            rows[index] = _object(line, number, path)
        except InputError as error:
            broken.found(f"line {number}", error)
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    return {name: [row.get(name) for row in rows.values()] for name in names}, list(rows)


def _object(line: str, number: int, path: Path) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{printable(path)}: line {number} is not JSON ({printable(error, 60)})") from error
    if not isinstance(row, dict):
        raise InputError(f"{printable(path)}: line {number} is not a JSON object; write one object a line")
    return row


def _parquet(path: Path, broken: Broken) -> tuple[Table, Sequence[int]]:
    parquet = optional("pyarrow.parquet", "pyarrow", "table", "Reading .parquet")
    try:
        table = parquet.read_table(path)
    except Exception as error:
        # pyarrow's errors derive from ValueError, OSError and its own classes; the file is at fault in all.
        raise InputError(
            f"{printable(path)}: is not a readable .parquet file ({printable(error, 80)})"
        ) from error
    return {name: table.column(name).to_pylist() for name in table.column_names}, range(table.num_rows)
