"""The table and the plot of measured cases, and the machine they ran on."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path

from information_parts.reading import markdown

from .running import Cost, Measured, information

HEAD = [
    *("figure", "peer", "n", "d", "ours", "peer's", "relative difference"),
    *("CPU s", "peer's CPU s", "ratio", "MB", "peer's MB"),
]
CPU_INFO = Path("/proc/cpuinfo")


def table(found: Sequence[Measured]) -> str:
    return markdown(HEAD, [_row(each) for each in found])


def _row(each: Measured) -> list[str]:
    case, ours, theirs = each.case, each.ours, each.theirs
    peer = f"{case.package} {each.version} {case.call}" if case.package else case.call
    cells = [case.method, " ".join(peer.split()), f"{each.n:,}", str(each.d)]
    failed = ours.failed or theirs.failed
    told = case.note.format(truth=information(each.d)) or ("" if failed else f"{each.difference:.0e}")
    ratio = "" if failed else f"{each.ratio:.3g}x"
    cells += [_value(ours), _value(theirs), told, _seconds(ours), _seconds(theirs), ratio]
    return [*cells, _megabytes(ours), _megabytes(theirs)]


def _value(cost: Cost) -> str:
    return cost.failed.replace("|", "/") or f"{cost.value:.7g}"


def _seconds(cost: Cost) -> str:
    return "" if cost.failed else f"{cost.cpu:.3g}"


def _megabytes(cost: Cost) -> str:
    return "" if cost.failed else f"{cost.mb:,.0f}"


def machine() -> str:
    """Processor, cores and versions, as a sentence."""
    model = platform.processor() or platform.machine()
    if CPU_INFO.exists():
        lines = CPU_INFO.read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    names = ("numpy", "scipy", "scikit-learn", "torch")
    held = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, {held}; one thread a call."


STYLE = """
text { font: 12px sans-serif; fill: #57606a }
line { stroke: #8c959f }
.grid { stroke-opacity: .35 }
.ours { fill: #0a8f6a } .theirs { fill: #d2691e }
@media (prefers-color-scheme: dark) { text { fill: #b0b8c1 } line { stroke: #6e7681 } }
"""
LEFT, RIGHT, TOP, STEP = 430, 820, 46, 26


def plot(found: Sequence[Measured]) -> str:
    """CPU seconds of both sides on a logarithmic axis, each case at its largest size, as SVG."""
    last = {(each.case.method, each.case.theirs): each for each in found if not _failed(each)}
    rows = sorted(last.values(), key=lambda each: -each.ratio)
    seconds = [cost.cpu for each in rows for cost in (each.ours, each.theirs)] or [1.0]
    low, high = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))
    height = TOP + STEP * len(rows) + 30

    def at(value: float) -> float:
        return LEFT + (math.log10(value) - low) / max(high - low, 1) * (RIGHT - LEFT)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="{height}" viewBox="0 0 900 {height}">',
        f"<title>CPU seconds of this library and of peers</title><style>{STYLE}</style>",
        f'<circle class="ours" cx="{LEFT}" cy="16" r="5"/><text x="{LEFT + 10}" y="20">repdiag</text>',
        f'<circle class="theirs" cx="{LEFT + 90}" cy="16" r="5"/><text x="{LEFT + 100}" y="20">peer</text>',
    ]
    for power in range(low, high + 1):
        x = at(10.0**power)
        lines += [
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 12}" y2="{height - 24}"/>',
            f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle">{10.0**power:g} s</text>',
        ]
    for place, each in enumerate(rows):
        lines += _bar(each, TOP + STEP * place, at(each.ours.cpu), at(each.theirs.cpu))
    return "\n".join([*lines, "</svg>", ""])


def _bar(each: Measured, y: int, ours: float, theirs: float) -> list[str]:
    method = each.case.method.replace("`", "")
    name = escape(f"{method} / {each.case.package or each.case.call}, n = {each.n:,}, d = {each.d}")
    return [
        f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{name}</text>',
        f'<line x1="{ours:.1f}" x2="{theirs:.1f}" y1="{y}" y2="{y}"/>',
        f'<circle class="theirs" cx="{theirs:.1f}" cy="{y}" r="5"/>',
        f'<circle class="ours" cx="{ours:.1f}" cy="{y}" r="5"/>',
        f'<text x="{RIGHT + 14}" y="{y + 4}">{each.ratio:.3g}x</text>',
    ]


def _failed(each: Measured) -> bool:
    return bool(each.ours.failed or each.theirs.failed)
