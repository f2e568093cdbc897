"""Does the interval of an onset hold the step at which the cause was switched on?

    python examples/benchmarks/onset.py [--cache FOLDER] [--series 20] [--write docs/onset.md]

Small encoders are trained on digits without labels. In ten series one term of the loss (variance,
covariance, stop-gradient) is lost at a random step, and collapse follows before the end; in ten it is not,
and in one of these the weight of the covariance term is lowered late, so that the effective rank falls by
half in health. 1,000 digits are embedded at every checkpoint, in two layers, from the untrained one on.
An interval is right when the first checkpoint after the switch lies in it. `--cache` keeps the figures, so
that the method can be run again in seconds.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from onset_parts.series import EVERY, Recipe, kept, recipes

from repdiag.check import build_policy, check
from repdiag.check.onset import onsets
from repdiag.results import Onset, Results

SETTLED = 300
"""Optimiser steps after which the start of training is over."""
UNTRAINED = "step=00000"
"""Its projector is a cone, as random networks are: rightly found, and no false alarm."""
MARK = "<!-- written by examples/benchmarks/onset.py -->"


@dataclass(frozen=True)
class Line:
    """What is found in one series: onsets, failing checkpoints but for the untrained one, the rank's fall."""

    recipe: Recipe
    onsets: list[Onset]
    false_fails: int
    fall: float

    @property
    def collapses(self) -> bool:
        return self.recipe.off not in ("", "lower")

    @property
    def covered(self) -> bool:
        """Every onset's interval holds the step after which the term was gone."""
        return bool(self.onsets) and all(covers(one, self.recipe.switch or 0) for one in self.onsets)

    def row(self) -> str:
        kinds = "; ".join(f"{one.kind} in {one.layer}" for one in self.onsets) or "none"
        spans = "; ".join(f"{span(one)}, by {one.measure}" for one in self.onsets) or "none"
        lost = self.recipe.off if self.collapses else "none"
        step = str(self.recipe.switch) if self.collapses else ""
        right = self.covered if self.collapses else not (self.onsets or self.false_fails)
        cells = (self.recipe.method, str(self.recipe.seed), lost, step, kinds, spans, f"{self.fall:.2f}")
        return "| " + " | ".join([*cells, "yes" if right else "NO"]) + " |"


def covers(onset: Onset, switch: int) -> bool:
    return onset.after_step is not None and onset.after_step <= switch < (onset.before_step or 0)


def span(onset: Onset) -> str:
    return f"({onset.after_step}, {onset.before_step}]"


def widths(line: Line) -> list[float]:
    """In checkpoints."""
    return [((one.before_step or 0) - (one.after_step or 0)) / EVERY for one in line.onsets]


def judged(recipe: Recipe, found: Results) -> Line:
    checked = check(found, build_policy())
    failed = {one.place.checkpoint for one in checked.findings if one.severity == "fail" and one.place}
    ranks = [
        row.estimates["effective_rank"].value or 1.0
        for row in found.representations
        if row.layer == "projector" and (row.step or 0) >= SETTLED
    ]
    falls = min((after / before for at, before in enumerate(ranks) for after in ranks[at:]), default=1.0)
    return Line(recipe, onsets(checked), len(failed - {UNTRAINED}), falls)


COLUMNS = ("method", "seed", "term lost", "after step", "onset of", "interval, by", "rank falls to", "right")
HEADER = f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}"


def summary(lines: list[Line]) -> str:
    lost = [line for line in lines if line.collapses]
    healthy = [line for line in lines if not line.collapses]
    wide = [width for line in lost for width in widths(line)]
    alarms = sum(bool(line.onsets or line.false_fails) for line in healthy)
    size = f"median {median(wide):g}, at most {max(wide):g} checkpoints" if wide else "none"
    return (
        f"Covered: {sum(line.covered for line in lost)} of {len(lost)}. Width of an interval: {size}. "
        f"Alarms in health: {alarms} of {len(healthy)}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=20, help="how many, lost and healthy by turns")
    parser.add_argument("--checkpoints", type=int, default=32)
    parser.add_argument("--seed", type=int, default=300, help="seed of the first series")
    parser.add_argument("--cache", type=Path, help="folder for the figures of trained series")
    parser.add_argument("--write", type=Path, help="page whose table is replaced, docs/onset.md")
    options = parser.parse_args()
    chosen = recipes(options.seed)[: options.series]
    lines = [judged(recipe, kept(recipe, options.checkpoints, options.cache)) for recipe in chosen]
    lines.sort(key=lambda line: not line.collapses)
    table = "\n".join([HEADER, *(line.row() for line in lines), "", summary(lines)])
    print(table)
    if options.write is not None:
        page = options.write.read_text(encoding="utf-8")
        options.write.write_text(page[: page.index(MARK) + len(MARK)] + f"\n\n{table}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
