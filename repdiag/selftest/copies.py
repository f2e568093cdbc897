"""Clean copies: what a gate must not fail where it does not fail the original."""

from __future__ import annotations

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.selftest.gate import Bench, Reading
from repdiag.selftest.plantings import Specimen
from repdiag.selftest.records import CopyRecord

SCALE = {"float16": 0.25}
"""Shift of scale for a stored type that has little room; a thousandth for the others."""


def clean_copies(bench: Bench, of: Specimen, clean: Reading, seed: int) -> list[CopyRecord]:
    """The same bits, other orders of rows and features, another basis, another scale."""
    rows, scale = of.rows, SCALE.get(bench.dtype, 1e-3)
    generator = torch.Generator().manual_seed(seed)
    by_row = torch.randperm(rows.shape[0], generator=generator)
    by_feature = torch.randperm(rows.shape[1], generator=generator)
    copies = [
        ("the same bits", bench, rows),
        ("rows in another order", bench.at(by_row.numpy()), rows[by_row]),
        ("features in another order", bench, rows[:, by_feature]),
        (f"all times {scale:g}", bench, scale * rows),
    ]
    if not rogue(bench):
        copies.append(("another basis", bench, rotated(rows, seed)))
    return [_judged(name, place, each, clean) for name, place, each in copies]


def rogue(bench: Bench) -> bool:
    """Whether a coordinate stands out: another basis would then hide what the gate sets aside."""
    return any(item.rogue_features for item in bench.clean.representations if item.address == bench.address)


def rotated(rows: Tensor, seed: int) -> Tensor:
    """Rows (n, d) in a random orthogonal basis."""
    d = rows.shape[1]
    square = torch.randn(d, d, dtype=linalg.DTYPE, generator=torch.Generator().manual_seed(seed))
    basis: Tensor = torch.linalg.qr(square).Q
    return rows @ basis


def _judged(name: str, bench: Bench, rows: Tensor, clean: Reading) -> CopyRecord:
    reading = bench.read(Specimen(rows.contiguous())).plain
    extra = sorted(reading.failed - clean.failed)
    if extra:
        return CopyRecord(copied=name, outcome="fail", message=f"fails with {', '.join(extra)}")
    if reading.undecided and not clean.undecided:
        return CopyRecord(
            copied=name, outcome="inconclusive", message="inconclusive where the original is not"
        )
    return CopyRecord(copied=name, outcome="pass", message="as the original")
