"""Rows of small random networks, as the tests of the information plane read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from repdiag.measures.pair_grams import median_distance
from repdiag.measures.plane_inputs import LayerScale, PlaneReading, PlaneRows
from repdiag.measures.plane_registry import parse_estimator

Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]
ACTIVATIONS: dict[str, Callable[[Matrix], Matrix]] = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0.0),
    "linear": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
}


def median(rows: Matrix) -> float:
    return float(median_distance(torch.from_numpy(np.ascontiguousarray(rows))))


def scale_of(*steps: Matrix) -> LayerScale:
    """What a layer keeps over steps t (m, d)."""
    every = np.concatenate([t.ravel() for t in steps])
    distinct = np.unique(every)
    quantiles = distinct[np.linspace(0, len(distinct) - 1, 601).astype(int)]
    return LayerScale(
        low=float(every.min()),
        high=float(every.max()),
        width=float(np.mean([median(t) for t in steps])),
        deviation=float(np.sqrt(np.mean([t.var(0).mean() for t in steps]))),
        quantiles=tuple(quantiles.tolist()),
    )


def shuffled(labels: Codes, times: int, seed: int = 0) -> Codes:
    """Labels (m,) as they are, and shuffled: (times + 1, m)."""
    r = np.random.default_rng(seed)
    return np.stack([labels, *(r.permutation(labels) for _ in range(times))])


def plane_rows(
    t: Matrix,
    labels: Codes,
    *,
    x: Codes | None = None,
    inputs: Matrix | None = None,
    scale: LayerScale | None = None,
    shuffles: int = 3,
) -> PlaneRows:
    m = len(t)
    rows = labels if labels.ndim == 2 else shuffled(labels, shuffles)
    return PlaneRows(
        t=torch.from_numpy(np.ascontiguousarray(t)),
        x=torch.from_numpy(np.arange(m) if x is None else x),
        labels=torch.from_numpy(rows),
        classes=int(labels.max()) + 1,
        scale=scale or scale_of(t, 0.7 * t),
        inputs=None if inputs is None else torch.from_numpy(inputs),
        input_width=0.0 if inputs is None else median(inputs),
    )


@dataclass(frozen=True)
class Network:
    """One layer of a random network: what it was fed, what came out, and a label of what it was fed."""

    inputs: Matrix
    x: Codes
    t: Matrix
    labels: Codes


def network(seed: int, m: int = 48) -> Network:
    """Depth, widths, gain, activation and number of classes from the seed; some inputs come twice."""
    r = np.random.default_rng(seed)
    activation = ACTIVATIONS[list(ACTIVATIONS)[seed % len(ACTIVATIONS)]]
    distinct = r.choice([-1.0, 1.0], (m - 4, 8)) if seed % 2 else r.standard_normal((m - 4, 5))
    x = np.concatenate([np.arange(m - 4), r.integers(m - 4, size=4)])
    inputs = distinct[x]
    h = inputs
    for _ in range(int(r.integers(1, 4))):
        width = int(r.integers(1, 9))
        h = activation(h @ (r.uniform(0.3, 3) * r.standard_normal((h.shape[1], width))) / h.shape[1] ** 0.5)
    classes = int(r.integers(2, 5))
    score = inputs @ r.standard_normal(inputs.shape[1])
    labels = np.clip(
        np.searchsorted(np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1]), score), 0, None
    )
    return Network(inputs, x, h, labels.astype(np.int64))


def rows_of(net: Network, with_inputs: bool = False, shuffles: int = 3) -> PlaneRows:
    inputs = net.inputs if with_inputs else None
    return plane_rows(net.t, net.labels, x=net.x, inputs=inputs, shuffles=shuffles)


def read(key: str, rows: PlaneRows) -> PlaneReading:
    return parse_estimator(key).read(rows)


def permuted(rows: PlaneRows, order: Codes) -> PlaneRows:
    picked = torch.from_numpy(order)
    inputs = None if rows.inputs is None else rows.inputs[picked]
    return replace(rows, t=rows.t[picked], x=rows.x[picked], labels=rows.labels[:, picked], inputs=inputs)


def standard_error(influence: torch.Tensor) -> float:
    return float(influence.square().sum().sqrt() / len(influence))
