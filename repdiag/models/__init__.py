"""Models: a spec becomes a module, weights go into it strictly, and its layers have names."""

from __future__ import annotations

from repdiag.models.build import build_model, build_scripted
from repdiag.models.built import BuiltModel
from repdiag.models.layers import layer_names, resolve_layers
from repdiag.models.loading import load_into

__all__ = ["BuiltModel", "build_model", "build_scripted", "layer_names", "load_into", "resolve_layers"]
