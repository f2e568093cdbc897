"""Checkpoints: bytes become named tensors, safely; wrappers are peeled, never half and never by a guess."""

from __future__ import annotations

from repdiag.checkpoints.checkpoint import Checkpoint
from repdiag.checkpoints.description import describe
from repdiag.checkpoints.identify import Answer, Identification, identify
from repdiag.checkpoints.inspect import inspect_checkpoint, tensor_notes
from repdiag.checkpoints.load import load_scripted
from repdiag.checkpoints.naming import identify_checkpoint
from repdiag.checkpoints.opening import load_checkpoint, load_tensors
from repdiag.checkpoints.report import LoadReport
from repdiag.checkpoints.sniff import Format, sniff
from repdiag.checkpoints.unwrap import Weights, choose_weights, weight_names

__all__ = [
    "Answer",
    "Checkpoint",
    "Format",
    "Identification",
    "LoadReport",
    "Weights",
    "choose_weights",
    "describe",
    "identify",
    "identify_checkpoint",
    "inspect_checkpoint",
    "load_checkpoint",
    "load_scripted",
    "load_tensors",
    "sniff",
    "tensor_notes",
    "weight_names",
]
