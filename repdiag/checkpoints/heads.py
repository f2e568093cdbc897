"""The classifier at the end of a model: as the architecture has it, for other classes, or another head."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Shape = tuple[int, ...]

BESIDE = (
    "head", "heads", "classifier", "classification", "project", "predict", "prototype", "queue", "decoder",
    "logit", "logits", "loss", "center", "linear", "probe", "fc", "mlp", "dino", "ibot", "temperature",
)  # fmt: skip
"""Words in the names of modules that stand beside a trunk, or after it, and change nothing in it."""
ALONE = ("proj", "mask_token")
LONG = 5


@dataclass(frozen=True, slots=True)
class Head:
    """What a file holds of an architecture's classifier: `held` are the names of its tensors there."""

    kind: Literal["same", "other", "none"]
    classes: int | None
    held: tuple[str, ...]


def fit_head(head: Mapping[str, Shape], classes: int, rest: Mapping[str, Shape]) -> Head:
    """Compare a classifier for `classes` classes with the tensors of a file that are not in the trunk.

    `other` where all shapes are those of the same head for another number of classes: the first length of
    each tensor is proportional to it.
    """
    none = Head("none", None, ())
    if not head or not all(name in rest for name in head):
        return none
    if all(rest[name] == shape for name, shape in head.items()):
        return Head("same", classes, tuple(head))
    if any(rest[name][1:] != shape[1:] or not rest[name] for name, shape in head.items()):
        return none
    counts = {Fraction(rest[name][0] * classes, shape[0]) for name, shape in head.items()}
    count = counts.pop()
    return Head("other", int(count), tuple(head)) if not counts and count.denominator == 1 else none


def is_beside(name: str, body: Collection[str], head: Collection[str]) -> bool:
    """True for a tensor that stands in place of the classifier or beside the trunk.

    Anything else may sit inside the trunk and change what it computes: then a match is not certain.
    """
    modules = [place.rpartition(".")[0] for place in head]
    if any(module and name.startswith(f"{module}.") for module in modules):
        return True
    top = name.partition(".")[0]
    tops = {one.partition(".")[0] for one in body}
    return top not in tops and _says_beside(top.lower())


def is_spatial(shape: Shape) -> bool:
    """True for a convolution over more than a point: it tells of a dense head, whose trunk may be dilated."""
    return len(shape) > 3 and max(shape[2:]) > 1


def _says_beside(top: str) -> bool:
    words = re.split(r"[_\d]+", top)
    said = any(
        word == known or (len(known) >= LONG and word.startswith(known)) for word in words for known in BESIDE
    )
    return top in ALONE or (said and "norm" not in words)
