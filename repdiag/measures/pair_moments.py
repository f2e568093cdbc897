"""Measures of two views from their joint moments: one pass over any number of rows.

Letters: n samples, d1 and d2 features, R the covariance (ddof=0) of both views together.
"""

from __future__ import annotations

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.errors import UsageError
from repdiag.measures.declaration import Change, Reading
from repdiag.measures.pair_grams import dependence, gaussian_gram
from repdiag.measures.pair_inputs import JointMoments, PairNeed, RowPairs
from repdiag.measures.pair_linear import (
    canonical_information,
    debiased_information,
    linear_hsic,
    mean_variances,
    nuclear_norm,
    quick_information,
    scaled,
    shared,
    total_correlation,
    total_correlation_bias,
    widths_of,
)
from repdiag.measures.pair_registry import MEDIAN, gaussian_kernel, pair_measure

RIGID: tuple[Change, ...] = ("row order", "rotation", "translation", "scale", "feature order")
UNIT: tuple[Change, ...] = ("row order", "rotation", "scale", "row scale", "feature order")
TOGETHER: tuple[Change, ...] = ("row order", "scale", "row scale")
"""What figures that compare x and y feature by feature do not depend on: turning one view changes them."""


@pair_measure(
    needs=PairNeed.MOMENTS,
    bounds=(0.0, None),
    definition="1/2 log det(Rx + eI) + 1/2 log det(Ry + eI) - 1/2 log det(R + eI), ddof=0, e = <eps>, of "
    "the mean eigenvalue of each view if relative=<relative>",
    cite="Ozsoy et al. 2022, Self-supervised learning with an information maximization criterion",
    says="how much of one view a linear map predicts from the other, directions under the floor e left out",
    cannot="where one view is a function of the other the floor alone sets the value (read its sensitivity), "
    "and what is not linear is not seen",
    invariant_to=RIGID,
    quick=lambda moments, eps, relative: shared(moments, _floored(moments, eps, relative)),
    requires=(("eps > 0", lambda o: o["eps"] > 0),),
)
def logdet_mi(moments: JointMoments, *, eps: float = 1e-6, relative: bool = True) -> Reading:
    """Log-determinant mutual information of CorInfoMax; `sensitivity` is its change with log eps."""
    covariance = _covariance(moments, relative)
    x, y, _ = moments.blocks(covariance)
    values = [linalg.eigenvalues(each, each.shape[0]) for each in (x, y, covariance)]
    heights = [torch.log(each + eps).sum() / 2 for each in values]
    slopes = [(eps / (each + eps)).sum() / 2 for each in values]
    return Reading(heights[0] + heights[1] - heights[2], {"sensitivity": slopes[0] + slopes[1] - slopes[2]})


@pair_measure(
    needs=PairNeed.MOMENTS,
    bounds=(0.0, None),
    definition="-1/2 sum log(1 - rho^2), rho the canonical correlations",
    cite="Kraskov, Stogbauer & Grassberger 2004, Estimating mutual information, eq. 11; Muirhead 1982",
    says="the Shannon information of Gaussian views of this covariance: how much linear prediction explains",
    cannot="for other laws it can be above or below the information, and dependence without correlation "
    "gives zero",
    invariant_to=RIGID,
    corrected=debiased_information,
    quick=quick_information,
)
def gaussian_mi(moments: JointMoments) -> Reading:
    """Mutual information of two views under a Gaussian law, from their canonical correlations."""
    value, correlations, bias = canonical_information(moments)
    return Reading(value, {"bias": bias, "largest_correlation": correlations.max()})


@pair_measure(
    needs=PairNeed.MOMENTS,
    bounds=(0.0, None),
    definition="-1/2 log det of the correlation matrix of both views together",
    cite="Watanabe 1960, Information theoretical analysis of multivariate correlation; Gaussian form",
    says="how far all features of both views together are from independent ones, within and between views",
    cannot="most of it is dependence inside a view, it is infinite for redundant features, and it sees only "
    "correlation",
    invariant_to=("row order", "translation", "scale", "feature order"),
    corrected=lambda moments: total_correlation(moments) + total_correlation_bias(moments),
)
def joint_total_correlation(moments: JointMoments) -> Tensor:
    """Total correlation of the features of both views under a Gaussian law."""
    return total_correlation(moments)


@pair_measure(
    needs=PairNeed.UNIT_MOMENTS,
    bounds=(0.0, None),
    definition="1/2 log det(I + Z'Z / (n <eps_sq>)), unit rows of both views side by side, each times "
    "sqrt(d)",
    cite="Ma et al. 2007, Segmentation of multivariate mixed data via lossy coding; Yu et al. 2020 (MCR2)",
    says="how many nats a sample of both views together takes at this precision; `shared` is what is "
    "saved by coding them together",
    cannot="it grows with the width of the views and falls with eps_sq, so compare only figures of one "
    "setting",
    invariant_to=UNIT,
    requires=(("eps_sq > 0", lambda o: o["eps_sq"] > 0),),
)
def total_coding_rate(moments: JointMoments, *, eps_sq: float = 0.25) -> Reading:
    """Coding rate of both views together, with that of each and what they share."""
    scatter = scaled(moments.scatter, 1 / widths_of(moments)) / (moments.n * eps_sq)
    x, y, _ = moments.blocks(scatter)
    rates = [torch.log1p(linalg.eigenvalues(z, z.shape[0])).sum() / 2 for z in (x, y, scatter)]
    beside = {"rate_x": rates[0], "rate_y": rates[1], "shared": rates[0] + rates[1] - rates[2]}
    return Reading(rates[2], beside)


