"""The layers of a model with a checkpoint in it, and what shape each gives where an input is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repdiag.errors import RepdiagError, UsageError
from repdiag.text import printable
from repdiag.types import OUTPUT_LAYER

if TYPE_CHECKING:
    from repdiag.extract.inputs import ModelInput
    from repdiag.models import BuiltModel


def parse_arguments(pairs: Sequence[str]) -> dict[str, str]:
    """`k=v` texts as a mapping.

    Raises:
        UsageError: no `=`.
    """
    for pair in pairs:
        if not pair.partition("=")[0] or "=" not in pair:
            raise UsageError(f"--model-arg {printable(pair)}: write NAME=VALUE")
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def model_document(path: Path, spec: str, arguments: Mapping[str, str]) -> dict[str, Any]:
    """The model of `spec` with the weights of `path`: load report, layers in order, output shapes."""
    from repdiag.checkpoints import load_checkpoint
    from repdiag.models import build_model, layer_names, load_into

    built = build_model(spec, arguments)
    report = load_into(built, load_checkpoint(path))
    shapes, given = _shapes(built)
    named = [*layer_names(built.module), (OUTPUT_LAYER, type(built.module).__name__)]
    return {
        "spec": printable(spec),
        "load_report": str(report),
        "input": given,
        "layers": [{"layer": name, "type": kind, "output_shape": shapes.get(name)} for name, kind in named],
    }


def _shapes(built: BuiltModel) -> tuple[dict[str, list[int]], str]:
    """Output shapes of one sample by layer, and what that sample was."""
    from repdiag.extract.hooks import listening, output_tap, tensor_of
    from repdiag.extract.inputs import call
    from repdiag.models import layer_names

    given = _sample(built)
    if given is None:
        return {}, "unknown, so the shapes are too; repdiag extract --dry-run shows them for your data"
    found: dict[str, list[int]] = {}

    def take(tap: Any, value: Any) -> None:
        try:
            found[tap.layer] = list(tensor_of(value, tap.layer)[0].shape)
        except RepdiagError:
            return  # a layer without a tensor has no shape

    taps = [output_tap(name) for name, _ in layer_names(built.module)]
    with listening(built.module, taps, take):
        take(output_tap(OUTPUT_LAYER), call(built.module, given, "a made-up sample"))
    return found, "one sample of zeros" if built.kind == "image" else "one short text"


def _sample(built: BuiltModel) -> ModelInput | None:
    import torch

    from repdiag.data.batches import Batch
    from repdiag.data.preprocess import image_preprocessing
    from repdiag.extract.inputs import Encoder, ModelInput

    if built.kind == "image" and built.preprocessing:
        how = image_preprocessing(built.preprocessing)
        return ModelInput((torch.zeros(1, len(how.mean), how.height, how.width),))
    if built.kind == "text" and built.tokenizer is not None:
        as_one = built.spec.startswith("sentence-transformers:")
        encoder = Encoder(torch.device("cpu"), built.tokenizer, max_length=64, as_one=as_one)
        return encoder(Batch(("0",), ["one short text"]))
    return None
