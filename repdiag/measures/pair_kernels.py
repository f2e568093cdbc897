"""Matrix-based Renyi information: of order 2 from sums over all pairs of rows, else from eigenvalues."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from repdiag.errors import InputError
from repdiag.measures.declaration import Change, Options, Reading, Requirement
from repdiag.measures.pair_entropies import KernelRows, Signed, Total
from repdiag.measures.pair_grams import KERNELS, delta_gram, gram, matrix_entropy, median_distance
from repdiag.measures.pair_inputs import NOTHING_GIVEN, GramTotals, PairNeed, RowPairs
from repdiag.measures.pair_registry import MEDIAN, gaussian_kernel, pair_measure

SOURCE = "Giraldo, Rao & Principe 2015, Measures of entropy from data using infinitely divisible kernels"
KERNEL = (
    "S = log(sum p^a)/(1 - a) of the eigenvalues p of K over their sum, a = <alpha> (1: -sum p log p), "
    f"<kernel> kernel (gaussian: exp(-|x_i - x_j|^2 / (2 s^2)), {MEDIAN}), not centred"
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


SUMS = {
    "gaussian": PairNeed.GRAM,
    "cosine": PairNeed.COSINE_GRAM,
    "linear": PairNeed.LINEAR_GRAM,
}
"""Order 2 of each kernel is closed form."""

INFORMATION: Signed = ((1.0, "x"), (1.0, "y"), (-1.0, "xy"))


def _needs(options: Options) -> PairNeed:
    """All pairs in one pass at order 2, else rows and the eigenvalues of their kernels."""
    if options["alpha"] == 2:
        return SUMS.get(options["kernel"], PairNeed.GRAM)
    return PairNeed.KERNELS if options["kernel"] == "gaussian" else PairNeed.KERNEL_SAMPLE


def _debiased(record: GramTotals | KernelRows) -> Tensor | None:
    """Where every kernel of a row with itself is one, which is not so without bandwidth."""
    if isinstance(record, KernelRows) or record.traces is not None:
        return None
    return debiased(record, 0, 1, 2)


def _quick(record: GramTotals | KernelRows, *, alpha: float, kernel: str) -> Tensor | None:
    """Without the entropies of each view beside itself."""
    if isinstance(record, GramTotals):
        return None
    return record.entropy(INFORMATION, kernel, alpha).value


@pair_measure(
    needs=_needs,
    bounds=(None, "log n"),
    definition=f"S(x) + S(y) - S(x, y), {KERNEL}; joint: elementwise product",
    cite=SOURCE,
    says=SAYS,
    cannot=CANNOT,
    invariant_to=RIGID,
    corrected=_debiased,
    quick=_quick,
    bandwidth=gaussian_kernel,
    requires=CHOICES,
)
def renyi_mi(record: GramTotals | KernelRows, *, alpha: float = 2.0, kernel: str = "gaussian") -> Reading:
    """Matrix-based mutual information of two views, Gaussian kernels of order 2 unless chosen otherwise."""
    if isinstance(record, GramTotals):
        return information(*(_entropy(record, which) for which in range(5)))
    found = record.entropy(INFORMATION, kernel, alpha)
    x, y, xx, yy = (record.entropy(((1.0, each),), kernel, alpha).value for each in ("x", "y", "xx", "yy"))
    own = information(x, y, x + y - found.value, xx, yy).details
    return Reading(found.value, {**own, **_made(found)})


@pair_measure(
    needs=_needs,
    bounds=(0.0, "log n"),
    definition=f"S(x, y) of the elementwise product of both kernel matrices, {KERNEL}",
    cite=SOURCE,
    says="how many samples both views together tell apart: the logarithm of a number of samples",
    cannot="at its ceiling log n every sample is apart from every other one, and nothing more can be read",
    invariant_to=RIGID,
    bandwidth=gaussian_kernel,
    requires=CHOICES,
)
def renyi_joint_entropy(
    record: GramTotals | KernelRows, *, alpha: float = 2.0, kernel: str = "gaussian"
) -> Reading:
    """Matrix-based joint entropy of two views."""
    if isinstance(record, GramTotals):
        return Reading(_entropy(record, 2))
    found = record.entropy(((1.0, "xy"),), kernel, alpha)
    return Reading(found.value, _made(found))


@pair_measure(
    needs=_needs,
    bounds=(0.0, "log n"),
    definition=f"S(x, y) - S(y), {KERNEL}",
    cite=SOURCE,
    says="how much the first view tells apart among samples that look alike in the second",
    cannot="it is not the part of the first view that nothing in the second predicts: kernels compare pairs",
    invariant_to=RIGID,
    symmetric=False,
    bandwidth=gaussian_kernel,
    requires=CHOICES,
)
def renyi_conditional_entropy(
    record: GramTotals | KernelRows, *, alpha: float = 2.0, kernel: str = "gaussian"
) -> Reading:
    """Matrix-based conditional entropy of the first view given the second."""
    if isinstance(record, GramTotals):
        return Reading(_entropy(record, 2) - _entropy(record, 1))
    found = record.entropy(((1.0, "xy"), (-1.0, "y")), kernel, alpha)
    return Reading(found.value, _made(found))


@pair_measure(
    needs=PairNeed.GIVEN,
    bounds=(None, "log n"),
    definition=f"S(x, z) + S(y, z) - S(x, y, z) - S(z), {KERNEL}; z the third view or, without one, the "
    "labels, alike or not",
    cite=SOURCE,
    says="how much the views tell of each other among samples that are alike in a third view or share a "
    "label",
    cannot=f"{CANNOT}; under few samples a label or in a wide third view nothing is left to tell apart",
    invariant_to=RIGID,
    bandwidth=gaussian_kernel,
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


def _entropy(gram: GramTotals, which: int) -> Tensor:
    trace = math.log(gram.n) if gram.traces is None else torch.log(gram.traces[which])
    found: Tensor = 2 * trace - torch.log(gram.sums[which])
    return found


def _made(found: Total) -> Mapping[str, Tensor | str | int]:
    """How the figure was made: from all eigenvalues, or by an estimator with an error of its own."""
    if not found.passes:
        return {"estimator": "exact"}
    return {"estimator": "stochastic", "estimator_error": found.error, "passes": found.passes}


def _matrices(rows: RowPairs, kernel: str) -> tuple[Tensor, Tensor]:
    return gram(rows.x, kernel, rows.widths[0]), gram(rows.y, kernel, rows.widths[1])


def _given(rows: RowPairs, kernel: str) -> Tensor:
    if rows.z is not None:
        return gram(rows.z, kernel, median_distance(rows.z))
    if rows.labels is None:
        raise InputError(f"conditional_renyi_mi {NOTHING_GIVEN}")
    return delta_gram(rows.labels)
