"""Measures of the cloud itself, without a linear model."""

from __future__ import annotations

import torch
from torch import Tensor

from repdiag.measures.declaration import CENTRED
from repdiag.measures.inputs import Need, Neighbours
from repdiag.measures.registry import measure


@measure(
    needs=Need.NEIGHBOURS,
    unit="dimensions",
    bounds=(0.0, None),
    collapse="low",
    invariant_to=CENTRED,
    scale="log",
    plugin_bias="low",
    requires=(("0 <= discard < 1", lambda o: 0 <= o["discard"] < 1),),
    definition="zero-intercept slope of -log(1 - F) on log(r2/r1), F = i/n from i = 1, "
    "largest <discard> dropped, duplicate rows dropped",
    cite="Facco et al. 2017, Estimating the intrinsic dimension by a minimal neighborhood information",
)
def twonn(neighbours: Neighbours, *, discard: float = 0.1) -> Tensor:
    """Intrinsic dimension from the ratio of the two nearest-neighbour distances."""
    ratios = neighbours.ratios
    m = ratios.shape[0]
    kept = max(int((1 - discard) * m), 1)
    x = ratios.log().sort().values[:kept]
    rank = torch.arange(1, kept + 1, device=x.device, dtype=x.dtype)
    y = -torch.log1p(-rank / m)
    return (x * y).sum() / x.square().sum()
