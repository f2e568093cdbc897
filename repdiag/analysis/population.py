"""The population spectrum with and without each group, from one more pass over the rows, or from none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators import Leverages, Moments
from repdiag.analysis.plan import gather
from repdiag.analysis.replicas import Replicas
from repdiag.analysis.source import SomeGroups
from repdiag.analysis.spectra import Decomposition, Reduction, gather_moments, on_rows
from repdiag.measures.inputs import Population, Spectrum
from repdiag.stats import population as stats
from repdiag.stats.population import Complex, Quadrature, Sample
from repdiag.types import GROUPS, IntervalMethod

ONE_PASS_RATIO = 50
"""From this n/d on the variation of row energies stands in for the leverages: its error is (d/n)^2."""

LEAST_SAMPLES = 4
LEAST_IN_HALF = 8

Excess = Callable[[Complex], Complex]
"""From mean leverages to what the left-out form is in units of that of equal leverages."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen of the population from all rows.

    `z` are the points of LEV, then those of the contour where there is one; `whole` holds for all rows and
    `without[j]` for those that are not in the j-th non-empty group.
    """

    sample: Sample
    z: Complex
    whole: Excess
    without: tuple[Excess, ...]

    def invert(self, sample: Sample, excess: Excess) -> tuple[Quadrature, Quadrature | None]:
        """LEV and, where the contour is there and closes, the contour's quadrature."""
        leverage = sample.mean_leverage(self.z)
        left_out = stats.alike(leverage) * excess(leverage)
        cut = stats.RADII * len(stats.ANGLES)
        by_contour = stats.girko(sample, self.z[cut:], left_out[cut:]) if len(self.z) > cut else None
        return stats.lev(sample, self.z[:cut], left_out[:cut]), by_contour


def needs_rows(n: int, d: int) -> bool:
    """Whether the leverages of the rows are read in a second pass."""
    return n < ONE_PASS_RATIO * d


def look(of: Decomposition, plugin: Spectrum, how: Reduction) -> Look | None:
    """What the rows show, or None where there is no spectrum to invert."""
    sample = _sample(plugin)
    if sample is None:
        return None
    z = stats.points(sample)
    if sample.n >= stats.CONTOUR_RATIO * sample.d:
        z = np.concatenate([z, stats.contour(sample)])
    if not needs_rows(sample.n, sample.d):
        by_energy = _by_energy(plugin)
        return Look(sample, z, by_energy, (by_energy,) * GROUPS)
    return _by_rows(of, sample, z, how)


def populations(seen: Look, plugin: Replicas, halves: tuple[Population, ...]) -> Replicas | None:
    """Population spectra of all rows and without each group; None where the fit does not converge.

    The leverages without a group are those of the whole in the same basis, shifted to the mean leverage that
    the group's absence leaves: 20 decompositions with vectors become 20 without.
    """
    try:
        lev, contour = seen.invert(seen.sample, seen.whole)
        without = (
            tuple(
                _chosen(seen.invert(cast(Sample, _sample(record)), excess), contour is not None)
                for record, excess in zip(plugin.without, seen.without, strict=False)
            )
            if plugin.method is IntervalMethod.FULL
            else ()
        )
    except RuntimeError:  # scipy's nnls gave up
        return None
    d, peer = seen.sample.d, _population(lev, seen.sample.d)
    total = peer if contour is None else _population(contour, d)
    return Replicas(
        total,
        tuple(_population(each, d) for each in without),
        plugin.sizes if without else (),
        plugin.method if without else IntervalMethod.NONE,
        others=() if contour is None else (peer,),
        halves=halves,
        peer=peer,
    )


def half_populations(of: Decomposition, plugin: Replicas, how: Reduction) -> tuple[Population, ...]:
    """LEV of two halves of the groups, each in its own eigenbasis; empty where a half is too small."""
    if how.plan.method is not IntervalMethod.FULL:
        return ()
    kept = [group for group, size in enumerate(_counts(of, how)) if size]
    found = [_half(of, plugin.total, tuple(kept[start::2]), how) for start in (0, 1)]
    return tuple(each for each in found if each is not None) if all(found) else ()


