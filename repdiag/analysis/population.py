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
from repdiag.accumulators.energies import GroupEnergies
from repdiag.analysis.plan import gather, needs_rows
from repdiag.analysis.replicas import Matrix, Replicas
from repdiag.analysis.source import SomeGroups
from repdiag.analysis.spectra import Decomposition, Reduction, gather_moments, on_rows
from repdiag.measures.inputs import Population, Spectrum
from repdiag.stats import population as stats
from repdiag.stats.population import Complex, Quadrature, Sample
from repdiag.types import GROUPS, IntervalMethod

OWN_BASIS_RATIO = 1.25
"""Below this n/d each replicate gets its own eigenvectors: near n = d all rows leave hardly any dimension
over, and their leverages say nothing of a sample that lacks a group."""

PARTS = (2, 5)
"""Numbers of groups whose own spectrum shows how the plug-in grows with n; halves and all are known."""

LEAST_SAMPLES = 4
LEAST_IN_HALF = 8

Part = tuple[Population, Spectrum]
"""The population fitted to some of the groups, and their own spectrum."""

Excess = Callable[[Complex], Complex]
"""From mean leverages to what the left-out form is in units of that of equal leverages."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen of the population from all rows.

    `z` are the points of LEV, then those of the contour where there is one; `whole` holds for all rows and
    `without[j]` for those that are not in the j-th non-empty group. `energies` came with
    the leverages, where rows were read.
    """

    sample: Sample
    z: Complex
    whole: Excess
    without: tuple[Excess, ...]
    energies: GroupEnergies | None = None

    def invert(self, sample: Sample, excess: Excess) -> tuple[Quadrature, Quadrature | None]:
        """LEV and, where the contour is there and closes, the contour's quadrature."""
        leverage = sample.mean_leverage(self.z)
        left_out = stats.alike(leverage) * excess(leverage)
        cut = stats.RADII * len(stats.ANGLES)
        by_contour = stats.girko(sample, self.z[cut:], left_out[cut:]) if len(self.z) > cut else None
        return stats.lev(sample, self.z[:cut], left_out[:cut]), by_contour


def look(of: Decomposition, plugin: Spectrum, how: Reduction) -> Look | None:
    """What the rows show, or None where there is no spectrum to invert."""
    sample = _sample(plugin, of.matrix)
    if sample is None:
        return None
    z = stats.points(sample)
    if sample.n >= stats.CONTOUR_RATIO * sample.d:
        z = np.concatenate([z, stats.contour(sample)])
    if not needs_rows(sample.n, sample.d, plugin.energy_variation):
        by_energy = _by_energy(plugin)
        return Look(sample, z, by_energy, (by_energy,) * GROUPS)
    return _by_rows(of, sample, z, how)


def populations(seen: Look, of: Decomposition, plugin: Replicas, how: Reduction) -> Replicas | None:
    """Population spectra of all rows, without each group and of two halves; None where the fit gives up."""
    try:
        lev, contour = seen.invert(seen.sample, seen.whole)
        full = plugin.method is IntervalMethod.FULL
        without = _replicates(seen, of, plugin, how, contour is not None) if full else ()
        halves = _halves(of, plugin, how) if full else ()
    except RuntimeError:  # scipy's nnls gave up
        return None
    peer = _population(lev, seen.sample.d)
    total = peer if contour is None else _population(contour, seen.sample.d)
    return Replicas(
        total,
        without,
        plugin.sizes if without else (),
        IntervalMethod.FULL if without else IntervalMethod.NONE,
        others=() if contour is None else (peer,),
        halves=tuple(half for half, _ in halves),
        peer=peer,
        parts=tuple(spectrum for _, spectrum in halves),
    )


