"""What `compare` does around the library: names of sides to open stores, results to a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from repdiag.text import printable

from ._analysis import Sources
from ._output import Output
from ._tables import HEADLINE, MOST_BLOCKS, warning, wrapped

if TYPE_CHECKING:
    from repdiag.analysis import SpectrumRequest
    from repdiag.results import Estimate, Pair, Results

AT = "::"
LABEL, CELL, END = 20, 7, 6
"""Widths that leave room for the longest word in 80 columns."""


def split_side(text: str) -> tuple[Path, str]:
    """File and checkpoint of `PATH::CHECKPOINT`; a file that is called like this is itself."""
    path, found, checkpoint = text.rpartition(AT)
    return (Path(path), checkpoint) if found and not Path(text).exists() else (Path(text), "")


def compared(sides: Sequence[str], sources: Sources, request: SpectrumRequest, output: Output) -> Results:
    """Open both stores, or the one that holds both checkpoints, compare them, close them."""
    from repdiag.analysis import Side, compare
    from repdiag.store import open_store

    with ExitStack() as stack:
        stores = {
            path: stack.enter_context(
                open_store(path, dataset=sources.dataset, allow_partial=sources.allow_partial)
            )
            for path in dict.fromkeys(sources.paths)
        }
        a, b = (Side(stores[path], name) for path, name in map(split_side, sides))
        return compare(a, b, request, progress=output.progress())


def comparison_text(results: Results, *, every_measure: bool) -> str:
    """The table of `repdiag compare`: one block for each view and layer, notes below."""
    brief = len(results.pairs) > MOST_BLOCKS and not every_measure
    lines = [line for pair in results.pairs for line in _block(pair, results, brief)]
    about = [note for one in results.representations for note in one.notes]
    notes = dict.fromkeys([*_texts(results.source.get("notes")), *about])
    lines += ["", *(line for note in notes for line in wrapped(f"note: {printable(note, 400)}", ""))]
    lines += [line for finding in results.findings for line in warning(finding)]
    if brief:
        lines += ["", "More measures are in the report and the JSON; --measure NAME shows one here."]
    return "\n".join(lines).strip("\n") + "\n"


def _block(pair: Pair, results: Results, brief: bool) -> Iterator[str]:
    from repdiag.results import RATIO

    x, y = pair.x, pair.y
    place = f"{printable(x.view, 60)}/{printable(x.layer, 60)}"
    pairing = printable(results.source.get("pairing", ""))
    yield ""
    yield from wrapped(f"{place}  ({pairing}, n {pair.n:,})", "")
    yield from wrapped(f"A = {printable(x.checkpoint, 60)}, B = {printable(y.checkpoint, 60)}", "")
    chosen = [(name, one) for name, one in pair.estimates.items() if not brief or name in HEADLINE]
    for title, ratio in (("B/A", True), ("B - A", False)):
        rows = [line for name, one in chosen if (one.unit == RATIO) == ratio for line in row(name, one)]
        yield from [f"{'':<{LABEL}}{_cells('A', 'B', title)} interval", *rows] if rows else []


def _cells(*texts: str) -> str:
    return "".join(f"{text:>{CELL + 1}}" for text in texts)


def row(label: str, estimate: Estimate) -> list[str]:
    """One figure of both sides; a label too long for its column, and a reason, get lines of their own."""
    from repdiag.results import seen

    first = [] if len(label) < LABEL else [printable(label, 80)]
    shown = "" if first else printable(label, LABEL)
    figures = (estimate.details.get("a"), estimate.details.get("b"), estimate.value)
    interval = ""
    if estimate.low is not None and estimate.high is not None:
        interval = f"[{fitted(estimate.low, END)}, {fitted(estimate.high, END)}]"
    cells = _cells(*(fitted(figure, CELL) for figure in figures))
    line = f"{shown:<{LABEL}}{cells} {interval:<{2 * END + 4}} {seen(estimate)}"
    reason = printable(estimate.details.get("reason", ""), 400)
    return [*first, line, *(wrapped(reason, "    ") if reason else [])]


def fitted(value: object, width: int) -> str:
    """A number in at most `width` characters, with at most four significant digits."""
    if not isinstance(value, int | float):
        return "-"
    whole = len(str(int(abs(value)))) if abs(value) < 1e5 else 0
    texts = [f"{value:,.{max(digits, whole)}g}" for digits in (4, 3, 2)] + [f"{value:.0e}"]
    return next((text for text in texts if len(text) <= width), texts[-1])


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []
