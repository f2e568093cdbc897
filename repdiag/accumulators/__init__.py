"""Frozen, mergeable sufficient statistics. They gather; they know no formula of a measure."""

from repdiag.accumulators.batch import Accumulator, Batch
from repdiag.accumulators.features import ClassSums, FeatureActivity, FeatureMoments, Sample, SampledRows
from repdiag.accumulators.joint import JointSums
from repdiag.accumulators.leverages import Leverages
from repdiag.accumulators.moments import GroupedMoments, Moments, grouped_rows
from repdiag.accumulators.row_energies import RowEnergies

__all__ = [
    "Accumulator",
    "Batch",
    "ClassSums",
    "FeatureActivity",
    "FeatureMoments",
    "GroupedMoments",
    "JointSums",
    "Leverages",
    "Moments",
    "RowEnergies",
    "Sample",
    "SampledRows",
    "grouped_rows",
]
