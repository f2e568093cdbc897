"""Data: a spec becomes samples with ids, columns, views and batches."""

from __future__ import annotations

from repdiag.data.batches import Batch, Reading, read_batch, read_batches
from repdiag.data.opening import open_data
from repdiag.data.preprocess import ImagePreprocessing, image_preprocessing
from repdiag.data.source import Kind, SampleSource
from repdiag.data.views import View, check_views, parse_views, sample_generator

__all__ = [
    "Batch",
    "ImagePreprocessing",
    "Kind",
    "Reading",
    "SampleSource",
    "View",
    "check_views",
    "image_preprocessing",
    "open_data",
    "parse_views",
    "read_batch",
    "read_batches",
    "sample_generator",
]
