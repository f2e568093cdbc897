"""Figures of two views that other implementations print, next to ours, each within its own tolerance.

`pairs.json` holds what the named peers (or the published formula, in float64) gave on the arrays of
`pair_inputs.py`. `COMPARISONS` says what is compared with what, `NOT_COMPARED` why something is not.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import Tensor

from repdiag import linalg
from repdiag.measures.declaration import Reading
from repdiag.measures.diffusion import diffusion_entropy
from repdiag.measures.inputs import Cloud
from repdiag.measures.pair_grams import (
    delta_gram,
    diffusion_matrix,
    diffusion_spectral_entropy,
    gaussian_gram,
    marginal_entropy,
    matrix_entropy,
)
from repdiag.measures.pair_inputs import JointMoments
from repdiag.measures.pair_linear import nuclear_norm
from repdiag.measures.pair_matrices import PUBLISHED_WIDTH
from repdiag.measures.pair_moments import gaussian_mi, logdet_mi
from repdiag.measures.pair_moments import total_coding_rate as rate_of
from tests.analysis.memory import figure
from tests.golden.inputs import INPUTS, Matrix, augmented_objects, digits, logits_of_digits
from tests.golden.pair_inputs import CORRELATIONS, PAIRS, Pair, population_covariance
from tests.measures.pair_records import Widths, reading, value

Entry = dict[str, Any]
ENTRIES: list[Entry] = json.loads((Path(__file__).parent / "pairs.json").read_text())["entries"]
BIT = math.log(2)


@cache
def pair(name: str) -> Pair:
    return PAIRS[name]()


@cache
def rows(name: str) -> Tensor:
    """One view: an input by name, the first of a pair, or the digits in other units."""
    if name == "F_digits/16":
        return torch.from_numpy(INPUTS["F_digits"]() / 16)
    if name in INPUTS:
        return torch.from_numpy(INPUTS[name]())
    return torch.from_numpy(pair(name.removesuffix("[0]"))[0])


def close(entry: Entry, found: float | Tensor, expected: float | None = None, least: float = 1e-14) -> None:
    wanted = np.ravel(entry["value"])[0] if expected is None else expected
    assert float(found) == pytest.approx(float(wanted), rel=entry["rtol"], abs=least)


def kernel(entry: Entry) -> tuple[str, Widths]:
    """Kernel and bandwidths that the peer names; sqrt(d / 2) for 32 features is 4."""
    text = entry["params"]["kernel"]
    if not text.startswith("gaussian"):
        return "cosine", (1.0, 1.0)
    width = re.search(r"sigma=([\d.]+)", text)
    found = float(width[1]) if width else math.sqrt(32 / 2)
    return "gaussian", (found, found)


# --- Ways of comparing. ---


def same_figure(key: str) -> Callable[[Entry], None]:
    return lambda entry: close(entry, value(key, *pair(entry["input"])))


def renyi(name: str) -> Callable[[Entry], None]:
    def compare(entry: Entry) -> None:
        if "labels" in entry["input"]:
            labelled_renyi(entry)
            return
        chosen, widths = kernel(entry)
        key = f"{name}{{alpha={entry['params']['alpha']},kernel={chosen}}}"
        close(entry, value(key, *pair(entry["input"]), widths))

    return compare


def labelled_renyi(entry: Entry) -> None:
    """Information about the labels: their kernel is one where they are equal."""
    pixels, labels = digits()
    x = gaussian_gram(torch.from_numpy(pixels[:512]), 20.0)
    y = delta_gram(torch.from_numpy(labels[:512]))
    entropies = [matrix_entropy(matrix, 2) for matrix in (x, y, x * y)]
    close(entry, entropies[0] + entropies[1] - entropies[2])


def renyi_entropy(entry: Entry) -> None:
    """Of one view. The peer's shortcut at order 2 is right for unit diagonals only: one entry records what
    it gives for another matrix, a negative entropy, and the other what it gives without the shortcut."""
    alpha = entry["params"]["alpha"]
    if "scatter" not in entry["input"]:
        chosen, widths = kernel(entry)
        close(entry, marginal_entropy(rows(entry["input"]), chosen, widths[0], alpha))
        return
    view = rows("A_gauss")
    scatter = view.mT @ view
    if entry["value"] > 0:
        close(entry, matrix_entropy(scatter, alpha))
    else:
        close(entry, 2 * math.log(len(scatter)) - scatter.square().sum().log())


def tan(joint: bool) -> Callable[[Entry], None]:
    def compare(entry: Entry) -> None:
        space = entry["params"]["gram"].split("-")[0]
        found = reading(f"matrix_mi{{space={space},alpha={entry['params']['alpha']}}}", *pair(entry["input"]))
        both = found.details["entropy_x"] + found.details["entropy_y"] - found.value
        close(entry, both if joint else found.value)

    return compare


def ldmi(entry: Entry) -> None:
    """The absolute floor of the paper, in both directions."""
    x, y = pair(entry["input"])
    views = (y, x) if entry["params"]["direction"] == "reverse" else (x, y)
    close(entry, value(f"logdet_mi{{eps={entry['params']['eps']:g},relative=false}}", *views))


def covariance_moments(matrix: Tensor, size: int, n: int = 1) -> JointMoments:
    """Moments of n rows whose scatter is `matrix`, of two views of `size` features."""
    nothing = torch.zeros(len(matrix), dtype=torch.float64)
    return JointMoments(n, size, size, nothing, nothing, matrix, nothing[:, None], nothing)


def tracker(entry: Entry) -> None:
    """This peer prints 4 I / D, keeps a share `la_R` of the covariance before (one at the start) and centres
    by the mean before (zero at the start)."""
    keep, mean_keep, eps = (entry["params"][name] for name in ("la_R", "la_mu", "eps"))
    both = torch.from_numpy(np.hstack(pair(entry["input"])))
    d = both.shape[1] // 2
    # What it starts from has ones on the diagonal of each view, and nothing between the views.
    covariance = torch.eye(2 * d, dtype=torch.float64)
    mean = torch.zeros(2 * d, dtype=torch.float64)
    for wanted in entry["value"]:
        centred = both - mean
        mean = mean_keep * mean + (1 - mean_keep) * both.mean(0)
        covariance = keep * covariance + (1 - keep) * centred.mT @ centred / len(both)
        found = logdet_mi(covariance_moments(covariance, d), eps=eps, relative=False).value
        close(entry, 4 * found / d, wanted)


def population(entry: Entry) -> None:
    """From the exact joint covariance, and from the correlations that it was made of."""
    found = gaussian_mi(covariance_moments(torch.from_numpy(population_covariance()), 32)).value
    close(entry, found)
    close(entry, -np.log(1 - CORRELATIONS**2).sum() / 2)


def true_information(entry: Entry) -> None:
    covariance = torch.tensor([[1.0, 0.75], [0.75, 1.0]], dtype=torch.float64)
    close(entry, gaussian_mi(covariance_moments(covariance, 1)).value)


def quadratic(entry: Entry) -> Reading:
    """With the bandwidth that the peer names, or its default: ten times the median of SQUARED distances
    between the rows of a view put twice, so that n of the distances are zero."""
    x, y = pair(entry["input"])
    sigma = entry["params"]["sigma"]
    widths = (sigma, sigma) if isinstance(sigma, float) else (peer_width(x), peer_width(y))
    return reading("cs_qmi", x, y, widths)


def peer_width(view: Matrix) -> float:
    twice = torch.from_numpy(np.vstack([view, view]))
    return 10 * float(torch.pdist(twice).square().median())


def cs_qmi(entry: Entry) -> None:
    """At its default bandwidth of thousands the peer's float32 prints rounding for 32 features: 1.6e-6,
    where the figure is 9e-11."""
    found = quadratic(entry).value / (BIT if entry["unit"] == "log2" else 1.0)
    if entry["input"] == "C_views" and not isinstance(entry["params"]["sigma"], float):
        assert 0 <= float(found) < 1e-9
    else:
        close(entry, found)


def cs_qmi_normalised(entry: Entry) -> None:
    close(entry, quadratic(entry).details["normalised"])


def diffusion(anisotropic: bool) -> Callable[[Entry], None]:
    """In nats; the peer prints bits and adds 2e-16 to each of n shares before it takes logarithms, which
    is up to 1e-11 bits and all there is of a constant."""

    def compare(entry: Entry) -> None:
        sigma, t = entry["params"]["sigma"], entry["params"]["t"]
        view = rows(entry["input"])
        close(entry, diffusion_spectral_entropy(view, sigma, t, anisotropic) / BIT, least=1e-11)
        close(
            entry,
            diffusion_entropy(Cloud(view, sigma), t=t, anisotropic=anisotropic).value / BIT,
            least=1e-11,
        )
        if sigma == PUBLISHED_WIDTH and entry["input"] != "E_const":
            key = f"diffusion_entropy{{preset=published,t={t},anisotropic={str(anisotropic).lower()}}}"
            found = figure(view.numpy(), key).plugin
            assert found is not None
            close(entry, found / BIT, least=1e-11)

    return compare


def class_information(entry: Entry) -> None:
    """The same from logits and from their softmax; ours weighs rows alike unless asked."""
    logits, labels = logits_of_digits()
    weighting = "class" if entry["params"]["weighting"] == "per-class mean" else "sample"
    key = f"conditional_mutual_information{{weighting={weighting}}}"
    for outputs, read_as in ((logits, "logits"), (softmax(logits, axis=1), "probabilities")):
        found = figure(outputs, key, labels=labels)
        assert found.plugin is not None
        close(entry, found.plugin)
        assert found.details["read_as"] == read_as


def ksg(entry: Entry) -> None:
    """One peer adds a jitter of 1e-10 to every value."""
    params = entry["params"]
    norm = "euclidean" if params["metric"] == "euclidean" else "max"
    standardize = str(params["standardize"]).lower()
    key = f"ksg_mi{{k={params['k']},norm={norm},standardize={standardize}}}"
    close(entry, value(key, *pair(entry["input"])))


def manifold_capacity(entry: Entry) -> None:
    """The published loss of eight views, from our nuclear norm: local share less the norm of centroids."""
    unit = linalg.unit_rows(torch.from_numpy(augmented_objects()))
    centroids = unit.mean(1)
    found = nuclear_norm(centroids.mT @ centroids)
    close(entry, found, entry["params"]["global_nuc"])
    local = torch.stack([nuclear_norm(each.mT @ each) for each in unit]).sum()
    close(entry, entry["params"]["lmbda"] * local / len(unit) - found)


def total_coding_rate(entry: Entry) -> None:
    """The published loss of one view is minus twice our rate where d / (n eps_sq) = mu / d; its option
    centres the unit rows."""
    view = linalg.unit_rows(rows(entry["input"]))
    if entry["params"]["centering"]:
        view = view - view.mean(0)
    n, d = view.shape
    both = torch.cat([view, view], dim=1)
    moments = covariance_moments(both.mT @ both, d, n)
    close(entry, -2 * rate_of(moments, eps_sq=d * d / n).details["rate_x"])


def von_neumann(entry: Entry) -> None:
    """Of one view, centred, unit rows after that where the peer says so; the rank is the exponential."""
    view = rows(entry["input"])
    view = view - view.mean(0)
    if "l2norm" in entry["params"]:
        view = linalg.unit_rows(view)
    found = matrix_entropy(view.mT @ view, 1)
    close(entry, found.exp() if entry["measure"].endswith("erank") else found)


def dependence_of_order(entry: Entry) -> None:
    """How far shuffling one view raises the joint entropy, over the peer's own five random orders."""
    x, y = pair(entry["input"])
    key = f"renyi_joint_entropy{{alpha={entry['params']['alpha']}}}"
    draws = torch.Generator().manual_seed(entry["params"]["seed"])
    orders = [torch.randperm(len(y), generator=draws).numpy() for _ in range(entry["params"]["n_iters"])]
    shuffled = [value(key, x, np.ascontiguousarray(y[order]), (4.0, 4.0)) for order in orders]
    close(entry, float(np.mean(shuffled)) - value(key, x, y, (4.0, 4.0)))


