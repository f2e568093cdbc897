"""A first pass over every checkpoint: which samples are finite at all of them, and the scale of layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from repdiag.analysis.bandwidth import kernel_of
from repdiag.analysis.frame import SAMPLE_ROWS
from repdiag.analysis.memory import give_back
from repdiag.analysis.plane_samples import Samples
from repdiag.analysis.plane_series import Layer, Run, Series, Stop
from repdiag.analysis.source import Progress, block_rows
from repdiag.measures.plane_inputs import LayerScale
from repdiag.store import RepresentationInfo

QUANTILES = 3000
"""Steps between the quantiles of a layer: a multiple of the usual numbers of bins."""


@dataclass
class LayerScan:
    """What the checkpoints of one run have shown of a layer so far; arrays (n,) are by rank of the sample.

    Extremes are held by sample: those of one that is later not finite, often the largest, do not count.
    """

    finite: NDArray[np.bool_]
    low: NDArray[np.floating[Any]]
    high: NDArray[np.floating[Any]]
    widths: list[float] = field(default_factory=list)
    variances: list[float] = field(default_factory=list)
    quantiles: list[NDArray[np.float64]] = field(default_factory=list)

    @classmethod
    def empty(cls, n: int, dtype: str) -> LayerScan:
        kind = np.float64 if dtype == "float64" else np.float32
        return cls(np.ones(n, dtype=bool), np.full(n, np.inf, kind), np.full(n, -np.inf, kind))

    def see(self, ranks: NDArray[np.int64], block: NDArray[Any]) -> NDArray[np.bool_]:
        """Take in rows (b, d) of samples with these ranks; which of them are finite (b,)."""
        with np.errstate(invalid="ignore"):
            low, high = block.min(1), block.max(1)
        good: NDArray[np.bool_] = np.isfinite(low) & np.isfinite(high)
        self.finite[ranks] &= good
        self.low[ranks] = np.fmin(self.low[ranks], low)
        self.high[ranks] = np.fmax(self.high[ranks], high)
        return good

    def measure(self, rows: NDArray[Any], with_quantiles: bool) -> None:
        """Take in some finite rows (m, d) of a checkpoint, whose distances and deviations count."""
        if not len(rows):
            return
        precise = torch.from_numpy(rows.astype(np.float64))
        self.widths.append(kernel_of(precise).width)
        self.variances.append(float(precise.var(0, correction=0).mean()))
        if with_quantiles:
            distinct = np.unique(rows).astype(np.float64)
            self.quantiles.append(np.quantile(distinct, np.linspace(0, 1, QUANTILES + 1)))

    def scale(self, finite: NDArray[np.bool_], width: float | None) -> LayerScale:
        """The scale of the samples that are finite everywhere; `width` overrides the median distance."""
        if not finite.any():
            return LayerScale(0.0, 0.0, width or 0.0, 0.0)
        apart = [found for found in self.widths if found > 0]
        pooled = np.concatenate(self.quantiles) if self.quantiles else np.zeros(0)
        quantiles = np.quantile(pooled, np.linspace(0, 1, QUANTILES + 1)).tolist() if len(pooled) else ()
        return LayerScale(
            low=float(self.low[finite].min()),
            high=float(self.high[finite].max()),
            width=width or (float(np.median(apart)) if apart else 0.0),
            deviation=float(np.sqrt(np.mean(self.variances))) if self.variances else 0.0,
            quantiles=tuple(quantiles),
        )


@dataclass(frozen=True, slots=True)
class Scanned:
    """Samples (n,) by rank that are finite at every checkpoint of every run, by layer; scales by run too."""

    finite: Mapping[Layer, NDArray[np.bool_]]
    scales: Mapping[tuple[str | None, Layer], LayerScale]


def scan(
    series: Series, samples: Samples, width: float | None, with_quantiles: bool, progress: Progress
) -> Scanned:
    """One pass over all rows; memory for one block and a few numbers a sample and layer.

    The bandwidth is the median over checkpoints of the median distance; checkpoints where most samples are
    alike do not count. Each run has its own scale, as it would have alone.
    """
    finite = {layer: np.ones(samples.n, dtype=bool) for layer in series.layers}
    scans: dict[tuple[str | None, Layer], LayerScan] = {}
    total = sum(len(stop.infos) for stop in series.stops)
    for done, (run, stop, layer, info) in enumerate(_every(series), start=1):
        found = scans.setdefault((run.name, layer), LayerScan.empty(samples.n, info.dtype))
        _scan_layer(found, stop, info, samples, with_quantiles)
        finite[layer] &= found.finite
        progress("scales of the layers", done, total)
        give_back()
    return Scanned(finite, {key: found.scale(finite[key[1]], width) for key, found in scans.items()})


def _every(series: Series) -> Iterator[tuple[Run, Stop, Layer, RepresentationInfo]]:
    for run in series.runs:
        for stop in run.stops:
            for layer, info in stop.infos.items():
                yield run, stop, layer, info


def _scan_layer(
    scan: LayerScan, stop: Stop, info: RepresentationInfo, samples: Samples, with_quantiles: bool
) -> None:
    store, order = samples.stores[stop.source], samples.order(stop.source)
    kept: list[tuple[NDArray[np.int64], NDArray[Any]]] = []
    for start, block in store.blocks(info.address, block_rows(info.d)):
        ranks = order[start : start + len(block)]
        chosen = scan.see(ranks, block) & (ranks < SAMPLE_ROWS)
        kept.append((ranks[chosen], block[chosen]))
    ranks = np.concatenate([part[0] for part in kept])
    rows = np.concatenate([part[1] for part in kept])
    scan.measure(rows[np.argsort(ranks)], with_quantiles)
