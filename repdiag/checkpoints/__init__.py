"""Checkpoints: bytes become named tensors, safely; wrappers are peeled, never half and never by a guess."""

from __future__ import annotations

from repdiag.checkpoints.checkpoint import Checkpoint
from repdiag.checkpoints.inspect import describe, inspect_checkpoint, tensor_notes
from repdiag.checkpoints.load import load_scripted
from repdiag.checkpoints.opening import load_checkpoint, load_tensors
from repdiag.checkpoints.report import LoadReport
from repdiag.checkpoints.sniff import Format, sniff
from repdiag.checkpoints.unwrap import Weights, choose_weights, weight_names

__all__ = [
    "Checkpoint",
    "Format",
    "LoadReport",
    "Weights",
    "choose_weights",
    "describe",
    "inspect_checkpoint",
    "load_checkpoint",
    "load_scripted",
    "load_tensors",
    "sniff",
    "tensor_notes",
    "weight_names",
]
