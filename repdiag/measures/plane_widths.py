"""Bandwidths of a layer: the same at every step, or the step's own."""

from __future__ import annotations

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.measures.declaration import Change, Options, Requirement
from repdiag.measures.pair_grams import median_distance
from repdiag.measures.plane_blocks import rounds_little
from repdiag.measures.plane_inputs import PlaneRows

RIGID: tuple[Change, ...] = ("row order", "rotation", "translation", "feature order")
"""What figures of one bandwidth do not depend on."""

MEDIAN_ROWS = 4000
"""Rows, the first ones, whose distances the step's own bandwidth is the median of."""

BANDWIDTHS = ("layer", "step")
CHOSEN: Requirement = ("bandwidth is layer or step", lambda o: o["bandwidth"] in BANDWIDTHS)
SPELLED = (
    "bandwidth=<bandwidth> (layer: s the median distance over all steps, step: of the rows of the step "
    "itself)"
)


def own_scale(options: Options) -> bool:
    """Whether the bandwidth follows the step."""
    return bool(options["bandwidth"] == "step")


def width_of(rows: PlaneRows, bandwidth: str) -> Tensor:
    """The bandwidth () of a layer; one for rows that do not differ."""
    if bandwidth == "layer":
        return rows.t.new_tensor(rows.scale.width or 1.0)
    found = median_distance(rows.t[:MEDIAN_ROWS])
    return torch.where(found > linalg.EPSILON * rows.t.abs().max() * rows.t.shape[1], found, 1.0)


def fits_single(rows: PlaneRows, bandwidth: str, rate: float = 1.0) -> bool:
    """Whether float32 will do for exp(-rate d^2 / s^2); the host does not know the step's own bandwidth."""
    if bandwidth == "step" or not rows.scale.width:
        return False
    return rounds_little(rows, rate / rows.scale.width**2)


def rate_of_inputs(rows: PlaneRows) -> float:
    """1 / s^2 of the features of the inputs."""
    return 1 / (rows.input_width or 1.0) ** 2
