"""The architecture of a checkpoint, as `inspect` shows it and `extract` asks for it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from repdiag.checkpoints.checkpoint import Checkpoint
from repdiag.checkpoints.families import CONFIG, configured, family_of
from repdiag.checkpoints.identify import AUTO, Answer, Identification, identify
from repdiag.checkpoints.proposals import Proposal
from repdiag.checkpoints.taken import taken
from repdiag.checkpoints.unwrap import OPTIONAL_SUFFIX
from repdiag.text import listing, printable

ENOUGH = 0.5
"""Below this coverage an architecture is not even proposed as the one that a file may hold."""
MOST_NAMES = 8


def weight_shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Shapes of floating-point tensors: counters and index buffers come and go between versions."""
    return {
        name: tuple(tensor.shape)
        for name, tensor in tensors.items()
        if tensor.is_floating_point() and not name.endswith(OPTIONAL_SUFFIX)
    }


def identify_checkpoint(checkpoint: Checkpoint, weights: str = AUTO) -> Identification:
    """What timm and torchvision call the weights of a checkpoint; `weights` chooses of several sets.

    Raises:
        InputError: the index of architectures is damaged.
    """
    return identify(weight_shapes(checkpoint.tensors), weights)


def name_architecture(checkpoint: Checkpoint) -> tuple[dict[str, Any] | None, list[str]]:
    """The document's `architecture` and notes on it. Names of a file are made printable.

    Raises:
        InputError: the index of architectures is damaged.
    """
    found = identify_checkpoint(checkpoint)
    if any(answer.certain for answer in found.answers):
        first = taken(checkpoint, found.answers[0])
        found = replace(found, answers=(first[0], *found.answers[1:])) if first else found
        return _answered(found.answers[0]), list(_answer_notes(found, first[1] if first else ""))
    shapes = weight_shapes(checkpoint.tensors)
    config, family = configured(checkpoint.path), family_of(shapes)
    if config is not None:
        certain = config.agrees(family)
        sizes = f", and the tensors are of {family}" if certain else ""
        spec = shlex.quote(f"hf:{printable(config.folder, 200)}")
        named = printable(config.model_class or config.model_type, 60)
        note = f"{CONFIG} beside the weights names {named}{sizes}"
        return _document(f"hf:{printable(config.model_type, 60)}", CONFIG, certain=certain), [
            f"{note}; load it with: --model {spec}"
        ]
    if family is not None:
        one = family.families.split(",")[0].split(" or ")[0]
        note = f"its keys are those of the family {family}; with its config.json in a folder: --model hf:DIR"
        return _document(f"hf:{one}", "key patterns"), [note]
    if found.answers:
        return _answered(found.answers[0]), list(_answer_notes(found, ""))
    return _proposed(found), list(_proposal_notes(found))


def _document(name: str, source: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "equivalent": [],
        "coverage": None,
        "certain": False,
        "from": source,
        "key": "",
        "head": None,
        "classes": None,
        **more,
    }


def _answered(answer: Answer) -> dict[str, Any]:
    return _document(
        answer.names[0],
        "names and shapes of tensors",
        equivalent=list(answer.names[1:]),
        differing=list(answer.differing),
        coverage=1.0,
        certain=answer.certain,
        key=printable(answer.key),
        head=answer.head,
        classes=answer.classes,
    )


def _answer_notes(found: Identification, because: str) -> Iterator[str]:
    first, *others = found.answers
    if first.differing:
        named = listing(first.differing, MOST_NAMES)
        which = f"it is not taken for one: {because}" if because else "say which with --model"
        yield f"{named} have the same tensors as {first.names[0]} but compute something else; {which}"
    if first.doubts:
        yield f"not certain: it also holds {listing(first.doubts)}, so it may compute something else"
    elif first.left:
        yield f"{len(first.left)} tensors beside the architecture: {listing(first.left)}"
    for other in others:
        if other.names != first.names:
            yield f"under {printable(other.key, 60)}: {other.names[0]}"


def _proposed(found: Identification) -> dict[str, Any] | None:
    best = found.proposals[0] if found.proposals else None
    if best is None or best.coverage < ENOUGH:
        return None
    # Full coverage is an answer; a proposal must not round up to it.
    coverage = min(round(best.coverage, 4), 0.9999)
    return _document(
        best.name,
        "names and shapes of tensors",
        coverage=coverage,
        key=printable(best.key),
        nearest=_nearest(found),
    )


def _nearest(found: Identification) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "coverage": min(round(one.coverage, 4), 0.9999), "try": options(one)}
        for one in found.proposals
    ]


def _proposal_notes(found: Identification) -> Iterator[str]:
    near = [one for one in found.proposals if one.coverage >= ENOUGH]
    if near:
        near_text = f"nearest: {nearest_text(found)}; try {options(near[0])}"
        yield f"no known architecture has all of its tensors; {near_text}"


def nearest_text(found: Identification) -> str:
    """`timm:resnet18 (99% of its tensors), ...`: the nearest three."""
    return ", ".join(f"{one.name} ({int(100 * one.coverage)}% of its tensors)" for one in found.proposals)


def options(proposal: Proposal) -> str:
    """What to add to a command to try an architecture."""
    return f"--model {proposal.name}" + (f" --model-arg {proposal.arguments}" if proposal.arguments else "")
