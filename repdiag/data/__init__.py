"""Data: a spec becomes samples with ids, columns, views and batches."""

from __future__ import annotations

from repdiag.data.batches import Batch, Reading, read_batch, read_batches
from repdiag.data.broken import MOST_NAMES, ON_ERROR, readable
from repdiag.data.columns import parse_columns
from repdiag.data.opening import open_data
from repdiag.data.preprocess import ImagePreprocessing, image_preprocessing
from repdiag.data.source import Broken, Kind, SampleSource
from repdiag.data.views import View, check_views, parse_views, sample_generator

__all__ = [
    "MOST_NAMES",
    "ON_ERROR",
    "Batch",
    "Broken",
    "ImagePreprocessing",
    "Kind",
    "Reading",
    "SampleSource",
    "View",
    "check_views",
    "image_preprocessing",
    "open_data",
    "parse_columns",
    "parse_views",
    "read_batch",
    "read_batches",
    "readable",
    "sample_generator",
]
