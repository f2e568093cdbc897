"""Effective ranks: how many dimensions a spectrum uses. All scale-free; read the trace beside them."""

from __future__ import annotations

from torch import Tensor

from repdiag.measures.corrections import leading_share, unbiased_participation_ratio
from repdiag.measures.declaration import CENTRED, UNCENTRED, Reading
from repdiag.measures.inputs import Need, Population, Spectrum
from repdiag.measures.registry import measure


@measure(
    needs=Need.SPECTRUM,
    unit="dimensions",
    bounds=(1.0, "d"),
    collapse="low",
    invariant_to=CENTRED,
    scale="log",
    plugin_bias="low",
    correction="lev",
    least_ratio=0.2,
    definition="exp(H(l/sum l)), H in nats, l = eigenvalues of the centred covariance, ddof=1",
    cite="Roy & Vetterli 2007, The effective rank, eq. 4 (on eigenvalues)",
)
def effective_rank(spectrum: Spectrum | Population) -> Reading:
    """Exponential of the Shannon entropy of the normalised covariance spectrum."""
    value = spectrum.entropy(spectrum.shares).exp()
    # A rank is blind to scale, so the scale stands beside it.
    return Reading(value, {"ratio": value / spectrum.d, "per_feature_std": spectrum.mean_variance.sqrt()})


@measure(
    needs=Need.SECOND_MOMENT,
    unit="dimensions",
    bounds=(1.0, None),
    collapse="low",
    invariant_to=UNCENTRED,
    scale="log",
    plugin_bias="low",
    correction="lev",
    definition="exp(-sum p log p), p = s/sum s + <eps>, s = singular values of the uncentred matrix",
    cite="Garrido et al. 2023, RankMe, eq. 1",
    requires=(("0 <= eps < 1", lambda o: 0 <= o["eps"] < 1),),
)
def rankme(spectrum: Spectrum | Population, *, eps: float = 1e-7, center: bool = False) -> Tensor:
    """RankMe as published: entropy rank of the uncentred singular values, p not renormalised."""
    values = spectrum.singular_values
    return spectrum.entropy(values / spectrum.total(values) + eps).exp()


@measure(
    needs=Need.SPECTRUM,
    unit="dimensions",
    bounds=(1.0, "d"),
    collapse="low",
    invariant_to=CENTRED,
    scale="log",
    plugin_bias="low",
    correction="unbiased",
    corrected=unbiased_participation_ratio,
    definition="(sum l)^2 / sum l^2, l = eigenvalues of the centred covariance",
    cite="Gao et al. 2017, A theory of multineuronal dimensionality (Renyi-2 effective rank)",
)
def participation_ratio(spectrum: Spectrum) -> Tensor:
    """Renyi-2 effective rank: the inverse of the summed squared variance shares."""
    return spectrum.shares.square().sum().reciprocal()


@measure(
    needs=Need.SECOND_MOMENT,
    unit="dimensions",
    bounds=(1.0, "d"),
    collapse="low",
    invariant_to=UNCENTRED,
    scale="log",
    plugin_bias="low",
    definition="|X|_F^2 / |X|_2^2 of the uncentred matrix",
    cite="Rudelson & Vershynin 2007, Sampling from large matrices",
)
def stable_rank(spectrum: Spectrum, *, center: bool = False) -> Tensor:
    """Squared Frobenius over squared spectral norm."""
    return spectrum.shares[0].reciprocal()


@measure(
    needs=Need.SPECTRUM,
    unit="dimensions",
    bounds=(1.0, "d"),
    collapse="low",
    invariant_to=CENTRED,
    scale="log",
    plugin_bias="low",
    correction="leading",
    corrected=lambda spectrum: leading_share(spectrum).reciprocal(),
    least_ratio=0.2,
    definition="sum l / l_1, l = eigenvalues of the centred covariance",
    cite="He & Ozay 2022, Exploring the gap between collapsed and whitened features (NESum)",
)
def nesum(spectrum: Spectrum) -> Tensor:
    """Sum of the eigenvalues in units of the largest."""
    return spectrum.shares[0].reciprocal()


@measure(
    needs=Need.SPECTRUM,
    unit="dimensions",
    bounds=(0.0, "rank"),
    collapse="low",
    invariant_to=CENTRED,
    definition="number of eigenvalues of the centred covariance above the resolution floor "
    "(rounding of the stored type and of float64)",
    cite="numerical rank; Golub & Van Loan, section 5.4",
)
def numerical_rank(spectrum: Spectrum) -> Tensor:
    """How many directions stand above rounding."""
    return (spectrum.eigenvalues > spectrum.floor).sum().to(spectrum.eigenvalues.dtype)


@measure(
    needs=Need.SPECTRUM,
    unit="dimensions",
    bounds=(0.0, "rank"),
    collapse="low",
    invariant_to=CENTRED,
    least_rank=lambda o: int(o["reference"]),
    requires=(
        ("reference >= 1", lambda o: o["reference"] >= 1),
        ("0 < share < 1", lambda o: 0 < o["share"] < 1),
    ),
    definition="number of centred singular values above <share> of the <reference>th",
    cite="repdiag: counts directions without letting the first three set the scale",
)
def live_directions(spectrum: Spectrum, *, share: float = 0.01, reference: int = 4) -> Tensor:
    """How many directions carry more than a hundredth of the fourth singular value."""
    values = spectrum.singular_values
    return (values > share * values[reference - 1]).sum().to(values.dtype)
