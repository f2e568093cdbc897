"""A model that was built, with what belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

Kind = Literal["image", "text", "array"]


@dataclass(frozen=True)
class BuiltModel:
    """A module in eval mode and how samples become its input.

    Attributes:
        module: what is called; its weights are random until `load_into`.
        spec: as the user gave it.
        kind: `image` (pixels, preprocessed), `text` (tokenizer) or `array` (whatever --data gives).
        preprocessing: plain JSON: mean, std, input size and so on; None where the model names none.
        tokenizer: of a text model, else None.
        transform: the module's own `preprocessing`, where that is a function of one sample.
        rename: names of a file as the module has them, where its library keeps a table of old names.
        inner: dotted name of the submodule that a checkpoint's weights go into; empty for all of it.
    """

    module: nn.Module
    spec: str
    kind: Kind
    preprocessing: Mapping[str, Any] | None = None
    tokenizer: Any = None
    transform: Callable[[Any], Any] | None = None
    rename: Callable[[Sequence[str]], Mapping[str, str]] | None = None
    inner: str = ""

    @property
    def target(self) -> nn.Module:
        """The module that a checkpoint's weights go into."""
        return self.module.get_submodule(self.inner)
