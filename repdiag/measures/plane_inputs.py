"""What information-plane estimators read, and what they give.

Letters: m rows of one layer at one checkpoint, d features; X the input, T the layer, Y the target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True, slots=True)
class LayerScale:
    """What a layer keeps at all of its checkpoints, so that a change of scale is seen and not divided out.

    `low` and `high` are the extremes of all features over all checkpoints, `width` the bandwidth (the median
    distance of two rows, of all checkpoints), `deviation` the root mean square deviation of a feature.
    `quantiles`, where they were taken, are evenly spaced ones of the distinct activations of all checkpoints,
    from the least to the most.
    """

    low: float
    high: float
    width: float
    deviation: float
    quantiles: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class PlaneRows:
    """Rows t (m, d) float64 of one layer at one checkpoint.

    x (m,) int64 are codes of the inputs, equal where inputs are equal. labels (s + 1, m) int64 are codes
    0..classes-1 of the target, as they are and then shuffled s times. inputs (m, p) float64 are features of
    the inputs, and `input_width` their bandwidth, where the store has them.
    """

    t: Tensor
    x: Tensor
    labels: Tensor
    classes: int
    scale: LayerScale
    inputs: Tensor | None = None
    input_width: float = 0.0

    @property
    def m(self) -> int:
        return self.t.shape[0]


@dataclass(frozen=True, slots=True)
class PlaneReading:
    """I(X;T) () and I(T;Y) (s + 1,) in nats, the latter with the labels as they are and then shuffled.

    `ixt_influence` and `ity_influence` (m,) have mean zero and say how far each row moves its figure: with
    weights w_i = 1/m they are m dI/dw_i, so that the standard error is sqrt(sum u_i^2) / m for independent
    rows (infinitesimal jackknife, Jaeckel 1972). `ixt_ceiling` and `ity_ceiling` () are the most that the
    estimator can give for these rows.
    """

    ixt: Tensor
    ity: Tensor
    ixt_influence: Tensor
    ity_influence: Tensor
    ixt_ceiling: Tensor
    ity_ceiling: Tensor
    details: Mapping[str, Tensor | float | str] = field(default_factory=dict)
