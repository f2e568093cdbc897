"""Small stores of checkpoints whose layers are known functions, and an estimator that can be foretold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from repdiag.measures.plane_inputs import PlaneReading, PlaneRows
from repdiag.measures.plane_registry import EstimatorChoice, PlaneEstimator
from repdiag.store import write_store
from repdiag.types import Address

Array = np.ndarray[Any, Any]
N = 300


def reading(rows: PlaneRows) -> PlaneReading:
    """I(X;T) is the mean of the first feature, I(T;Y) the share of class 1 among its positive rows."""
    first = rows.t[:, 0]
    about_y = (rows.labels * (first > 0)).to(first.dtype)
    return PlaneReading(
        ixt=first.mean(),
        ity=about_y.mean(1),
        ixt_influence=first - first.mean(),
        ity_influence=about_y[0] - about_y[0].mean(),
        ixt_ceiling=torch.tensor(rows.m, dtype=first.dtype).log(),
        ity_ceiling=torch.tensor(rows.classes, dtype=first.dtype).log(),
        details={"width": torch.tensor(rows.scale.width), "ixt_lower": 1.0, "ity_lower": 2.0, "kind": "fake"},
    )


def choice(function: Any = reading, name: str = "fake", most_rows: int = 10_000) -> EstimatorChoice:
    """An estimator that is in no registry."""
    declared = PlaneEstimator(
        name=name,
        function=function,
        unit="nats",
        bounds=(None, None),
        invariant_to=(),
        cite="nobody",
        definition="mean of the first feature",
        scale="linear",
        requires=(),
        defaults={},
        says="a mean",
        cannot="tell more",
        most_rows=most_rows,
        scale_free=False,
        needs_inputs=False,
    )
    return EstimatorChoice(declared)


def rising_then_falling(steps: int = 8, n: int = N, seed: int = 0) -> dict[int, dict[str, Array]]:
    """Rows by step and layer: `turns` spreads and shrinks again in its bins, `grows` only spreads."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    base = random.standard_normal((n, 2)) + 2 * labels[:, None]
    gains = {
        "turns": np.interp(np.arange(steps), [0, steps // 2, steps - 1], [0.05, 1.0, 0.2]),
        "grows": np.linspace(0.05, 1.0, steps),
    }
    return {
        step: {name: (gain[step] * base).astype(np.float32) for name, gain in gains.items()}
        for step in range(steps)
    }


def written(
    path: Path,
    rows: dict[int, dict[str, Array]],
    *,
    name: str = "step={}",
    attrs: str = "step",
    columns: dict[str, Any] | None = None,
) -> Path:
    """A store with a checkpoint for each step; `attrs` names what its attributes hold, empty for nothing."""
    n = len(next(iter(next(iter(rows.values())).values())))
    samples = {"id": [f"i{i}" for i in range(n)], "label": [f"c{i % 2}" for i in range(n)]}
    named = {step: name.format(step) for step in rows}
    return write_store(
        path,
        {**samples, **(columns or {})},
        {
            Address(named[step], "base", layer): array
            for step, layers in rows.items()
            for layer, array in layers.items()
        },
        checkpoints={named[step]: {attrs: step} if attrs else {} for step in rows},
    )
