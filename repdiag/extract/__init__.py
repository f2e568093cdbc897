"""Extraction: checkpoints over data, layers captured and pooled, into one store."""

from __future__ import annotations

from repdiag.extract.paths import NamedPath, checkpoint_paths
from repdiag.extract.request import ExtractPlan, ExtractRequest, ExtractSummary, PlannedLayer, Progress
from repdiag.extract.runner import extract, plan

__all__ = [
    "ExtractPlan",
    "ExtractRequest",
    "ExtractSummary",
    "NamedPath",
    "PlannedLayer",
    "Progress",
    "checkpoint_paths",
    "extract",
    "plan",
]
