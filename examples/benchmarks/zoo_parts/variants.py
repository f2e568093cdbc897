"""What is trained, and what each variant is expected to become: written down before any training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Truth = Literal["healthy", "collapsed", "shrunk", "untrained"]

COMPLETE = ("constant", "cone", "one direction")
"""Rows that all point one way, or vary along one line."""

DIMENSIONAL = ("dimensional", "one direction")
"""Some directions live, the others do not; without a decorrelating term as few as one."""

RANK = ("dimensional",)
SHRUNK = ("shrunk scale", *COMPLETE)
"""A squared distance that nothing holds against shrinks everything; the shape may stay."""

UNTRAINED = ("cone",)
"""Random weights are neither: a common mean is usual, and would be named rightly."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One encoder to train.

    `without` names the term that is switched off, `rank` the width of a bottleneck before the embedding.
    With `head` the loss sees a projector behind the embedding, as published; a variant that is to collapse
    puts the loss on the embedding itself. `expected` are the kinds of which one must be named.
    """

    method: str
    model: str
    truth: Truth = "healthy"
    expected: tuple[str, ...] = ()
    without: str = ""
    rank: int | None = None
    head: bool = True
    longer: int = 1

    @property
    def name(self) -> str:
        parts = [self.method, self.model]
        parts += [f"no {self.without}"] if self.without else []
        parts += [f"rank {self.rank}"] if self.rank else []
        parts += [f"{self.longer} x longer"] if self.longer > 1 else []
        return ", ".join(parts)

    @property
    def profile(self) -> str:
        """By architecture: non-negative averages of ReLU; else by whether labels were trained on."""
        if self.model == "conv" and self.rank is None:
            return "relu-cnn"
        return "supervised" if self.method == "supervised" else "ssl"


def healthy(method: str, *models: str) -> list[Variant]:
    return [Variant(method, model) for model in models]


def lacking(
    method: str, without: str, expected: tuple[str, ...], *models: str, truth: Truth = "collapsed"
) -> list[Variant]:
    # The small one is quick, so it gets the time that a cosine takes to collapse.
    times = {"mlp": 3} if expected == COMPLETE else {}
    return [
        Variant(method, model, truth, expected, without, head=False, longer=times.get(model, 1))
        for model in models
    ]


def narrow(method: str, model: str, rank: int) -> Variant:
    return Variant(method, model, "collapsed", RANK, rank=rank)


VARIANTS: tuple[Variant, ...] = (
    *healthy("barlow", "mlp", "conv", "vit"),
    *lacking("barlow", "decorrelation", DIMENSIONAL, "mlp", "conv"),
    narrow("barlow", "vit", 8),
    *healthy("vicreg", "mlp", "conv", "vit"),
    *lacking("vicreg", "variance", SHRUNK, "mlp", truth="shrunk"),
    *lacking("vicreg", "covariance", DIMENSIONAL, "mlp", "vit"),
    narrow("vicreg", "mlp", 8),
    *healthy("simclr", "mlp", "conv", "vit"),
    *lacking("simclr", "negatives", COMPLETE, "mlp", "conv"),
    narrow("simclr", "conv", 4),
    *healthy("simsiam", "mlp", "conv", "vit"),
    *lacking("simsiam", "stop-gradient", COMPLETE, "mlp", "conv", "vit"),
    *healthy("byol", "mlp", "conv", "vit"),
    *lacking("byol", "predictor and average", COMPLETE, "mlp", "vit"),
    narrow("byol", "mlp", 3),
    *healthy("log-det", "mlp", "conv", "vit"),
    *lacking("log-det", "log det", SHRUNK, "mlp", "vit", truth="shrunk"),
    narrow("log-det", "mlp", 16),
    *healthy("supervised", "mlp", "conv", "vit"),
    Variant("supervised", "mlp", longer=4),
    narrow("supervised", "mlp", 3),
    *(Variant("untrained", model, "untrained", UNTRAINED) for model in ("mlp", "conv", "vit")),
)

FASHION: tuple[Variant, ...] = (
    *healthy("barlow", "conv"),
    *healthy("vicreg", "conv"),
    *healthy("simclr", "vit"),
    *healthy("simsiam", "vit"),
    *healthy("byol", "conv"),
    *healthy("log-det", "conv"),
    *healthy("supervised", "conv", "vit"),
    *lacking("barlow", "decorrelation", DIMENSIONAL, "conv"),
    *lacking("vicreg", "covariance", DIMENSIONAL, "vit"),
    *lacking("simclr", "negatives", COMPLETE, "conv"),
    *lacking("simsiam", "stop-gradient", COMPLETE, "conv"),
    *lacking("byol", "predictor and average", COMPLETE, "vit"),
    narrow("simclr", "conv", 4),
    narrow("vicreg", "mlp", 8),
    narrow("supervised", "mlp", 3),
    Variant("untrained", "conv", "untrained", UNTRAINED),
)
"""The same on larger images: one of each, because they take longer."""
