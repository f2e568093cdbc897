"""What RankMe, effective rank, LiDAR and alpha read in five public tools, and which repdiag name gives each.

    python examples/benchmarks/reconciliation.py [--write] [--recorded]

Every tool that is installed is run on matrices made from fixed seeds. For the others the value recorded in
tests/golden/golden.json stands in, and the table says so. `--recorded` runs none of them; `--write` replaces
docs/reconciliation.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden" / "golden.json"
PAGE = ROOT / "docs" / "reconciliation.md"

SAME = 5e-4
"""Relative difference up to which two figures are the same but for an epsilon or the rounding of float32."""

SHAPES = {
    "A_gauss": "512 x 64, isotropic Gaussian",
    "B_lowrank": "512 x 64, rank 8 with noise of 1e-3",
    "D_powerlaw": "2048 x 128, Gaussian, eigenvalues 1/i",
    "F_digits": "1797 x 64, pixels of the digits of scikit-learn",
    "H_augs": "64 objects x 8 views x 16, noise of 0.2 on each view",
}
MATRICES = tuple(name for name in SHAPES if name != "H_augs")
ALPHA_RANKS = {"A_gauss": (11, 54), "B_lowrank": (11, 54), "D_powerlaw": (11, 100), "F_digits": (5, 40)}
OLS_LAST = {"A_gauss": 57, "B_lowrank": 57, "D_powerlaw": 115, "F_digits": 56}

Call = Callable[[Any, str], float]


@dataclass(frozen=True)
class Figure:
    """One figure of one tool: what it is called there, how it is computed, and its name here.

    `recorded` are the measure and the start of the peer's name in golden.json. `same` is False where no
    name of ours gives the figure; `key` then is the nearest.
    """

    word: str
    distribution: str
    function: str
    computed: str
    call: Call
    key: Callable[[str], str]
    recorded: tuple[str, str]
    inputs: tuple[str, ...] = MATRICES
    same: bool = True


@dataclass(frozen=True)
class Row:
    """A figure on one input: the tool's value and where it is from, and ours."""

    figure: Figure
    name: str
    value: float | None
    origin: str
    key: str
    ours: float


def _reptrix_rankme(rows: Any, name: str) -> float:
    import torch
    from reptrix.rankme import get_rankme

    return float(get_rankme(torch.from_numpy(rows)))


def _reptrix_alpha(rows: Any, name: str) -> float:
    """The default range does not fit 64 eigenvalues; the call shifts its array, so that gets a new one."""
    import numpy as np
    import torch
    from reptrix.alpha import get_alpha

    first, last = ALPHA_RANKS[name]
    return float(get_alpha(torch.from_numpy(rows), fit_range=np.arange(first - 1, last))[0])


def _reptrix_lidar(rows: Any, name: str) -> float:
    import torch
    from reptrix.lidar import get_lidar

    return float(get_lidar(torch.from_numpy(rows), *rows.shape[:2]))


def _ssrlib(processor: str) -> Call:
    def call(rows: Any, name: str) -> float:
        from ssrlib import processing

        return float(getattr(processing, processor)().process(rows)[0])

    return call


def _embedding_quality(rows: Any, name: str) -> float:
    from embedding_quality import UnsupervisedEmbeddingQualityEvaluation as Evaluation

    return float(Evaluation.RankMe(rows))


def _stable_rankme(rows: Any, name: str) -> float:
    """The callback reads a queue and logs to a module; both are stood in for."""
    import torch
    from stable_pretraining.callbacks.rankme import RankMe

    logged: dict[str, float] = {}
    callback = RankMe("rankme", "embedding", *rows.shape)
    callback._target_queue = SimpleNamespace(data=torch.from_numpy(rows))
    module = SimpleNamespace(log=logged.__setitem__)
    callback.on_validation_batch_end(SimpleNamespace(global_rank=0), module, {}, {}, 0)
    return logged["rankme"]


def _stable_lidar(rows: Any, name: str) -> float:
    import torch
    from stable_pretraining.callbacks.lidar import LiDAR

    objects, views, d = rows.shape
    callback = LiDAR("lidar", "embedding", objects * views, d, objects, views)
    found = callback._compute_lidar(torch.from_numpy(rows.reshape(-1, d)))
    return float(found["lidar"])


def _lightly_std(rows: Any, name: str) -> float:
    import torch
    from lightly.utils.debug import std_of_l2_normalized

    return float(std_of_l2_normalized(torch.from_numpy(rows)))


def _always(key: str) -> Callable[[str], str]:
    return lambda name: key


