"""The rows of a layer at a checkpoint, read once for all splits and estimators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repdiag import linalg
from repdiag.analysis.bandwidth import kernel_of
from repdiag.analysis.facts import STORAGE_EPSILON
from repdiag.analysis.frame import SAMPLE_ROWS
from repdiag.analysis.plane_samples import Samples, shuffled_labels
from repdiag.analysis.plane_scale import Scanned
from repdiag.analysis.plane_series import Layer, Stop
from repdiag.analysis.source import block_rows
from repdiag.measures.plane_inputs import PlaneRows

Ranks = NDArray[np.int64]
Splits = Mapping[str | None, Ranks]


@dataclass(frozen=True, slots=True)
class Spot:
    """A layer at a checkpoint of a run."""

    run: str | None
    stop: Stop
    layer: Layer


@dataclass(frozen=True, slots=True)
class LayerRows:
    """Rows (c, d) as stored of the samples with these ranks (c,), ascending, at one checkpoint."""

    rows: NDArray[Any]
    ranks: Ranks
    dtype: str

    def of(self, ranks: Ranks) -> NDArray[Any]:
        """The rows (m, d) of some of the samples, in their order."""
        found: NDArray[Any] = self.rows[np.searchsorted(self.ranks, ranks)]
        return found


def is_constant(rows: Tensor, dtype: str) -> bool:
    """Whether rows (m, d) that were stored in this type do not differ beyond rounding; none do not."""
    if not len(rows):
        return False
    spread, square = rows.var(0, correction=0).mean(), rows.square().mean()
    return bool(spread <= square * STORAGE_EPSILON.get(dtype, linalg.EPSILON) ** 2)


@dataclass
class PlaneSource:
    """Rows of a path: the samples with the lowest id hashes that are finite at every checkpoint.

    `inputs` are features of the inputs that kernels compare, where they were asked for.
    """

    samples: Samples
    scanned: Scanned
    seed: int = 0
    device: str = "cpu"
    inputs: bool = False
    _codes: dict[tuple[int, str], Ranks] = field(default_factory=dict, repr=False)
    _held: tuple[tuple[int, str, bytes], LayerRows, float] | None = field(default=None, repr=False)

    def splits(self, layer: Layer, most: int) -> Splits:
        """Ranks (m,), ascending, of at most so many usable samples of each split; None is all."""
        finite = self.scanned.finite[layer]
        return {
            name: np.flatnonzero(finite & members)[:most] for name, members in self.samples.splits.items()
        }

    def read(self, spot: Spot, splits: Splits) -> LayerRows:
        """The rows of all samples of the splits, in one pass over a layer."""
        info, source = spot.stop.infos[spot.layer], spot.stop.source
        blocks = self.samples.stores[source].blocks(info.address, block_rows(info.d))
        ranks = np.unique(np.concatenate([np.zeros(0, np.int64), *splits.values()]))
        return self._gathered(blocks, ranks, source, (info.d, info.dtype))

    def _gathered(
        self, blocks: Iterator[tuple[int, NDArray[Any]]], ranks: Ranks, source: int, kind: tuple[int, str]
    ) -> LayerRows:
        order = self.samples.order(source)
        place = np.full(self.samples.n, -1)
        place[ranks] = np.arange(len(ranks))
        rows = np.zeros((len(ranks), kind[0]), dtype=np.dtype(kind[1]))
        for start, block in blocks:
            places = place[order[start : start + len(block)]]
            rows[places[places >= 0]] = block[places >= 0]
        return LayerRows(rows, ranks, kind[1])

    def plane_rows(self, spot: Spot, found: LayerRows, ranks: Ranks) -> PlaneRows:
        """What an estimator reads of the samples with these ranks (m,), which are among those found."""
        source, view = spot.stop.source, spot.layer[0]
        labels = self.samples.labels(source)
        inputs, width = self._inputs(source, view, found.ranks)
        return PlaneRows(
            t=self._tensor(found.of(ranks)),
            x=torch.from_numpy(self._input_codes(source, view)[ranks]).to(self.device),
            labels=shuffled_labels(None if labels is None else labels[ranks], len(ranks), self.seed).to(
                self.device
            ),
            classes=self.samples.targets[source].classes,
            scale=self.scanned.scales[spot.run, spot.layer],
            inputs=None if inputs is None else self._tensor(inputs.of(ranks)),
            input_width=width,
        )

    def _tensor(self, rows: NDArray[Any]) -> Tensor:
        return torch.from_numpy(rows.astype(np.float64)).to(self.device)

    def _input_codes(self, source: int, view: str) -> Ranks:
        if (source, view) not in self._codes:
            self._codes[source, view] = self.samples.input_codes(source, view)
        return self._codes[source, view]

    def _inputs(self, source: int, view: str, ranks: Ranks) -> tuple[LayerRows | None, float]:
        """Features of the inputs of samples and their median distance; read again only for other samples."""
        if not self.inputs:
            return None, 0.0
        key = (source, view, ranks.tobytes())
        if self._held is None or self._held[0] != key:
            store = self.samples.stores[source]
            info = store.inputs(view)
            assert info is not None
            blocks = store.input_blocks(view, block_rows(info.p))
            found = self._gathered(blocks, ranks, source, (info.p, info.dtype))
            near = torch.from_numpy(found.rows[:SAMPLE_ROWS].astype(np.float64))
            self._held = key, found, kernel_of(near).width
        return self._held[1], self._held[2]
