"""Input features of a view, one row a sample: kept once, beside what the checkpoints made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repdiag.errors import UsageError
from repdiag.store.complaints import bad_input
from repdiag.store.rows import Rows
from repdiag.text import listing, printable


@dataclass(frozen=True)
class InputsInfo:
    """What is known of the inputs of a view without reading them: n samples by p features."""

    view: str
    n: int
    p: int
    dtype: str
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        return self.n, self.p


@dataclass(frozen=True)
class Inputs:
    """Inputs of a view and where their rows come from."""

    info: InputsInfo
    rows: Rows

    @classmethod
    def of(cls, view: str, rows: Rows, attrs: Mapping[str, Any] | None = None) -> Inputs:
        return cls(InputsInfo(view, *rows.shape, str(rows.dtype), attrs or {}), rows)


def by_view(inputs: Iterable[Inputs], rows: int, path: Path) -> dict[str, Inputs]:
    """Inputs by their view.

    Raises:
        InputError: two of one view, or inputs that are not of the same samples as the representations.
    """
    found: dict[str, Inputs] = {}
    for each in inputs:
        info = each.info
        where = f"inputs/{printable(info.view)}"
        if info.view in found:
            raise bad_input(path, f"holds {where} twice, spelled differently; write the file again")
        if info.n != rows:
            raise bad_input(
                path, f"{where} has {info.n} rows, but the embeddings have {rows}; write the file again"
            )
        found[info.view] = each
    return found


def no_inputs(view: str, views: Sequence[str], path: Path) -> UsageError:
    """The error for inputs that are asked for and not there."""
    there = f" (there are those of {listing(views, 6)})" if views else ""
    return UsageError(
        f"{printable(path.name)}: keeps no inputs of view {printable(view)}{there}; "
        "extract again with --keep-inputs"
    )
