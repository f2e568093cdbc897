"""Information from sums of kernels over all pairs of rows, in blocks.

Influences hold the bandwidth fixed: where it is the step's own, what a row does to the median is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from repdiag.measures import plane_blocks, plane_codes, plane_spectral, plane_widths
from repdiag.measures.plane_blocks import alike, everyone, kernel_sums
from repdiag.measures.plane_codes import centred
from repdiag.measures.plane_inputs import PlaneReading, PlaneRows
from repdiag.measures.plane_registry import plane_estimator

NOISES = {"ibsgd": 1e-3, "ibsgd-mnist": 1e-1}
"""Noise variance of the published notebooks: tanh and ReLU networks on 12 bits, and on MNIST."""


@plane_estimator(
    definition="I(X;T + N) and I(T + N;Y), N Gaussian noise of variance <noise> in every feature; "
    "preset=<preset> overrides it (ibsgd: 0.001, ibsgd-mnist: 0.1); upper bound from pairwise "
    "Kullback-Leibler divergences; lower bound from Bhattacharyya distances in the details",
    cite="Kolchinsky & Tracey 2017, Estimating mixture entropy with pairwise distances",
    says="how many rows could still be told apart by someone who sees the layer through noise of this "
    "variance, the same at every step",
    cannot="the network has no such noise, the figure turns with its variance, and that of I(T;Y) is a "
    "difference of two upper bounds, hence no bound itself",
    most_rows=plane_blocks.MOST_ROWS,
    scale_free=False,
    invariant_to=plane_widths.RIGID,
    requires=(
        ("noise is above zero", lambda o: o["noise"] > 0),
        ("preset is none, ibsgd or ibsgd-mnist", lambda o: o["preset"] in ("none", *NOISES)),
    ),
)
def kde(rows: PlaneRows, *, noise: float = 1e-3, preset: str = "none") -> PlaneReading:
    """Information through added Gaussian noise, from bounds on the entropy of a mixture."""
    variance = NOISES.get(preset, noise)
    rate = 1 / (2 * variance)
    kernel = plane_blocks.kernel([(rows.t, rate)])
    first = alike(rows.labels[:1], rows.classes)
    upper, lower = kernel_sums(
        kernel,
        [everyone(rows.t), alike(rows.labels, rows.classes)],
        [everyone(rows.t), first],
        powers=(1.0, 0.25),
    )
    size = plane_codes.shares(rows.labels)
    ixt, ity = _from_densities(upper[0], upper[1], size)
    ixt_lower, ity_lower = _from_densities(lower[0], lower[1], size[:1])
    density, within = upper[0][0] / rows.m, upper[1][:1] / rows.m
    [[pulled, pulled_within]] = kernel_sums(
        kernel, [everyone(rows.t, 1 / density), alike(rows.labels[:1], rows.classes, 1 / within)]
    )
    return PlaneReading(
        ixt=ixt.mean(1)[0],
        ity=ity.mean(1),
        ixt_influence=centred(ixt[0] - pulled[0] / rows.m),
        ity_influence=centred(ity[0] + (pulled_within[0] - pulled[0]) / rows.m),
        ixt_ceiling=plane_codes.class_entropy(rows.x),
        ity_ceiling=plane_codes.class_entropy(rows.labels[0]),
        details={
            "ixt_lower": ixt_lower.mean(),
            "ity_lower": ity_lower.mean(),
            "noise_variance": variance,
            "note": "I(T;Y) is a difference of two bounds, hence no bound",
        },
    )


def _from_densities(total: Tensor, within: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """Terms of I(X;T + N) (1, m) and of I(T + N;Y) (s + 1, m), from sums over all and over the own class."""
    m = total.shape[1]
    ixt = -(total / m).log()
    return ixt, (within / (m * size)).log() + ixt


@plane_estimator(
    definition="S(T) + S(X) - S(T,X) and S(T) + S(Y) - S(T,Y), S = log(sum p^a)/(1 - a) of the eigenvalues p "
    "of a kernel over their sum, a = <alpha> (1: -sum p log p), exp(-|t - t'|^2 / (2 s^2)) for the layer, "
    f"{plane_widths.SPELLED}; one for equal labels, zero for others, X alike, or a Gaussian kernel of its "
    "features where they are stored; joint: elementwise product",
    cite="Giraldo, Rao & Principe 2015, Measures of entropy from data using infinitely divisible kernels; Yu "
    "et al. 2020, Understanding convolutional neural networks with information theory",
    says="the number of rows that similarity at one bandwidth tells apart, and what it tells of the labels",
    cannot="it is no Shannon information: it turns with the bandwidth, and in high dimension all distances "
    "are alike, so that it moves little",
    most_rows=lambda o: plane_blocks.MOST_ROWS if o["alpha"] == 2 else plane_spectral.MOST_ROWS,
    scale_free=plane_widths.own_scale,
    invariant_to=plane_widths.RIGID,
    requires=(("alpha is above zero", lambda o: o["alpha"] > 0), plane_widths.CHOSEN),
)
def renyi(rows: PlaneRows, *, alpha: float = 2.0, bandwidth: str = "layer") -> PlaneReading:
    """Matrix-based Renyi information of the layer with inputs and labels."""
    width = plane_widths.width_of(rows, bandwidth)
    if alpha == 2:
        return _second_order(rows, width, single=plane_widths.fits_single(rows, bandwidth))
    return plane_spectral.renyi_by_eigenvalues(rows, width, alpha)


@dataclass(frozen=True, slots=True)
class _Order2:
    """-log of the mean square of a kernel, and how far each row moves it: both from sums (..., m) by row."""

    sums: Tensor

    @property
    def entropy(self) -> Tensor:
        return -(self.sums.mean(-1) / self.sums.shape[-1]).log()

    @property
    def influence(self) -> Tensor:
        return -2 * centred(self.sums / self.sums.mean(-1, keepdim=True))


def _second_order(rows: PlaneRows, width: Tensor, single: bool) -> PlaneReading:
    """exp(-d^2 / s^2) is the square of the kernel; rows of one input or class are those alike in it."""
    kernel = plane_blocks.kernel([(rows.t, width**-2)], single)
    asked = [everyone(rows.t), alike(rows.labels, rows.classes)]
    if rows.inputs is None:
        [[total, within, both]] = kernel_sums(kernel, [*asked, plane_blocks.same_input(rows)])
        alone = plane_codes.shares(rows.x)[None] * rows.m
    else:
        [[total, within]] = kernel_sums(kernel, asked)
        [[alone]], [[both]] = (
            kernel_sums(beside, asked[:1]) for beside in _with_inputs(rows, rows.inputs, width)
        )
    t, x, tx, ty = (_Order2(each) for each in (total[0], alone[0], both[0], within))
    y = _Order2(plane_codes.shares(rows.labels) * rows.m)
    return PlaneReading(
        ixt=t.entropy + x.entropy - tx.entropy,
        ity=t.entropy + y.entropy - ty.entropy,
        ixt_influence=t.influence + x.influence - tx.influence,
        ity_influence=t.influence + y.influence[0] - ty.influence[0],
        ixt_ceiling=x.entropy,
        ity_ceiling=y.entropy[0],
        details={"width": width, "entropy": t.entropy},
    )


def _with_inputs(rows: PlaneRows, inputs: Tensor, width: Tensor) -> list[plane_blocks.Kernel]:
    """The kernel of the inputs' features, and its product with that of the layer."""
    x: plane_blocks.View = (inputs, plane_widths.rate_of_inputs(rows))
    return [plane_blocks.kernel([x]), plane_blocks.kernel([(rows.t, width**-2), x])]
