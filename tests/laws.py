"""What a measure promises about changes of its input, as data and functions the tests run over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from repdiag.measures.declaration import Change
from repdiag.measures.inputs import Need
from repdiag.measures.registry import parse_selection
from tests.analysis.memory import figure
from tests.reference import Matrix

CHANGES: tuple[Change, ...] = get_args(Change)


@dataclass(frozen=True)
class Subject:
    """Several views (q, n, d) of the same n objects, with labels (n,); most measures read the first."""

    views: Matrix
    labels: NDArray[np.int64]

    @property
    def rows(self) -> Matrix:
        first: Matrix = self.views[0]
        return first


def subject(rows: Matrix, labels: NDArray[np.int64] | None = None, seed: int = 0) -> Subject:
    """`rows` as the first of three views that differ by a little noise; four classes by default."""
    noise = 0.3 * rows.std() * np.random.default_rng(seed).standard_normal((2, *rows.shape))
    codes = np.arange(len(rows)) % 4 if labels is None else labels
    return Subject(np.stack([rows, rows + noise[0], rows + noise[1]]), codes)


def evaluate(key: str, data: Subject) -> float | None:
    """The textbook figure of one measure through the whole analysis."""
    if parse_selection(key).needs is Need.OBJECTS:
        views = {f"view{i}": view for i, view in enumerate(data.views)}
        return figure(views, key).plugin
    return figure(data.rows, key, labels=data.labels).plugin


# --- Changes, each by its declared name. ---


def row_order(data: Subject, r: np.random.Generator) -> Subject:
    order = r.permutation(data.rows.shape[0])
    return Subject(data.views[:, order], data.labels[order])


def feature_order(data: Subject, r: np.random.Generator) -> Subject:
    return replace(data, views=data.views[..., r.permutation(data.rows.shape[1])])


def rotation(data: Subject, r: np.random.Generator) -> Subject:
    d = data.rows.shape[1]
    orthogonal, _ = np.linalg.qr(r.standard_normal((d, d)))
    return replace(data, views=data.views @ orthogonal)


def translation(data: Subject, r: np.random.Generator) -> Subject:
    return replace(data, views=data.views + 2 * data.rows.std() * r.standard_normal(data.rows.shape[1]))


def scale(data: Subject, r: np.random.Generator) -> Subject:
    return replace(data, views=data.views * r.uniform(5, 50))


def row_scale(data: Subject, r: np.random.Generator) -> Subject:
    return replace(data, views=data.views * np.exp(r.standard_normal((data.rows.shape[0], 1))))


APPLY: Mapping[Change, Callable[[Subject, np.random.Generator], Subject]] = {
    "row order": row_order,
    "feature order": feature_order,
    "rotation": rotation,
    "translation": translation,
    "scale": scale,
    "row scale": row_scale,
}


# --- Inputs, each with a property that some change destroys. ---


def correlated(n: int = 150, d: int = 30, seed: int = 0) -> Subject:
    r = np.random.default_rng(seed)
    rows = r.standard_normal((n, d)) * np.arange(1, d + 1) ** -0.5 @ r.standard_normal((d, d)) / d**0.5
    return subject(rows + 0.3 * r.standard_normal(d))


def tiny(seed: int = 6) -> Subject:
    """So small that a fixed ridge is felt."""
    data = correlated(seed=seed)
    return replace(data, views=data.views * 0.01)


def wide(seed: int = 1) -> Subject:
    """Fewer samples than features."""
    return correlated(60, 90, seed)


def affine_plane(seed: int = 2) -> Subject:
    """Centred rank 2, away from the origin: stretching rows makes it 3."""
    r = np.random.default_rng(seed)
    return subject(r.standard_normal((100, 2)) @ r.standard_normal((2, 20)) + 3 * r.standard_normal(20))


def steep(seed: int = 3) -> Subject:
    """Singular values that fall to a ten-thousandth, away from the origin."""
    r = np.random.default_rng(seed)
    falling = r.standard_normal((150, 30)) * np.geomspace(1, 1e-4, 30)
    return subject(falling @ np.linalg.qr(r.standard_normal((30, 30)))[0] + r.standard_normal(30))


def rogue(seed: int = 4) -> Subject:
    """One feature a hundred times the others."""
    rows = np.random.default_rng(seed).standard_normal((150, 30))
    rows[:, 7] *= 100
    return subject(rows)


def rarely_firing(seed: int = 5) -> Subject:
    """Non-negative features, some of which fire once or never, and a constant one."""
    r = np.random.default_rng(seed)
    rows = np.maximum(r.standard_normal((5000, 8)), 0)
    rows[:, :3] = 0
    rows[10, :2] = 1
    rows[:, 4] = 0.5
    return subject(rows)


INPUTS: Mapping[str, Callable[[], Subject]] = {
    "correlated": correlated,
    "wide": wide,
    "tiny": tiny,
    "affine plane": affine_plane,
    "steep": steep,
    "rogue": rogue,
    "rarely firing": rarely_firing,
}


# --- Inputs for the bounds: random, low-rank, heavy-tailed, degenerate but not constant. ---


def bounded_inputs(seed: int) -> Mapping[str, Subject]:
    r = np.random.default_rng(seed)
    n, d = int(r.integers(70, 120)), int(r.integers(16, 60))
    normal = r.standard_normal((n, d))
    one_direction = r.standard_normal((n, 1)) @ r.standard_normal((1, d))
    return {
        "random": subject(normal),
        "square": subject(r.standard_normal((d, d))),
        "wide": subject(r.standard_normal((30, 31 + d))),
        "low rank": subject(r.standard_normal((n, 3)) @ r.standard_normal((3, d))),
        "one direction": subject(one_direction),
        "heavy tails": subject(normal * np.exp(2 * r.standard_normal((n, 1)))),
        "cauchy": subject(r.standard_cauchy((n, d))),
        "orthonormal": subject(np.linalg.qr(r.standard_normal((n + d, d)))[0]),
        "opposite": subject(np.concatenate([normal, -normal])),
        "one outlier": subject(np.concatenate([normal * 1e-6, np.ones((1, d))])),
        "far mean": subject(normal + 1e5),
        "non-negative": subject(np.maximum(normal, 0)),
    }


# --- Planted collapses: (healthy, collapsed) by the record that a measure reads. ---


def dimensional() -> tuple[Subject, Subject]:
    """All variance falls onto 8 of 64 directions."""
    r = np.random.default_rng(10)
    healthy = r.standard_normal((400, 64))
    basis = np.linalg.qr(r.standard_normal((64, 64)))[0][:, :8]
    return subject(healthy), subject(healthy @ basis @ basis.T)


def complete() -> tuple[Subject, Subject]:
    """All rows move towards one vector."""
    r = np.random.default_rng(11)
    healthy = r.standard_normal((400, 64))
    return subject(healthy), subject(0.05 * healthy + r.standard_normal(64))


def dead_units() -> tuple[Subject, Subject]:
    """Half of the features stop firing."""
    healthy = np.maximum(np.random.default_rng(12).standard_normal((400, 16)), 0)
    collapsed = healthy.copy()
    collapsed[:, ::2] = 0
    return subject(healthy), subject(collapsed)


def one_class() -> tuple[Subject, Subject]:
    """The rows of one class fall onto a line."""
    data = correlated(400, 16, seed=13)
    rows, first = data.rows.copy(), data.labels == 0
    rows[first] = rows[first][:, :1] * np.ones(16)
    return data, subject(rows)


def class_means() -> tuple[Subject, Subject]:
    """Every class shrinks onto its mean."""
    r = np.random.default_rng(14)
    centres, labels = r.standard_normal((4, 16)), np.arange(400) % 4
    within = r.standard_normal((400, 16))
    return subject(centres[labels] + within), subject(centres[labels] + 0.05 * within)


def objects() -> tuple[Subject, Subject]:
    """What differs between objects falls onto 3 of 16 directions; what differs between views stays."""
    r = np.random.default_rng(15)
    means, noise = r.standard_normal((400, 16)), 0.1 * r.standard_normal((3, 400, 16))
    labels = np.arange(400) % 4
    flat = means * (np.arange(16) < 3)
    return Subject(means + noise, labels), Subject(flat + noise, labels)


COLLAPSES: Mapping[Need, Callable[[], tuple[Subject, Subject]]] = {
    Need.SPECTRUM: dimensional,
    Need.CLEAN_SPECTRUM: dimensional,
    Need.SECOND_MOMENT: dimensional,
    Need.DIRECTION_SPECTRUM: dimensional,
    Need.NEIGHBOURS: dimensional,
    Need.LOCATION: complete,
    Need.DIRECTIONS: complete,
    Need.POTENTIAL: complete,
    Need.ACTIVITY: dead_units,
    Need.CLASS_SPECTRA: one_class,
    Need.CLASS_MEANS: class_means,
    Need.OBJECTS: objects,
    Need.CLOUD: dimensional,
    Need.OUTPUTS: class_means,
}