@pair_measure(
    needs=lambda options: PairNeed.MOMENTS if options["kernel"] == "linear" else PairNeed.ROWS,
    unit="ratio",
    bounds=(-1.0, 1.0),
    definition=f"HSIC(x, y) / sqrt(HSIC(x, x) HSIC(y, y)), <kernel> kernel (gaussian: {MEDIAN}), "
    "unbiased=<unbiased> (HSIC_1 of Song et al. 2012)",
    cite="Kornblith et al. 2019, Similarity of neural network representations revisited",
    says="how alike the similarities of the samples are in both views: one for views that differ by "
    "rotation, scale and shift only",
    cannot="a few directions of large variance decide it, and a low figure does not say that information "
    "is missing",
    invariant_to=RIGID,
    bandwidth=gaussian_kernel,
    requires=(("kernel is linear or gaussian", lambda o: o["kernel"] in ("linear", "gaussian")),),
)
def cka(record: JointMoments | RowPairs, *, kernel: str = "linear", unbiased: bool = True) -> Tensor:
    """Centred kernel alignment of two views; the unbiased form is near zero for independent ones."""
    if isinstance(record, RowPairs):
        grams = [gaussian_gram(z, s) for z, s in zip((record.x, record.y), record.widths, strict=True)]
        parts = [dependence(grams[a], grams[b], unbiased) for a, b in ((0, 1), (0, 0), (1, 1))]
    elif unbiased:
        parts = [linear_hsic(record, a, b) for a, b in ((0, 1), (0, 0), (1, 1))]
    else:
        x, y, xy = record.blocks(record.centred)
        parts = [each.square().sum() for each in (xy, x, y)]
    # Roots apart: the product of two small figures would leave the range of float64 first.
    return parts[0] / parts[1].sqrt() / parts[2].sqrt()


@pair_measure(
    needs=PairNeed.UNIT_MOMENTS,
    unit="squared distance",
    bounds=(0.0, 4.0),
    definition="mean |x - y|^2 of unit rows",
    cite="Wang & Isola 2020, Understanding contrastive representation learning through alignment and "
    "uniformity",
    says="how far apart the two views of a sample are on the sphere: 0 the same direction, 2 at right angles",
    cannot="it compares feature with feature, so views from different coordinates look far apart, and "
    "collapsed views look perfect",
    invariant_to=TOGETHER,
)
def alignment(moments: JointMoments) -> Tensor:
    """Mean squared distance of the unit rows of two views of the same width."""
    _same_width(moments, "alignment")
    x, y, xy = moments.blocks(moments.scatter)
    return ((x + y - 2 * xy).diagonal().sum() / moments.n).clamp(min=0)


@pair_measure(
    needs=PairNeed.UNIT_MOMENTS,
    unit="ratio",
    bounds=(0.0, 1.0),
    definition="nuclear norm of the centroids (x + y) / 2 of unit rows over sqrt(n min(n, d)), its maximum",
    cite="Yerxa et al. 2023, Learning efficient coding of natural images with maximum manifold capacity "
    "representations",
    says="how near the views come to agreeing on each sample while the samples fill all directions evenly",
    cannot="a low figure does not say which of the two is missing, agreement or spread: read alignment "
    "beside it",
    invariant_to=TOGETHER,
)
def mmcr(moments: JointMoments) -> Reading:
    """Nuclear norm of the centroid matrix of unit rows as a share of its largest value."""
    _same_width(moments, "mmcr")
    x, y, xy = moments.blocks(moments.scatter)
    norm = nuclear_norm((x + y + xy + xy.mT) / 4)
    most = (moments.n * min(moments.n, moments.d1)) ** 0.5
    return Reading(norm / most, {"nuclear_norm": norm})


def _covariance(moments: JointMoments, relative: bool) -> Tensor:
    """Of both views, divided by the mean eigenvalue of each if `relative`."""
    covariance = moments.centred / moments.n
    return scaled(covariance, mean_variances(moments, covariance)) if relative else covariance


def _floored(moments: JointMoments, eps: float, relative: bool) -> Tensor:
    covariance = _covariance(moments, relative)
    covariance.diagonal().add_(eps)
    return covariance


def _same_width(moments: JointMoments, name: str) -> None:
    if moments.d1 != moments.d2:
        raise UsageError(
            f"{name} compares two views feature by feature and needs the same number of features in both, "
            f"not {moments.d1} and {moments.d2}; leave it out or choose other views"
        )
