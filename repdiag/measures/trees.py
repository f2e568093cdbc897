"""Neighbours of rows of few features in a tree: on the host, exactly what blocks of distances give."""

from __future__ import annotations

import torch
from torch import Tensor

from repdiag import linalg

TREE_FEATURES = 10
"""Up to so many features of both views together a tree on the host is faster than all distances: for 4,000
rows a fortieth of their time at two features, a sixth at six, half at ten."""


def suits_tree(views: list[Tensor], norm: str) -> bool:
    """Whether rows of these views are looked up in a tree: on the host, few features, largest difference."""
    few = sum(view.shape[1] for view in views) <= TREE_FEATURES
    return few and norm == "max" and views[0].device.type == "cpu"


def crowds(views: list[Tensor], k: int) -> Tensor:
    """Rows (m, v) nearer in each view than the k-th neighbour in all of them, and one more."""
    import numpy as np
    from scipy.spatial import cKDTree

    arrays = [view.numpy() for view in views]
    joint = np.hstack(arrays)
    radius = cKDTree(joint).query(joint, k=[k + 1], p=np.inf)[0][:, 0]
    # Nearer, not as near; and nothing is nearer than rows that are alike.
    inside = np.where(radius > 0, np.nextafter(radius, 0), -1.0)
    found = [cKDTree(array).query_ball_point(array, inside, p=np.inf, return_length=True) for array in arrays]
    return torch.from_numpy(np.stack(found, axis=1)).to(linalg.DTYPE)
