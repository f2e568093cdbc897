"""Whatever the results hold, a pass rests on figures that were there and on the right side."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from repdiag.check import check, exit_code, render_verdict
from repdiag.check.judgement import State
from repdiag.check.summary import summary_of
from repdiag.results import Estimate, Representation, Results
from repdiag.types import IntervalMethod, Status, Verdict
from tests.check.builders import healthy, policy, results, row

NAMES = [*healthy(), "per_class_rank", "effective_rank{rogue=drop}", "rankme"]
NUMBERS = st.none() | st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, 0.98, 1.25, 5.0])


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    status = draw(st.sampled_from(Status))
    return Estimate(
        value=draw(NUMBERS) if status.has_value else None,
        low=draw(NUMBERS),
        high=draw(NUMBERS),
        status=status,
        interval_method=draw(st.sampled_from(IntervalMethod)),
    )


rows = st.builds(
    lambda found, n, dropped: row(found, n=n, dropped=dropped),
    st.dictionaries(st.sampled_from(NAMES), estimates(), max_size=len(NAMES)),
    st.integers(0, 10_000),
    st.integers(0, 2),
)


@settings(max_examples=150, deadline=None)
@given(rows)
def test_a_pass_has_evaluated_rules_and_every_format_renders(one: Representation) -> None:
    found = check(results(one), policy())
    summary = summary_of(found)
    assert sum(summary.counts.values()) == len(policy().rules)
    if found.verdict is Verdict.PASS:
        shape = [name for name in one.estimates if name in healthy() and name not in ("trace",)]
        assert summary.evaluated > 0
        assert shape or "per_class_rank" in one.estimates
        assert summary.count(State.FAIL) == summary.count(State.INCONCLUSIVE) == 0
    assert (exit_code(found) == 0) == (found.verdict is Verdict.PASS)
    assert Results.model_validate_json(found.to_json()) == found
    for name in ("text", "junit", "github", "markdown"):
        assert isinstance(render_verdict(found, name), str)


VOID = st.sampled_from(
    [
        Estimate(value=None),
        Estimate(value=None, status=Status.INSUFFICIENT),
        Estimate.model_construct(value=math.nan, low=math.nan, high=math.nan),
        Estimate.model_construct(value=math.nan, low=None, high=None),
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(list(healthy())), VOID))
def test_nothing_but_void_never_passes(found: dict[str, Estimate]) -> None:
    one = row({}).model_copy(update={"estimates": found})
    try:
        verdict = check(results(one), policy()).verdict
    except ValueError:
        return  # a NaN cannot even be put into a finding
    assert verdict is not Verdict.PASS


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([name for name in healthy() if name != "trace"]), VOID)
def test_one_void_figure_among_healthy_ones_never_passes(name: str, void: Estimate) -> None:
    one = row().model_copy(update={"estimates": {**healthy(), name: void}})
    try:
        verdict = check(results(one), policy()).verdict
    except ValueError:
        return
    assert verdict is not Verdict.PASS
