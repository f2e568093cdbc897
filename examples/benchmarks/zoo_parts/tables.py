"""Markdown tables of the zoo."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zoo_parts.judging import label_free
from zoo_parts.ranking import LEAST, kendall
from zoo_parts.records import Edited, Encoder

from repdiag.results import Representation


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def zoo_table(encoders: Sequence[Encoder]) -> str:
    """One row an encoder: what it was meant to be, what it became, what the gate says, and figures."""
    head = ["images", "encoder", "profile", "expected", "became", "without labels", "with labels"]
    head += ["linear", "kNN", "live", "99% in", "effective rank", "cliff", "mean share", "top-1 share"]
    return table(head, [_encoder_row(one) for one in encoders])


def _encoder_row(one: Encoder) -> list[str]:
    against = f"; against a baseline {one.against.shown}" if one.against is not None else ""
    expected = " or ".join(one.expected) or one.truth
    plain = one.plain
    return [
        *(one.images, one.name, one.profile, expected, one.became),
        f"{one.blind.shown}{against}",
        one.told.shown,
        *(f"{plain.linear:.2f}", f"{plain.knn:.2f}", f"{plain.live:.2f}", str(plain.most)),
        *figures(one.told.record),
    ]


def figures(record: Representation) -> list[str]:
    """Effective rank with its interval, cliff, mean share and top-1 share."""
    rank = record.estimates["effective_rank"]
    interval = "" if rank.low is None or rank.high is None else f" [{rank.low:.1f}, {rank.high:.1f}]"
    return [
        "-" if rank.value is None else f"{rank.value:.1f}{interval}",
        *(_number(record, name) for name in ("spectral_cliff", "mean_share", "top1_share")),
    ]


def _number(record: Representation, name: str) -> str:
    value = record.estimates[name].value
    return "-" if value is None else f"{value:.3g}"


def edit_table(edited: Sequence[Edited]) -> str:
    """One row an edit of one source."""
    head = ["edit", "of", "expected", "must", "gate", "effective rank", "cliff", "mean share", "top-1 share"]
    rows = [
        [
            *(one.edit, one.source, " or ".join(one.expected) or "nothing"),
            "fail" if one.fails else "pass",
            one.opinion.shown,
            *figures(one.opinion.record),
        ]
        for one in sorted(edited, key=lambda one: one.edit)
    ]
    return table(head, rows)


def tau_table(encoders: Sequence[Encoder], accuracy: Callable[[Encoder], float], seed: int) -> str:
    """Tau of each label-free figure with an accuracy, over all encoders and within each method."""
    methods = [m for m in dict.fromkeys(one.method for one in encoders) if _enough(encoders, m)]
    rows = [
        [f"`{name}`", _tau(encoders, name, accuracy, seed)]
        + [_tau([one for one in encoders if one.method == m], name, accuracy, seed) for m in methods]
        for name in label_free()
    ]
    return table(["figure", "all", *methods], rows)


def _enough(encoders: Sequence[Encoder], method: str) -> bool:
    return sum(one.method == method for one in encoders) >= LEAST


def _tau(encoders: Sequence[Encoder], name: str, accuracy: Callable[[Encoder], float], seed: int) -> str:
    held = [one for one in encoders if name in one.values]
    x, y = [one.values[name] for one in held], [accuracy(one) for one in held]
    return kendall(x, y, [one.images for one in held], seed).shown
