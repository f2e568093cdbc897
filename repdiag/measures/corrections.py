"""Closed-form corrections of spectral figures for the number of samples; see docs/methods.md."""

from __future__ import annotations

import torch
from torch import Tensor

from repdiag.measures.inputs import Spectrum

SEPARATED = 0.5
"""Pull of the other eigenvalues up to which a leading one counts as apart. There a change of the population
eigenvalue moves that of the sample by two thirds at least; at the phase transition, where it moves nothing,
the pull is infinite."""


def unbiased_participation_ratio(spectrum: Spectrum) -> Tensor:
    """Ratio of unbiased estimates of (tr Sigma)^2 and tr Sigma^2, for any law of independent rows.

    Himeno & Yamada 2014, Estimations for some functions of covariance matrix in high dimension, with the
    mean unknown. NaN where n < 4, the fourth moment is missing, or the denominator is not positive.
    """
    n = spectrum.n
    trace, square = spectrum.eigenvalues.sum(), spectrum.eigenvalues.square().sum()
    if spectrum.fourth is None or n < 4:
        return torch.full_like(trace, torch.nan)
    fourth = n / (n - 1) * spectrum.fourth
    below = (n - 1) * (n - 2) * square + trace.square() - fourth
    above = 2 * square + (n * n - 3 * n + 1) * trace.square() - fourth
    return torch.where(below > 0, above / below, torch.nan)


def leading_share(spectrum: Spectrum) -> Tensor:
    """Share of the leading population eigenvalue; NaN where no sample eigenvalue stands apart.

    The first-order shift of a separated eigenvalue: l = lam / (1 - r), r = (1/N) (d - 1 + lam sum_{j>1}
    1 / (lam_j - lam)), N = n - 1, zero eigenvalues included (Ledoit & Peche 2011; Benaych-Georges &
    Nadakuditi 2011). It stands apart while the pull (1/N) sum lam lam_j / (lam_j - lam)^2 is under SEPARATED.
    """
    values = spectrum.eigenvalues
    top, rest = values[0], values[1:]
    gaps = rest - top
    missing = spectrum.d - len(values)
    shift = (spectrum.d - 1 + top * gaps.reciprocal().sum() - missing) / spectrum.degrees
    pull = (top * rest / gaps.square()).sum() / spectrum.degrees
    share = top / (1 - shift) / values.sum()
    return torch.where(pull < SEPARATED, share, torch.nan)
