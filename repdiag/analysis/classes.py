"""Spectra of single classes, read a few classes at a time so that memory stays bounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators.energies import GroupEnergies
from repdiag.analysis.replicas import Matrix, Replicas, first_order
from repdiag.analysis.source import RowSource
from repdiag.measures.inputs import ClassSpectra
from repdiag.types import GROUPS, IntervalMethod

CLASS_BYTES = 64 << 20
"""Rows of one class that are looked at, in float64; a larger class is thinned in hash order."""

LEAST_ROWS = 10
"""A smaller class has a low rank because it is small; it is left out."""


@dataclass(frozen=True, slots=True)
class ClassPlan:
    """Which rows of each class are read: codes (n,), -1 for rows that are not."""

    codes: NDArray[np.int64]
    counts: tuple[int, ...]
    thinned: int

    @classmethod
    def of(cls, labels: NDArray[np.int64], order: NDArray[np.int64], classes: int, d: int) -> ClassPlan:
        most = max(LEAST_ROWS, CLASS_BYTES // (8 * d))
        codes = labels.copy()
        thinned = 0
        for code in range(classes):
            rows = np.flatnonzero(labels == code)
            if len(rows) > most:
                thinned += 1
                codes[rows[np.argsort(order[rows])[most:]]] = -1
        counts = np.bincount(codes[codes >= 0], minlength=classes)
        return cls(codes, tuple(int(count) for count in counts), thinned)

    def rounds(self, d: int) -> list[list[int]]:
        """Classes with enough rows, packed so that each round's rows fit."""
        rounds: list[list[int]] = [[]]
        room = CLASS_BYTES
        for code, count in enumerate(self.counts):
            if count < LEAST_ROWS:
                continue
            if 8 * d * count > room and rounds[-1]:
                rounds.append([])
                room = CLASS_BYTES
            rounds[-1].append(code)
            room -= 8 * d * count
        return rounds


def class_spectra(
    source: RowSource, plan: ClassPlan, names: tuple[str, ...], method: IntervalMethod
) -> Replicas | None:
    """Spectrum of every class with at least LEAST_ROWS rows, and to first order without each group.

    None when no class has as many.
    """
    by_code = {
        code: _one_class(rows, groups)
        for codes in plan.rounds(source.d)
        for code, (rows, groups) in _read(source, plan, codes).items()
        if len(rows) >= LEAST_ROWS
    }
    found = list(by_code.values())
    if not found:
        return None
    counts = tuple(sum(each.sizes) for each in found)
    shown = tuple(names[code] for code in by_code)
    total = ClassSpectra(tuple(each.total.eigenvalues for each in found), counts, shown)
    if method is IntervalMethod.NONE:
        return Replicas(total)
    sizes = [sum(each.sizes[group] for each in found) for group in range(GROUPS)]
    kept = [group for group, size in enumerate(sizes) if size]
    without = tuple(
        ClassSpectra(tuple(each.without[group].eigenvalues for each in found), counts) for group in kept
    )
    return Replicas(total, without, tuple(sizes[group] for group in kept), IntervalMethod.FAST)


def _read(source: RowSource, plan: ClassPlan, codes: list[int]) -> dict[int, tuple[Tensor, Tensor]]:
    """Rows (m, d) float64 and group numbers (m,) of some classes: one pass."""
    found: dict[int, list[tuple[Tensor, Tensor]]] = {code: [] for code in codes}
    start = 0
    for batch in source.batches():
        wanted = torch.from_numpy(plan.codes[start : start + len(batch.rows)]).to(batch.rows.device)
        groups = torch.full_like(wanted, -1)
        for group, index in enumerate(batch.members):
            groups[index] = group
        for code in codes:
            index = torch.nonzero((wanted == code) & (groups >= 0)).flatten()
            found[code].append((batch.rows[index].to(linalg.DTYPE), groups[index]))
        start += len(batch.rows)
    return {
        code: (torch.cat([rows for rows, _ in parts]), torch.cat([groups for _, groups in parts]))
        for code, parts in found.items()
    }


def _one_class(rows: Tensor, groups: Tensor) -> Replicas:
    n, d = rows.shape
    centred = rows - rows.mean(0)
    centred = linalg.small_side(centred) if n < d else centred
    values, basis = linalg.eigenbasis(centred.mT @ centred / (n - 1))
    count = tuple(torch.bincount(groups, minlength=GROUPS).tolist())
    projected = centred @ basis
    sums = projected.new_zeros(GROUPS, projected.shape[1]).index_add_(0, groups, projected)
    squares = torch.zeros_like(sums).index_add_(0, groups, projected.square())
    energies = GroupEnergies(basis, centred.new_zeros(()), sums, squares, count)
    matrix = Matrix(n, d, centred=True, mean_square=0.0, storage_epsilon=0.0)
    replicas = first_order(values, energies, matrix)
    changed = iter(replicas.without)
    # A group without rows of this class changes nothing.
    without = tuple(next(changed) if size else replicas.total for size in count)
    return Replicas(replicas.total, without, count, IntervalMethod.FAST)
