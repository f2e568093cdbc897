"""Which of several architectures with the same tensors a checkpoint is."""

from __future__ import annotations

import re

from repdiag.checkpoints.checkpoint import Checkpoint
from repdiag.checkpoints.identify import Answer

LIBRARIES = {"timm", "torchvision"}


def taken(checkpoint: Checkpoint, answer: Answer) -> tuple[Answer, str] | None:
    """The answer with the name to build first, and why where others compute something else.

    In this order: what the file says of itself (`arch`, `args.model` and the like), what its name says, and
    the one computation that both libraries have under some name. None where nothing tells which it is.
    """
    told = _in_contents(checkpoint, answer)
    if told is not None:
        return answer.taking(told), "the file names its architecture"
    if not answer.differing:
        return answer, ""
    told = _in_file_name(checkpoint, answer)
    if told is not None:
        return answer.taking(told), "the name of the file says so"
    shared = _in_both(answer)
    return None if shared is None else (answer.taking(shared), "both timm and torchvision have this one")


def _in_contents(checkpoint: Checkpoint, answer: Answer) -> str | None:
    """A name that stands among the plain values of the file, without timm's tag of a training."""
    values = {value.partition(".")[0] for value in checkpoint.metadata.values()}
    return next((name for name in answer.names if _bare(name) in values), None)


def _in_file_name(checkpoint: Checkpoint, answer: Answer) -> str | None:
    """The longest name that the file's name holds as a word."""
    stem = checkpoint.path.name.lower()
    held = [
        name
        for name in answer.names
        if re.search(rf"(?<![a-z0-9]){re.escape(_bare(name).lower())}(?![a-z0-9])", stem)
    ]
    return max(held, key=lambda name: len(_bare(name)), default=None)


def _in_both(answer: Answer) -> str | None:
    """The first name of the one computation that each library has."""
    groups: dict[int, list[str]] = {}
    for name, number in zip(answer.names, answer.computations, strict=True):
        groups.setdefault(number, []).append(name)
    shared = [names for names in groups.values() if {name.partition(":")[0] for name in names} == LIBRARIES]
    return shared[0][0] if len(shared) == 1 else None


def _bare(name: str) -> str:
    return name.partition(":")[2]
