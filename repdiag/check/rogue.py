"""One rule with and without the rogue coordinates: it fails only if it fails both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from repdiag.check.decide import Outcome
from repdiag.check.figures import Figure, figure_of
from repdiag.check.known import MEASURES, ROGUE_OPTION, base_name, facts
from repdiag.check.policy import Bound, Rule
from repdiag.check.sentences import figure_text, number
from repdiag.results import Estimate, Representation


@dataclass(frozen=True, slots=True)
class Pair:
    """One rule read twice; `without` is None where nobody computed the figure without them."""

    rule: Rule
    row: Representation
    plain: tuple[Figure, Outcome]
    without: tuple[Figure, Outcome] | None
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Choice:
    """What both readings say together.

    A message makes it a finding about the rogue coordinates; an addition ends the rule's own sentence.
    """

    outcome: Outcome
    message: str | None = None
    use_without: bool = False
    addition: str = ""


def drop_key(measure: str) -> str:
    """`effective_rank{rogue=drop}` for `effective_rank`; options stay sorted."""
    options = measure[len(base_name(measure)) :].strip("{}")
    listed = sorted({*filter(None, options.split(",")), ROGUE_OPTION.strip("{}")})
    return f"{base_name(measure)}{{{','.join(listed)}}}"


def combine(pair: Pair, mode: Literal["aside", "expected"]) -> Choice:
    """The outcome of both readings.

    `expected`: the figure without rogue coordinates decides. `aside`: failing one way only is a warning,
    and a failure that nobody could look at without them is undecided.
    """
    plain = pair.plain[1]
    if pair.without is None:
        if plain is not Outcome.FAIL:
            return Choice(plain)
        return Choice(Outcome.INCONCLUSIVE, _unknown_message(pair))
    without = pair.without[1]
    if mode == "expected":
        return Choice(without, use_without=True)
    if plain is without:
        return Choice(plain, addition=_without_too(pair) if plain is Outcome.FAIL else "")
    return _differing(pair, plain, without)


def _differing(pair: Pair, plain: Outcome, without: Outcome) -> Choice:
    if plain is Outcome.FAIL and without is Outcome.INCONCLUSIVE:
        return Choice(without, use_without=True)
    if Outcome.FAIL in (plain, without):
        return Choice(Outcome.WARN, _one_way_message(pair))
    if plain is Outcome.INCONCLUSIVE:
        return Choice(Outcome.WARN, _one_way_message(pair))
    if without is Outcome.WARN:
        return Choice(without, use_without=True)
    return Choice(Outcome.PASS)


def rogue_message(row: Representation) -> str:
    """Which coordinates are rogue and how much of the variance each carries; no full stop."""
    named = [f"{one.index} ({number(100 * one.share)}% of the variance)" for one in row.rogue_features[:3]]
    if len(named) == 1:
        return f"Coordinate {named[0]} is far larger than the others"
    return f"Coordinates {', '.join(named)} are far larger than the others"


def rogue_figures(row: Representation) -> str:
    """The figures with and without the rogue coordinates, as far as both were computed."""
    return "; ".join(
        f"{facts(name).phrase} {figure_text(figure_of(plain, plain.confidence))} with and "
        f"{figure_text(figure_of(row.estimates[drop_key(name)], plain.confidence))} without"
        for name, plain in row.estimates.items()
        if name in MEASURES and MEASURES[name].rogue and drop_key(name) in row.estimates
    )


def _figures(pair: Pair) -> str:
    limits = (pair.rule.threshold, pair.rule.warn)
    without = figure_text(pair.without[0], *limits) if pair.without else "unknown"
    it = _them(pair.row)
    return f"the {_phrase(pair)} is {figure_text(pair.plain[0], *limits)} with {it} and {without} without"


def _without_too(pair: Pair) -> str:
    shown = figure_text(pair.without[0], pair.rule.threshold) if pair.without else "unknown"
    return f"; without the rogue coordinate{'s' * (len(pair.row.rogue_features) > 1)} it is {shown}"


def _them(row: Representation) -> str:
    return "it" if len(row.rogue_features) == 1 else "them"


def _phrase(pair: Pair) -> str:
    share = " as a share of d" if pair.rule.bound is Bound.MIN_RATIO else ""
    return f"{facts(pair.rule.measure).phrase}{share}"


def _limit(rule: Rule) -> str:
    side = "limit" if rule.bound.is_upper else "minimum"
    return f"{side} {number(rule.threshold)}" if rule.threshold is not None else "warning level"


def _one_way_message(pair: Pair) -> str:
    return f"{rogue_message(pair.row)}: {_figures(pair)}, so the {_limit(pair.rule)} is met only one way."


def _unknown_message(pair: Pair) -> str:
    shown = figure_text(pair.plain[0], pair.rule.threshold)
    return (
        f"{rogue_message(pair.row)}: the {_phrase(pair)} is {shown} with {_them(pair.row)}, beyond the "
        f"{_limit(pair.rule)}, and was not computed without."
    )
