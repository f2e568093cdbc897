"""The figures of a verdict as a Markdown table, with what changed against a baseline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from repdiag.check.markup import code, plain, table
from repdiag.check.policy import Bound
from repdiag.check.sentences import number
from repdiag.check.summary import CheckSummary
from repdiag.results import RATIO, Estimate, Representation, Results
from repdiag.types import Address, Status

MOST_COLUMNS = 8
_MAIN = ("effective_rank", "spectral_cliff", "mean_share", "top1_share")
_NOTED = ("fail", "inconclusive", "warn")

Changes = Mapping[Address, Mapping[str, Estimate]]


def figure_lines(results: Results, summary: CheckSummary, most: int) -> list[str]:
    """One row a checked representation, those with findings first, at most `most` of them."""
    checked = set(summary.places)
    rows = [row for row in results.representations if not checked or str(row.address) in checked]
    noted = {one.place.address for one in results.findings if one.place and one.severity in _NOTED}
    rows.sort(key=lambda row: row.address not in noted)
    changes = changes_of(results, summary)
    fallen = list(dict.fromkeys(name for row in rows for name in changes.get(row.address, {})))
    fallen = fallen[: MOST_COLUMNS - 1]
    names = _judged(rows, summary)[: MOST_COLUMNS - len(fallen)]
    if not names and not fallen:
        return []
    header = ["representation", "n", *map(code, names), *(f"drop of {code(name)}" for name in fallen)]
    cells = [_cells(row, names, changes.get(row.address, {}), fallen) for row in rows]
    return [*table(header, cells, most), *_about(results, rows, changes)]


def changes_of(results: Results, summary: CheckSummary) -> Changes:
    """Every change of a representation against its baseline, by measure.

    They are the pairs whose second side it is, in the figures that a drop is judged by.
    """
    found: dict[Address, dict[str, Estimate]] = defaultdict(dict)
    drops = [name for name in map(_measure, summary.rules) if f"{name}.{Bound.MAX_DROP}" in summary.rules]
    for pair in results.pairs:
        for name in dict.fromkeys(drops or _MAIN[:1]):
            estimate = pair.estimates.get(name)
            if estimate is not None and estimate.unit == RATIO:
                found[pair.y.address][name] = estimate
    return found


def _judged(rows: Sequence[Representation], summary: CheckSummary) -> list[str]:
    """What the rules judge, or the main figures."""
    present = {key for row in rows for key in row.estimates}
    wanted = [_measure(rule) for rule in summary.rules] or list(_MAIN)
    return [name for name in dict.fromkeys(wanted) if name in present]


def _measure(rule: str) -> str:
    return rule.rpartition(".")[0] or rule


def _cells(
    row: Representation, names: Sequence[str], changes: Mapping[str, Estimate], fallen: Sequence[str]
) -> list[str]:
    figures = [row.estimates.get(name) for name in names]
    falls = [changes.get(name) for name in fallen]
    return [
        code(str(row.address)),
        f"{row.n:,}",
        *("" if one is None else bounded(one.status, (one.value, one.low, one.high)) for one in figures),
        *("" if one is None else change(one) for one in falls),
    ]


def bounded(status: Status, figure: tuple[float | None, float | None, float | None], unit: str = "") -> str:
    """`12.2 (12 to 12.4)`, or why there is no figure."""
    value, low, high = figure
    word = "" if status is Status.OK else status.value
    if value is None:
        return word or "no value"
    ends = ""
    if low is not None and high is not None:
        ends = f" ({number(low, high)}{unit} to {number(high, low)}{unit})"
    return f"{number(value)}{unit}{ends}{f', {word}' if word else ''}"


def change(estimate: Estimate) -> str:
    """`8.9% (7.1% to 10.7%), 101 to 92`: a fall is positive."""
    ends = (estimate.value, estimate.high, estimate.low)
    value, low, high = (None if ratio is None else 100 * (1 - ratio) for ratio in ends)
    sides = [one for one in map(estimate.details.get, "ab") if isinstance(one, int | float)]
    both = f", {number(sides[0])} to {number(sides[1])}" if len(sides) == 2 else ""
    return bounded(estimate.status, (value, low, high), "%") + both


def _about(results: Results, rows: Sequence[Representation], changes: Changes) -> list[str]:
    """What the drops are against, and how the samples of both sides belong together."""
    against = dict.fromkeys(pair.x.checkpoint for pair in results.pairs if pair.y.address in changes)
    shown = [one for row in rows for one in changes.get(row.address, {}).values()]
    pairings = dict.fromkeys(str(one.details["pairing"]) for one in shown if one.details.get("pairing"))
    if not shown:
        return []
    sides = ", ".join([*against][:3]) or "the baseline"
    told = "; ".join(pairings)
    return [plain(f"Drops are against {sides}{f': {told}' if told else ''}."), ""]
