"""Rows as codes: which of them are alike, how many, and what that tells.

Codes are int64 (..., m), one for each of m rows; only whether two are equal matters. Every shape is fixed by
that of the input, so that nothing is read back from a device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from repdiag import linalg

_SEED = 12


def row_codes(cells: Tensor) -> Tensor:
    """One code (m,) for each row of cells (m, d) int64, equal for equal rows.

    A random linear hash modulo 2^64: two rows that differ collide with a chance of 2^-64 times the largest
    power of two that divides all their differences.
    """
    generator = torch.Generator().manual_seed(_SEED)
    factors = torch.randint(-(2**63), 2**63 - 1, (cells.shape[1],), generator=generator)
    return (cells * factors.to(cells.device)).sum(1)


def ranks(codes: Tensor) -> Tensor:
    """Codes (..., m) as numbers from zero on, less than m."""
    ordered, order = codes.sort(-1)
    new = torch.zeros_like(codes)
    new[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    return torch.empty_like(codes).scatter_(-1, order, new.cumsum(-1))


def joined(first: Tensor, second: Tensor) -> Tensor:
    """Codes (..., m) that are equal where both are."""
    return ranks(first) * first.shape[-1] + ranks(second)


def shares(codes: Tensor) -> Tensor:
    """For each row the share (..., m) float64 of the rows that have its code, itself included."""
    places = ranks(codes)
    one = torch.ones_like(places, dtype=linalg.DTYPE)
    counts = torch.zeros_like(one).scatter_add_(-1, places, one)
    return counts.gather(-1, places) / codes.shape[-1]


def class_entropy(codes: Tensor, alpha: float = 1.0) -> Tensor:
    """Renyi entropy of order alpha, in nats, of how often each code occurs."""
    return share_entropy(shares(codes), alpha)


def share_entropy(share: Tensor, alpha: float = 1.0) -> Tensor:
    """The entropy (...) from the shares (..., m) of the codes of the rows."""
    if alpha == 1:
        return -share.log().mean(-1)
    found: Tensor = share.pow(alpha - 1).mean(-1).log() / (1 - alpha)
    return found


def share_influence(share: Tensor, alpha: float = 1.0) -> Tensor:
    """How far each row (m,) moves `share_entropy`: m times the derivative by its weight, of mean zero."""
    if alpha == 1:
        return centred(-share.log())
    powers = share.pow(alpha - 1)
    return centred(powers / powers.mean()) * alpha / (1 - alpha)


def information(first: Tensor, second: Tensor) -> Tensor:
    """What each row (..., m) adds to the plug-in information of two codes: log p(a, b) / (p(a) p(b))."""
    both = shares(joined(first, second))
    return both.log() - shares(first).log() - shares(second).log()


def centred(values: Tensor) -> Tensor:
    return values - values.mean(-1, keepdim=True)
