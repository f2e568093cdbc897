"""What `information` does around the library: stores in, results to a table of 80 columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from repdiag.errors import UsageError
from repdiag.text import printable

from . import _options as o
from ._analysis import Sources
from ._comparison import fitted
from ._meaning import meanings, notes
from ._output import Output
from ._tables import wrapped

if TYPE_CHECKING:
    from repdiag.analysis import InformationRequest
    from repdiag.analysis.bandwidth import Bandwidth
    from repdiag.results import Estimate, Pair, Place, Results

MOST_BLOCKS = 3
LABEL, CELL, END = 24, 7, 6
HEADER = (
    f"  {'':<{LABEL}}{'value':>{CELL}} {'interval':<{2 * END + 4}} {'null':>{CELL}} {'self':>{CELL}}  status"
)
PARTS = ("checkpoint", "view", "layer")

PairInterval = Annotated[
    o.Interval,
    typer.Option("--interval", help="none for no intervals; here all others are the same jackknife."),
]


def bandwidth_of(text: str) -> Bandwidth:
    """A positive number, None for the median distance, or `best`.

    Raises:
        UsageError: anything else.
    """
    if text == "median":
        return None
    if text == "best":
        return "best"
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise UsageError(f'--bandwidth "{printable(text)}" is neither median nor best nor a positive number')
    return found


def informed(sources: Sources, request: InformationRequest, output: Output) -> Results:
    """Open the stores, measure their pairs with a progress bar, close them."""
    from repdiag.analysis import analyse_information
    from repdiag.analysis.distributed import team_of
    from repdiag.ranks import ranks_here

    with ExitStack() as stack:
        stores = sources.opened(stack)
        ranks = ranks_here()
        request = replace(request, device=ranks.device(request.device))
        return analyse_information(stores, request, output.progress(), team_of(ranks))


def information_text(results: Results) -> str:
    """Block by block while pairs are few, else the first measure of each pair; what it means below."""
    pairs = results.pairs
    brief = len(pairs) > MOST_BLOCKS
    names = list(dict.fromkeys(name for pair in pairs for name in pair.estimates))
    lines = list(_by_pair(pairs, names[:1])) if brief else [line for pair in pairs for line in _block(pair)]
    shown = names[:1] if brief else names
    lines += ["", *meanings(shown, results)]
    lines += [line for note in notes(results) for line in wrapped(f"note: {printable(note, 400)}", "")]
    lines += ["", *_legend()]
    if brief and len(names) > 1:
        more = f"{len(names) - 1} more measure{' is' if len(names) == 2 else 's are'}"
        lines += [f"{more} in the report and the JSON; --measure NAME shows one."]
    return "\n".join(lines).strip("\n") + "\n"


def _block(pair: Pair) -> Iterator[str]:
    yield ""
    yield from wrapped(f"x = {printable(pair.x.address, 200)}", "")
    yield from wrapped(f"y = {printable(pair.y.address, 200)}  (n {pair.n:,})", "")
    yield from _given(pair)
    yield HEADER
    for name, estimate in pair.estimates.items():
        yield from row(name, estimate)
    yield from _bandwidths(pair)
    yield from _normalised(pair)


def _by_pair(pairs: Sequence[Pair], names: Sequence[str]) -> Iterator[str]:
    """One line a pair for each of the names."""
    for name in names:
        yield from [name, HEADER]
        for pair in pairs:
            if name in pair.estimates:
                yield from row(_label(pair, pairs), pair.estimates[name])


def row(label: str, estimate: Estimate) -> list[str]:
    """One figure; a label too long for its column, and a reason, get lines of their own."""
    first = [] if len(label) < LABEL else wrapped(printable(label, 300), "  ", "    ")
    shown = "" if first else printable(label, LABEL)
    interval = ""
    if estimate.low is not None and estimate.high is not None:
        interval = f"[{fitted(estimate.low, END)}, {fitted(estimate.high, END)}]"
    others = (estimate.details.get("null"), own(estimate))
    beside = "".join(f" {fitted(each, CELL):>{CELL}}" for each in others)
    value = fitted(estimate.value, CELL)
    line = f"  {shown:<{LABEL}}{value:>{CELL}} {interval:<{2 * END + 4}}{beside}  {estimate.status}"
    told = ("reason", "no_interval", "warning")
    reasons = "; ".join(str(estimate.details[name]) for name in told if name in estimate.details)
    return [*first, line, *(wrapped(printable(reasons, 400), "      ") if reasons else [])]


def own(estimate: Estimate) -> float | None:
    """The smaller of the figures of both views with themselves."""
    found = [estimate.details.get(name) for name in ("self_x", "self_y")]
    return min((each for each in found if isinstance(each, int | float)), default=None)


def _given(pair: Pair) -> Iterator[str]:
    """What the conditional figures are given, once for a pair."""
    held = (each.details.get("given") for each in pair.estimates.values())
    given = next((each for each in held if each), None)
    if given is not None:
        yield from wrapped(f"given {printable(given, 200)}, where a measure is conditional", "")


def _bandwidths(pair: Pair) -> Iterator[str]:
    """Bandwidth and mean kernel of both views, once for a pair."""
    held = (each.details for each in pair.estimates.values())
    details = next((each for each in held if "bandwidth_x" in each), None)
    if details is not None:
        views = (
            f"{name} {fitted(details[f'bandwidth_{name}'], 9)} "
            f"(mean kernel {fitted(details[f'mean_kernel_{name}'], END)}{_chosen(details, name)})"
            for name in "xy"
        )
        yield from wrapped(f"bandwidth {', '.join(views)}", "  ")


def _chosen(details: Mapping[str, Any], name: str) -> str:
    """Which multiple of the median was chosen, and how far self stood from null there and at the median."""
    factors, contrasts = details.get("bandwidth_factors"), details.get(f"contrast_{name}")
    if not factors or not contrasts:
        return ""
    best = max(range(len(contrasts)), key=contrasts.__getitem__)
    beside = f", at the median {contrasts[factors.index(1.0)]:.3g}" if 1.0 in factors else ""
    return f", {factors[best]:.3g} times the median: contrast {contrasts[best]:.3g}{beside}"


def _normalised(pair: Pair) -> Iterator[str]:
    """Where figures stand between null and self."""
    held = ((name, each.details.get("normalised")) for name, each in pair.estimates.items())
    texts = [f"{printable(name, 60)} {fitted(figure, END)}" for name, figure in held if figure is not None]
    if texts:
        yield from wrapped(f"normalised (0 at null, 1 at self): {', '.join(texts)}", "  ")


def _legend() -> list[str]:
    text = (
        "null: the same figure with the rows of y shuffled. self: a view with itself, the smaller of both. "
        "unresolved: the figure cannot be told from the null, or most of it is null."
    )
    return wrapped(text, "")


def _label(pair: Pair, among: Sequence[Pair]) -> str:
    """Both addresses by the parts that differ between them or between the pairs."""
    places = [place for each in among for place in (each.x, each.y)]
    varying = [part for part in PARTS if len({getattr(place, part) for place in places}) > 1]
    return f"{_short(pair.x, varying)} x {_short(pair.y, varying)}"


def _short(place: Place, parts: Sequence[str]) -> str:
    return "/".join(str(getattr(place, part)) for part in parts)
