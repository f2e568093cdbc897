"""Healthy embeddings spoiled on purpose: the kind is known because it was planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from zoo_parts.figures import Doubles, Labels
from zoo_parts.training import Rows

Make = Callable[[Doubles, Labels, np.random.Generator], Doubles]


@dataclass(frozen=True, slots=True)
class Edit:
    """One way to spoil rows.

    `expected` are the kinds of which one must be named; `fails` is the verdict, but for the profile that
    allows as much.
    """

    name: str
    expected: tuple[str, ...]
    fails: bool
    make: Make
    allowed_by: str = ""

    def of(self, rows: Rows, labels: Labels, seed: int) -> Rows:
        """Edited rows (n, d)."""
        changed = self.make(rows.astype(np.float64), labels, np.random.default_rng(seed))
        return changed.astype(np.float32)


def jitter(size: float) -> Make:
    def make(x: Doubles, labels: Labels, r: np.random.Generator) -> Doubles:
        noise = r.standard_normal(x.shape) / np.sqrt(x.shape[1])
        return np.asarray(x[:1] + size * np.linalg.norm(x[0]) * noise)

    return make


def cone(x: Doubles, labels: Labels, r: np.random.Generator) -> Doubles:
    """A common vector ten times as long as what varies."""
    way = r.standard_normal(x.shape[1])
    return np.asarray(x - x.mean(0) + 10 * deviation(x) * way / np.linalg.norm(way))


def rogue(x: Doubles, labels: Labels, r: np.random.Generator) -> Doubles:
    """One feature with a hundred times the variance of all others."""
    j = int(np.argmax(x.std(0)))
    changed = x.copy()
    changed[:, j] *= 10 * deviation(x) / x[:, j].std()
    return changed


def copied(times: int) -> Make:
    def make(x: Doubles, labels: Labels, r: np.random.Generator) -> Doubles:
        kept = np.argsort(-x.std(0))[: x.shape[1] // times]
        return np.asarray(np.tile(x[:, kept], times))

    return make


def dead(share: float) -> Make:
    def make(x: Doubles, labels: Labels, r: np.random.Generator) -> Doubles:
        changed = x.copy()
        changed[:, r.permutation(x.shape[1])[: round(share * x.shape[1])]] = 0
        return changed

    return make


def projected(rank: int) -> Make:
    def make(x: Doubles, labels: Labels, r: np.random.Generator) -> Doubles:
        basis, _ = np.linalg.qr(r.standard_normal((x.shape[1], rank)))
        return np.asarray(x @ basis @ basis.T)

    return make


def one_class(x: Doubles, labels: Labels, r: np.random.Generator) -> Doubles:
    """The rows of class 3 all lie on one line through their mean."""
    own = labels == 3
    mean = x[own].mean(0)
    changed = x.copy()
    changed[own] = mean + (x[own] - mean) @ np.outer(*2 * (leading(x[own]),))
    return changed


def one_point(x: Doubles, labels: Labels, r: np.random.Generator) -> Doubles:
    """The rows of class 3 are one vector."""
    own = labels == 3
    changed = x.copy()
    changed[own] = x[own][0]
    return changed


def one_direction(x: Doubles, labels: Labels, r: np.random.Generator) -> Doubles:
    """A leading direction with a hundred times the variance of all others."""
    way = leading(x)
    along = (x - x.mean(0)) @ way
    return np.asarray(x + np.outer(along * (10 * deviation(x) / along.std() - 1), way))


def repeated(x: Doubles, labels: Labels, r: np.random.Generator) -> Doubles:
    """Half of the rows are copies of others."""
    chosen = np.arange(len(x))
    chosen[len(x) // 2 :] = r.integers(0, len(x) // 2, len(x) - len(x) // 2)
    return np.asarray(x[chosen])


def points(x: Doubles, labels: Labels, r: np.random.Generator) -> Doubles:
    """Every row is near one of twelve points, whatever its class."""
    centres = x[r.choice(len(x), 12, replace=False)]
    noise = 0.01 * deviation(x) * r.standard_normal(x.shape) / np.sqrt(x.shape[1])
    return np.asarray(centres[r.integers(0, 12, len(x))] + noise)


def deviation(x: Doubles) -> float:
    """Root of the total variance."""
    return float(np.sqrt(x.var(0).sum()))


def leading(x: Doubles) -> Doubles:
    """The first principal direction."""
    return np.asarray(np.linalg.svd(x - x.mean(0), full_matrices=False)[2][0])


EDITS: tuple[Edit, ...] = (
    Edit("one vector", ("constant",), True, lambda x, labels, r: np.repeat(x[:1], len(x), axis=0)),
    Edit("one vector, jitter 1e-6", ("constant",), True, jitter(1e-6)),
    Edit("one vector, jitter 1e-2", ("cone",), True, jitter(1e-2)),
    Edit("common vector of 10 deviations", ("cone",), True, cone),
    Edit("one feature 10 times all", ("rogue feature",), False, rogue),
    Edit("every feature twice", ("dimensional",), True, copied(2)),
    Edit("every feature 4 times", ("dimensional",), True, copied(4)),
    Edit("80% dead units", ("dead features",), True, dead(0.80), allowed_by="relu-cnn"),
    Edit("95% dead units", ("dead features",), True, dead(0.95)),
    Edit("times 1e-6", (), False, lambda x, labels, r: 1e-6 * x),
    Edit("projected to 16", ("dimensional",), True, projected(16)),
    Edit("projected to 3", ("dimensional",), True, projected(3)),
    Edit("projected to 9", ("dimensional",), True, projected(9)),
    Edit("one class at a point", ("class collapse",), True, one_point),
    Edit("one class on a line", ("class collapse",), True, one_class),
    Edit("one direction 10 times all", ("one direction",), True, one_direction),
    Edit("half of the rows repeated", ("repeated rows",), False, repeated),
    Edit("twelve points", ("dimensional", "clusters"), True, points),
)
