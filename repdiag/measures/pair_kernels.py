"""Matrix-based Renyi information: of order 2 from sums over all pairs of rows, else from a sample of rows."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from repdiag.errors import InputError
from repdiag.measures.pair_grams import (
    KERNELS,
    delta_gram,
    gram,
    marginal_entropy,
    matrix_entropy,
    median_distance,
)
from repdiag.measures.pair_inputs import GramTotals, PairNeed, RowPairs
from repdiag.measures.pair_registry import pair_measure
from repdiag.measures.registry import Change, Options, Reading, Requirement

SOURCE = "Giraldo, Rao & Principe 2015, Measures of entropy from data using infinitely divisible kernels"
KERNEL = (
    "S = log(sum p^a)/(1 - a) of the eigenvalues p of K over their sum, a = <alpha> (1: -sum p log p), "
    "<kernel> kernel (gaussian: exp(-|x_i - x_j|^2 / (2 s^2)), s the median distance), not centred"
)
SAYS = "how much the similarities of the samples in one view tell of those in the other, at this bandwidth"
CANNOT = (
    "it is no Shannon information: it depends on kernel and bandwidth, can be negative (not at alpha = 1 "
    "with gaussian or cosine kernels), and in high dimension is near zero for equal views too, so read it "
    "beside self-information and shuffled null"
)
RIGID: tuple[Change, ...] = ("row order", "rotation", "translation", "scale", "feature order")
CHOICES: tuple[Requirement, ...] = (
    ("alpha > 0", lambda o: o["alpha"] > 0),
    ("kernel is gaussian, cosine or linear", lambda o: o["kernel"] in KERNELS),
)


def _needs(options: Options) -> PairNeed:
    """All pairs in one pass where order and kernel have a closed form, else a sample of rows."""
    return PairNeed.GRAM if options["alpha"] == 2 and options["kernel"] == "gaussian" else PairNeed.ROWS


def _debiased(record: GramTotals | RowPairs) -> Tensor | None:
    return debiased(record, 0, 1, 2) if isinstance(record, GramTotals) else None


@pair_measure(
    needs=_needs,
    bounds=(None, "log n"),
    definition=f"S(x) + S(y) - S(x, y), {KERNEL}; joint: elementwise product",
    cite=SOURCE,
    says=SAYS,
    cannot=CANNOT,
    invariant_to=RIGID,
    corrected=_debiased,
    requires=CHOICES,
)
def renyi_mi(record: GramTotals | RowPairs, *, alpha: float = 2.0, kernel: str = "gaussian") -> Reading:
    """Matrix-based mutual information of two views, Gaussian kernels of order 2 unless chosen otherwise."""
    return information(*_entropies(record, alpha, kernel))


@pair_measure(
    needs=_needs,
    bounds=(0.0, "log n"),
    definition=f"S(x, y) of the elementwise product of both kernel matrices, {KERNEL}",
    cite=SOURCE,
    says="how many samples both views together tell apart: the logarithm of a number of samples",
    cannot="at its ceiling log n every sample is apart from every other one, and nothing more can be read",
    invariant_to=RIGID,
    requires=CHOICES,
)
def renyi_joint_entropy(
    record: GramTotals | RowPairs, *, alpha: float = 2.0, kernel: str = "gaussian"
) -> Tensor:
    """Matrix-based joint entropy of two views."""
    if isinstance(record, GramTotals):
        return _entropy(record, 2)
    return matrix_entropy(_joint(record, kernel), alpha)


@pair_measure(
    needs=_needs,
    bounds=(0.0, "log n"),
    definition=f"S(x, y) - S(y), {KERNEL}",
    cite=SOURCE,
    says="how much the first view tells apart among samples that look alike in the second",
    cannot="it is not the part of the first view that nothing in the second predicts: kernels compare pairs",
    invariant_to=RIGID,
    symmetric=False,
    requires=CHOICES,
)
def renyi_conditional_entropy(
    record: GramTotals | RowPairs, *, alpha: float = 2.0, kernel: str = "gaussian"
) -> Tensor:
    """Matrix-based conditional entropy of the first view given the second."""
    if isinstance(record, GramTotals):
        return _entropy(record, 2) - _entropy(record, 1)
    joint = matrix_entropy(_joint(record, kernel), alpha)
    return joint - marginal_entropy(record.y, kernel, record.widths[1], alpha)


@pair_measure(
    needs=PairNeed.ROWS,
    bounds=(None, "log n"),
    definition=f"S(x, z) + S(y, z) - S(x, y, z) - S(z), {KERNEL}; z the third view or, without one, the "
    "labels, alike or not",
    cite=SOURCE,
    says="how much the views tell of each other among samples that are alike in a third view or share a "
    "label",
    cannot=f"{CANNOT}; under few samples a label or in a wide third view nothing is left to tell apart",
    invariant_to=RIGID,
    requires=CHOICES,
)
def conditional_renyi_mi(rows: RowPairs, *, alpha: float = 2.0, kernel: str = "gaussian") -> Reading:
    """Matrix-based information of two views given a third view, or given the labels."""
    given = _given(rows, kernel)
    x, y = _matrices(rows, kernel)
    both = x * y
    unconditional = matrix_entropy(x, alpha) + matrix_entropy(y, alpha) - matrix_entropy(both, alpha)
    parts = [matrix_entropy(matrix, alpha) for matrix in (x * given, y * given, both * given, given)]
    return Reading(parts[0] + parts[1] - parts[2] - parts[3], {"unconditional": unconditional})


def information(x: Tensor, y: Tensor, xy: Tensor, xx: Tensor, yy: Tensor) -> Reading:
    """Information from the entropies of x, y, both, and of each view beside itself."""
    return Reading(x + y - xy, {"entropy_x": x, "entropy_y": y, "self_x": 2 * x - xx, "self_y": 2 * y - yy})


def debiased(gram: GramTotals, first: int, second: int, joint: int) -> Tensor:
    """The information from pairs of different rows only: log(mean Kxy / (mean Kx mean Ky)) of squares.

    The n pairs of a row with itself add log n terms that have nothing to do with dependence; without them
    the figure of independent views is near zero at any n.
    """
    means = (gram.sums - gram.n) / (gram.n * (gram.n - 1))
    found: Tensor = means[joint].log() - means[first].log() - means[second].log()
    return found


def _entropies(record: GramTotals | RowPairs, alpha: float, kernel: str) -> list[Tensor]:
    """Of x, of y, of both, and of each view beside itself."""
    if isinstance(record, GramTotals):
        return [_entropy(record, which) for which in range(5)]
    views = zip((record.x, record.y), record.widths, strict=True)
    marginals = [marginal_entropy(rows, kernel, width, alpha) for rows, width in views]
    first, second = _matrices(record, kernel)
    joints: list[Callable[[], Tensor]] = [lambda: first * second, first.square, second.square]
    return [*marginals, *(matrix_entropy(joint(), alpha) for joint in joints)]


def _entropy(gram: GramTotals, which: int) -> Tensor:
    found: Tensor = 2 * math.log(gram.n) - torch.log(gram.sums[which])
    return found


def _matrices(rows: RowPairs, kernel: str) -> tuple[Tensor, Tensor]:
    return gram(rows.x, kernel, rows.widths[0]), gram(rows.y, kernel, rows.widths[1])


def _joint(rows: RowPairs, kernel: str) -> Tensor:
    first, second = _matrices(rows, kernel)
    return first.mul_(second)


def _given(rows: RowPairs, kernel: str) -> Tensor:
    if rows.z is not None:
        return gram(rows.z, kernel, median_distance(rows.z))
    if rows.labels is None:
        raise InputError("conditional_renyi_mi needs a third view or labels to condition on, and has neither")
    return delta_gram(rows.labels)
