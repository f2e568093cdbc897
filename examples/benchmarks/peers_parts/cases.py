"""What is compared: a figure of this library and the call of a peer that gives the same one."""

from __future__ import annotations

from dataclasses import dataclass

CUBIC = 4000
"""Most rows of a peer that takes eigenvalues of n x n matrices: some 15 s there, half an hour at 20,000."""

EVERY = 20_000


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table at each size.

    `ours` and `theirs` are functions of the modules of these names; `package` is what the peer is installed
    as, empty where it is a dependency of this library. `most` rows are given to the peer, `features` says at
    which widths. `warm` runs a few rows first, so that what only a first call pays does not count; `note`
    stands in place of the difference where the peer estimates the quantity in another way.
    """

    method: str
    ours: str
    theirs: str
    package: str
    call: str
    most: int = EVERY
    features: tuple[int, ...] = ()
    warm: bool = True
    note: str = ""

    def takes(self, n: int, d: int) -> bool:
        return n <= self.most and (not self.features or d in self.features)


CASES = (
    Case("`effective_rank`", "effective_rank", "ssrlib_effective_rank", "ssrlib", "EffectiveRankProcessor"),
    Case("`effective_rank`", "effective_rank", "ssrlib_rankme", "ssrlib", "RankMeProcessor"),
    Case(
        "`participation_ratio`",
        "participation_ratio",
        "ssrlib_participation_ratio",
        "ssrlib",
        "ParticipationRatioProcessor",
    ),
    Case("`rankme`", "rankme", "embedding_quality_rankme", "embedding-quality", "RankMe"),
    Case("`rankme{eps=1e-05}`", "rankme_coarse", "stable_pretraining_rankme", "stable-pretraining", "RankMe"),
    Case("`stable_rank`", "stable_rank", "embedding_quality_stable_rank", "embedding-quality", "Stable_rank"),
    Case("`nesum`", "nesum", "embedding_quality_nesum", "embedding-quality", "NESum"),
    Case("`renyi_mi`", "renyi_two", "renyi_two", "", "three eigendecompositions", CUBIC),
    Case(
        "`renyi_mi{alpha=1}`, stochastic",
        "renyi_one",
        "renyi_one",
        "",
        "three eigendecompositions",
        CUBIC,
    ),
    Case("diffusion entropy, sigma 10", "diffusion", "dse", "dse-dsmi", "diffusion_spectral_entropy", CUBIC),
    Case("`cka`", "cka", "cka_pytorch", "cka-pytorch", "CKACalculator", 10_000),
    Case(
        "`ksg_mi`, one feature",
        "ksg",
        "mutual_info",
        "",
        "mutual_info_regression of scikit-learn",
        features=(64,),
    ),
    Case("`twonn`", "twonn", "two_nn", "scikit-dimension", "TwoNN", CUBIC),
    Case(
        "`gaussian_mi`",
        "gaussian_mi",
        "mist",
        "torch-mist",
        "estimate_mi, default (SMILE)",
        CUBIC,
        features=(64,),
        warm=False,
        note="truth {truth:.4g}",
    ),
)
