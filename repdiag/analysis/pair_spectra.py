"""Rows whose kernel entropies have any order, with what an interval and a null take.

Letters: m rows. An eigendecomposition takes m^3 time, the stochastic estimator m^2: above EXACT_ROWS rows the
figure is stochastic, and above SPARE_ROWS what stands beside it: null and self-information.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from repdiag.analysis.frame import SAMPLE_ROWS
from repdiag.analysis.pair_records import INTERVAL_ROWS, Extent, Gathered, PairReplicas
from repdiag.analysis.pair_sources import PairRows
from repdiag.measures.pair_entropies import Estimator, KernelRows, Made, exact
from repdiag.measures.pair_inputs import PairNeed
from repdiag.stats import slq

SPECTRA = frozenset({PairNeed.KERNELS, PairNeed.KERNEL_SAMPLE})
"""Records of rows and the entropies of their kernels."""

EXACT_ROWS, SPARE_ROWS = SAMPLE_ROWS, 1000
SHUFFLES, LARGE_SHUFFLES = 8, 4
"""Shuffles of up to EXACT_ROWS rows and of more: each takes one joint entropy, those of one view stay."""


def kernel_replicas(need: PairNeed, found: Gathered, extent: Extent) -> PairReplicas:
    """The record, and the same without each group of up to INTERVAL_ROWS rows."""
    rows = found.rows.first(extent.figure_rows if need is PairNeed.KERNEL_SAMPLE else extent.kernel_rows)
    total = kernel_rows(rows, found, extent)
    if not extent.intervals:
        return PairReplicas(total, rows.m)
    if rows.m > INTERVAL_ROWS:
        return PairReplicas(total, rows.m, sample=_without_groups(rows.first(INTERVAL_ROWS), found, extent))
    return _without_groups(rows, found, extent)


def _without_groups(rows: PairRows, found: Gathered, extent: Extent) -> PairReplicas:
    groups, counts = np.unique(rows.groups, return_counts=True)
    # Rows are made again for every measure; their entropies are not.
    kept: dict[int, tuple[Made, Made]] = {group: ({}, {}) for group in groups.tolist()}

    def without() -> Iterator[KernelRows]:
        for group, (alone, both) in kept.items():
            yield replace(kernel_rows(rows.without(group), found, extent), alone=alone, both=both)

    return PairReplicas(kernel_rows(rows, found, extent), rows.m, without, tuple(counts.tolist()))


def kernel_rows(rows: PairRows, found: Gathered, extent: Extent) -> KernelRows:
    """The record of rows: exact up to EXACT_ROWS, else by probes that the seed decides."""
    first, spare = (_estimator(rows.m, most, extent.seed) for most in (EXACT_ROWS, SPARE_ROWS))
    return KernelRows(rows.x, rows.y, found.n, found.widths, first, spare)


def _estimator(m: int, most: int, seed: int) -> Estimator:
    return exact if m <= most else partial(slq.draws, seed=seed)


def shuffled_kernels(record: KernelRows, seed: int) -> Iterator[KernelRows]:
    """The record with the rows of y in random order, a few times: entropies of one view are made once."""
    m = len(record.x)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(SHUFFLES if m <= EXACT_ROWS else LARGE_SHUFFLES):
        order = torch.randperm(m, generator=generator).to(record.y.device)
        yield record.reordered(order)
