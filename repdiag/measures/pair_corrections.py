"""Closed forms for what few samples add to log determinants; pure functions in torch.

Letters: p features, N degrees of freedom (n - 1 where the mean is estimated).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from repdiag import linalg


def wishart_bias(ranks: Tensor, size: int, degrees: int) -> Tensor:
    """Mean of log det S - log det Sigma for sample covariances S of Gaussian rows, for each p of `ranks`.

    sum_{i<p} psi((N - i) / 2) + p log(2 / N), in nats, exact (Muirhead 1982, Theorem 3.2.15).
    NaN where N < p.

    Args:
        ranks: p (...), each at most `size`.
        degrees: N, at least 0.
    """
    order = torch.arange(size, device=ranks.device, dtype=linalg.DTYPE)
    terms = torch.special.digamma((degrees - order).clamp(min=1) / 2)
    summed = torch.where(order < ranks[..., None], terms, 0).sum(-1)
    found = summed + ranks.to(linalg.DTYPE) * math.log(2 / max(degrees, 1))
    return torch.where(ranks <= degrees, found, math.nan)


def information_bias(first: Tensor, second: Tensor, size: int, degrees: int) -> Tensor:
    """What few Gaussian rows add to 1/2 (log det Sx + log det Sy - log det Sxy), about d1 d2 / 2N nats."""
    parts = wishart_bias(torch.stack((first, second, first + second)), size, degrees)
    found: Tensor = (parts[0] + parts[1] - parts[2]) / 2
    return found
