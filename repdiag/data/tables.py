"""Text lines and tables: .txt, .csv, .jsonl and .parquet, with id, label, group and split columns."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from repdiag.data._optional import optional
from repdiag.data.source import COLUMN_NAMES, SampleSource, column, file_digest
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


def table_file(path: Path, spec: str) -> SampleSource:
    """Texts from the column `text`, `sentence` or the only text column; a table of numbers gives (d,) rows.

    Raises:
        MissingExtraError: a .parquet file without pyarrow.
        InputError: unreadable, ragged, or without a column to use.
    """
    reader = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}[path.suffix.lower()]
    table = reader(path)
    columns = {
        COLUMN_NAMES[name]: column(values, name, str(path))
        for name, values in table.items()
        if name in COLUMN_NAMES
    }
    rows = len(next(iter(table.values()), ()))
    ids = [str(value) for value in columns.pop("id", np.arange(rows))]
    candidates = {name: values for name, values in table.items() if name not in COLUMN_NAMES}
    name = _text_column(candidates, path)
    if name is None:
        return _numbers(path, spec, candidates, ids, columns)
    return _texts(path, spec, _strings(table[name], name, path), ids, columns)


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


def _strings(values: Sequence[Any], name: str, path: Path) -> list[str]:
    for row, value in enumerate(values, 1):
        if not isinstance(value, str):
            raise InputError(
                f'{printable(path)}: row {row} of column "{printable(name)}" is {type(value).__name__}, '
                "not text; fill it in or drop the row"
            )
    return list(values)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{printable(path)}: {(error.strerror or 'cannot be read').lower()}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{printable(path)}: is not UTF-8 text (byte {error.start}); convert it, for example with iconv"
        ) from error


def _csv(path: Path) -> Table:
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
    return _columns(header, rows, path)


def _columns(header: Sequence[str], rows: Sequence[Sequence[Any]], path: Path) -> Table:
    if len(set(header)) != len(header):
        raise InputError(
            f"{printable(path)}: two columns have the same name; rename one of {listing(header)}"
        )
    for number, row in enumerate(rows, 1):
        if len(row) != len(header):
            raise InputError(
                f"{printable(path)}: row {number} has {len(row)} fields, the header {len(header)}"
            )
    return {name: [row[index] for row in rows] for index, name in enumerate(header)}


def _jsonl(path: Path) -> Table:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(_read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{printable(path)}: line {number} is not JSON ({printable(error, 60)})"
            ) from error
        if not isinstance(row, dict):
            raise InputError(
                f"{printable(path)}: line {number} is not a JSON object; write one object a line"
            )
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _parquet(path: Path) -> Table:
    parquet = optional("pyarrow.parquet", "pyarrow", "table", "Reading .parquet")
    try:
        table = parquet.read_table(path)
    except Exception as error:
        # pyarrow's errors derive from ValueError, OSError and its own classes; the file is at fault in all.
        raise InputError(
            f"{printable(path)}: is not a readable .parquet file ({printable(error, 80)})"
        ) from error
    return {name: table.column(name).to_pylist() for name in table.column_names}
