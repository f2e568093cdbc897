"""Cauchy-Schwarz divergence of a layer with inputs and labels, from sums of kernels over all pairs of rows.

Influences hold the bandwidth fixed: where it is the step's own, what a row does to the median is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from repdiag.measures import plane_blocks, plane_codes, plane_widths
from repdiag.measures.plane_blocks import alike, everyone, kernel_sums
from repdiag.measures.plane_codes import centred
from repdiag.measures.plane_inputs import PlaneReading, PlaneRows
from repdiag.measures.plane_registry import plane_estimator


@plane_estimator(
    definition="log(mean KtKx mean Kt mean Kx / (mean_i mean_j Kt mean_j Kx)^2) and the same of Y, "
    f"Kt = exp(-|t - t'|^2 / (2 s^2)), {plane_widths.SPELLED}; Ky one for equal labels, zero for others, Kx "
    "alike, or a Gaussian kernel of its features where they are stored",
    cite="Principe 2010, Information theoretic learning, chapter 2; Yu et al. 2024, Cauchy-Schwarz "
    "divergence information bottleneck",
    says="how far the smoothed law of layer and labels together is from that of either alone",
    cannot="it is a divergence of densities blurred by the bandwidth, in no fixed relation to Shannon "
    "information, and without features of the inputs I(X;T) is the quadratic entropy of the layer",
    most_rows=plane_blocks.MOST_ROWS,
    scale_free=plane_widths.own_scale,
    invariant_to=plane_widths.RIGID,
    requires=(plane_widths.CHOSEN,),
)
def cs(rows: PlaneRows, *, bandwidth: str = "layer") -> PlaneReading:
    """Cauchy-Schwarz quadratic information of the layer with inputs and labels."""
    width = plane_widths.width_of(rows, bandwidth)
    kernel = plane_blocks.kernel([(rows.t, width**-2 / 2)], plane_widths.fits_single(rows, bandwidth, 0.5))
    y = plane_codes.shares(rows.labels)
    asked = [everyone(rows.t), alike(rows.labels, rows.classes), everyone(rows.t, y[0])]
    asked += (
        []
        if rows.inputs is not None
        else [plane_blocks.same_input(rows), everyone(rows.t, plane_codes.shares(rows.x))]
    )
    [found] = kernel_sums(kernel, asked)
    t, within, by_y, *beside = (each / rows.m for each in found)
    about_x, x_influence = _about_inputs(rows, kernel, width, t[0], beside)
    about_y = _Divergence(t, y, within)
    own = _Divergence(t[0], y[0], within[0])
    return PlaneReading(
        ixt=about_x.value,
        ity=about_y.value,
        ixt_influence=x_influence,
        ity_influence=own.influence(by_y[0], _means_alike(rows.labels[0], t[0])),
        ixt_ceiling=_ceiling(about_x.second),
        ity_ceiling=_ceiling(y[0]),
        details={"width": width},
    )


def _about_inputs(
    rows: PlaneRows, kernel: plane_blocks.Kernel, width: Tensor, t: Tensor, beside: list[Tensor]
) -> tuple[_Divergence, Tensor]:
    """The divergence of layer and inputs, and its influences; `beside` what inputs by identity add."""
    if rows.inputs is None:
        both, by_x = beside
        found = _Divergence(t, plane_codes.shares(rows.x), both[0])
        return found, found.influence(by_x[0], _means_alike(rows.x, t))
    one = everyone(rows.t)
    inputs: plane_blocks.View = (rows.inputs, plane_widths.rate_of_inputs(rows) / 2)
    [[alone, back]] = kernel_sums(plane_blocks.kernel([inputs]), [one, everyone(rows.t, t)])
    [[both]] = kernel_sums(plane_blocks.kernel([(rows.t, width**-2 / 2), inputs]), [one])
    found = _Divergence(t, alone[0] / rows.m, both[0] / rows.m)
    [[by_x]] = kernel_sums(kernel, [everyone(rows.t, found.second)])
    return found, found.influence(by_x[0] / rows.m, back[0] / rows.m)


def _means_alike(codes: Tensor, values: Tensor) -> Tensor:
    """For each row the sum (m,) of `values` over the rows that have its code, over m."""
    places = plane_codes.ranks(codes)
    return torch.zeros_like(values).scatter_add_(0, places, values)[places] / len(values)


@dataclass(frozen=True, slots=True)
class _Divergence:
    """Cauchy-Schwarz divergence from the means by row of both kernels, and of their product (..., m)."""

    first: Tensor
    second: Tensor
    both: Tensor

    @property
    def cross(self) -> Tensor:
        return (self.first * self.second).mean(-1)

    @property
    def value(self) -> Tensor:
        alone = self.first.mean(-1).log() + self.second.mean(-1).log()
        return self.both.mean(-1).log() + alone - 2 * self.cross.log()

    def influence(self, first_on_second: Tensor, second_on_first: Tensor) -> Tensor:
        """From each kernel (m, m) applied to the means by row of the other one, over m."""
        pairs = sum(2 * part / part.mean() for part in (self.both, self.first, self.second))
        cross = (self.first * self.second + first_on_second + second_on_first) / self.cross
        return centred(pairs - 2 * cross)


def _ceiling(shares: Tensor) -> Tensor:
    """The divergence cannot exceed this: no product has a larger mean than the first kernel, and the cross
    term is at least the least share times that mean."""
    return shares.mean().log() - 2 * shares.min().log()
