"""What became of each encoder and each edit, and the counts that answer the question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from zoo_parts.figures import Plain
from zoo_parts.judging import Opinion


@dataclass(frozen=True, slots=True)
class Encoder:
    """One trained encoder, judged.

    `truth` is what was expected, `became` what plain figures say. `blind` is the gate without labels,
    `told` with them, `against` where one that does not fail was given the baseline of a healthy twin.
    `supervised` encoders had labels, so that their gate has them too. `values` are the label-free figures.
    """

    images: str
    name: str
    method: str
    profile: str
    truth: str
    became: str
    expected: tuple[str, ...]
    supervised: bool
    plain: Plain
    blind: Opinion
    told: Opinion
    against: Opinion | None
    values: Mapping[str, float]

    @property
    def used(self) -> Opinion:
        """The gate with the labels that training had."""
        return self.told if self.supervised else self.blind

    @property
    def place(self) -> str:
        return f"{self.name} ({self.images})"


@dataclass(frozen=True, slots=True)
class Edited:
    """One edit of healthy embeddings, judged with labels."""

    source: str
    edit: str
    expected: tuple[str, ...]
    fails: bool
    opinion: Opinion

    @property
    def right(self) -> bool:
        return (self.opinion.verdict == ("fail" if self.fails else "pass")) and (
            not self.expected or self.opinion.names(self.expected)
        )


def summary(encoders: Sequence[Encoder], edited: Sequence[Edited]) -> str:
    """The counts, as a list."""
    lines = [
        f"{len(encoders)} encoders, {sum(one.became != 'untrained' for one in encoders)} of them trained."
    ]
    lines += _healthy([one for one in encoders if one.truth == "healthy"])
    lines += _collapsed([one for one in encoders if one.truth == "collapsed"])
    shrunk = [one for one in encoders if one.truth == "shrunk"]
    named = [one for one in shrunk if (one.against or one.blind).names(one.expected)]
    lines.append(
        f"Shrunk: {len(shrunk)}; {_count(shrunk, 'pass')} pass without a baseline; "
        f"{len(named)} named rightly, against the baseline of a healthy twin where they pass without; "
        f"{sum(_fails_against(one) for one in shrunk)} of those that pass fail against it."
    )
    bare = [one for one in encoders if one.truth == "untrained"]
    lines.append(f"Untrained: {len(bare)}; {_count(bare, 'pass')} pass, {_count(bare, 'fail')} fail.")
    every = [one.used.verdict for one in encoders] + [one.opinion.verdict for one in edited]
    lines += [*_edits(edited), f"Inconclusive: {every.count('inconclusive')} of {len(every)} verdicts."]
    return "\n".join(f"- {line}" for line in lines)


def _healthy(meant: Sequence[Encoder]) -> list[str]:
    good = [one for one in meant if one.became == "healthy"]
    lost = [one for one in meant if one not in good]
    told = sum(one.told.verdict == "fail" for one in good)
    blind = sum(one.blind.verdict == "fail" for one in good)
    return [
        f"Meant to be healthy: {len(meant)}; {len(lost)} collapsed on their own by plain figures, of which "
        f"{_count(lost, 'fail')} fail{_listed(lost)}.",
        f"Healthy ones failed: {_count(good, 'fail')} of {len(good)} with the labels that training had "
        f"({told} if all have labels, {blind} if none has){_listed(_with(good, 'fail'))}.",
        f"Healthy ones inconclusive: {_count(good, 'inconclusive')}{_listed(_with(good, 'inconclusive'))}.",
    ]


def _collapsed(meant: Sequence[Encoder]) -> list[str]:
    bad = [one for one in meant if one.became == "collapsed"]
    intact = [one for one in meant if one not in bad]
    named = [one for one in bad if one.used.names(one.expected)]
    return [
        f"Meant to collapse: {len(meant)}; {len(intact)} did not by plain figures, of which "
        f"{_count(intact, 'pass')} pass{_listed(intact)}.",
        f"Collapsed ones passed: {_count(bad, 'pass')} of {len(bad)}{_listed(_with(bad, 'pass'))}; "
        f"{sum(_fails_against(one) for one in _with(bad, 'pass'))} of these fail against the baseline of a "
        "healthy twin.",
        f"Collapsed ones named rightly: {len(named)} of {len(bad)}"
        f"{_listed([one for one in bad if one not in named])}.",
    ]


def _fails_against(one: Encoder) -> bool:
    return one.against is not None and one.against.verdict == "fail"


def _edits(edited: Sequence[Edited]) -> list[str]:
    planted = [one for one in edited if one.expected]
    named = [one for one in planted if one.opinion.names(one.expected)]
    bad = [one for one in edited if one.fails]
    harmless = [one for one in edited if not one.fails]
    return [
        f"Edits: {len(edited)}; planted kinds named rightly {len(named)} of {len(planted)}; "
        f"{sum(one.opinion.verdict == 'fail' for one in bad)} of {len(bad)} that must fail do, and "
        f"{sum(one.opinion.verdict == 'fail' for one in harmless)} of {len(harmless)} that must not."
    ]


def _with(encoders: Iterable[Encoder], verdict: str) -> list[Encoder]:
    return [one for one in encoders if one.used.verdict == verdict]


def _count(encoders: Iterable[Encoder], verdict: str) -> int:
    return len(_with(encoders, verdict))


def _listed(encoders: Sequence[Encoder]) -> str:
    return f": {'; '.join(one.place for one in encoders)}" if encoders else ""