def _weighted(name: str) -> str:
    first, last = ALPHA_RANKS[name]
    options = {"first": (first, 11), "last": (last, 100)}
    given = ",".join(f"{option}={value}" for option, (value, usual) in options.items() if value != usual)
    return f"power_law_alpha{{{given}}}" if given else "power_law_alpha"


def _ols(name: str) -> str:
    return f"power_law_alpha{{first=1,last={OLS_LAST[name]},weights=ols}}"


OBJECTS = ("H_augs",)
FIGURES = (
    Figure(
        "RankMe",
        "embedding-quality",
        "RankMe",
        "singular values, uncentred, eps 1e-7",
        _embedding_quality,
        _always("rankme"),
        ("rankme", "embedding-quality"),
    ),
    Figure(
        "RankMe",
        "stable-pretraining",
        "callbacks.RankMe",
        "singular values, uncentred, eps 1e-5",
        _stable_rankme,
        _always("rankme{eps=1e-05}"),
        ("rankme", "stable-pretraining (torch"),
    ),
    Figure(
        "RankMe",
        "reptrix",
        "get_rankme",
        "eigenvalues of the centred covariance, eps 1e-7",
        _reptrix_rankme,
        _always("effective_rank"),
        ("rankme(as reptrix calls it)", "reptrix"),
    ),
    Figure(
        "RankMe",
        "ssrlib",
        "RankMeProcessor",
        "eigenvalues of the centred covariance",
        _ssrlib("RankMeProcessor"),
        _always("effective_rank"),
        ("rankme(as ssrlib calls it)", "ssrlib"),
    ),
    Figure(
        "effective rank",
        "ssrlib",
        "EffectiveRankProcessor",
        "eigenvalues of the centred covariance, eps 1e-12",
        _ssrlib("EffectiveRankProcessor"),
        _always("effective_rank"),
        ("effective_rank", "ssrlib"),
    ),
    Figure(
        "alpha",
        "reptrix",
        "get_alpha",
        "centred eigenvalues, weights 1/rank, the ranks of the name",
        _reptrix_alpha,
        _weighted,
        ("alpha_req", "reptrix"),
    ),
    Figure(
        "alpha",
        "ssrlib",
        "AlphaReQProcessor",
        "centred eigenvalues, least squares, the first 90% that are positive",
        _ssrlib("AlphaReQProcessor"),
        _ols,
        ("alpha_req", "ssrlib"),
    ),
    Figure(
        "LiDAR",
        "stable-pretraining",
        "callbacks.LiDAR",
        "Sb over n - 1, Sw over n (q - 1), delta 1e-4, eps 1e-8",
        _stable_lidar,
        _always("lidar"),
        ("lidar", "stable-pretraining (torch"),
        OBJECTS,
    ),
    Figure(
        "LiDAR",
        "reptrix",
        "get_lidar",
        "sums for means, delta 1e-6, PCA of the discriminant matrix",
        _reptrix_lidar,
        _always("lidar{delta=1e-06}"),
        ("lidar(as reptrix)", "reptrix"),
        OBJECTS,
        same=False,
    ),
    Figure(
        "none of the four",
        "lightly",
        "std_of_l2_normalized",
        "mean standard deviation of unit rows",
        _lightly_std,
        _always("feature_std"),
        ("std_of_l2_normalized", "lightly"),
    ),
)


def recorded(figure: Figure, name: str, entries: list[dict[str, Any]]) -> float | None:
    """The value in golden.json, None where there is none."""
    measure, peer = figure.recorded
    for entry in entries:
        if (entry["measure"], entry["input"]) == (measure, name) and entry["peer"].startswith(peer):
            value = entry["value"]
            return float(value[0] if isinstance(value, list) else value)
    return None


def measured(figure: Figure, name: str, rows: Any) -> tuple[float, str] | None:
    """The tool's own value and its version, None where it is not installed or cannot be imported."""
    try:
        found = version(figure.distribution)
        return figure.call(rows, name), f"run, {found}"
    except ImportError:  # of which PackageNotFoundError is one
        return None


def ours(rows: Any, keys: list[str]) -> Mapping[str, float]:
    """The plug-in figures of one matrix, or of objects in several views."""
    from repdiag import SpectrumRequest, analyse_spectrum, memory_store

    several = rows.ndim == 3
    views = {f"view{i}": rows[:, i].copy() for i in range(rows.shape[1])} if several else rows
    request = SpectrumRequest(measures=tuple(keys), interval="none", device="cpu")
    estimates = analyse_spectrum([memory_store(views)], request).representations[-1].estimates
    return {key: float(estimates[key].plugin) for key in keys}


