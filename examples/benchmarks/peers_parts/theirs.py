"""Calls of the peers: each function imports a package and gives the call, with its figure in our unit."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
Call = Callable[[Rows, Rows, float], float]


def _ssrlib(name: str) -> Call:
    from ssrlib import processing

    return lambda x, y, width: float(processing.create_processor(name).process(x)[0])


def ssrlib_effective_rank() -> Call:
    return _ssrlib("EffectiveRankProcessor")


def ssrlib_rankme() -> Call:
    return _ssrlib("RankMeProcessor")


def ssrlib_participation_ratio() -> Call:
    return _ssrlib("ParticipationRatioProcessor")


def _embedding_quality(name: str) -> Call:
    from embedding_quality import UnsupervisedEmbeddingQualityEvaluation

    # Eigenvalues of a general matrix may come out complex, with no imaginary part worth the name.
    return lambda x, y, width: float(np.real(getattr(UnsupervisedEmbeddingQualityEvaluation, name)(x)))


def embedding_quality_rankme() -> Call:
    return _embedding_quality("RankMe")


def embedding_quality_stable_rank() -> Call:
    return _embedding_quality("Stable_rank")


def embedding_quality_nesum() -> Call:
    return _embedding_quality("NESum")


def stable_pretraining_rankme() -> Call:
    """The callback as a trainer calls it, with all rows in its queue."""
    import torch
    from stable_pretraining.callbacks import RankMe

    def call(x: Rows, y: Rows, width: float) -> float:
        told: dict[str, float] = {}
        callback = RankMe("rankme", "embedding", len(x), x.shape[1], verbose=False)
        callback._target_queue = SimpleNamespace(data=torch.from_numpy(x))
        module = SimpleNamespace(log=told.__setitem__)
        callback.on_validation_batch_end(SimpleNamespace(global_rank=0), module, {}, {}, 0)
        return told["rankme"]

    return call


def _three(entropy: Callable[[Any], float]) -> Call:
    """H(x) + H(y) - H(x, y) from the eigenvalues of both Gaussian kernel matrices and of their product."""
    import torch

    def call(x: Rows, y: Rows, width: float) -> float:
        views = torch.from_numpy(x), torch.from_numpy(y)
        first, second = (torch.exp(torch.cdist(z, z).square() / (-2 * width**2)) for z in views)
        found = [entropy(torch.linalg.eigvalsh(gram / len(x))) for gram in (first, second, first * second)]
        return found[0] + found[1] - found[2]

    return call


def renyi_two() -> Call:
    return _three(lambda values: -math.log(float(values.square().sum())))


def renyi_one() -> Call:
    import torch

    return _three(lambda values: float(-torch.special.xlogy(values.clamp(min=0), values.clamp(min=0)).sum()))


def dse() -> Call:
    from dse_dsmi.dse import diffusion_spectral_entropy

    return lambda x, y, width: float(diffusion_spectral_entropy(x, max_N=None)) * math.log(2)


def cka_pytorch() -> Call:
    """Both views in one batch of one pass, so that nothing is averaged over batches."""
    import torch
    from cka_pytorch import CKACalculator

    class Part(torch.nn.Module):
        def __init__(self, start: int, stop: int) -> None:
            super().__init__()
            self.columns = slice(start, stop)

        def forward(self, both: torch.Tensor) -> torch.Tensor:
            return both[:, self.columns]

    def call(x: Rows, y: Rows, width: float) -> float:
        both, d = torch.from_numpy(np.concatenate([x, y], 1)), x.shape[1]
        models = (torch.nn.Sequential(Part(0, d)), torch.nn.Sequential(Part(d, d + y.shape[1])))
        calculator = CKACalculator(*models, ["0"], ["0"], device=torch.device("cpu"), verbose=False)
        return float(calculator.calculate_cka_matrix([(both, None)], num_epochs=1)[0, 0])

    return call


def mutual_info() -> Call:
    from sklearn.feature_selection import mutual_info_regression

    return lambda x, y, width: float(mutual_info_regression(x[:, :1], y[:, 0], random_state=0)[0])


def two_nn() -> Call:
    from skdim.id import TwoNN

    return lambda x, y, width: float(TwoNN().fit(x).dimension_)


def mist() -> Call:
    import torch
    from torch_mist.utils.estimation import estimate_mi

    def call(x: Rows, y: Rows, width: float) -> float:
        torch.manual_seed(0)
        views = {name: torch.from_numpy(rows).float() for name, rows in (("x", x), ("y", y))}
        found = estimate_mi(views, verbose=False)
        return float(found[0] if isinstance(found, tuple) else found)

    return call
