"""Views that agree because nothing varies are named; views that agree about samples that vary never are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from repdiag.analysis import SpectrumRequest, analyse_spectrum
from repdiag.check import build_policy, check
from repdiag.check.further import further_findings
from repdiag.results import Finding, Results
from repdiag.store import memory_store

N, D = 800, 64
MEASURES = ("trace", "mean_share", "effective_rank", "top1_share", "spectral_cliff")
Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def normal(seed: int, columns: int = D) -> Any:
    return np.random.default_rng(seed).standard_normal((N, columns))


def content(seed: int = 0) -> Any:
    return normal(seed) * np.arange(1, D + 1) ** -0.5


OFFSET = 20 * normal(9)[0] / 8


def analysed(*views: Array) -> Results:
    rows = {name: view.astype(np.float32) for name, view in zip("abc", views, strict=False)}
    return analyse_spectrum([memory_store(rows)], SpectrumRequest(measures=MEASURES, device="cpu"))


def found(*views: Array) -> list[Finding]:
    results = analysed(*views)
    return further_findings(results, results.representations)


def jittered(seed: int) -> Any:
    """The same vector for all samples, and what differs between two views as between two samples."""
    return OFFSET + 0.05 * content() + 0.3 * normal(seed)


def line(seed: int) -> Any:
    return 3 * normal(5, 1) * OFFSET / 20 + 0.05 * normal(seed)


def cone(seed: int) -> Any:
    return 3 * OFFSET + content() + 0.05 * normal(seed)


COLLAPSED = {
    "jitter": (jittered, "of the variance between samples is between views of one sample as well"),
    "line": (line, "one direction is all there is"),
}


@pytest.mark.parametrize("name", COLLAPSED)
def test_agreement_without_variety_is_named(name: str) -> None:
    view, reason = COLLAPSED[name]
    (finding,) = found(view(1), view(2))
    assert (finding.id, finding.kind, finding.severity) == ("RD017", "view collapse", "warn")
    assert 'Views "a" and "b" agree (squared distance' in finding.message
    assert reason in finding.message
    assert finding.low is not None
    assert finding.high is not None
    assert finding.low <= (finding.value or 0) <= finding.high
    assert finding.n is not None
    assert finding.next_step


HEALTHY = {
    "aligned": (content(), content() + 0.01 * normal(1)),
    "the same": (content(), content()),
    "noisy": (content() + 0.3 * normal(1), content() + 0.3 * normal(2)),
    "aligned about a mean": (OFFSET + content() + 0.01 * normal(1), OFFSET + content() + 0.01 * normal(2)),
    "aligned in a narrow cone": (cone(1), cone(2)),
    "another mean": (content(), content() + OFFSET),
    "few directions": (content() * (np.arange(D) < 8), content() * (np.arange(D) < 8) + 0.01 * normal(1)),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_agreement_about_samples_that_vary_is_not(name: str) -> None:
    assert found(*HEALTHY[name]) == []


def test_a_line_that_the_views_do_not_agree_on_is_left_to_the_rules() -> None:
    assert [f.severity for f in found(normal(1, 1) * OFFSET, normal(2, 1) * OFFSET)] == ["info"]


def test_views_that_share_nothing_are_noted_with_another_cause() -> None:
    (finding,) = found(content(0), content(1))
    assert finding.severity == "info"
    assert "have nothing in common" in finding.message
    assert "same samples in the same order" in finding.next_step


def test_constant_views_agree_about_nothing() -> None:
    same = np.ones((N, D))
    (finding,) = found(same, 2 * same, same)
    assert (finding.kind, finding.severity) == ("view collapse", "warn")
    assert "All 3 views agree only because every sample gets the same vector." in finding.message


def test_one_constant_view_of_two_is_left_to_the_rules() -> None:
    assert found(np.ones((N, D)), content()) == []


def test_views_that_were_not_chosen_say_nothing() -> None:
    results = analysed(jittered(1), jittered(2))
    assert further_findings(results, results.representations[:1]) == []


def test_the_pair_survives_the_check() -> None:
    assert check(analysed(content(), content()), build_policy()).pairs[0].x.view == "a"
