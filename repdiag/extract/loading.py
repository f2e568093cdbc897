"""One checkpoint in its model, ready to run, with all that the store should remember of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from repdiag.checkpoints import Checkpoint, LoadReport, load_checkpoint, sniff
from repdiag.checkpoints.sniff import CODE_FORMATS
from repdiag.data import ImagePreprocessing, Kind, image_preprocessing
from repdiag.data.source import file_digest, without_folders
from repdiag.errors import UsageError
from repdiag.extract.identified import Identified, identified
from repdiag.extract.inputs import Encoder
from repdiag.extract.paths import NamedPath
from repdiag.extract.request import ExtractRequest
from repdiag.models import BuiltModel, build_model, build_scripted, load_into
from repdiag.text import printable

MOST_NAMES = 20


@dataclass(frozen=True)
class Loaded:
    """A model with its weights.

    Attributes:
        module: in eval mode, on its device.
        encoder: makes its inputs.
        preprocessing: of images, or None for other data and for a transform of the model's own.
        transform: the model's own function of one sample.
        attributes: of /checkpoints/<name> in the store.
        report: the line that is always printed.
        notes: what else the user should know.
    """

    module: nn.Module
    encoder: Encoder
    preprocessing: ImagePreprocessing | None
    transform: Callable[[Any], Any] | None
    attributes: Mapping[str, Any]
    report: str
    notes: tuple[str, ...]


def load(named: NamedPath, request: ExtractRequest, kind: Kind) -> Loaded:
    """Build the model anew and load one checkpoint into it.

    Raises:
        UsageError: no model, a device that is not there, or several sets of weights.
        InputError: the checkpoint is damaged or does not fit.
    """
    device = chosen_device(request.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.seed)  # what a partial load leaves random
        built, facts, line, notes = _whole(named, request) or _built(named, request)
    module = built.module.to(device)
    own = built.transform is not None
    how = image_preprocessing(built.preprocessing) if kind == "image" and not own else None
    record = how.record() if how else dict(built.preprocessing or {})
    return Loaded(
        module=module,
        encoder=_encoder(built, device, request.keep_special),
        preprocessing=how,
        transform=built.transform,
        attributes={
            **facts,
            "path": named.path.name,
            "trust": request.trust,
            "model": without_folders(built.spec),
            "preprocessing": "the model's own function" if own else record,
        },
        report=f"{printable(named.name)}: {line}",
        notes=tuple(f"{printable(named.name)}: {note}" for note in notes),
    )


def chosen_device(name: str) -> torch.device:
    """The device asked for; `auto` is a GPU where there is one.

    Raises:
        UsageError: it is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"--device {printable(name)} is not there ({printable(error, 80)}); use cpu"
        ) from error
    return device


def _whole(
    named: NamedPath, request: ExtractRequest
) -> tuple[BuiltModel, dict[str, Any], str, list[str]] | None:
    """A file that is a whole model (TorchScript, torch.export): code, so only with trust."""
    if request.model or not request.trust or not named.path.is_file():
        return None
    found = sniff(named.path)
    if found not in CODE_FORMATS:
        return None
    built = build_scripted(named.path)
    facts = {"sha256": file_digest(str(named.path)), "format": str(found)}
    return built, facts, f"a whole model ({found}), run because of --trust", []


def _built(named: NamedPath, request: ExtractRequest) -> tuple[BuiltModel, dict[str, Any], str, list[str]]:
    found = _named(named, request) if request.model else identified(_checkpoint(named, request), request)
    report = load_into(
        found.built, found.checkpoint, weights=request.weights, allow_partial=request.allow_partial
    )
    report = replace(report, ignored=(*report.ignored, *found.left))
    facts = {
        "sha256": found.checkpoint.sha256,
        "format": found.checkpoint.format,
        "step": found.checkpoint.step,
        "epoch": found.checkpoint.epoch,
        **found.facts,
        **_report_facts(report),
    }
    return found.built, facts, str(report), [*found.notes, *found.checkpoint.notes, *report.notes]


def _named(named: NamedPath, request: ExtractRequest) -> Identified:
    """The model that `--model` names; a mistake in it is told before a large file is read."""
    built = build_model(request.model or "", request.model_args)
    return Identified(built, _checkpoint(named, request))


def _checkpoint(named: NamedPath, request: ExtractRequest) -> Checkpoint:
    return load_checkpoint(named.path, trust=request.trust)


def _report_facts(report: LoadReport) -> dict[str, Any]:
    counts = {
        "missing": len(report.missing),
        "unexpected": len(report.unexpected),
        "mismatched": len(report.mismatched),
        "ignored": len(report.ignored),
    }
    names = {f"{kind}_names": list(getattr(report, kind)[:MOST_NAMES]) for kind in counts if counts[kind]}
    return {
        "tensors_loaded": len(report.loaded),
        "weights_key": report.key,
        "load_report": str(report),
        **counts,
        **names,
    }


def _encoder(built: BuiltModel, device: torch.device, keep_special: bool) -> Encoder:
    tokenizer = built.tokenizer
    if tokenizer is not None and getattr(tokenizer, "pad_token", "") is None:
        tokenizer.pad_token = tokenizer.eos_token  # padded positions are masked, so any token will do
    config = getattr(built.module, "config", None)
    lengths = (
        (built.preprocessing or {}).get("max_length"),
        getattr(config, "max_position_embeddings", None),
    )
    known = [length for length in lengths if isinstance(length, int) and length > 0]
    return Encoder(
        device=device,
        tokenizer=tokenizer,
        max_length=min(known, default=None),
        as_one=built.spec.startswith("sentence-transformers:"),
        keep_special=keep_special,
    )
