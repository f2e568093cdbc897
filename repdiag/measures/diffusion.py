"""Entropy of the random walk on a sample of rows."""

from __future__ import annotations

import math

from torch import Tensor

from repdiag.measures.declaration import CENTRED, Reading
from repdiag.measures.inputs import Cloud, Need
from repdiag.measures.pair_grams import diffusion_entropy_of, gaussian_gram
from repdiag.measures.pair_matrices import PUBLISHED_WIDTH
from repdiag.measures.registry import measure


@measure(
    needs=Need.CLOUD,
    unit="nats",
    bounds=(0.0, "log n"),
    invariant_to=CENTRED,
    opt_in=True,
    requires=(
        ("preset is median or published", lambda o: o["preset"] in ("median", "published")),
        ("0 < t < inf", lambda o: 0 < o["t"] < math.inf),
    ),
    definition="-sum p log p, p = |l|^<t> over their sum, l the eigenvalues of D^-1/2 G D^-1/2, D the row "
    "sums of the Gaussian kernel G of the rows with the lowest id hashes, at most 4,000; preset=<preset> "
    "(median: bandwidth the median distance, published: 10, whatever the units), anisotropic=<anisotropic>",
    cite="Liao et al. 2024, Assessing neural network representations during training using noise-resilient "
    "diffusion spectral entropy",
)
def diffusion_entropy(
    cloud: Cloud, *, preset: str = "median", t: float = 1.0, anisotropic: bool = False
) -> Reading:
    """Diffusion spectral entropy: the logarithm of how many groups of rows a random walk tells apart.

    From 0, where every row looks alike at this bandwidth, to log m of m rows, where none does and nothing
    more can be read. It grows with the number of rows, so compare figures of equally many.
    """
    rows = cloud.chosen
    width = PUBLISHED_WIDTH * cloud.scale if preset == "published" else cloud.width
    if width == 0:
        reason = "over half of the distances between rows are zero; preset=published has a bandwidth"
        return Reading(rows.new_full((), math.nan), {"reason": reason})
    kernel = gaussian_gram(rows, width)
    beside = _setting(cloud, kernel, width)
    return Reading(diffusion_entropy_of(kernel, t, anisotropic), beside)


def _setting(cloud: Cloud, kernel: Tensor, width: float) -> dict[str, Tensor | float | int | str]:
    """How many rows, the bandwidth in the units of the store, and what the kernel leaves of a distance."""
    m = kernel.shape[0]
    found: dict[str, Tensor | float | int | str] = {
        "rows": m,
        "ceiling": math.log(m),
        "bandwidth": width / cloud.scale,
        "median_distance": cloud.width / cloud.scale,
        "mean_kernel": (kernel.sum() - m) / (m * (m - 1)),
    }
    return found | ({"no_interval": cloud.no_interval} if cloud.no_interval else {})
