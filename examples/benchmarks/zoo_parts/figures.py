"""Plain figures that know nothing of the gate: what an encoder became, by numpy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from zoo_parts.training import Embeddings, Rows
from zoo_parts.variants import Truth

NEIGHBOURS = 10
SPREAD = 0.01
LIVE = 0.25
FEW = 2
GUESSING = 0.5

Labels = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plain:
    """Figures of rows (n, d).

    Attributes:
        spread: share of the squared length that varies, 0..1.
        live: share of the d singular values above 1% of the largest, 0..1.
        most: number of directions that hold 99% of the variance.
        linear, knn: accuracy of two probes on the rows held out, 0..1.
    """

    spread: float
    live: float
    most: int
    linear: float
    knn: float

    def collapsed(self, usual: float) -> bool:
        """Whether anything but the gate would call this collapsed; `usual` is the kNN accuracy in health."""
        return self.spread < SPREAD or self.live <= LIVE or self.most <= FEW or self.knn < GUESSING * usual


def plain(rows: Embeddings, train_labels: Labels, held_labels: Labels) -> Plain:
    """The figures of one encoder."""
    spread, live, most = shape(rows.held)
    return Plain(
        spread,
        live,
        most,
        float((linear_probe(rows.train, train_labels, rows.held) == held_labels).mean()),
        float((nearest(rows.train, train_labels, rows.held) == held_labels).mean()),
    )


def shape(rows: Rows) -> tuple[float, float, int]:
    """Spread, live share and the number of directions with 99% of the variance."""
    x = rows.astype(np.float64)
    centred = x - x.mean(0)
    energy = float(np.square(x).sum())
    values = np.linalg.svd(centred, compute_uv=False)
    if energy == 0 or values[0] <= 1e-6 * np.sqrt(energy):
        return 0.0, 0.0, 0
    shares = np.cumsum(values**2) / (values**2).sum()
    live = float((values > 0.01 * values[0]).sum() / rows.shape[1])
    return float(np.square(centred).sum()) / energy, live, int((shares < 0.99).sum()) + 1


def linear_probe(train: Rows, labels: Labels, held: Rows) -> Labels:
    """Classes by ridge regression onto the ten classes, on standardised features."""
    x, y = (rows.astype(np.float64) for rows in (train, held))
    mean, deviation = x.mean(0), np.maximum(x.std(0), 1e-12)
    x, y = (np.column_stack(((rows - mean) / deviation, np.ones(len(rows)))) for rows in (x, y))
    ridge = 1e-3 * len(x) * np.eye(x.shape[1])
    weights = np.linalg.solve(x.T @ x + ridge, x.T @ np.eye(labels.max() + 1)[labels])
    return np.asarray((y @ weights).argmax(1), dtype=np.int64)


def nearest(train: Rows, labels: Labels, held: Rows) -> Labels:
    """Classes by a vote of the ten neighbours of largest cosine."""
    a, b = (unit(rows) for rows in (held, train))
    voters = np.argpartition(-(a @ b.T), NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    votes = np.eye(labels.max() + 1)[labels[voters]].sum(1)
    return np.asarray(votes.argmax(1), dtype=np.int64)


def unit(rows: Rows) -> Doubles:
    """Rows of length one."""
    x = rows.astype(np.float64)
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-300))


def alignment(views: Rows) -> float:
    """Mean squared distance between unit rows of the first two views."""
    a, b = unit(views[0]), unit(views[1])
    return float(np.square(a - b).sum(1).mean())


def found_truth(expected: Truth, collapsed: bool) -> str:
    """What an encoder became: as expected, or the word for what did not come true."""
    if expected == "collapsed" and not collapsed:
        return "did not collapse"
    if expected == "healthy" and collapsed:
        return "collapsed on its own"
    return expected
