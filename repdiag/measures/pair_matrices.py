"""Measures of two views from n x n matrices of a sample of rows, and their feature-space cousin."""

from __future__ import annotations

from torch import Tensor

from repdiag import linalg
from repdiag.errors import UsageError
from repdiag.measures.declaration import Change, Options, Reading
from repdiag.measures.pair_grams import (
    diffusion_entropy_of,
    factor_gram,
    gaussian_gram,
    marginal_entropy,
    matrix_entropy,
)
from repdiag.measures.pair_inputs import JointMoments, PairNeed, RowPairs
from repdiag.measures.pair_kernels import information
from repdiag.measures.pair_linear import correlation
from repdiag.measures.pair_registry import MEDIAN, pair_measure

UNIT: tuple[Change, ...] = ("row order", "rotation", "scale", "row scale", "feature order")
RIGID: tuple[Change, ...] = ("row order", "rotation", "translation", "scale", "feature order")

PUBLISHED_WIDTH = 10.0
"""The bandwidth of the published diffusion entropy, whatever the data."""


def _space(options: Options) -> PairNeed:
    return PairNeed.ROWS if options["space"] == "sample" else PairNeed.MOMENTS


@pair_measure(
    needs=_space,
    bounds=(0.0, "log n"),
    definition="S(x) + S(y) - S(x, y), S = log(sum p^a)/(1 - a), a = <alpha> (1: -sum p log p), p the "
    "eigenvalues over their sum of the cosines between samples (space=sample) or of the "
    "correlations between features (feature); joint: elementwise product; space=<space>",
    cite="Tan et al. 2024, Information flow in self-supervised learning",
    says="how much two samples that point the same way in one view do so in the other",
    cannot="it is no Shannon information, and space=feature is a spectral functional: it compares two "
    "correlation matrices, and shuffling the samples of one view does not change it",
    invariant_to=UNIT,
    null=lambda o: o["space"] == "sample",
    requires=(
        ("alpha > 0", lambda o: o["alpha"] > 0),
        ("space is sample or feature", lambda o: o["space"] in ("sample", "feature")),
    ),
)
def matrix_mi(record: RowPairs | JointMoments, *, space: str = "sample", alpha: float = 1.0) -> Reading:
    """Matrix mutual information of Tan et al., in the space of the samples or of the features."""
    if isinstance(record, RowPairs):
        views = record.x, record.y
        parts = [marginal_entropy(rows, "cosine", 1.0, alpha) for rows in views]
        x, y = (factor_gram(linalg.unit_rows(rows)) for rows in views)
    else:
        x, y = _correlations(record)
        parts = [matrix_entropy(matrix, alpha) for matrix in (x, y)]
    parts += [matrix_entropy(a * b, alpha) for a, b in ((x, y), (x, x), (y, y))]
    return information(*parts)


@pair_measure(
    needs=PairNeed.ROWS,
    bounds=(None, None),
    definition="S(x) + S(y) - S(x, y), S = -sum p log p, p = |l|^<t> over their sum, l the eigenvalues "
    "of D^-1/2 G D^-1/2, D the row sums of the Gaussian kernel G (joint: elementwise "
    f"product); preset=<preset> (median: {MEDIAN}, published: s = 10), "
    "anisotropic=<anisotropic>",
    cite="Liao et al. 2024, Assessing neural network representations during training using noise-resilient "
    "diffusion spectral entropy",
    says="how much of the coarse structure of the samples (clusters, branches) both views have in common",
    cannot="it depends on the bandwidth, it has no proven bounds and can be negative; the published "
    "sigma of 10 sees nothing on unit rows and tells every sample apart on wide ones",
    invariant_to=RIGID,
    bandwidth=lambda o: bool(o["preset"] == "median"),
    requires=(
        ("preset is median or published", lambda o: o["preset"] in ("median", "published")),
        ("t > 0", lambda o: o["t"] > 0),
    ),
)
def diffusion_mi(
    rows: RowPairs, *, preset: str = "median", t: float = 1.0, anisotropic: bool = False
) -> Reading:
    """Diffusion spectral mutual information of two views, symmetric, with a joint diffusion operator."""
    widths = (PUBLISHED_WIDTH, PUBLISHED_WIDTH) if preset == "published" else rows.widths
    x, y = (gaussian_gram(z, width) for z, width in zip((rows.x, rows.y), widths, strict=True))
    parts = [diffusion_entropy_of(a, t, anisotropic) for a in (x, y)]
    parts += [diffusion_entropy_of(a * b, t, anisotropic) for a, b in ((x, y), (x, x), (y, y))]
    return information(*parts)


@pair_measure(
    needs=PairNeed.ROWS,
    bounds=(0.0, None),
    definition="log(mean KxKy mean Kx mean Ky / (mean_i mean_j Kx mean_j Ky)^2), K = exp(-|x_i - x_j|^2 "
    f"/ (2 s^2)), {MEDIAN}, pairs of a row with itself included",
    bandwidth=True,
    cite="Principe 2010, Information theoretic learning, chapter 2; Yu et al. 2024, Cauchy-Schwarz "
    "divergence information bottleneck",
    says="how far the smoothed joint density is from the product of the smoothed densities of both views",
    cannot="it is a divergence of densities blurred by the bandwidth, in no fixed relation to Shannon "
    "information, and in high dimension nearly zero",
    invariant_to=RIGID,
)
def cs_qmi(rows: RowPairs) -> Reading:
    """Cauchy-Schwarz quadratic mutual information of two views; `normalised` is one for equal ones."""
    x, y = (gaussian_gram(z, width) for z, width in zip((rows.x, rows.y), rows.widths, strict=True))
    value, self_x, self_y = (cauchy_schwarz(a, b) for a, b in ((x, y), (x, x), (y, y)))
    return Reading(
        value, {"self_x": self_x, "self_y": self_y, "normalised": value / (self_x * self_y).sqrt()}
    )


def cauchy_schwarz(x: Tensor, y: Tensor) -> Tensor:
    """The divergence of the joint density from the product of the densities, from kernels (m, m)."""
    first, second = x.mean(1), y.mean(1)
    alone = first.mean().log() + second.mean().log()
    found = (x * y).mean().log() + alone - 2 * (first * second).mean().log()
    return found.clamp(min=0)


def _correlations(moments: JointMoments) -> tuple[Tensor, Tensor]:
    if moments.d1 != moments.d2:
        raise UsageError(
            "matrix_mi{space=feature} needs the same number of features in both views, "
            f"not {moments.d1} and {moments.d2}; use matrix_mi"
        )
    x, y, _ = moments.blocks(correlation(moments))
    return x, y