def parts(of: Decomposition, how: Reduction) -> tuple[Spectrum, ...]:
    """Spectra of some groups only, fewest first; empty unless their scatters are at hand."""
    kept = _kept(of, how)
    if not how.plan.grouped or how.plan.method is not IntervalMethod.FULL:
        return ()
    chosen = [kept[:: len(kept) // size][:size] for size in PARTS if 2 * size < len(kept)]
    # One matrix at a time.
    return tuple(
        of.matrix.spectrum(linalg.eigenvalues(of.matrix.of(each), of.matrix.d), each.count)
        for each in map(of.moments.over, chosen)
        if each.count > 1
    )


def noise_edge(population: Population, spectrum: Spectrum) -> float:
    """The edge of the sampling noise in a spectrum, from the histogram fitted to it."""
    values = spectrum.eigenvalues[: min(spectrum.n - 1, spectrum.d)].cpu().numpy()
    histogram = Quadrature(population.nodes.numpy(), population.weights.numpy())
    return stats.noise_edge(histogram, Sample(values, spectrum.n, spectrum.d))


def _replicates(
    seen: Look, of: Decomposition, plugin: Replicas, how: Reduction, by_contour: bool
) -> tuple[Population, ...]:
    """The population without each group; empty where one of these samples does not vary.

    The leverages without a group are those of the whole in the same basis, shifted to the mean leverage that
    the group's absence leaves: 20 decompositions with vectors become 20 without.
    """
    if seen.sample.n < OWN_BASIS_RATIO * seen.sample.d:
        kept = _kept(of, how)
        rest = [tuple(other for other in kept if other != group) for group in kept]
        found = _all_or_none([_some(of, plugin.total, groups, how) for groups in rest])
        return tuple(population for population, _ in found)
    samples = [_sample(record, of.matrix) for record in plugin.without]
    if any(sample is None for sample in samples):
        return ()
    inverted = [
        seen.invert(cast(Sample, sample), excess)
        for sample, excess in zip(samples, seen.without, strict=False)
    ]
    contours = [contour for _, contour in inverted if contour is not None]
    # One estimator for all: a mixture would look like spread.
    chosen = contours if by_contour and len(contours) == len(inverted) else [lev for lev, _ in inverted]
    return tuple(_population(each, seen.sample.d) for each in chosen)


def _halves(of: Decomposition, plugin: Replicas, how: Reduction) -> tuple[Part, ...]:
    """Two halves of the groups; empty where one is too small."""
    kept = _kept(of, how)
    return _all_or_none([_some(of, plugin.total, tuple(kept[start::2]), how) for start in (0, 1)])


def _all_or_none(found: list[Part | None]) -> tuple[Part, ...]:
    present = tuple(each for each in found if each is not None)
    return present if len(present) == len(found) else ()


def _some(of: Decomposition, whole: Spectrum, groups: tuple[int, ...], how: Reduction) -> Part | None:
    """LEV of the rows of some groups in their own eigenbasis; None where they are too few or do not vary."""
    moments = _moments_of(of, groups, how)
    if moments.count < LEAST_IN_HALF:
        return None
    values, basis = linalg.eigenbasis(of.matrix.of(moments))
    spectrum = of.matrix.spectrum(values, moments.count)
    sample = _sample(spectrum, of.matrix)
    if sample is None:
        return None
    z = stats.points(sample)
    leverage = sample.mean_leverage(z)
    if needs_rows(whole.n, whole.d, whole.energy_variation):
        basis, origin = on_rows(basis, moments.mean, of.kept, how.plan.d)
        start = Leverages.empty(1, basis, origin, _factors(sample, z, basis))
        del basis
        seen = cast(Leverages, gather(SomeGroups(how.source, groups), {"seen": start})["seen"])
        left_out: Complex = (seen.left_out[0] / sample.n).cpu().numpy()
    else:
        left_out = stats.alike(leverage) * _by_energy(whole)(leverage)
    return _population(stats.lev(sample, z, left_out), sample.d), spectrum


def _moments_of(of: Decomposition, groups: tuple[int, ...], how: Reduction) -> Moments:
    if how.plan.grouped:
        return of.moments.over(groups)
    return gather_moments(how, groups, of.kept).total()


def _kept(of: Decomposition, how: Reduction) -> list[int]:
    """Groups with rows; where scatters are pooled every group is taken to have some."""
    count = of.moments.count if how.plan.grouped else (1,) * GROUPS
    return [group for group, size in enumerate(count) if size]


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
    return Look(sample, z, whole, without, seen.energies)


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


def _sample(spectrum: Spectrum, matrix: Matrix) -> Sample | None:
    """Eigenvalues on the host; None where there are too few rows, or they vary by no more than rounding."""
    rank = min(spectrum.n - 1, spectrum.d)
    values = spectrum.eigenvalues[:rank].cpu().numpy()
    if spectrum.n < LEAST_SAMPLES or not len(values) or not np.isfinite(values).all():
        return None
    rounding = (linalg.EPSILON * spectrum.n) ** 2 * matrix.mean_square
    return Sample(values, spectrum.n, spectrum.d) if values[0] > rounding else None


def _population(found: Quadrature, d: int) -> Population:
    return Population(torch.from_numpy(found.nodes), torch.from_numpy(found.weights), d)
