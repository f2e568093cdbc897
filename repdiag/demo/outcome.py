"""What the demo was asked for and what came out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from repdiag.demo.folder import DemoFolder, RunFiles
from repdiag.errors import EXIT_FAIL, EXIT_PASS, UsageError
from repdiag.results import Finding, Representation, Results
from repdiag.types import Verdict

LAYERS = ("backbone", "projector")
EPOCHS = 12
MOST_EPOCHS = 999
MODEL = "repdiag.demo.model:build_encoder"


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """Where the demo goes and how long it trains."""

    root: Path
    epochs: int = EPOCHS
    seed: int = 0
    overwrite: bool = False

    def check(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            UsageError: no epoch, or a seed that torch does not take.
        """
        if not 1 <= self.epochs <= MOST_EPOCHS:
            raise UsageError(f"--epochs {self.epochs}: give 1 to {MOST_EPOCHS}")
        if not 0 <= self.seed < 1 << 63:
            raise UsageError(f"--seed {self.seed}: give 0 to {(1 << 63) - 1}")


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """One training run with the gate's answer.

    `expected` is the verdict that the demo wants to show; `exit_code` is what `repdiag check` ends with.
    """

    name: str
    files: RunFiles
    results: Results
    expected: Verdict
    exit_code: int

    @property
    def last_epoch(self) -> list[Representation]:
        """The layers of the last checkpoint."""
        last = self.results.representations[-1].checkpoint
        return [item for item in self.results.representations if item.checkpoint == last]

    @property
    def blocking(self) -> list[Finding]:
        """Findings behind a verdict that is not a pass, in the order of the results."""
        severity = "fail" if self.results.verdict is Verdict.FAIL else "inconclusive"
        return [finding for finding in self.results.findings if finding.severity == severity]


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """Both runs, in the order in which they were trained."""

    request: DemoRequest
    folder: DemoFolder
    runs: tuple[RunOutcome, ...]

    @property
    def as_expected(self) -> bool:
        return all(run.results.verdict is run.expected for run in self.runs)

    @property
    def exit_code(self) -> int:
        return EXIT_PASS if self.as_expected else EXIT_FAIL
