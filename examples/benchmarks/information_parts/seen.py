"""What each figure of two views says of equal, correlated and unrelated ones, by width."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from repdiag import all_pair_measures
from repdiag.measures.pair_registry import parse_pair_selection
from repdiag.results import Estimate

from .reading import estimates, markdown, short

RHO = 0.9
DEAR = ("renyi_mi{alpha=1}", "matrix_mi", "diffusion_mi")
"""Without intervals: a thousand rows take a minute with them."""
VARIANTS = ("cka{kernel=gaussian}", "matrix_mi{space=feature}")


def declared() -> str:
    """What every measure of a pair says and what it cannot, from its declaration."""
    rows = [
        [f"`{m.name}`", m.unit, f"{m.says[0].upper()}{m.says[1:]}.", f"{m.cannot[0].upper()}{m.cannot[1:]}."]
        for m in all_pair_measures().values()
    ]
    return markdown(["measure", "unit", "what it says", "what it cannot say"], rows)


def definitions() -> str:
    """The formula of every measure of a pair under its default options."""
    names = all_pair_measures()
    return markdown(
        ["measure", "definition", "source"],
        [[f"`{n}`", _escaped(parse_pair_selection(n).definition), m.cite] for n, m in names.items()],
    )


def sensitivity(widths: Sequence[int], n: int, seed: int) -> str:
    """One line a measure and width: self, correlated, shuffled, normalised, status."""
    names = [*(name for name in all_pair_measures() if name not in DEAR), *VARIANTS, *DEAR]
    found = {d: _at(d, n, seed, names) for d in widths}
    head = ["measure", "d", "self", f"rho = {RHO:g}", "shuffled", "normalised", "status"]
    return markdown(head, [[f"`{name}`", str(d), *found[d][name]] for name in names for d in widths])


def _at(d: int, n: int, seed: int, names: Sequence[str]) -> dict[str, list[str]]:
    generator = np.random.default_rng(seed + d)
    x, noise = generator.standard_normal((2, n, d))
    y = RHO * x + math.sqrt(1 - RHO**2) * noise
    labels = (x[:, 0] > 0).astype(np.int64)
    cheap = [name for name in names if name not in DEAR]
    read: Mapping[str, Estimate] = {
        **estimates(x, y, cheap, "auto", labels),
        **estimates(x, y, DEAR, "none"),
    }
    bare = [name for name, each in read.items() if not parse_pair_selection(name).has_null]
    own, mixed = estimates(x, x, bare), estimates(x, generator.permutation(y), bare)
    lines = {name: _line(each) for name, each in read.items()}
    for name in bare:
        lines[name][0], lines[name][2] = short(own[name].value), short(mixed[name].value)
    return lines


def _line(found: Estimate) -> list[str]:
    told = found.details
    shown = [told.get("self_x"), found.value, told.get("null"), told.get("normalised")]
    cells = [short(float(each)) if isinstance(each, int | float) else "" for each in shown]
    return [*cells, found.status]


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
