"""From a spec to a module. Nothing here touches a network, and weights come from the checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from repdiag.checkpoints import load_scripted
from repdiag.errors import UsageError
from repdiag.models.built import BuiltModel
from repdiag.models.huggingface import build_hf, build_sentence_transformers
from repdiag.models.user_code import call_user, import_callable, is_callable_spec
from repdiag.models.vision import build_timm, build_torchvision
from repdiag.text import nearest, printable

SOURCES = {
    "timm": build_timm,
    "torchvision": build_torchvision,
    "hf": build_hf,
    "sentence-transformers": build_sentence_transformers,
}
FORMS = (
    "timm:NAME, torchvision:NAME, hf:DIR, sentence-transformers:DIR, "
    "package.module:callable or path/file.py:callable"
)
_WORDS = {"True": True, "False": False, "None": None}


def build_model(spec: str, args: Mapping[str, str]) -> BuiltModel:
    """The model that `--model` names, in eval mode, with random weights (its own for sentence-transformers).

    Args:
        spec: `timm:NAME`, `torchvision:NAME`, `hf:DIR`, `sentence-transformers:DIR`,
            `package.module:callable` or `path/file.py:callable`.
        args: `--model-arg` values as text; numbers, booleans, null and JSON lists are recognised.

    Raises:
        UsageError: unknown name (the nearest is offered), or the user's code raised.
        InputError: the folder has no usable configuration.
        MissingExtraError: timm, torchvision or transformers is not installed.
    """
    source, _, name = spec.partition(":")
    values = {key: parse_argument(value) for key, value in args.items()}
    builder = SOURCES.get(source)
    if builder is not None and name:
        model = builder(spec, name, values)
    elif is_callable_spec(spec):
        model = _from_callable(spec, values)
    else:
        raise UsageError(f"--model {printable(spec)}: is none of {FORMS}.{nearest(source, SOURCES)}")
    model.module.eval()
    return model


def build_scripted(path: Path) -> BuiltModel:
    """A TorchScript or torch.export file as a model. This RUNS the file: only after --trust.

    Raises:
        InputError: neither of the two, or damaged.
    """
    module = load_scripted(path)
    # An exported program has no training mode and raises where it is set.
    if not type(module).__name__.startswith("GraphModule"):
        module.eval()
    return BuiltModel(module, f"scripted:{path.name}", "array")


def parse_argument(text: str) -> Any:
    """`3`, `0.5`, `true`, `True`, `null`, `[1, 2]` as values; anything else stays text."""
    if text in _WORDS:
        return _WORDS[text]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _imported(spec: str) -> Callable[..., Any]:
    """The callable; where there is no such module, `tim:NAME` may be meant for one of SOURCES."""
    try:
        return import_callable(spec)
    except UsageError as error:
        missing = isinstance(error.__cause__, ModuleNotFoundError)
        near = nearest(spec.partition(":")[0], SOURCES) if missing else ""
        if not near:
            raise
        raise UsageError(f"{error}.{near}") from error.__cause__


def _from_callable(spec: str, values: Mapping[str, Any]) -> BuiltModel:
    found = _imported(spec)
    module = found if isinstance(found, nn.Module) else call_user(spec, found, **values)
    if not isinstance(module, nn.Module):
        kind = printable(type(module).__name__, 40)
        raise UsageError(f"{printable(spec)}: returned a {kind}, not a torch.nn.Module; return the model")
    own = getattr(module, "preprocessing", None)
    recorded = dict(own) if isinstance(own, Mapping) else None
    transform = own if callable(own) and not isinstance(own, nn.Module | Mapping) else None
    return BuiltModel(module, spec, "image" if recorded else "array", recorded, None, transform)
