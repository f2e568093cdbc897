"""The layers behind the golden values of the information plane; see `inputs.py`."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tests.golden.inputs import Matrix

Labels = NDArray[np.int64]


def bits() -> tuple[Matrix, Labels]:
    """All 4096 patterns of 12 bits as -1 and 1, and a label from a weighted count of ones."""
    k = np.arange(4096)
    ones = ((k[:, None] >> np.arange(12)) & 1).astype(np.float64)
    score = ones @ np.linspace(0.6, 1.4, 12) + 1.5 * ones[:, 0] * ones[:, 5]
    return 2 * ones - 1, (score > 6.4).astype(np.int64)


@cache
def layers(activation: str, gain: float) -> list[Matrix]:
    """Every layer of a random 12-10-7-5-4-3 network without biases on `bits`."""
    r = np.random.default_rng(8)
    h, found = bits()[0], []
    for wide, narrow in zip((12, 10, 7, 5, 4), (10, 7, 5, 4, 3), strict=True):
        z = h @ (gain * r.standard_normal((wide, narrow)) / np.sqrt(wide))
        h = np.tanh(z) if activation == "tanh" else np.maximum(z, 0.0)
        found.append(h)
    return found


def layer(name: str) -> Matrix:
    """The layer that an entry names, as in "I_layers(tanh,gain=3.0)[2]"."""
    parts = re.fullmatch(r"I_layers\((\w+),gain=([\d.]+)\)\[(\d)\]", name)
    assert parts
    return layers(parts[1], float(parts[2]))[int(parts[3])]


def uniform() -> Matrix:
    drawn: Matrix = np.random.default_rng(10).random((1000, 20))
    return drawn
