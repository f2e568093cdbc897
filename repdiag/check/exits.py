"""From a verdict to an exit code: the one place."""

from __future__ import annotations

from repdiag.check.schema import FailOn, OnInconclusive
from repdiag.errors import EXIT_FAIL, EXIT_INCONCLUSIVE, EXIT_PASS, EXIT_USAGE
from repdiag.results import Results
from repdiag.types import Verdict


def exit_code(
    results: Results,
    on_inconclusive: OnInconclusive = "fail",
    fail_on: FailOn = "fail",
    exit_zero: bool = False,
) -> int:
    """0 passed, 1 failed, 3 inconclusive (while that fails), 2 when nothing was checked.

    `exit_zero` silences a verdict, never the lack of one. Where warnings fail, an inconclusive verdict
    that is to warn fails too.
    """
    if results.verdict is None:
        return EXIT_USAGE
    if exit_zero:
        return EXIT_PASS
    severities = {finding.severity for finding in results.findings}
    undecided = results.verdict is Verdict.INCONCLUSIVE or "inconclusive" in severities
    if results.verdict is Verdict.FAIL or "fail" in severities:
        return EXIT_FAIL
    if fail_on == "warn" and ("warn" in severities or (undecided and on_inconclusive == "warn")):
        return EXIT_FAIL
    return EXIT_INCONCLUSIVE if undecided and on_inconclusive == "fail" else EXIT_PASS
