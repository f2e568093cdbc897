"""Synthetic cases: what is drawn, and whether it is healthy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from repdiag.check.schema import Profile

from . import draws

Expected = Literal["healthy", "collapsed", "any"]
EXPONENTS = (0.5, 1.0, 1.5, 2.0)
WIDE = 2048
"""From this many features on, n >= d is drawn for the first and the last exponent only: they take minutes."""


@dataclass(frozen=True, slots=True)
class Case:
    """A law of n rows in d features. `draw(n, d, seed)` gives rows, or rows with a column of `column`.

    `aims` names the rules that a planted collapse is there for. `any` expects nothing of the verdict.
    """

    name: str
    n: int
    d: int
    draw: Callable[[int, int, int], Any]
    expected: Expected = "healthy"
    profile: Profile = "ssl"
    column: Literal["labels", "groups"] | None = None
    aims: tuple[str, ...] = ()


def spectra(features: Sequence[int], ratios: Sequence[float], most_rows: int) -> Iterator[Case]:
    """Healthy spectra i^-0.5 to i^-2 over widths and n/d, up to `most_rows` rows."""
    for d in features:
        for ratio in ratios:
            n = round(ratio * d)
            if n > most_rows:
                continue
            ends = d >= WIDE and n >= d
            for exponent in (EXPONENTS[0], EXPONENTS[-1]) if ends else EXPONENTS:
                yield Case(f"i^-{exponent:g}", n, d, partial(draws.spectrum, exponent=exponent))


def shapes(d: int) -> Iterator[Case]:
    """Healthy rows that are no Gaussian power law, and some that are known to lie on the border."""
    n = 4 * d
    for exponent in EXPONENTS:
        draw = partial(draws.spectrum, exponent=exponent, degrees=5.0)
        for rows in (d // 2, d, n):
            yield Case(f"i^-{exponent:g}, t5", rows, d, draw)
    yield Case("exp(-i/60)", n, d, partial(draws.exponential, decay=60.0))
    yield Case("exp(-i/20)", n, d, partial(draws.exponential, decay=20.0), "any")
    yield from _clusters(n, d)


def _clusters(n: int, d: int) -> Iterator[Case]:
    """Classes about their means, without and with labels; well apart, either verdict may be right."""
    steep = [(classes, ratio, 1.0) for classes in (10, 100) for ratio in (0.25, 1.0, 4.0, 16.0)]
    for classes, ratio, exponent in (*steep, (10, 0.25, 0.0), (10, 1.0, 0.0)):
        expected: Expected = "healthy" if ratio <= 1 and exponent else "any"
        name = f"{classes} clusters, between {ratio:g} x within{'' if exponent else ', round'}"
        draw = partial(draws.clustered, classes=classes, ratio=ratio, exponent=exponent)
        yield Case(name, n, d, partial(_first, draw), expected)
        yield Case(f"{name}, labels given", n, d, draw, expected, "supervised", "labels")


def coordinates(d: int) -> Iterator[Case]:
    """Rogue coordinates, attention sinks and the large means of language models."""
    n = 4 * d
    for count in (1, 3):
        for factor in (30.0, 100.0, 1000.0):
            for profile in ("ssl", "llm"):
                draw = partial(draws.rogue, coordinates=count, factor=factor)
                name = f"{count} coordinate{'s' * (count > 1)} x {factor:g}"
                yield Case(name, n, d, draw, "healthy", profile)
    yield Case("5 coordinates x 100", n, d, partial(draws.rogue, coordinates=5, factor=100.0), "any", "llm")
    for every, name in ((20, "sinks, 5% of rows"), (64, "sinks, one row a text of 64")):
        yield Case(name, n, d, partial(draws.sinks, every=every), "healthy", "llm", "groups")
    yield Case("sinks, 5% of rows", n, d, partial(draws.sinks, every=20), "healthy", "ssl", "groups")
    for share in (0.9, 0.95):
        yield Case(
            f"mean share {share:g}, spread", n, d, partial(draws.offset, share=share), "healthy", "llm"
        )
    for share in (0.95, 0.99):
        draw = partial(draws.offset, share=share, coordinates=2)
        yield Case(f"mean share {share:g}, in 2 coordinates", n, d, draw, "healthy", "llm")
    yield Case("mean share 0.99, spread", n, d, partial(draws.offset, share=0.99), "any", "llm")


def units(d: int) -> Iterator[Case]:
    """ReLU features of which some never fire, as wide CNNs have them in health."""
    n = max(4 * d, 4096)
    for dead in (0.0, 0.25, 0.5, 0.8):
        yield Case(
            f"ReLU features, {dead:.0%} dead", n, d, partial(draws.relu, dead=dead), "healthy", "relu-cnn"
        )
    yield Case("ReLU features, 25% dead", n, d, partial(draws.relu, dead=0.25))
    yield Case("ReLU features, half fire rarely", n, d, draws.rarely, "healthy", "relu-cnn")


def planted(d: int) -> Iterator[Case]:
    """Collapses, each aimed at the rules that must see it."""
    for ratio in (0.5, 4.0):
        n = round(ratio * d)
        for rank in (8, 16, 32):
            for noise in (1e-3, 1e-2):
                draw = partial(draws.bottleneck, rank=rank, noise=noise)
                yield _collapsed(f"rank {rank}, noise {noise:g}", n, d, draw, "spectral_cliff")
        cone = partial(draws.offset, share=0.995)
        line = partial(draws.one_direction, share=0.99)
        yield _collapsed("cone, mean share 0.995", n, d, cone, "mean_share")
        yield _collapsed("one direction, 0.99", n, d, line, "top1_share", "effective_rank")
        yield _collapsed(
            "constant, deviation 3e-5", n, d, partial(draws.constant, deviation=3e-5), "constant"
        )
    yield _collapsed("80% dead", max(4 * d, 4096), d, partial(draws.relu, dead=0.8), "dead_features")


def _collapsed(name: str, n: int, d: int, draw: Callable[[int, int, int], Any], *aims: str) -> Case:
    return Case(name, n, d, draw, "collapsed", aims=aims)


def _first(draw: Callable[[int, int, int], Any], n: int, d: int, seed: int) -> Any:
    return draw(n, d, seed)[0]
