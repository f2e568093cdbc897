"""Frozen, mergeable sufficient statistics. They gather; they know no formula of a measure."""

from repdiag.accumulators.batch import Accumulator, Batch
from repdiag.accumulators.features import ClassSums, FeatureActivity, FeatureMoments, Sample, SampledRows
from repdiag.accumulators.moments import GroupedMoments, Moments, grouped_rows

__all__ = [
    "Accumulator",
    "Batch",
    "ClassSums",
    "FeatureActivity",
    "FeatureMoments",
    "GroupedMoments",
    "Moments",
    "Sample",
    "SampledRows",
    "grouped_rows",
]