def table(run: bool) -> list[Row]:
    """Every figure on every input."""
    sys.path.insert(0, str(ROOT))
    from tests.golden.inputs import INPUTS

    entries = json.loads(GOLDEN.read_text(encoding="utf-8"))["entries"]
    found = []
    for name in SHAPES:
        rows = INPUTS[name]()
        here = [figure for figure in FIGURES if name in figure.inputs]
        figures = ours(rows, list({figure.key(name): None for figure in here}))
        for figure in here:
            key = figure.key(name)
            past = recorded(figure, name, entries), "recorded"
            value, origin = (measured(figure, name, rows) if run else None) or past
            found.append(Row(figure, name, value, origin, key, figures[key]))
    return found


def cells(row: Row) -> list[str]:
    """One line of the table."""
    figure = row.figure
    tool = f"{figure.distribution}: `{figure.function}`"
    name = f"`{row.key}`" if figure.same else f"none; nearest is `{row.key}`"
    if row.value is None:
        return [
            figure.word,
            tool,
            figure.computed,
            "",
            "neither run nor recorded",
            name,
            f"{row.ours:.4f}",
            "",
        ]
    apart = f"{100 * abs(row.value / row.ours - 1):.3f}%"
    return [
        figure.word,
        tool,
        figure.computed,
        f"{row.value:.4f}",
        row.origin,
        name,
        f"{row.ours:.4f}",
        apart,
    ]


HEAD = ["word", "tool", "computed from", "reads", "how known", "repdiag name", "repdiag reads", "apart"]
INTRODUCTION = """# The same word in other tools

The words RankMe, effective rank, LiDAR and alpha stand for several figures. This page gives what five public
tools read on the same matrices, and the repdiag name that gives the figure. repdiag's column is the `plugin`
of that name, the figure before any correction; [methods.md](methods.md) says what the corrected `value` adds.

`run` means that the installed tool was called on the matrix, with the version that follows. `recorded` means
that the tool could not be imported where this page was made; the value is the one that the test suite keeps.
`apart` is the relative difference of the two readings, without its sign.
Made by `python examples/benchmarks/reconciliation.py --write`; the matrices come from fixed seeds.
"""
REMARKS = """## What to take from it

- A figure called RankMe comes from singular values of the uncentred matrix in embedding-quality and
  stable-pretraining, as published, and from eigenvalues of the centred covariance in reptrix and ssrlib. The
  second is what repdiag calls `effective_rank`. On a power law the two differ by more than a factor of two.
- An epsilon of 1e-5 (stable-pretraining) instead of 1e-7 moves RankMe by 0.2% to 0.6% here, and by more for
  wider rows, since it is added once for each direction.
- alpha depends on the ranks and the weights of its fit: 0.5 or 5.8 on the same low-rank matrix. The default
  ranks of reptrix, 11 to 100, need 100 eigenvalues; for 64 a range must be given.
- On the digits, of rank 61, ssrlib counts two eigenvalues of rounding as positive, so that its 90% ends at
  rank 56. The name here states that rank.
- LiDAR of stable-pretraining divides by n - 1 and n (q - 1), the publication by n and n q. With these data
  that changes the fifth digit. The figure of reptrix decomposes the discriminant matrix as if its rows were
  data; no name of repdiag gives it.
- lightly has none of the four. The collapse figure that it has is `feature_std`.
"""


def page(rows: list[Row]) -> str:
    """The whole page as Markdown."""
    parts = [INTRODUCTION]
    for name, shape in SHAPES.items():
        lines = [f"## {name}: {shape}\n", _line(HEAD), _line(["---"] * len(HEAD))]
        parts.append("\n".join([*lines, *(_line(cells(row)) for row in rows if row.name == name)]) + "\n")
    return "\n".join([*parts, REMARKS])


def _line(words: list[str]) -> str:
    return "| " + " | ".join(words) + " |"


def unlike(rows: list[Row]) -> list[str]:
    """Figures that should be the same and are not."""
    compared = [row for row in rows if row.figure.same and row.value is not None]
    return [
        f"{row.name} {row.figure.distribution} {row.value} but {row.key} {row.ours}"
        for row in compared
        if abs(row.value / row.ours - 1) > SAME
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="replace docs/reconciliation.md")
    parser.add_argument("--recorded", action="store_true", help="run none of the tools")
    options = parser.parse_args()
    rows = table(run=not options.recorded)
    text = page(rows)
    print(text)
    if wrong := unlike(rows):
        raise SystemExit("not the same figure: " + "; ".join(wrong))
    if options.write:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