def gram_entropy(entry: Entry) -> None:
    """The spectrum of the kernel matrix as it is: our entropy of order 1, in bits."""
    kernel_matrix = gaussian_gram(rows(entry["input"]), entry["params"]["sigma"])
    close(entry, matrix_entropy(kernel_matrix, 1) / BIT)


def entry_entropy(entry: Entry) -> None:
    """The entries, not the spectrum, of the random walk on our diffusion matrix, in bits."""
    matrix = diffusion_matrix(gaussian_gram(rows(entry["input"]), entry["params"]["sigma"]))
    walk = matrix / matrix.sum(1, keepdim=True) / len(matrix)
    close(entry, -(walk * walk.log()).sum() / BIT)


def product_features(entry: Entry) -> None:
    """The joint entropy of all products of a feature of x and one of y: the product of linear kernels."""
    x, y = (np.ascontiguousarray(view[:, :8]) for view in pair(entry["input"]))
    close(entry, value("renyi_mi{alpha=1,kernel=linear}", x, y))


def prompt_entropy(entry: Entry) -> None:
    """The peer sets negative entries (not eigenvalues) of the matrix to zero, and so prints a figure that
    no representation has: from our entropy of that matrix, plain and over log min(n, d)."""
    view = rows(entry["input"])
    unit = linalg.unit_rows(view - view.mean(0))
    covariance = unit.mT @ unit
    found = matrix_entropy(covariance.clamp(min=0), 1)
    close(entry, found, entry["value"][0])
    close(entry, found / math.log(min(view.shape)), entry["value"][1])
    assert float(matrix_entropy(covariance, 1)) != pytest.approx(entry["value"][0], rel=1e-2)


