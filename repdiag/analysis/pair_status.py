"""Whether a figure of a pair can be told from its ceiling and from what shuffled rows give."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from repdiag.types import Status

TOLD_APART = 3.0
"""Standard errors between two figures from which on they are told apart."""

CEILING = 0.01
"""Share of the ceiling log n within which a figure is saturated."""

SHARE = 0.5
"""Share of a figure that shuffled rows may give before the figure says more of n and d than of dependence."""

DESCRIPTIVE = frozenset(
    {"renyi_joint_entropy", "renyi_conditional_entropy", "joint_total_correlation", "total_coding_rate"}
)
"""Figures of both views together that mean something where null and self are alike too."""

ANCHORED = frozenset({"alignment", "mmcr"})
"""Figures whose scale does not start at zero for unrelated views: the null is a point on it, not a share."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A figure, its plug-in, its standard error where it is known, and its ceiling, infinite for none."""

    measure: str
    value: float
    plugin: float
    error: float | None
    top: float

    def status(self, beside: Mapping[str, Any]) -> tuple[Status, str]:
        """Saturated at the ceiling, unresolved where nothing shows dependence, and the reason in numbers.

        `beside` holds null and null_error, self_x and self_y, as far as they exist.
        """
        near = max(CEILING * self.top, TOLD_APART * (self.error or 0.0))
        if math.isfinite(self.top) and self.top - self.plugin <= near:
            return Status.SATURATED, ""
        if "null" not in beside or self.measure in DESCRIPTIVE:
            return Status.OK, ""
        reason = self._of_null(beside["null"]) or self._beside_null(beside) or self._self(beside)
        return (Status.UNRESOLVED, reason) if reason else (Status.OK, "")

    def _of_null(self, null: float) -> str:
        """Where shuffled rows give most of the figure."""
        if self.measure in ANCHORED or null <= max(0.0, SHARE * self.value):
            return ""
        return f"most of it is no dependence: shuffled rows give {_shown(null)}, these {_shown(self.value)}"

    def _beside_null(self, beside: Mapping[str, Any]) -> str:
        """Where the figure may be one of those of shuffled rows; each error stands in for a missing other."""
        errors = [each for each in (self.error, beside.get("null_error")) if each is not None]
        if not errors:
            return ""
        off, spread = abs(self.value - beside["null"]), math.hypot(errors[0], errors[-1])
        if off >= TOLD_APART * spread:
            return ""
        told = f"{off / spread:.2g} standard errors" if spread else "nothing"
        return f"shuffled rows give as much: {_shown(beside['null'])} and {_shown(self.value)}, {told} apart"

    def _self(self, beside: Mapping[str, Any]) -> str:
        """Where a view with itself is not seen either."""
        own = [beside[name] for name in ("self_x", "self_y") if name in beside]
        nearest = min(own, key=lambda each: abs(each - beside["null"]), default=None)
        spread = math.hypot(self.error or 0.0, beside.get("null_error") or 0.0)
        if nearest is None or abs(nearest - beside["null"]) >= TOLD_APART * spread:
            return ""
        return (
            f"a view with itself gives {_shown(nearest)}, shuffled rows {_shown(beside['null'])}: no contrast"
        )


def _shown(figure: float) -> str:
    """Three digits, and whole numbers without an exponent."""
    return f"{figure:,.0f}" if 1000 <= abs(figure) < 1e7 else f"{figure:.3g}"
