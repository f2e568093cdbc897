"""What a user asks of an information plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from repdiag.analysis.plane_points import LEAST_ROWS
from repdiag.analysis.plane_series import Layer, PlaneChoice
from repdiag.errors import UsageError
from repdiag.measures.plane_registry import EstimatorChoice, parse_estimator
from repdiag.store import Store
from repdiag.text import printable


@dataclass(frozen=True, slots=True)
class PlaneRequest:
    """What to measure: `estimators` are keys such as `kde{noise=0.1}`, none for a pair that tells something.

    `target` is the column of I(T;Y), None for the labels where there are some. `inputs` compares X by stored
    features rather than by identity. `rows` caps the samples of every estimator. `bandwidth` is that of all
    steps in units of the layer, None for the median distance.
    """

    choice: PlaneChoice = field(default_factory=PlaneChoice)
    estimators: tuple[str, ...] = ()
    target: str | None = None
    inputs: bool = False
    rows: int | None = None
    bandwidth: float | None = None
    confidence: float = 0.95
    device: str = "auto"
    seed: int = 0

    def choices(self) -> list[EstimatorChoice]:
        """The estimators asked for by name.

        Raises:
            UsageError: one that does not exist, or numbers that mean nothing.
        """
        if self.rows is not None and self.rows < LEAST_ROWS:
            raise UsageError(f"--rows is at least {LEAST_ROWS}, not {self.rows:,}")
        if self.bandwidth is not None and not 0 < self.bandwidth < float("inf"):
            raise UsageError(f"a bandwidth is a positive number, not {self.bandwidth:g}; or say median")
        return list({choice.key: choice for choice in map(parse_estimator, self.estimators)}.values())

    def most_rows(self, choice: EstimatorChoice) -> int:
        """How many samples an estimator takes at most."""
        return min(choice.most_rows, self.rows or choice.most_rows)


def refuse_without_inputs(
    stores: Sequence[Store], layers: Sequence[Layer], request: PlaneRequest, named: Sequence[EstimatorChoice]
) -> None:
    """Raises UsageError where features of the inputs are needed, and not asked for or not stored."""
    needing = next((choice.key for choice in named if choice.needs_inputs), None)
    if needing is not None and not request.inputs:
        raise UsageError(f"{needing} compares features of the inputs; say --inputs")
    for store in stores if request.inputs else ():
        for view in dict.fromkeys(view for view, _ in layers):
            if store.inputs(view) is None:
                raise UsageError(
                    f"{printable(store.path.name)} holds no inputs of view {printable(view)}; extract it "
                    "with --keep-inputs, or leave out --inputs"
                )