COMPARISONS: dict[str, Callable[[Entry], None]] = {
    "alignment": same_figure("alignment"),
    "cka_linear_biased": same_figure("cka{unbiased=false}"),
    "cka_linear_unbiased": same_figure("cka"),
    "gaussian_mi_cca": same_figure("gaussian_mi"),
    "gaussian_mi_plugin": same_figure("gaussian_mi"),
    "gaussian_mi_population": population,
    "true_mi": true_information,
    "ldmi": ldmi,
    "corinfomax_ldmi_tracker": tracker,
    "cs_qmi": cs_qmi,
    "cs_qmi_normalized": cs_qmi_normalised,
    "dse": diffusion(anisotropic=False),
    "dse_true_P": diffusion(anisotropic=True),
    "cmi_centroid": class_information,
    "ksg1": ksg,
    "matrix_renyi_entropy": renyi_entropy,
    "matrix_renyi_mi": renyi("renyi_mi"),
    "matrix_renyi_joint_entropy": renyi("renyi_joint_entropy"),
    "matrix_renyi_conditional_entropy": renyi("renyi_conditional_entropy"),
    "matrix_mi_tan2023": tan(joint=False),
    "matrix_joint_entropy_tan2023": tan(joint=True),
    "matrix_entropy": von_neumann,
    "matrix_entropy_erank": von_neumann,
    "von_neumann_entropy_cov": von_neumann,
    "mmcr_loss": manifold_capacity,
    "mmcr_normalised": same_figure("mmcr"),
    "tcr_loss": total_coding_rate,
    "dime(doe)": dependence_of_order,
    "ase": gram_entropy,
    "dse_matrix_entry": entry_entropy,
    "repMutualInformation(covariance)": product_features,
    "prompt_entropy": prompt_entropy,
}