def _half(of: Decomposition, whole: Spectrum, groups: tuple[int, ...], how: Reduction) -> Population | None:
    moments = _moments_of(of, groups, how)
    if moments.count < LEAST_IN_HALF:
        return None
    values, basis = linalg.eigenbasis(of.matrix.of(moments))
    sample = _sample(of.matrix.spectrum(values, moments.count))
    if sample is None:
        return None
    z = stats.points(sample)
    leverage = sample.mean_leverage(z)
    if needs_rows(whole.n, whole.d):
        basis, origin = on_rows(basis, moments.mean, of.kept, how.plan.d)
        start = Leverages.empty(1, basis, origin, _factors(sample, z, basis))
        del basis
        seen = cast(Leverages, gather(SomeGroups(how.source, groups), {"seen": start})["seen"])
        left_out: Complex = (seen.left_out[0] / sample.n).cpu().numpy()
    else:
        left_out = stats.alike(leverage) * _by_energy(whole)(leverage)
    try:
        return _population(stats.lev(sample, z, left_out), sample.d)
    except RuntimeError:  # scipy's nnls gave up
        return None


def _moments_of(of: Decomposition, groups: tuple[int, ...], how: Reduction) -> Moments:
    if how.plan.grouped:
        return of.moments.over(groups)
    return gather_moments(how, groups, of.kept).total()


def _counts(of: Decomposition, how: Reduction) -> tuple[int, ...]:
    """Rows in each group; where scatters are pooled every group is taken to have some."""
    return of.moments.count if how.plan.grouped else (1,) * GROUPS


def _by_rows(of: Decomposition, sample: Sample, z: Complex, how: Reduction) -> Look:
    basis, origin = of.on_rows(how.plan.d)
    start = Leverages.empty(GROUPS, basis, origin, _factors(sample, z, basis))
    del basis
    seen = cast(Leverages, gather(how.source, {"leverages": start})["leverages"])
    sums, left_out = seen.sums.cpu().numpy(), seen.left_out.cpu().numpy()
    whole = _ratio(sums.sum(0), left_out.sum(0), sample.n)
    without = tuple(
        _ratio(sums.sum(0) - sums[group], left_out.sum(0) - left_out[group], sample.n - size)
        for group, size in enumerate(seen.count)
        if size
    )
    return Look(sample, z, whole, without)


def _ratio(leverages: Complex, left_out: Complex, n: int) -> Excess:
    """A constant excess at each point, from sums over n rows."""
    found = left_out / n / stats.alike(leverages / n)
    return lambda leverage: found


def _by_energy(spectrum: Spectrum) -> Excess:
    variation = spectrum.energy_variation
    return lambda leverage: stats.spread(leverage, variation)


def _factors(sample: Sample, z: Complex, like: Tensor) -> Tensor:
    """Weights of squared projections onto the first m eigenvectors, zero beyond the sample's rank."""
    scale = sample.n / (sample.n - 1) ** 2
    factors = torch.from_numpy(sample.factors(z) * scale).to(like.device)
    missing = like.shape[1] - len(factors)
    return torch.cat([factors, factors.new_zeros(missing, factors.shape[1])])


def _sample(spectrum: Spectrum) -> Sample | None:
    rank = min(spectrum.n - 1, spectrum.d)
    values = spectrum.eigenvalues[:rank].cpu().numpy()
    usable = spectrum.n >= LEAST_SAMPLES and len(values) and values[0] > 0 and np.isfinite(values).all()
    return Sample(values, spectrum.n, spectrum.d) if usable else None


def _chosen(found: tuple[Quadrature, Quadrature | None], by_contour: bool) -> Quadrature:
    lev, contour = found
    return contour if by_contour and contour is not None else lev


def _population(found: Quadrature, d: int) -> Population:
    return Population(torch.from_numpy(found.nodes), torch.from_numpy(found.weights), d)
