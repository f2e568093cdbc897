"""Rows of verdicts and margins as Markdown, and as JSON for a later run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .judged import LABELLED, RULES, Judged, Reading

Keep = dict[str, list[Judged]]


def save(rows: Sequence[Judged], path: Path) -> None:
    """Keep rows for a run that does not draw them again."""
    kept = [asdict(row) | {"verdicts": dict(row.verdicts), "findings": dict(row.findings)} for row in rows]
    path.write_text(json.dumps(kept, indent=1), encoding="utf-8")


def load(path: Path) -> list[Judged]:
    """Rows that `save` kept; none where there is no file."""
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return [_row(one) for one in found]


def table(rows: Sequence[Judged], first: str, with_place: bool = False) -> str:
    """One line a row: verdicts, findings, and for each rule the figure with its margin in brackets."""
    rules = [rule for rule in RULES if any(rule in row.readings for row in rows)]
    head = [first, *(["layer"] if with_place else []), "n", "d", "profile", "verdict", "findings", *rules]
    lines = [_line(head), _line(["---"] * len(head))]
    for row in rows:
        place = [row.where] if with_place else []
        cells = [_cell(row.readings.get(rule), rule) for rule in rules]
        lines.append(
            _line(
                [row.name, *place, f"{row.n:,}", f"{row.d:,}", row.profile, verdict(row), said(row), *cells]
            )
        )
    return "\n".join(lines)


def verdict(row: Judged) -> str:
    """`pass`, or the counts where the draws differ."""
    if len(row.verdicts) == 1:
        return next(iter(row.verdicts))
    return ", ".join(f"{count} {name}" for name, count in row.verdicts.most_common())


def said(row: Judged) -> str:
    """The findings, with their count where not every draw has them."""
    draws = row.verdicts.total()
    named = [
        name if count == draws else f"{name} ({count} of {draws})" for name, count in row.findings.items()
    ]
    return ", ".join(sorted(named)) or "none"


def separation(rows: Sequence[Judged]) -> str:
    """For each rule the healthy case nearest to its limit, and the collapse that is least clearly beyond."""
    lines = [
        _line(
            ["rule", "smallest margin in health", "where", "largest margin of a collapse", "where", "ratio"]
        ),
        _line(["---"] * 6),
    ]
    for rule in RULES:
        healthy = [row for row in rows if row.expected == "healthy" and rule in row.readings]
        hit = [row for row in rows if rule in row.aims and rule in row.readings]
        low = min(healthy, key=lambda row: row.readings[rule].margin, default=None)
        high = max(hit, key=lambda row: row.readings[rule].margin, default=None)
        cells = [f"`{rule}`", *_end(low, rule), *_end(high, rule)]
        ratio = low.readings[rule].margin / high.readings[rule].margin if low and high else None
        lines.append(_line([*cells, "" if ratio is None else _short(ratio)]))
    return "\n".join(lines)


def counts(parts: Keep) -> str:
    """Verdicts of the healthy cases, draw by draw, and of the collapses, for each part."""
    lines = [_line(["part", "expected", "cases", "verdicts"]), _line(["---"] * 4)]
    for part, rows in parts.items():
        for expected in ("healthy", "collapsed", "any"):
            chosen = [row for row in rows if row.expected == expected]
            total = sum((row.verdicts for row in chosen), Counter[str]())
            shown = ", ".join(f"{count} {name}" for name, count in total.most_common())
            lines += [_line([part, expected, str(len(chosen)), shown])] if chosen else []
    return "\n".join(lines)


def failures(rows: Iterable[Judged]) -> str:
    """The healthy cases that failed, if any."""
    found = [row for row in rows if row.expected == "healthy" and row.failed]
    lines = [_line(["healthy, but failed", "n", "d", "profile", "verdict", "findings"]), _line(["---"] * 6)]
    for row in found:
        facts = [_named(row), f"{row.n:,}", f"{row.d:,}", row.profile, verdict(row), said(row)]
        lines.append(_line(facts))
    return "\n".join(lines) if found else "No healthy case failed."


def undecided(rows: Iterable[Judged]) -> str:
    """Share of draws without a decision by n/d, over the healthy spectra."""
    by_ratio: dict[float, Counter[str]] = {}
    for row in rows:
        by_ratio.setdefault(row.n / row.d, Counter()).update(row.verdicts)
    lines = [_line(["n/d", "draws", "pass", "inconclusive", "fail"]), _line(["---"] * 5)]
    for ratio, found in sorted(by_ratio.items()):
        names = ("pass", "inconclusive", "fail")
        lines.append(_line([f"{ratio:g}", str(found.total()), *(str(found[name]) for name in names)]))
    return "\n".join(lines)


def _end(row: Judged | None, rule: str) -> list[str]:
    if row is None:
        return ["", ""]
    return [_short(row.readings[rule].margin), f"{_named(row)}, {row.n:,} x {row.d:,}"]


def _named(row: Judged) -> str:
    return f"{row.name}, {row.where}" if row.where not in ("", "output") else row.name


def _cell(reading: Reading | None, rule: str) -> str:
    if reading is None:
        return "-" if rule == LABELLED else "withheld"
    return f"{reading.sign}{_short(reading.value)} ({_short(reading.margin)})"


def _short(value: float) -> str:
    return f"{value:.3g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _row(kept: dict[str, Any]) -> Judged:
    readings = {rule: Reading(**one) for rule, one in kept["readings"].items()}
    counted = {name: Counter(kept[name]) for name in ("verdicts", "findings")}
    return Judged(**{**kept, **counted, "readings": readings, "aims": tuple(kept["aims"])})
