"""What `repdiag selftest` runs on, and its table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repdiag.text import printable

from ._tables import wrapped

if TYPE_CHECKING:
    from repdiag.selftest.records import LimitRecord, PlaceRecord, SelftestRecord, Severity
    from repdiag.store import Store

NAME, CELL, NEXT = 20, 10, 18
COUNTED = {
    "pass": "right",
    "fail": "wrong",
    "inconclusive": "undecided",
    "not_applicable": "not applicable",
}


@dataclass(frozen=True, slots=True)
class Size:
    """Rows and features."""

    n: int
    d: int


SYNTHETIC = Size(2000, 128)


StoreFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="STORE",
        show_default=False,
        help="Any file that check takes; synthetic rows where there is none.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        metavar="N",
        min=1,
        help="At most N rows, chosen by the seed; of synthetic rows, so many.",
        show_default=False,
    ),
]
Features = Annotated[
    int, typer.Option("--features", metavar="D", min=2, help="Features of synthetic rows; not for a STORE.")
]


@contextmanager
def opened(
    path: Path | None, dataset: str | None, limit: int | None, features: int, seed: int
) -> Iterator[Store]:
    """The store, or synthetic rows in memory."""
    from repdiag.selftest import synthetic_store
    from repdiag.store import open_store

    if path is None:
        yield synthetic_store(limit or SYNTHETIC.n, features, seed)
        return
    with open_store(path, dataset=dataset) as store:
        yield store


def selftest_text(found: SelftestRecord) -> str:
    """The verdict on the first line, then a table for each representation."""
    lines = [*wrapped(_headline(found), "", "  ")]
    for place in found.places:
        lines += ["", *_block(place)]
    left = found.representations - len(found.places)
    if left:
        text = f"note: {left} more are judged by this gate; --layer, --view or --checkpoint plants in them"
        lines += ["", *wrapped(text, "")]
    return "\n".join([*lines, "", *_legend()]) + "\n"


def _headline(found: SelftestRecord) -> str:
    counts: Counter[str] = Counter(outcome for place in found.places for outcome in place.outcomes)
    said = ", ".join(f"{counts[key]} {word}" for key, word in COUNTED.items() if counts[key])
    gate = f"profile {printable(found.profile)}, confidence {found.confidence:g}"
    return f"SELFTEST {found.verdict.value.upper()}: {said} ({gate})"


def _block(place: PlaceRecord) -> Iterator[str]:
    size = f"n {place.n:,}, d {place.d:,}"
    yield from wrapped(f"{printable(place.address, 200)}  ({size})", "")
    yield f"  {'planted':<{NAME}}{'sees from':>{CELL}}{'misses':>{CELL}}{'more samples':>{NEXT}}  unit"
    for limit in place.limits:
        yield from _row(limit)
    bad = [copy for copy in place.copies if copy.outcome != "pass"]
    right = len(place.copies) - len(bad)
    if right:
        yield from wrapped(f"{right} clean copies are judged as the original", "  ")
    for copy in bad:
        yield from wrapped(f"clean copy, {copy.copied}: {copy.message}", "  ", "    ")
    for note in place.notes:
        yield from wrapped(f"note: {printable(note, 400)}", "  ", "    ")


def _row(limit: LimitRecord) -> Iterator[str]:
    name = f"  {printable(limit.planted, NAME - 1):<{NAME}}"
    if limit.outcome == "not_applicable":
        yield from wrapped(f"{name}not applicable: {limit.message}", "", " " * (NAME + 2))
        return
    unit = next((each.unit for each in (limit.sees_from, limit.misses_up_to) if each is not None), "")
    cells = f"{_text(limit.sees_from):>{CELL}}{_text(limit.misses_up_to):>{CELL}}{_more(limit):>{NEXT}}"
    yield f"{name}{cells}  {unit}"
    if limit.message:
        yield from wrapped(f"{_WORDS[limit.outcome]}: {printable(limit.message, 300)}", " " * 6)


_WORDS = {"pass": "note", "fail": "WRONG", "inconclusive": "UNDECIDED"}


def _text(severity: Severity | None) -> str:
    return "-" if severity is None else severity.text


def _more(limit: LimitRecord) -> str:
    if limit.next_lower is None or limit.needed is None or limit.next_lower.text == _text(limit.sees_from):
        return ""
    return f"{limit.next_lower.text}: {_count(limit.needed)}"


def _count(n: int) -> str:
    """Two digits are all that an extrapolation is worth."""
    return f"{float(f'{n:.2g}'):,.0f}" if n < 10_000_000 else f"{n:.0e}"


def _legend() -> list[str]:
    text = (
        "sees from: found in at least 90% of draws of so many samples. misses: passes, or is not named, up "
        "to here in this sample. more samples: the next lower severity that n could show, and the n it "
        "takes; where there is none, the rule's own limit stands in the way."
    )
    return wrapped(text, "")
