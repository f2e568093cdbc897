"""Other draws: parts of the rows, each with another draw of what is planted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from repdiag.selftest.drop import against_clean
from repdiag.selftest.gate import Bench
from repdiag.selftest.ladder import Trial
from repdiag.selftest.limits import DRAWS, PART


def draws(trial: Trial, folder: Path) -> tuple[Trial, ...]:
    """The same trial on random parts of its rows; `folder` takes the baselines of the parts."""
    return tuple(
        _part(trial, folder / str(number), trial.seed + 1000 * number) for number in range(1, DRAWS + 1)
    )


def _part(trial: Trial, folder: Path, seed: int) -> Trial:
    of = trial.specimen
    n = of.rows.shape[0]
    kept = np.sort(np.random.default_rng(seed).permutation(n)[: max(round(PART * n), 2)])
    at = torch.from_numpy(kept)
    specimen = replace(
        of,
        rows=of.rows[at],
        labels=None if of.labels is None else of.labels[at],
        views=tuple(view[at] for view in of.views),
    )
    bench, paired = _fast(trial.bench.at(kept)), None
    if trial.paired is not None:
        folder.mkdir()
        paired = against_clean(bench, replace(specimen, views=()), trial.policy, folder)
    viewed = None if trial.viewed is None else _fast(trial.viewed.at(kept))
    return replace(trial, bench=bench, paired=paired, viewed=viewed, specimen=specimen, seed=seed)


def _fast(bench: Bench) -> Bench:
    """Only how draws differ counts, not where they lie."""
    return replace(bench, request=replace(bench.request, interval="fast"))
