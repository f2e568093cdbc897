"""Exit codes, in their one place."""

from __future__ import annotations

import pytest

from repdiag.check import check, exit_code
from repdiag.check.schema import FailOn, OnInconclusive
from repdiag.results import Results
from tests.check.builders import figure, healthy, insufficient, policy, results, row

PASSED = check(results(row()), policy())
WARNED = check(results(row(healthy(mean_share=figure(0.93, 0.01)))), policy())
OPEN = check(results(row(healthy(effective_rank=insufficient()))), policy())
FAILED = check(results(row(healthy(mean_share=figure(0.99, 0.001)))), policy())


@pytest.mark.parametrize(
    ("found", "on_inconclusive", "fail_on", "expected"),
    [
        (PASSED, "fail", "fail", 0),
        (PASSED, "fail", "warn", 0),
        (WARNED, "fail", "fail", 0),
        (WARNED, "fail", "warn", 1),
        (OPEN, "fail", "fail", 3),
        (OPEN, "warn", "fail", 0),
        (OPEN, "pass", "fail", 0),
        (OPEN, "fail", "warn", 3),
        (OPEN, "warn", "warn", 1),
        (OPEN, "pass", "warn", 0),
        (FAILED, "fail", "fail", 1),
        (FAILED, "pass", "fail", 1),
    ],
)
def test_exit_codes(found: Results, on_inconclusive: OnInconclusive, fail_on: FailOn, expected: int) -> None:
    assert exit_code(found, on_inconclusive, fail_on) == expected
    assert exit_code(found, on_inconclusive, fail_on, exit_zero=True) == 0


def test_results_that_nobody_checked_are_never_a_pass() -> None:
    assert exit_code(results(row())) == 2
    assert exit_code(results(row()), exit_zero=True) == 2


def test_a_verdict_that_contradicts_its_findings_is_not_believed() -> None:
    for found, expected in ((FAILED, 1), (OPEN, 3)):
        assert exit_code(found.model_copy(update={"verdict": PASSED.verdict})) == expected
