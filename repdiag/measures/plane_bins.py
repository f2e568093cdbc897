"""Information by binning: rows of a layer become patterns of bins, and patterns are counted."""

from __future__ import annotations

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.errors import InputError
from repdiag.measures import plane_codes
from repdiag.measures.plane_inputs import LayerScale, PlaneReading, PlaneRows
from repdiag.measures.plane_registry import plane_estimator

MOST_ROWS = 20_000
WIDTHS = {"ibsgd": 0.07, "ibsgd-mnist": 0.5}
"""Width of a bin in the published notebooks: tanh and ReLU networks on 12 bits, and on MNIST."""

PRESETS = ("none", "idnns", *WIDTHS)
LARGEST_CELL = 2.0**62


@plane_estimator(
    definition="H(T) + H(X) - H(X,T) and H(T) + H(Y) - H(T,Y), plug-in entropies of whole rows of bins; "
    "count=<count> bins of one width from the least to the most activation of the layer over all steps; "
    "width=<width>: floor(t / width) instead, where it is above zero; preset=<preset> overrides both (idnns: "
    "30 edges from -1 to 1, ibsgd: width 0.07, ibsgd-mnist: 0.5)",
    cite="Shwartz-Ziv & Tishby 2017, Opening the black box of deep neural networks via information; Saxe et "
    "al. 2018, On the information bottleneck theory of deep learning",
    says="the number of activation patterns that bins of one width, the same at every step, can tell apart",
    cannot="in more than a few features every row is a pattern of its own, so that the figure is log n "
    "whatever the layer does, and a fall can come from activations that saturate or shrink",
    most_rows=MOST_ROWS,
    scale_free=False,
    invariant_to=("row order", "feature order"),
    requires=(
        ("count is at least 2", lambda o: o["count"] >= 2),
        ("width is zero or above", lambda o: o["width"] >= 0),
        (f"preset is one of {', '.join(PRESETS)}", lambda o: o["preset"] in PRESETS),
    ),
)
def binning(rows: PlaneRows, *, count: int = 30, width: float = 0.0, preset: str = "none") -> PlaneReading:
    """Plug-in information of activations in bins that stay the same at every step."""
    if preset == "idnns":
        edges = torch.linspace(-1, 1, 30, dtype=linalg.DTYPE, device=rows.t.device)
        return _counted(rows, _cells(rows.t, edges))
    step = WIDTHS.get(preset, width)
    if step > 0:
        return _counted(rows, _floor(rows.t / step))
    low, high = rows.scale.low, rows.scale.high
    across = high - low if high > low else 1.0
    return _counted(rows, _floor((rows.t - low) * (count / across)).clamp(0, count - 1))


@plane_estimator(
    definition="as binning, with <count> bins from one edge to the next: edges=<edges> (step: quantiles of "
    "the distinct activations of this step, all features pooled, and their most; zeros are a bin of their "
    "own where no activation is below zero; layer: quantiles over all steps)",
    cite="Chelombiev, Houghton & O'Donnell 2019, Adaptive estimators show information compression in deep "
    "neural networks",
    says="the number of activation patterns apart in bins that hold equally many distinct activations of "
    "the step itself",
    cannot="with edges that follow the step, growth, shrinkage and monotone bending of all activations are "
    "divided out, and in more than a few features the figure is log n",
    most_rows=MOST_ROWS,
    scale_free=lambda o: bool(o["edges"] == "step"),
    invariant_to=("row order", "feature order"),
    requires=(
        ("count is at least 2", lambda o: o["count"] >= 2),
        ("edges is step or layer", lambda o: o["edges"] in ("step", "layer")),
    ),
)
def adaptive_binning(rows: PlaneRows, *, count: int = 30, edges: str = "step") -> PlaneReading:
    """Plug-in information of activations in bins that hold equally many distinct values (EBAB)."""
    if edges == "layer":
        return _counted(rows, _cells(rows.t, layer_edges(rows.scale, count, rows.t)))
    return _counted(rows, _cells(rows.t, step_edges(rows.t, count, floor=rows.scale.low >= 0)))


def step_edges(values: Tensor, count: int, floor: bool) -> Tensor:
    """count + 1 ascending edges: the distinct values number k U / count of U, k = 0..count - 1, and the most.

    With `floor`, zero is no value: what is below the first edge is a bin of its own. Edges are float32, as
    published, which changes nothing for activations that are.
    """
    ordered = values.flatten().sort().values
    new = torch.ones_like(ordered, dtype=torch.bool)
    new[1:] = ordered[1:] != ordered[:-1]
    if floor:
        new &= ordered != 0
    distinct = new.cumsum(0)
    wanted = torch.arange(count, device=values.device) * (distinct[-1].to(linalg.DTYPE) / count)
    places = torch.searchsorted(distinct, wanted.floor().to(torch.int64) + 1)
    places = places.clamp(max=ordered.shape[0] - 1)
    return torch.cat([ordered[places], ordered[-1:]]).float().to(values.dtype)


def layer_edges(scale: LayerScale, count: int, like: Tensor) -> Tensor:
    """count + 1 ascending edges out of the quantiles that the layer keeps over all its checkpoints."""
    if not scale.quantiles:
        raise InputError("adaptive_binning{edges=layer} needs quantiles over all checkpoints; use edges=step")
    kept = like.new_tensor(scale.quantiles)
    places = torch.arange(count + 1, device=like.device) * (len(kept) - 1) // count
    return kept[places]


def _cells(values: Tensor, edges: Tensor) -> Tensor:
    """How many edges (e,) are at or below each value (m, d)."""
    return torch.bucketize(values, edges, right=True)


def _floor(values: Tensor) -> Tensor:
    return values.floor().clamp(-LARGEST_CELL, LARGEST_CELL).to(torch.int64)


def _counted(rows: PlaneRows, cells: Tensor) -> PlaneReading:
    """Both figures from bins (m, d) of the activations."""
    patterns = plane_codes.row_codes(cells)
    about_x = plane_codes.information(patterns, rows.x)
    about_y = plane_codes.information(patterns.expand_as(rows.labels), rows.labels)
    share = plane_codes.shares(patterns)
    return PlaneReading(
        ixt=about_x.mean(),
        ity=about_y.mean(1),
        ixt_influence=plane_codes.centred(about_x),
        ity_influence=plane_codes.centred(about_y[0]),
        ixt_ceiling=plane_codes.class_entropy(rows.x),
        ity_ceiling=plane_codes.class_entropy(rows.labels[0]),
        details={"patterns": (1 / (share * rows.m)).sum()},
    )
