"""Results made by hand: every kind of figure that a page can meet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from repdiag.results import (
    Estimate,
    Finding,
    Place,
    RankPoint,
    Representation,
    Results,
    RogueFeature,
    SpectrumRecord,
)
from repdiag.types import IntervalMethod, Status, Verdict

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "<a href=https://evil.example>x</a>",
    "%{x} %{meta[0]} %{customdata}",
    "\x1b[31mred\x1b[0m",
    "\u202egnp.exe",
    "\" onmouseover=alert(1) x='",
    "javascript:alert(1)",
    "<!--<script>",
    "{{ 7 * 7 }}{% raw %}",
    "]]><svg onload=alert(1)>",
    "$\\href{javascript:alert(1)}{x}$",
    "&lt;b&gt;&#x41;",
    "a\u2028b\u2029c",
    "x" * 500,
)
DEFINITIONS = {
    "effective_rank": ("exp(H(l/sum l)), centred covariance, ddof=1", "dimensions"),
    "participation_ratio": ("(sum l)^2 / sum l^2, centred covariance, ddof=1", "dimensions"),
    "stable_rank": ("sum l / l_1, centred covariance, ddof=1", "dimensions"),
    "power_law_alpha": ("minus the slope of log l_i on log i, weights 1/rank, ranks 11..100", ""),
    "spectral_cliff": ("max s_k / s_max(k+1, ceil(1.25 k)), centred singular values", "ratio"),
    "mean_share": ("|mean|^2 / mean |x|^2", "share"),
    "top1_share": ("l_1 / sum l, centred covariance, ddof=1", "share"),
    "twonn": ("two nearest neighbours, F = i/n from i = 1, drop 10%", "dimensions"),
}


def estimate(name: str, value: float | None, spread: float = 0.03, **changes: Any) -> Estimate:
    """An estimate with an interval of `spread` times its value on both sides."""
    definition, unit = DEFINITIONS[name]
    has = value is not None and spread > 0
    fields: dict[str, Any] = {
        "value": value,
        "low": value * (1 - spread) if has and value is not None else None,
        "high": value * (1 + spread) if has and value is not None else None,
        "plugin": None if value is None else value,
        "unit": unit,
        "definition": definition,
        "interval_method": IntervalMethod.FULL if has else IntervalMethod.NONE,
    }
    return Estimate(**{**fields, **changes})


def power_law(d: int, exponent: float = 1.0, scale: float = 4.0) -> list[float]:
    """Eigenvalues i^-exponent."""
    return [scale * (i + 1) ** -exponent * (1 + 0.04 * math.sin(i * 1.7)) for i in range(d)]


def collapsed(d: int, rank: int) -> list[float]:
    """Eigenvalues of rank `rank`, and float dust below."""
    return [2.0 * 0.85**i if i < rank else 3e-16 / (1 + i) for i in range(d)]


def figures_of(eigenvalues: Sequence[float]) -> dict[str, Estimate]:
    """The rank family of a spectrum, and what usually stands beside it."""
    total = sum(eigenvalues)
    shares = [value / total for value in eigenvalues if value > 0]
    entropy = math.exp(-sum(p * math.log(p) for p in shares))
    ratio = 1 / sum(p * p for p in shares)
    fit = {"first": 11, "last": min(100, len(eigenvalues)), "r2": 0.994, "points": 90}
    return {
        "effective_rank": estimate("effective_rank", entropy * 1.02, plugin=entropy, correction="jackknife"),
        "participation_ratio": estimate("participation_ratio", ratio, 0.05),
        "stable_rank": estimate("stable_rank", 1 / shares[0], 0.02),
        "power_law_alpha": estimate("power_law_alpha", 1.0, 0.02, details=fit),
        "spectral_cliff": estimate("spectral_cliff", 1.3, 0.04, details={"k": 31}),
        "mean_share": estimate("mean_share", 0.212, 0.02),
        "top1_share": estimate("top1_share", shares[0], 0.02),
        "twonn": estimate("twonn", 11.7, 0.1),
    }


def rank_curve(rank: float, n: int = 10_000) -> list[RankPoint]:
    """A plug-in that climbs to `rank`, and a corrected figure that lies flat."""
    parts = [RankPoint(n=n // 10, plugin=0.5 * rank), RankPoint(n=n // 4, plugin=0.75 * rank)]
    last = RankPoint(n=n, plugin=rank, value=1.02 * rank)
    return [*parts, RankPoint(n=n // 2, plugin=0.9 * rank, value=1.01 * rank), last]


def representation(layer: str, eigenvalues: Sequence[float], **changes: Any) -> Representation:
    """A representation with all figures of its spectrum."""
    fields: dict[str, Any] = {
        "checkpoint": "epoch=9",
        "view": "base",
        "layer": layer,
        "step": 9000,
        "n": 10_000,
        "d": len(eigenvalues),
        "estimates": figures_of(eigenvalues),
        "spectrum": SpectrumRecord(
            eigenvalues=list(eigenvalues), resolution_floor=1e-9, noise_edge=eigenvalues[0] * 2e-3
        ),
    }
    return Representation(**{**fields, **changes})


def healthy() -> Representation:
    """A power law with exponent 1."""
    return representation("backbone", power_law(768), rank_curve=rank_curve(300.0))


def rank_eight() -> Representation:
    """Rank 8 of 128, and an R^2 that means nothing."""
    values = collapsed(128, 8)
    figures = figures_of(values)
    figures["power_law_alpha"] = estimate("power_law_alpha", None, status=Status.INSUFFICIENT)
    figures["spectral_cliff"] = estimate("spectral_cliff", 8.4e7, details={"k": 8})
    spectrum = SpectrumRecord(eigenvalues=values, resolution_floor=1e-9, noise_edge=None)
    notes = ["12 coordinates were identical to another one."]
    return representation(
        "projector",
        values,
        estimates=figures,
        spectrum=spectrum,
        dropped=3,
        notes=notes,
        rogue_features=[RogueFeature(index=17, share=0.42)],
    )


def constant() -> Representation:
    """Every row the same: figures that do not exist."""
    figures = {name: estimate(name, None, status=Status.CONSTANT) for name in DEFINITIONS}
    figures["mean_share"] = estimate("mean_share", 1.0, spread=0)
    spectrum = SpectrumRecord(eigenvalues=[0.0] * 64, resolution_floor=1e-9)
    return representation("head", [1.0] * 64, estimates=figures, spectrum=spectrum)


def unfinished() -> Representation:
    """One figure for each status that is left."""
    figures = figures_of(power_law(64))
    figures["twonn"] = estimate("twonn", None, status=Status.INSUFFICIENT)
    figures["stable_rank"] = estimate("stable_rank", 1.7, status=Status.UNRESOLVED)
    figures["participation_ratio"] = estimate("participation_ratio", 8.2, status=Status.SATURATED, high=None)
    figures["mean_share"] = estimate("mean_share", None, status=Status.NONFINITE)
    return representation("neck", power_law(64), estimates=figures, n=40)


def findings() -> list[Finding]:
    """One finding for each severity."""
    place = Place(checkpoint="epoch=9", view="base", layer="projector")
    return [
        Finding(
            id="RD005",
            kind="cone",
            severity="warn",
            rule="mean_share: warn above 0.90",
            measure="mean_share",
            place=Place(checkpoint="epoch=9", view="base", layer="backbone"),
            value=0.93,
            low=0.92,
            high=0.94,
            threshold=0.9,
            n=10_000,
            definition="|mean|^2 / mean |x|^2",
            message="Most of each row of backbone is the mean it shares with all others.",
            cause="No centring after the last layer.",
            next_step="Subtract the mean before comparing directions.",
        ),
        Finding(
            id="RD002",
            kind="dimensional_collapse",
            severity="fail",
            rule="spectral_cliff: max 5.0",
            place=place,
            measure="spectral_cliff",
            value=8.4e7,
            low=8.1e7,
            high=8.7e7,
            threshold=5.0,
            n=10_000,
            definition="max s_k / s_max(k+1, ceil(1.25 k)), centred singular values",
            message="projector uses 8 of its 128 directions: its spectrum falls off a cliff after them.",
            cause="The decorrelation term of the loss is off or too weak.",
            next_step="Compare with an earlier checkpoint: repdiag spectrum run.h5 --checkpoint 'epoch=1'.",
        ),
        Finding(
            id="RD009",
            kind="per_class",
            severity="not_applicable",
            rule="per_class_rank: min_of_median 0.10",
            message="per_class_rank needs labels, and this store has none.",
        ),
    ]


def results(*representations: Representation, **changes: Any) -> Results:
    """Results of one store."""
    fields: dict[str, Any] = {
        "repdiag": "0.1.0",
        "command": "spectrum",
        "representations": list(representations),
        "source": {
            "file": "embeddings.h5",
            "format": "repdiag 1",
            "seed": 0,
            "command": "repdiag extract /home/alice/run/ckpt.pt --data images/ -o embeddings.h5",
            "versions": {"torch": "2.14.1", "h5py": "3.16.0"},
            "checkpoints": [{"name": "epoch=9", "sha256": "9f3c" * 16, "tensors_loaded": 152}],
        },
    }
    return Results(**{**fields, **changes})


def everything() -> Results:
    """A failing page with every status on it."""
    made = [healthy(), rank_eight(), constant(), unfinished()]
    return results(*made, findings=findings(), verdict=Verdict.FAIL)


def grid(layers: int, checkpoints: int, d: int = 768) -> Results:
    """`layers` x `checkpoints` power laws that steepen with depth and flatten with training."""
    made = []
    for step in range(checkpoints):
        for depth in range(layers):
            exponent = 1.5 + 0.05 * depth - 0.8 * step / max(1, checkpoints)
            place = {"checkpoint": f"epoch={step}", "step": 500 * step}
            made.append(representation(f"blocks.{depth}", power_law(d, exponent), **place))
    return results(*made)


def hostile(names: Sequence[str] = HOSTILE[:12]) -> Results:
    """Hostile text wherever a name can stand."""
    made = []
    for i, name in enumerate(names):
        changes: dict[str, Any] = {"checkpoint": name, "view": names[-1 - i], "step": None, "notes": [name]}
        figures = figures_of(power_law(32))
        changed = {"definition": name, "unit": name, "details": {name: name}}
        named = figures["effective_rank"].model_copy(update=changed)
        figures[f"rankme{{{name}}}"] = named
        curve = rank_curve(12.0)
        made.append(representation(name, power_law(32), **changes, estimates=figures, rank_curve=curve))
        made.append(representation(name, power_law(32), **{**changes, "checkpoint": "other"}))
    evil = [
        Finding(
            id=name,
            kind=name,
            severity="fail",
            rule=name,
            place=Place(checkpoint=name, view=name, layer=name),
            measure=name,
            definition=name,
            message=name,
            cause=name,
            next_step=name,
        )
        for name in names
    ]
    source: dict[str, Any] = {"file": names[0], **{name: [name, {name: name}] for name in names}}
    texts = {"source": source, "command": names[0], "repdiag": names[1]}
    return results(*made, findings=evil, verdict=Verdict.FAIL, **texts)
