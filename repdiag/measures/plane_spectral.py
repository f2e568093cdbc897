"""Information from the eigenvalues of kernel matrices of a sample of rows."""

from __future__ import annotations

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.measures import plane_codes, plane_widths
from repdiag.measures.pair_grams import delta_gram, gaussian_gram, matrix_entropy
from repdiag.measures.plane_codes import centred
from repdiag.measures.plane_inputs import PlaneReading, PlaneRows
from repdiag.measures.plane_registry import plane_estimator

MOST_ROWS = 1000
PUBLISHED_WIDTH = 10.0
"""The bandwidth of the published diffusion entropy, whatever the layer."""

# --- Renyi entropies of any order. ---


def renyi_by_eigenvalues(rows: PlaneRows, width: Tensor, alpha: float) -> PlaneReading:
    """Matrix-based information of order alpha; O(m^3) time, O(m^2) memory."""
    kernel = gaussian_gram(rows.t, width)
    t, t_influence = entropy_and_influence(kernel, alpha)
    share = plane_codes.shares(rows.labels)
    y, y_influence = plane_codes.share_entropy(share, alpha), plane_codes.share_influence(share[0], alpha)
    ty, ty_influence = entropy_and_influence(kernel * delta_gram(rows.labels[0]), alpha)
    shuffled = [matrix_entropy(kernel * delta_gram(labels), alpha) for labels in rows.labels[1:]]
    x, x_influence, beside = _inputs(rows, alpha)
    tx, tx_influence = entropy_and_influence(kernel * beside, alpha)
    return PlaneReading(
        ixt=t + x - tx,
        ity=t + y - torch.stack([ty, *shuffled]),
        ixt_influence=t_influence + x_influence - tx_influence,
        ity_influence=t_influence + y_influence - ty_influence,
        ixt_ceiling=x,
        ity_ceiling=y[0],
        details={"width": width, "entropy": t},
    )


def _inputs(rows: PlaneRows, alpha: float) -> tuple[Tensor, Tensor, Tensor]:
    """Entropy of the inputs, influences (m,) and kernel (m, m)."""
    if rows.inputs is None:
        share = plane_codes.shares(rows.x)
        entropy = plane_codes.share_entropy(share, alpha)
        return entropy, plane_codes.share_influence(share, alpha), delta_gram(rows.x)
    kernel = gaussian_gram(rows.inputs, rows.input_width or 1.0)
    return *entropy_and_influence(kernel, alpha), kernel


def entropy_and_influence(kernel: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Renyi entropy () of a kernel (m, m) with ones on the diagonal, and how far each row (m,) moves it.

    With weights w the matrix is w_i^1/2 K_ij w_j^1/2, so that a row moves an eigenvalue by its share of the
    squared eigenvector.
    """
    m = kernel.shape[0]
    values, vectors = linalg.eigenbasis(kernel / m)
    if alpha == 1:
        terms = -torch.xlogy(values, values)
        return terms.sum(), centred(m * (vectors.square() @ terms))
    terms = torch.where(values > 0, values.pow(alpha), 0.0)
    by_row = m * (vectors.square() @ terms) / terms.sum()
    entropy: Tensor = terms.sum().log() / (1 - alpha)
    return entropy, centred(by_row) * alpha / (1 - alpha)


# --- Diffusion. ---


@plane_estimator(
    definition="I(X;T) is S(T), X taken as the identity of the sample; I(T;Y) is S(random subsets of the "
    "size of each class) - S(class), mean over rows; S = -sum p log p, p = l^<t> over their sum, l the "
    "eigenvalues of D^-1/2 K D^-1/2, K = exp(-|t - t'|^2 / (2 s^2)), D its row sums; preset=<preset> "
    f"(published: s = 10, median: as bandwidth says); {plane_widths.SPELLED}",
    cite="Liao et al. 2024, Assessing neural network representations during training using noise-resilient "
    "diffusion spectral entropy",
    says="how many groups of rows a random walk on the layer stays in, and how far labels are such groups",
    cannot="it is no Shannon information and has no proven bounds; I(X;T) is an entropy of the layer alone",
    most_rows=MOST_ROWS,
    scale_free=lambda o: o["preset"] == "median" and plane_widths.own_scale(o),
    invariant_to=plane_widths.RIGID,
    requires=(
        ("preset is median or published", lambda o: o["preset"] in ("median", "published")),
        ("t is at least 1", lambda o: o["t"] >= 1),
        plane_widths.CHOSEN,
    ),
)
def diffusion(
    rows: PlaneRows, *, preset: str = "median", bandwidth: str = "layer", t: int = 1
) -> PlaneReading:
    """Diffusion spectral entropy of the layer, and how much of it the labels explain.

    The random subsets are the classes of the shuffled labels, those of a shuffle compared with the others.
    """
    published = rows.t.new_tensor(PUBLISHED_WIDTH)
    width = published if preset == "published" else plane_widths.width_of(rows, bandwidth)
    kernel = gaussian_gram(rows.t, width)
    whole, whole_influence = class_entropy(kernel, torch.zeros_like(rows.x), t)
    found = [class_entropy(kernel, labels, t) for labels in rows.labels]
    entropies = torch.stack([entropy for entropy, _ in found])
    influences = torch.stack([influence for _, influence in found])
    apart = _random(entropies)
    return PlaneReading(
        ixt=whole,
        ity=apart - entropies,
        ixt_influence=whole_influence,
        ity_influence=_random(influences)[0] - influences[0],
        ixt_ceiling=(plane_codes.ranks(rows.x).max().to(linalg.DTYPE) + 1).log(),
        ity_ceiling=apart[0],
        details={"width": width, "entropy_of_random_subsets": apart[0]},
    )


def _random(values: Tensor) -> Tensor:
    """Mean (s + 1, ...) over the shuffles, of rows 1 to s, for a shuffle without itself."""
    shuffled = values[1:]
    others = (shuffled.sum(0) - shuffled) / max(len(shuffled) - 1, 1)
    return torch.cat([shuffled.mean(0, keepdim=True), others])


def class_entropy(kernel: Tensor, labels: Tensor, t: int) -> tuple[Tensor, Tensor]:
    """Mean over rows of the diffusion spectral entropy of their class, and how far each row (m,) moves it.

    One decomposition for all classes. Each class is a block of the matrix; over its trace, times the share of
    the class, it adds -sum p log p of the class and the entropy of the class sizes to that of the whole.
    """
    m, same = kernel.shape[0], delta_gram(labels)
    own = kernel * same
    degrees = own.sum(1)
    walk = torch.linalg.matrix_power(own * (degrees.rsqrt()[:, None] * degrees.rsqrt()), t)
    share = plane_codes.shares(labels)
    block = walk * (1 / (same @ walk.diagonal()))[:, None]
    values, vectors = linalg.eigenbasis((block + block.mT) / 2 * share[:, None])
    terms = vectors.square() @ -torch.xlogy(values, values)
    surprise = terms / share + share.log() * block.diagonal()
    entropy = same @ surprise
    pull = t * (surprise - block.diagonal() * entropy)
    return entropy.mean(), centred(entropy + m * share * (pull - own @ (pull / degrees)))
