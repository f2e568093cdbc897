"""A leading direction that follows something which is not content is named, and only where it matters."""

from __future__ import annotations

import pytest

from repdiag.check.further import explained, further_findings
from repdiag.check.nuisance import nuisance
from repdiag.results import Correlate, Estimate, Finding, Representation, SpectrumRecord
from repdiag.types import Status
from tests.check.builders import between, figure, healthy, results, rogue, row, without_value


def correlate(name: str, value: float, low: float, **details: float) -> Correlate:
    estimate = Estimate(value=value, low=low, high=min(1.0, 2 * value - low), details={"n": 1000, **details})
    return Correlate(name=name, figure=estimate)


LENGTH = correlate("n_tokens", 0.94, 0.92)
NORM = correlate("norm", 0.94, 0.92, cosine_with_mean=0.99)


def leading(share: float, *correlates: Correlate, **fields: object) -> Representation:
    return row(healthy(top1_share=figure(share)), correlates=list(correlates), **fields)


@pytest.mark.parametrize(
    ("found", "what"), [(LENGTH, 'the sample column "n_tokens"'), (NORM, "the length of the rows")]
)
def test_it_is_a_warning_with_figure_interval_and_rows(found: Correlate, what: str) -> None:
    finding = nuisance(leading(0.4, found))
    assert finding is not None
    assert (finding.id, finding.kind, finding.severity) == ("RD018", "nuisance direction", "warn")
    assert f"The first direction, 40% of the variance, follows {what}: |r| 0.94" in finding.message
    assert (finding.value, finding.low, finding.n) == (0.94, 0.92, 1000)
    assert finding.cause
    assert finding.next_step


SILENT = {
    "weak": leading(0.4, correlate("n_tokens", 0.6, 0.5)),
    "too close": leading(0.4, correlate("n_tokens", 0.72, 0.69)),
    "no interval": leading(0.4, Correlate(name="n_tokens", figure=Estimate(value=0.99))),
    "small share": leading(0.19, LENGTH),
    "lengths by construction": leading(0.4, correlate("norm", 0.94, 0.92, cosine_with_mean=0.3)),
    "alignment unknown": leading(0.4, correlate("norm", 0.94, 0.92)),
    "nothing to correlate with": leading(0.4),
    "no share": row(healthy(top1_share=without_value(Status.INSUFFICIENT)), correlates=[LENGTH]),
}


@pytest.mark.parametrize("name", SILENT)
def test_silence(name: str) -> None:
    assert nuisance(SILENT[name]) is None


def test_the_strongest_that_is_not_by_construction_is_named() -> None:
    by_construction = correlate("norm", 0.97, 0.96, cosine_with_mean=0.3)
    finding = nuisance(leading(0.4, by_construction, LENGTH))
    assert finding is not None
    assert finding.measure == "correlation with n_tokens"


def test_the_spectrum_gives_the_share_where_no_figure_does() -> None:
    spectrum = SpectrumRecord(eigenvalues=[3.0, 1.0, 1.0], resolution_floor=0)
    bare = row(healthy(top1_share=None), correlates=[LENGTH], spectrum=spectrum)
    finding = nuisance(bare)
    assert finding is not None
    assert "60% of the variance" in finding.message


def test_rogue_coordinates_are_left_to_their_own_kind() -> None:
    estimates = healthy(top1_share=figure(0.9), top1_share_rogue_drop=figure(0.1))
    assert nuisance(row(estimates, correlates=[LENGTH], rogue_features=rogue(3))) is None


def test_one_direction_says_what_it_follows() -> None:
    line = leading(0.99, LENGTH)
    finding = Finding(
        id="RD004",
        kind="one direction",
        severity="fail",
        rule="top1_share.max",
        place=line,
        message="The share is 0.99, above the limit 0.97.",
    )
    assert explained([finding], [line])[0].message == (
        'The share is 0.99, above the limit 0.97; it follows the sample column "n_tokens": '
        "|r| 0.94 (95% interval 0.92 to 0.96)."
    )
    assert explained([finding], [leading(0.99)]) == [finding]


def test_hostile_column_names_are_shown_as_text() -> None:
    finding = nuisance(leading(0.4, correlate("a\x1b[31m\n::error::", 0.94, 0.92)))
    assert finding is not None
    assert "\x1b" not in finding.message
    assert "\n" not in finding.message


def test_further_findings_look_at_every_chosen_row() -> None:
    rows = [leading(0.4, LENGTH, layer=name) for name in ("one", "two")]
    assert [f.kind for f in further_findings(results(*rows), rows[:1])] == ["nuisance direction"]
    assert len(further_findings(results(*rows), rows)) == 2


def test_a_healthy_row_has_none() -> None:
    assert further_findings(results(row()), [row(healthy(effective_rank=between(320, 300, 340)))]) == []