NOT_COMPARED = {
    "ase_knn": "eigenvalues of a graph of nearest neighbours: no figure of ours",
    "corinfomax_cov_loss(1st batch)": "log determinants of each view for itself, a loss without dependence",
    "dsmi": "entropy of random subsets less that of classes or clusters: another definition than ours, which "
    "is symmetric in both views, and it depends on the draws",
    "kl_entropy": "differential entropy of one view from neighbour distances: not a figure of a pair",
    "mixed_mi_micd": "one continuous and one discrete variable, from neighbours within classes",
}


def name_of(entry: Entry) -> str:
    inner = " ".join(str(each) for each in entry["params"].values())
    return f"{entry['measure']} {entry['input']} {inner}"


COMPARED = [entry for entry in ENTRIES if entry["measure"] not in NOT_COMPARED]


@pytest.mark.parametrize("entry", COMPARED, ids=name_of)
def test_golden(entry: Entry) -> None:
    COMPARISONS[entry["measure"]](entry)


def test_every_entry_is_compared_or_has_its_reason() -> None:
    measures = {entry["measure"] for entry in ENTRIES}
    assert measures == set(COMPARISONS) | set(NOT_COMPARED)
    assert not set(COMPARISONS) & set(NOT_COMPARED)
    assert (len(ENTRIES), len(COMPARED)) == (164, 152)
