"""What breaks the assumption that rows are independent and alike: repeats, outliers, order.

Numpy on the host: these look at rows as they are stored, before any shuffle, and at a sketch of a few
columns, so that they cost O(n) memory and little time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Mask = NDArray[np.bool_]

SKETCH_COLUMNS = 8
CONCENTRATIONS = 2
OUTLIER_FACTOR = 16.0
"""Squared distance, in units of the median row's, from which on a row is far out: four times the scale."""

HASHED_ROWS = 256
"""Rows hashed at a time: their words stay in the cache."""

SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio, odd: products with it spread low bits over high ones."""


def row_hashes(block: NDArray[Any]) -> NDArray[np.uint64]:
    """A 64-bit hash (b,) of the bytes of each row (b, d): equal rows have equal hashes, others almost never.

    Words are mixed one by one, by a bijection, and summed with odd weights modulo 2^64, so that rows that
    differ in one word always differ. A sum of words as they are would not do: a sign is the highest bit of a
    word, of which an odd weight keeps no more than the parity.
    """
    raw = np.ascontiguousarray(block)
    width = raw.shape[1] * raw.dtype.itemsize
    word = next(size for size in (8, 4, 2) if width % size == 0)
    words = raw.view(f"u{word}")
    weights = np.random.default_rng(0).integers(0, 2**64, words.shape[1], dtype=np.uint64) | np.uint64(1)
    found = np.empty(len(words), dtype=np.uint64)
    for start in range(0, len(words), HASHED_ROWS):
        mixed = _mixed(words[start : start + HASHED_ROWS])
        mixed *= weights
        np.sum(mixed, axis=1, dtype=np.uint64, out=found[start : start + HASHED_ROWS])
    return found


def _mixed(words: NDArray[Any]) -> NDArray[np.uint64]:
    """Words with every bit spread over all of 64: fold, multiply, fold."""
    half = np.uint64(32)
    found = words.astype(np.uint64)
    found ^= found >> half
    found *= SPREAD
    found ^= found >> half
    return found


def sketch_matrix(d: int) -> Real:
    """A fixed random projection (d, 8): the same for every run."""
    found: Real = np.random.default_rng(1).standard_normal((d, SKETCH_COLUMNS)) / np.sqrt(d)
    return found


def repeats(hashes: NDArray[np.uint64], usable: Mask) -> Mask:
    """Which rows (n,) are exact repeats of an earlier usable one."""
    index = np.flatnonzero(usable)
    _, first = np.unique(hashes[index], return_index=True)
    found = usable.copy()
    found[index[first]] = False
    return found


def whitened(sketch: Real) -> Real:
    """Sketch (n, k) about its mean in coordinates of unit variance, without directions that have none."""
    centred = sketch - sketch.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / max(len(centred) - 1, 1))
    kept = values > values[-1] * 1e-9
    found: Real = centred @ (vectors[:, kept] / np.sqrt(values[kept])) if values[-1] > 0 else centred[:, :0]
    return found


def core_energies(sketch: Real) -> Real:
    """Squared length (n,) of each row in coordinates where the inner half of the rows has unit variance.

    All rows together would hide the far ones: a few of them stretch the very variance that measures them.
    Two concentration steps of Rousseeuw & Van Driessen 1999, from the rows nearest to the median.
    """
    energy = np.square(sketch - np.median(sketch, axis=0)).sum(axis=1)
    for _ in range(CONCENTRATIONS):
        core = sketch[energy <= np.median(energy)]
        centred = core - core.mean(axis=0)
        values, vectors = np.linalg.eigh(centred.T @ centred / max(len(core) - 1, 1))
        if not values[-1] > 0:
            break
        # A direction in which the core does not vary counts as little as rounding does, not infinitely.
        scale = np.sqrt(np.maximum(values, values[-1] * 1e-9))
        energy = np.square((sketch - core.mean(axis=0)) @ (vectors / scale)).sum(axis=1)
    found: Real = energy
    return found


def far_out(energy: Real) -> Mask:
    """Rows (n,) whose squared length is many times that of the median row."""
    far: Mask = energy > OUTLIER_FACTOR * np.median(energy) if energy.size else energy.astype(bool)
    return far


def lag_one(white: Real, linked: Mask) -> tuple[float, float]:
    """Correlation of neighbouring rows and its standard error under independence.

    Args:
        white: rows (n, k) in file order, each column of unit variance.
        linked: (n - 1,) which neighbours count as a pair.
    """
    pairs, columns = int(linked.sum()), white.shape[1]
    if not pairs or not columns:
        return 0.0, np.inf
    products = (white[:-1][linked] * white[1:][linked]).sum(axis=0)
    own = np.square(white).mean(axis=0)
    return float((products / (pairs * own)).mean()), float(1 / np.sqrt(pairs * columns))


def without_class_means(white: Real, codes: NDArray[np.int64]) -> Real:
    """Rows minus the mean of their class: samples sorted by class are not dependent for it."""
    sums = np.zeros((codes.max() + 1, white.shape[1]))
    np.add.at(sums, codes, white)
    counts = np.bincount(codes, minlength=len(sums)).clip(min=1)
    found: Real = white - (sums / counts[:, None])[codes]
    return found
