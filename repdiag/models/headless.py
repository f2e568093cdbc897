"""A model without its classifier, for weights that were saved without one."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from repdiag.models.built import BuiltModel


def without_head(built: BuiltModel, tensors: Iterable[str]) -> BuiltModel:
    """The model with every module that holds one of these tensors replaced by the identity.

    Args:
        built: is changed, too: the module is edited in place.
        tensors: names of the classifier's parameters, such as `fc.weight`.
    """
    for place in dict.fromkeys(name.rpartition(".")[0] for name in tensors):
        parent, _, last = place.rpartition(".")
        setattr(built.module.get_submodule(parent), last, nn.Identity())
    return built
