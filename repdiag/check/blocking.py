"""Does a finding alone stop the gate? Formats colour by this, so that none is green where the gate is not."""

from __future__ import annotations

from repdiag.check.exits import exit_code
from repdiag.check.summary import CheckSummary
from repdiag.errors import EXIT_PASS
from repdiag.results import Finding, Results
from repdiag.types import Verdict


def blocks(finding: Finding, summary: CheckSummary) -> bool:
    """True when `repdiag check` could not end in 0 with this finding, whatever the others are."""
    alone = Results(repdiag="", command="check", findings=[finding], verdict=Verdict.PASS)
    return exit_code(alone, summary.on_inconclusive, summary.fail_on) != EXIT_PASS
