"""Figures of this library as the benchmark asks for them: each function imports and gives the call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
Call = Callable[[Rows, Rows, float], float]
"""The figure of rows x (n, d) and y (n, d); a kernel has the bandwidth that is given."""


def _spectrum(key: str) -> Call:
    from repdiag import SpectrumRequest, analyse_spectrum, memory_store

    request = SpectrumRequest(measures=(key,), interval="none", device="cpu")

    def call(x: Rows, y: Rows, width: float) -> float:
        (found,) = analyse_spectrum([memory_store(x)], request).representations
        (estimate,) = found.estimates.values()
        # A peer's figure is not corrected for the number of samples.
        return float("nan") if estimate.plugin is None else estimate.plugin

    return call


def effective_rank() -> Call:
    return _spectrum("effective_rank")


def participation_ratio() -> Call:
    return _spectrum("participation_ratio")


def rankme() -> Call:
    return _spectrum("rankme")


def rankme_coarse() -> Call:
    return _spectrum("rankme{eps=1e-05}")


def stable_rank() -> Call:
    return _spectrum("stable_rank{center=false}")


def nesum() -> Call:
    return _spectrum("nesum")


def twonn() -> Call:
    return _spectrum("twonn")


def _moments(key: str) -> Call:
    """A figure of joint moments, one pass over both views, without null and interval."""
    from repdiag import memory_store
    from repdiag.analysis.frame import SampleFrame
    from repdiag.analysis.pair_records import Extent, gather, replicas
    from repdiag.analysis.pair_sources import PairSource
    from repdiag.measures.pair_inputs import PairNeed
    from repdiag.measures.pair_registry import parse_pair_selection

    extent = Extent(gram_rows=0, figure_rows=0, intervals=False, tied=False)
    selection = parse_pair_selection(key)

    def call(x: Rows, y: Rows, width: float) -> float:
        store = memory_store({"x": x, "y": y})
        source = PairSource(SampleFrame(store), *store.representations)
        found = gather(source, frozenset({PairNeed.MOMENTS}), extent)
        record = replicas(PairNeed.MOMENTS, found, extent).total
        corrected = selection.corrected(record)
        return float(selection(record).value if corrected is None else corrected)

    return call


def cka() -> Call:
    return _moments("cka")


def gaussian_mi() -> Call:
    return _moments("gaussian_mi")


def renyi_two() -> Call:
    """Three entropies, information and its jackknife interval."""
    import torch
    from information_parts.costs import closed_form

    from repdiag.analysis.bandwidth import Kernel
    from repdiag.analysis.pair_records import Gathered
    from repdiag.analysis.pair_sources import PairRows

    def call(x: Rows, y: Rows, width: float) -> float:
        groups = np.zeros(len(x), np.uint8)
        rows = PairRows(torch.from_numpy(x), torch.from_numpy(y), groups)
        kernel = Kernel(width, float("nan"))
        return closed_form(Gathered(len(x), 0, rows, {}, (kernel, kernel))).plugin

    return call


def renyi_one() -> Call:
    import torch

    from repdiag.stats.slq import information

    def call(x: Rows, y: Rows, width: float) -> float:
        return information(torch.from_numpy(x), torch.from_numpy(y), (width, width)).information.value

    return call


def diffusion() -> Call:
    import torch

    from repdiag.measures.pair_grams import diffusion_spectral_entropy

    return lambda x, y, width: float(diffusion_spectral_entropy(torch.from_numpy(x), 10.0))


def ksg() -> Call:
    import torch

    from repdiag.measures.pair_inputs import RowPairs
    from repdiag.measures.pair_registry import parse_pair_selection

    selection = parse_pair_selection("ksg_mi")

    def call(x: Rows, y: Rows, width: float) -> float:
        views = torch.from_numpy(x[:, :1]), torch.from_numpy(y[:, :1])
        return float(selection(RowPairs(*views, len(x), (width, width))).value)

    return call
