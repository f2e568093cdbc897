"""The rows of y in another order, among rows that are alike in what is given: the conditional null."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repdiag import linalg
from repdiag.analysis.pair_sources import PairRows
from repdiag.measures.pair_neighbours import BLOCK, distances_to_all, standardised

NEIGHBOURS = 5
"""Nearest rows of the third view, itself not among them, one of which a row takes its y from."""

Places = NDArray[np.int64]


def shuffles_among_alike(rows: PairRows, count: int, seed: int) -> Iterator[PairRows]:
    """The same x and z beside y's of rows that are alike: of the same label, or near in the third view.

    Shuffling all rows would break what y has in common with z too, and so a figure given z would stand
    apart from its null without any dependence beyond z (Runge 2018, Conditional independence testing based
    on a nearest-neighbor estimator of conditional mutual information).
    """
    draws = np.random.default_rng(seed)
    places = None if rows.z is None else neighbours(rows.z)
    labels = None if rows.labels is None else rows.labels.cpu().numpy()
    for _ in range(count):
        order = within_classes(labels, draws) if places is None else near(places, draws)
        yield rows.reordered(torch.from_numpy(order))


def within_classes(labels: Places | None, draws: np.random.Generator) -> Places:
    """A random order (m,) that changes no label."""
    assert labels is not None
    order = np.empty(len(labels), dtype=np.int64)
    order[np.argsort(labels, kind="stable")] = np.lexsort((draws.random(len(labels)), labels))
    return order


def near(places: Places, draws: np.random.Generator) -> Places:
    """For every row one of its neighbours (m, k), as far as possible none of them twice."""
    order, used = np.empty(len(places), dtype=np.int64), np.zeros(len(places), dtype=bool)
    choices = draws.permuted(places, axis=1)
    for row in draws.permutation(len(places)):
        free = choices[row][~used[choices[row]]]
        order[row] = free[0] if len(free) else choices[row][0]
        used[order[row]] = True
    return order


def neighbours(z: Tensor) -> Places:
    """Places (m, k) of the nearest rows of z (m, d) by the largest difference of any standardised column."""
    view = standardised(z.to(linalg.DTYPE))
    count = min(NEIGHBOURS, len(view) - 1)
    found = [
        distances_to_all(view, start).topk(count, dim=1, largest=False).indices
        for start in range(0, len(view), BLOCK)
    ]
    places: Places = torch.cat(found).cpu().numpy()
    return places
