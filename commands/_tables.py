"""Results as text for a terminal of 80 columns. Pure functions: nothing is printed here."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from repdiag.text import listing, printable

if TYPE_CHECKING:
    from repdiag.results import Estimate, Finding, Representation, Results

WIDTH = 80
LABEL = 20
MOST_BLOCKS = 4
HEADLINE = ("effective_rank", "spectral_cliff", "mean_share", "top1_share", "dead_features")
HEADER = f"  {'':<{LABEL}}{'value':>10}  {'interval':<21}{'plug-in':>10}  status"


def number(value: float | None) -> str:
    """At most four significant digits and ten characters; `-` where there is no value."""
    if value is None:
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        digits = 4 if abs(value) < 1000 else len(str(int(abs(value))))
        return f"{value:,.{digits}g}"
    return f"{value:.2e}"


def interval(estimate: Estimate) -> str:
    """`[low, high]`, one side of it, or nothing."""
    match estimate.low, estimate.high:
        case None, None:
            return ""
        case low, None:
            return f">= {number(low)}"
        case None, high:
            return f"<= {number(high)}"
    return f"[{number(estimate.low)}, {number(estimate.high)}]"


def row(label: str, estimate: Estimate, *, details: bool = True) -> list[str]:
    """One figure; a label too long for its column, and the details, get lines of their own."""
    first = [] if len(label) < LABEL else [f"  {printable(label, WIDTH - 2)}"]
    shown = "" if first else printable(label, LABEL)
    cells = f"{number(estimate.value):>10}  {interval(estimate):<21}{number(estimate.plugin):>10}"
    line = f"  {shown:<{LABEL}}{cells}  {estimate.status}"
    return [*first, line, *(_details(estimate) if details else [])]


def _details(estimate: Estimate) -> list[str]:
    scalars = {key: value for key, value in estimate.details.items() if not isinstance(value, list)}
    parts = [
        f"{printable(key, 30)} {printable(value) if isinstance(value, str) else number(value)}"
        for key, value in scalars.items()
    ]
    return wrapped(", ".join(parts), "      ") if parts else []


def wrapped(text: str, indent: str, carried: str | None = None) -> list[str]:
    """`text` in lines of at most 80 columns; words are never broken. `carried` indents all but the first."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if carried is None else carried,
        break_long_words=False,
        break_on_hyphens=False,
    )


def spectrum_text(results: Results, *, every_measure: bool) -> str:
    """The table of `repdiag spectrum`: by representation while they are few, else by measure."""
    representations = results.representations
    if len(representations) <= MOST_BLOCKS:
        lines = [line for item in representations for line in _block(item)]
    else:
        lines = _by_measure(representations, every_measure=every_measure)
    lines += [line for finding in results.findings for line in warning(finding)]
    return "\n".join(lines).strip("\n") + "\n"


def warning(finding: Finding) -> list[str]:
    """What is wrong with the rows, and what to do."""
    where = "" if finding.place is None else f"{printable(finding.place.address, 60)}: "
    text = f"warning: {where}{printable(finding.message, 400)} {finding.next_step}"
    return ["", *wrapped(text, "")]


def _block(item: Representation) -> list[str]:
    rows = [line for name, estimate in item.estimates.items() for line in row(name, estimate)]
    return ["", *wrapped(f"{printable(item.address)}  {_size(item)}", ""), HEADER, *rows, *_remarks(item)]


def _size(item: Representation) -> str:
    step = "" if item.step is None else f", step {item.step:,}"
    return f"(n {item.n:,}, d {item.d:,}{step})"


def _remarks(item: Representation) -> list[str]:
    return [line for note in item.notes for line in _note(note)]


def _note(note: str, where: str = "") -> list[str]:
    return wrapped(f"note: {printable(where, 60)}{printable(note, 400)}", "  ")


def _by_measure(representations: Sequence[Representation], *, every_measure: bool) -> list[str]:
    names = list(dict.fromkeys(name for item in representations for name in item.estimates))
    chosen = names if every_measure else [name for name in names if name in HEADLINE]
    lines = [line for name in chosen for line in _measure_block(name, representations, every_measure)]
    lines += ["", *_shared_remarks(representations)]
    left = len(names) - len(chosen)
    more = f"{left} more measures are in the report and the JSON; --measure NAME shows one here."
    return [*lines, more] if left else lines


def _measure_block(name: str, representations: Sequence[Representation], details: bool) -> list[str]:
    rows = (
        row(_label(item, representations), item.estimates[name], details=details)
        for item in representations
        if name in item.estimates
    )
    return ["", name, HEADER, *(line for lines in rows for line in lines)]


def _shared_remarks(representations: Sequence[Representation]) -> list[str]:
    """Each note once, with the representations that it is about where those are few."""
    about: dict[str, list[str]] = {}
    for item in representations:
        for note in item.notes:
            about.setdefault(note, []).append(_label(item, representations))
    every = len(representations)
    return [
        line
        for note, labels in about.items()
        for line in _note(note, "" if len(labels) > every // 2 else f"{listing(labels, most=3)}: ")
    ]


def _label(item: Representation, among: Iterable[Representation]) -> str:
    """The parts of the address that differ between the representations."""
    parts = ("checkpoint", "view", "layer")
    varying = [part for part in parts if len({getattr(other, part) for other in among}) > 1]
    return "/".join(str(getattr(item, part)) for part in varying) or str(item.address)
