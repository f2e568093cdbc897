"""Where activations lie, and how many samples they tell apart without any bins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from repdiag.store import Store, open_store
from repdiag.types import Address

from .tables import markdown

OUTER = 1 - 2 / 30
"""A tanh unit beyond this lies in the outer two of 30 bins from -1 to 1."""


def activations(stores: Mapping[str, Sequence[Path]], layers: Sequence[str]) -> str:
    """Figures of the first and the last checkpoint: means over seeds."""
    head = ["layer", "tanh: in the outer bins", "ReLU: at zero", "ReLU: largest"]
    head += ["tanh: H(T) without bins", "ReLU: H(T) without bins"]
    columns = (("tanh", _outer), ("relu", _zero), ("relu", _most), ("tanh", entropy), ("relu", entropy))
    rows = [[layer, *(_change(stores[name], layer, figure) for name, figure in columns)] for layer in layers]
    return markdown(head, rows)


def entropy(rows: np.ndarray) -> float:
    """H(T) in nats of rows as they are: log n where no two are equal."""
    _, counts = np.unique(rows, axis=0, return_counts=True)
    shares = counts / len(rows)
    return float(-(shares * np.log(shares)).sum())


def _outer(rows: np.ndarray) -> float:
    return float((np.abs(rows) > OUTER).mean())


def _zero(rows: np.ndarray) -> float:
    return float((rows == 0).mean())


def _most(rows: np.ndarray) -> float:
    return float(rows.max())


def _change(stores: Sequence[Path], layer: str, figure: Callable[[np.ndarray], float]) -> str:
    first, last = np.mean([_ends(path, layer, figure) for path in stores], axis=0)
    return f"{first:.2f} to {last:.2f}"


def _ends(path: Path, layer: str, figure: Callable[[np.ndarray], float]) -> list[float]:
    with open_store(path) as store:
        names = [info.address.checkpoint for info in store.select(layers=(layer,))]
        return [figure(_rows(store, name, layer)) for name in (names[0], names[-1])]


def _rows(store: Store, checkpoint: str, layer: str) -> np.ndarray:
    return store.read(Address(checkpoint, "base", layer), 0, store.n)
