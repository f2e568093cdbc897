"""The table of what is planted: one entry a kind, with its severities and the finding that must name it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

from repdiag.check import Kind
from repdiag.selftest import planting

Must = Literal["fail", "name"]
Need = Literal["labels", "views", "baseline"]


@dataclass(frozen=True, slots=True, eq=False)
class Specimen:
    """Rows (n, d) float64 of one representation and what belongs to them.

    labels (n,) int64 class codes; views: other views of the same samples, each (n, d).
    """

    rows: Tensor
    labels: Tensor | None = None
    views: tuple[Tensor, ...] = ()


@dataclass(frozen=True, slots=True)
class Planting:
    """One kind of collapse at rising severity.

    `levels` rise from harmless to severe. `kinds` are the findings that name it rightly, the proper one
    first. `must` is what the gate owes at the worst level: a failure, or only a name. `rules` are the
    figures whose rules can see it: with none of them in a policy nothing is owed. What is `harmless` must
    not fail the gate at any severity. `number` and `unit` say a severity.
    """

    name: str
    kinds: tuple[str, ...]
    plant: Callable[[Specimen, float, int], Specimen]
    levels: tuple[float, ...]
    number: str
    unit: str
    rules: tuple[str, ...] = ()
    must: Must = "fail"
    needs: frozenset[Need] = frozenset()
    harmless: bool = False

    def says(self, severity: float) -> str:
        """`12%`, which the unit goes on with: `of the effective rank`."""
        return self.number.format(severity, left=1.0 - severity, noise=10.0**-severity)


def _of_rows(plant: Callable[[Tensor, float, int], Tensor]) -> Callable[[Specimen, float, int], Specimen]:
    def planted(of: Specimen, severity: float, seed: int) -> Specimen:
        return replace(of, rows=plant(of.rows, severity, seed))

    return planted


def _class(of: Specimen, severity: float, seed: int) -> Specimen:
    assert of.labels is not None
    return replace(of, rows=planting.class_collapse(of.rows, severity, seed, of.labels))


def _views(of: Specimen, severity: float, seed: int) -> Specimen:
    rows, *others = planting.view_collapse([of.rows, *of.views], severity, seed)
    return replace(of, rows=rows, views=tuple(others))


RANK_LEVELS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
SHARES = (0.0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.999)

PLANTINGS: tuple[Planting, ...] = (
    Planting(
        "constant",
        (Kind.CONSTANT, Kind.CONE),
        _of_rows(planting.constant),
        (0.0, 0.5, 0.8, 0.9, 0.99, 0.999, 0.9999, 1.0),
        "{left:.3g}",
        "of the spread left",
        ("constant", "mean_share"),
    ),
    Planting(
        "jitter",
        (Kind.CONSTANT, Kind.CONE),
        _of_rows(planting.jitter),
        (0.0, 0.3, 0.6, 0.8, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
        "{noise:.2g}",
        "noise by length",
        ("constant", "mean_share"),
    ),
    Planting(
        "cone",
        (Kind.CONE, Kind.CONSTANT),
        _of_rows(planting.cone),
        SHARES,
        "{:.4g}",
        "of square length",
        ("mean_share",),
    ),
    Planting(
        "rank loss",
        (Kind.DIMENSIONAL, Kind.ONE_DIRECTION),
        _of_rows(planting.rank_loss),
        RANK_LEVELS,
        "{:.1%}",
        "of the rank lost",
        ("spectral_cliff", "effective_rank"),
    ),
    Planting(
        "rank loss, baseline",
        (Kind.DROP,),
        _of_rows(planting.rank_loss),
        RANK_LEVELS,
        "{:.1%}",
        "of the rank lost",
        ("effective_rank",),
        needs=frozenset({"baseline"}),
    ),
    Planting(
        "one direction",
        (Kind.ONE_DIRECTION, Kind.CONSTANT),
        _of_rows(planting.one_direction),
        SHARES,
        "{:.4g}",
        "of the variance",
        ("top1_share", "effective_rank"),
    ),
    Planting(
        "rogue feature",
        (Kind.ROGUE_FEATURE,),
        _of_rows(planting.rogue_feature),
        (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0),
        "x {:.3g}",
        "one feature",
        must="name",
        harmless=True,
    ),
    Planting(
        "dead features",
        (Kind.DEAD_FEATURES,),
        _of_rows(planting.dead_features),
        (0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.7, 0.8, 0.9, 0.95),
        "{:.1%}",
        "of the features",
        ("dead_features",),
    ),
    Planting(
        "repeated rows",
        ("repeated rows",),
        _of_rows(planting.repeated_rows),
        (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9),
        "{:.2%}",
        "of the rows",
        must="name",
    ),
    Planting(
        "nonfinite rows",
        (Kind.NONFINITE, "nonfinite rows"),
        _of_rows(planting.nonfinite_rows),
        (0.0, 0.0001, 0.001, 0.01, 0.1),
        "{:.2%}",
        "of the rows",
        ("nonfinite_rows",),
    ),
    Planting(
        "shrunk scale",
        (Kind.SCALE,),
        _of_rows(planting.shrunk_scale),
        (0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999),
        "{left:.3g}",
        "of the length left",
        ("trace", "effective_rank"),
        must="name",
        needs=frozenset({"baseline"}),
    ),
    Planting(
        "clusters",
        (Kind.CLUSTERS, Kind.DIMENSIONAL),
        _of_rows(planting.clusters),
        (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99),
        "{:.1%}",
        "of the way to few",
        ("spectral_cliff",),
    ),
    Planting(
        "nuisance direction",
        (Kind.NUISANCE,),
        _of_rows(planting.nuisance),
        (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.95),
        "{:.3g}",
        "of the variance",
        must="name",
    ),
    Planting(
        "view collapse",
        (Kind.VIEW_COLLAPSE,),
        _views,
        (0.0, 0.5, 0.8, 0.9, 0.99, 0.999),
        "{left:.3g}",
        "of what differs",
        must="name",
        needs=frozenset({"views"}),
    ),
    Planting(
        "one class",
        (Kind.CLASS_COLLAPSE,),
        _class,
        (0.0, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98),
        "{:.1%}",
        "of its rank lost",
        ("per_class_rank",),
        needs=frozenset({"labels"}),
    ),
)


def planting_named(name: str) -> Planting:
    """The entry of that name; raises StopIteration where there is none."""
    return next(each for each in PLANTINGS if each.name == name)
