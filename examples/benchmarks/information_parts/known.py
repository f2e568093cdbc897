"""Estimators beside a known answer: those that claim Shannon information, and those that do not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .reading import estimates, figures, markdown, short
from .tasks import Task

GAUSSIAN, NEAREST = ("gaussian_mi", "logdet_mi"), ("ksg_mi",)
"""Nats of Shannon information, the first two of a Gaussian law of the same covariance."""
CLAIM = (*GAUSSIAN, *NEAREST)

SUMS, ROWS = ("renyi_mi", "cka"), ("cs_qmi", "cka{kernel=gaussian}")
DEAR = ("renyi_mi{alpha=1}", "matrix_mi", "diffusion_mi")
"""Take eigenvalues of an n x n matrix, so that they are read at the smallest n only."""


@dataclass(frozen=True)
class Effort:
    """Sizes n of the samples, draws of those that claim Shannon information, and a first seed."""

    sizes: Sequence[int]
    draws: int
    seed: int


def claims(tasks: Sequence[Task], effort: Effort) -> str:
    """Mean error of each estimator in nats, its standard deviation over draws in brackets."""
    head = ["task", "truth", "n", *(f"`{name}`" for name in CLAIM), "`gaussian_mi` plug-in"]
    return markdown(head, [_claim(task, n, effort) for task in tasks for n in effort.sizes])


def _claim(task: Task, n: int, effort: Effort) -> list[str]:
    errors: dict[str, list[float]] = {name: [] for name in (*CLAIM, "plugin")}
    for draw in range(effort.draws):
        views = task.draw(n, np.random.default_rng(effort.seed + draw))
        found = estimates(*views, GAUSSIAN)
        read = {name: each.value for name, each in found.items()} | figures(*views, NEAREST)
        for name, value in (read | {"plugin": found["gaussian_mi"].plugin}).items():
            errors[name].append(math.nan if value is None else value - task.truth)
    return [task.name, f"{task.truth:.4g}", f"{n:,}", *map(_spread, errors.values())]


def _spread(errors: Sequence[float]) -> str:
    if not np.isfinite(errors).all():
        return "withheld"
    mean = f"{np.mean(errors):+.3f}"
    return f"{mean} ({np.std(errors, ddof=1):.3f})" if len(errors) > 1 else mean


def others(tasks: Sequence[Task], effort: Effort) -> str:
    """Figures that are no Shannon information, each with its distance from the truth in brackets."""
    head = ["task", "truth", "n", *(f"`{name}`" for name in (*SUMS, *ROWS, *DEAR))]
    return markdown(head, [_other(task, n, effort) for task in tasks for n in effort.sizes])


def _other(task: Task, n: int, effort: Effort) -> list[str]:
    views = task.draw(n, np.random.default_rng(effort.seed))
    dear = DEAR if n == min(effort.sizes) else ()
    read = {name: each.value for name, each in estimates(*views, SUMS).items()}
    read |= figures(*views, (*ROWS, *dear))
    cells = [_beside(read.get(name), task.truth) for name in (*SUMS, *ROWS, *DEAR)]
    return [task.name, f"{task.truth:.4g}", f"{n:,}", *cells]


def _beside(value: float | None, truth: float) -> str:
    return "" if value is None else f"{short(value)} ({value - truth:+.3g})"
