"""What the demo says at its end: what was found, what to open, and the command for each step."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence

from repdiag.demo.outcome import LAYERS, MODEL, DemoOutcome, RunOutcome
from repdiag.results import Estimate, Representation
from repdiag.text import printable
from repdiag.types import Status, Verdict

WIDTH = 80
MOST_POINTS = 11
SHOWN = {
    "effective_rank": "effective rank",
    "top1_share": "share of the first direction",
}


def closing_text(outcome: DemoOutcome) -> str:
    """The last words, in lines of at most 80 columns (a long folder name aside)."""
    parts = [
        _setting(outcome),
        _figures(outcome.runs),
        _course(outcome),
        *(_why(run) for run in outcome.runs if run.results.verdict is not Verdict.PASS),
        _surprise(outcome),
        _files(outcome),
        _steps(outcome),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _setting(outcome: DemoOutcome) -> list[str]:
    last = outcome.runs[0].last_epoch
    n = last[0].n
    return textwrap.wrap(
        f"Two small encoders, trained without labels on {n:,} images of digits, from the same weights "
        f"and seed {outcome.request.seed}, for {outcome.request.epochs} epochs. The healthy one is rewarded "
        "for wide covariances (log det, as in CorInfoMax); in the collapsed one that term is off.",
        WIDTH,
    )


def _figures(runs: Sequence[RunOutcome]) -> list[str]:
    lines = [f"{'after the last epoch':<34}" + "".join(f"{run.name:<23}" for run in runs).rstrip()]
    for measure, words in SHOWN.items():
        lines.append(words)
        for layer in LAYERS:
            items = [item for run in runs for item in run.last_epoch if item.layer == layer]
            label = f"  {layer}, d = {items[0].d}"
            lines.append(f"{label:<34}" + "".join(f"{_figure(i, measure):<23}" for i in items).rstrip())
    verdicts = (f"{run.results.verdict} (exit {run.exit_code})" for run in runs)
    return [*lines, f"{'repdiag check':<34}" + "".join(f"{one:<23}" for one in verdicts).rstrip()]


def _figure(item: Representation, measure: str) -> str:
    estimate = item.estimates.get(measure, Estimate(value=None, status=Status.INSUFFICIENT))
    if estimate.value is None:
        return str(estimate.status)
    bounds = (estimate.low, estimate.high)
    interval = "" if None in bounds else f" [{', '.join(_number(each) for each in bounds)}]"
    return _number(estimate.value) + interval


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:#.3g}".rstrip(".")


def _course(outcome: DemoOutcome) -> list[str]:
    """How the last layer's effective rank went, at no more checkpoints than fit on a line."""
    layer = LAYERS[-1]
    lines = [f"effective rank of the {layer}, from the untrained encoder to the last epoch"]
    for run in outcome.runs:
        items = _thinned([item for item in run.results.representations if item.layer == layer])
        figures = (_number(item.estimates["effective_rank"].value) for item in items)
        lines.append(f"  {run.name:<11}" + "".join(f"{one:<6}" for one in figures).rstrip())
    return lines


def _thinned(items: Sequence[Representation]) -> list[Representation]:
    last = len(items) - 1
    count = min(len(items), MOST_POINTS)
    return [items[round(index * last / (count - 1))] for index in range(count)]


def _why(run: RunOutcome) -> list[str]:
    found = run.blocking
    last = {item.address for item in run.last_epoch}
    now = [finding for finding in found if finding.place is not None and finding.place.address in last]
    lines = [f"What the gate says of the {run.name} one after the last epoch:"]
    for finding in now:
        layer = printable(finding.place.layer) if finding.place else ""
        text = f"{finding.id} {layer}: {printable(finding.message, 400)}"
        lines += textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")
    earlier = len(found) - len(now)
    return [*lines, f"  ... and {earlier} more of earlier epochs, in the report"] if earlier else lines


def _surprise(outcome: DemoOutcome) -> list[str]:
    if outcome.as_expected:
        return []
    return textwrap.wrap(
        "This is not what the demo is meant to show (the first passes, the second fails), so it ends with "
        "exit code 1. A few epochs may be too few to collapse: leave out --epochs.",
        WIDTH,
    )


def _files(outcome: DemoOutcome) -> list[str]:
    rows = [
        (outcome.folder.comparison, "both runs side by side: start here"),
        *((run.files.report, f"the {run.name} run, epoch by epoch") for run in outcome.runs),
        (outcome.runs[0].files.information, "what its layers tell of each other"),
        *((run.files.plane, f"the information plane, {run.name}") for run in outcome.runs),
    ]
    names = [printable(path, 400) for path, _ in rows]
    width = max(map(len, names))
    lines = [f"  {name:<{width}}  {words}" for name, (_, words) in zip(names, rows, strict=True)]
    return ["Open in a browser:", *lines]


def _steps(outcome: DemoOutcome) -> list[str]:
    last = outcome.runs[-1]
    lines = [
        f"cd {shlex.quote(printable(outcome.folder.root, 400))}",
        *commands(last.name, last.last_epoch[0].checkpoint),
        f"repdiag report {' '.join(run.files.results.name for run in outcome.runs)} -o comparison.html",
    ]
    return ["The same, step by step:", *(f"  {line}" for line in lines)]


def commands(name: str, last: str) -> list[str]:
    """The command lines, run in the demo's folder, that repeat its road for one run."""
    layers = " ".join(f"--layer {layer}" for layer in LAYERS)
    return [
        f"repdiag extract checkpoints/{name} --data digits \\",
        f"  --model {MODEL} \\",
        f"  {layers} -o {name}.h5 --overwrite",
        f"repdiag spectrum {name}.h5",
        f"repdiag information {name}.h5 --checkpoint {shlex.quote(last)}",
        f"repdiag plane {name}.h5",
        f"repdiag check {name}.h5",
    ]
