"""Tables of examples/information_plane.py, as Markdown: what is found, and what the estimators declare."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from repdiag.measures.plane_registry import all_estimators, parse_estimator
from repdiag.results import Estimate, Phase, Results, Trajectory

Kind = TypeVar("Kind", Phase, Trajectory)
NAMES = {"tanh": "tanh", "relu": "ReLU"}


def layers(found: Mapping[str, Results]) -> list[str]:
    """Layers in the order of the network."""
    return list(dict.fromkeys(each.layer for results in found.values() for each in results.trajectories))


def of_all(found: Sequence[Kind]) -> list[Kind]:
    """Those of all runs together, without those of each run."""
    return [each for each in found if each.run is None]


def compressions(results: Results) -> dict[tuple[str, str], Phase]:
    """The falls of I(X;T) by estimator and layer."""
    return {
        (each.estimator, each.layer): each for each in of_all(results.phases) if each.kind == "compression"
    }


def contrast(found: Mapping[str, Results], estimators: Sequence[str]) -> str:
    """The fall of I(X;T) by estimator and layer, each activation beside the other."""
    columns = [
        f"{NAMES[name]}: {what}" for name in found for what in ("fall in nats", "from epoch", "half by", "p")
    ]
    rows = [
        [f"`{estimator}`", layer, *(cell for results in found.values() for cell in _fall(results, at))]
        for estimator in estimators
        for layer in layers(found)
        for at in [(estimator, layer)]
    ]
    return markdown(["estimator", "layer", *columns], rows)


def _fall(results: Results, at: tuple[str, str]) -> list[str]:
    """Size with its interval, when it begins, when half of it is done, p-value; or why there is none."""
    phase = compressions(results).get(at)
    if phase is None:
        return ["not measured", "", "", ""]
    size = phase.size
    if size.low is None or size.value is None:
        return [_word(size.status), "", "", ""]
    if size.low == size.high == 0:
        return ["none: largest at the end", "", "", ""]
    text = f"{_short(size.value)} [{_short(size.low)}, {_short(size.high or 0.0)}]"
    p_value = "" if phase.p_value is None else f"{phase.p_value:.2g}"
    if size.low <= 0:
        return [text, "", "", p_value]
    epoch = "" if phase.start_step is None else f"{phase.start_step:,}"
    return [text, epoch, _half_done(results, phase), p_value]


def _short(number: float) -> str:
    """Two decimals, and no minus before a zero."""
    return f"{round(number, 2) + 0.0:.2f}"


def _half_done(results: Results, phase: Phase) -> str:
    """The first epoch after the turn at which the mean of I(X;T) has lost half of what it loses."""
    paths = of_all(results.trajectories)
    path = next(one for one in paths if (one.estimator, one.layer) == (phase.estimator, phase.layer))
    turn = phase.start_step or 0
    after = [(one.step or 0, one.ixt.value or 0.0) for one in path.points if (one.step or 0) >= turn]
    middle = (after[0][1] + after[-1][1]) / 2
    return f"{next((step for step, value in after[1:] if value <= middle), after[-1][0]):,}"


def _word(status: str) -> str:
    return {"saturated": "at the ceiling", "constant": "constant"}.get(status, f"not told ({status})")


def falling(results: Results, estimator: str) -> list[str]:
    """Layers whose I(X;T) falls: the whole interval is above zero."""
    sizes = {layer: phase.size for (name, layer), phase in compressions(results).items() if name == estimator}
    return [layer for layer, size in sizes.items() if size.low is not None and size.low > 0]


def verdicts(found: Mapping[str, Results], estimators: Sequence[str]) -> list[str]:
    """One sentence an estimator: where I(X;T) falls, and where it does so in one network only."""
    lines = []
    for estimator in estimators:
        fall = {name: falling(results, estimator) for name, results in found.items()}
        told = "; ".join(f"{NAMES[name]} {_list(where)}" for name, where in fall.items())
        only = [layer for layer in fall["tanh"] if layer not in fall["relu"]]
        lines.append(f"`{estimator}`: I(X;T) falls in {told}. With tanh and not with ReLU: {_list(only)}.")
    return lines


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def levels(found: Mapping[str, Results], estimators: Sequence[str]) -> str:
    """I(X;T) at first, at its largest and at last; I(T;Y) at first and at last, and for shuffled labels."""
    named = ["estimator", "layer", "network"]
    head = [*named, "first I(X;T)", "largest", "at epoch", "last"]
    head += ["first I(T;Y) (shuffled)", "last I(T;Y) (shuffled)"]
    rows = [
        [f"`{path.estimator}`", path.layer, NAMES[name], *_level(path)]
        for estimator in estimators
        for layer in layers(found)
        for name, results in found.items()
        for path in of_all(results.trajectories)
        if (path.estimator, path.layer) == (estimator, layer)
    ]
    return markdown(head, rows)


def _level(path: Trajectory) -> list[str]:
    held = [point for point in path.points if point.ixt.value is not None]
    first, last = path.points[0], path.points[-1]
    top = max(held, key=lambda point: point.ixt.value or 0.0, default=first)
    step = "" if top.step is None else f"{top.step:,}"
    shuffled = [f"{_value(each.ity)} ({_number(each.ity.details.get('null'))})" for each in (first, last)]
    return [_value(first.ixt), _value(top.ixt), step, _value(last.ixt), *shuffled]


def _value(estimate: Estimate) -> str:
    return _number(estimate.value)


def _number(value: object) -> str:
    return _short(value) if isinstance(value, int | float) else "none"


def declared() -> str:
    """What every estimator says and what it cannot, from its declaration."""
    rows = []
    for name, each in all_estimators().items():
        choice = parse_estimator(name)
        scale = "free of scale" if choice.scale_free else "fixed over all steps"
        rows.append(
            [f"`{name}`", scale, f"{choice.most_rows:,}", _sentence(each.says), _sentence(each.cannot)]
        )
    return markdown(["estimator", "scale", "rows at most", "what it says", "what it cannot say"], rows)


def definitions() -> str:
    """The formula of every estimator with its default options."""
    rows = [
        [f"`{name}`", parse_estimator(name).definition.replace("|", "\\|"), each.cite]
        for name, each in all_estimators().items()
    ]
    return markdown(["estimator", "definition", "source"], rows)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def write(page: Path, tables: Mapping[str, str]) -> None:
    """Put each table between its marks in a page.

    Raises:
        SystemExit: a page without the marks.
    """
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        mark = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not mark.search(text):
            raise SystemExit(f"{page} has no place for the table {name}")
        text = mark.sub(lambda match, table=table: f"{match[1]}\n{table}\n\n{match[2]}", text)
    page.write_text(text, encoding="utf-8")
