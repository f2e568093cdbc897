"""The model of a checkpoint that was given without `--model`: named by its tensors, or by its config.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from repdiag.checkpoints import Answer, Checkpoint, Identification, choose_weights, identify_checkpoint
from repdiag.checkpoints.families import CONFIG, configured, family_of
from repdiag.checkpoints.naming import nearest_text, options, weight_shapes
from repdiag.checkpoints.prefixes import canonical, short_names
from repdiag.checkpoints.taken import taken
from repdiag.checkpoints.unwrap import AUTO
from repdiag.errors import InputError, MissingExtraError, UsageError
from repdiag.extract.request import ExtractRequest
from repdiag.models import BuiltModel, build_model
from repdiag.models.headless import without_head
from repdiag.text import listing, printable

LIKELY = 0.5


@dataclass(frozen=True, slots=True)
class Identified:
    """A model to load, and what was decided about it.

    Attributes:
        built: the model; without classifier where the file has none that fits.
        checkpoint: without the tensors of another head.
        left: names of those tensors.
        facts: for the store.
        notes: for the user.
    """

    built: BuiltModel
    checkpoint: Checkpoint
    left: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def identified(checkpoint: Checkpoint, request: ExtractRequest) -> Identified:
    """Build the model that a checkpoint's tensors are of.

    Raises:
        UsageError: several sets of weights, names that compute differently, or no known architecture; the
            text says what to add.
        MissingExtraError: the package of the model is not installed.
    """
    found = identify_checkpoint(checkpoint, request.weights)
    sure = [answer for answer in found.answers if answer.certain]
    if len(sure) > 1:
        raise _several(checkpoint, sure)
    if sure:
        return _from_answer(checkpoint, sure[0], found, request)
    if request.weights != AUTO:
        choose_weights(checkpoint, None, request.weights)  # a name that is not there is the better complaint
    config = configured(checkpoint.path)
    if config is not None:
        return _from_config(checkpoint, f"hf:{config.folder}", request)
    raise _unknown(checkpoint, found)


def _from_answer(
    checkpoint: Checkpoint, answer: Answer, found: Identification, request: ExtractRequest
) -> Identified:
    answer, because = taken(checkpoint, answer) or _undecided(checkpoint, answer)
    spec, shown = answer.names[0], printable(checkpoint.path)
    classes = {"num_classes": str(answer.classes)} if answer.head == "other" else {}
    try:
        built = build_model(spec, {**classes, **request.model_args})
    except MissingExtraError as error:
        package = spec.partition(":")[0]
        raise MissingExtraError(package, "vision", f"{shown}: was identified as {spec}, which") from error
    if answer.head == "none":
        built = without_head(built, answer.head_tensors)
    left = _names_of(checkpoint, answer)
    kept = {name: value for name, value in checkpoint.tensors.items() if name not in left}
    facts = {
        "identified": spec,
        "identified_from": f"{answer.tensors} tensors",
        "equivalent": list(answer.names[1:]),
        "classes": answer.classes,
    }
    notes = tuple(_notes(answer, found, because))
    return Identified(built, replace(checkpoint, tensors=kept), left, facts, notes)


def _undecided(checkpoint: Checkpoint, answer: Answer) -> NoReturn:
    raise UsageError(
        f"{printable(checkpoint.path)}: has the tensors of {listing(answer.names, 9)}, which compute "
        f"different things with them; say which it is, for example: --model {answer.names[0]}"
    )


def _names_of(checkpoint: Checkpoint, answer: Answer) -> tuple[str, ...]:
    """The file's own names of the tensors that are left out."""
    prefix = f"{answer.key}." if answer.key else ""
    left = {prefix + name for name in answer.left}
    return tuple(name for name, short in canonical(checkpoint.tensors).items() if short in left)


def _notes(answer: Answer, found: Identification, because: str) -> Iterator[str]:
    versions = ", ".join(f"{name} {version}" for name, version in found.packages.items())
    from_what = f"the names and shapes of {answer.tensors} tensors ({versions})"
    yield f"identified as {answer.names[0]} from {from_what}"
    alike = [name for name in answer.names[1:] if name not in answer.differing]
    if alike:
        yield f"the same model is called {listing(alike, 9)} too; the first name is taken"
    if answer.differing:
        other = listing(answer.differing, 9)
        yield f"{other} have the same tensors and compute something else; it is not taken for one: {because}"
    if answer.prepared:
        other = listing(answer.prepared, 9)
        yield f"{other} preprocess images in another way; if it is one of them, say so with --model"
    if answer.head == "other":
        yield f"its classifier is for {answer.classes} classes"
    if answer.head == "none" and answer.head_tensors:
        yield "it has no classifier of this architecture, so the output is what goes into one"


def _from_config(checkpoint: Checkpoint, spec: str, request: ExtractRequest) -> Identified:
    built = build_model(spec, request.model_args)
    note = f"identified from {CONFIG} beside the weights: --model hf:DIR"
    return Identified(built, checkpoint, facts={"identified": "hf", "identified_from": CONFIG}, notes=(note,))


def _several(checkpoint: Checkpoint, answers: list[Answer]) -> UsageError:
    names = short_names([f"{answer.key}." if answer.key else "" for answer in answers])
    held = listing(
        f"{name} ({answer.names[0]})" if len({one.names for one in answers}) > 1 else name
        for name, answer in zip(names, answers, strict=True)
    )
    return UsageError(
        f"{printable(checkpoint.path)}: holds several sets of weights that would load: {held}; "
        f"choose one, for example: --weights {printable(names[-1], 60)}"
    )


def _unknown(checkpoint: Checkpoint, found: Identification) -> InputError | UsageError:
    """What it is not, what it is near to, and a command to try."""
    shown = printable(checkpoint.path)
    family = family_of(weight_shapes(checkpoint.tensors))
    near = [one for one in found.proposals if one.coverage >= LIKELY]
    if found.answers:
        answer = found.answers[0]
        more = f"but {listing(answer.doubts, 3)} too" if answer.doubts else "which are few"
        why, model = f"it has every tensor of {answer.names[0]}, {more}", f"--model {answer.names[0]}"
    elif near:
        why, model = f"nearest are {nearest_text(found)}", options(near[0])
    elif family is not None:
        why, model = f"its keys are those of {family}", "--model hf:DIR with the config.json of the model"
    else:
        why = f"its tensors ({listing(checkpoint.tensors, 3)}) are of no architecture known here"
        model = "--model timm:NAME, torchvision:NAME, hf:DIR or path/file.py:callable"
    return UsageError(
        f"{shown}: needs its architecture; {why}; give {model}, and see its tensors with: "
        f"repdiag inspect {shown}"
    )
