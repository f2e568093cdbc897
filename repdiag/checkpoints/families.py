"""Models of Hugging Face `transformers`: named by a config.json beside the weights, or by key patterns."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repdiag.checkpoints.sniff import open_regular
from repdiag.errors import InputError

Shape = tuple[int, ...]
MAX_CONFIG_BYTES = 4 << 20
MOST_TENSORS = 50_000
CONFIG = "config.json"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A family: a tensor that repeats in every layer (`#` is the layer) and one that gives the sizes."""

    families: str
    layer: str
    sizes: str
    also: str = ""


# The first that fits wins: narrow patterns before wide ones.
PATTERNS = (
    Pattern("distilbert", "transformer.layer.#.attention.q_lin.weight", "embeddings.word_embeddings.weight"),
    Pattern("mpnet", "encoder.layer.#.attention.attn.q.weight", "embeddings.word_embeddings.weight"),
    Pattern(
        "deberta-v2", "encoder.layer.#.attention.self.query_proj.weight", "embeddings.word_embeddings.weight"
    ),
    Pattern("deberta", "encoder.layer.#.attention.self.in_proj.weight", "embeddings.word_embeddings.weight"),
    Pattern(
        "bert, roberta, electra or xlm-roberta",
        "encoder.layer.#.attention.self.query.weight",
        "embeddings.word_embeddings.weight",
    ),
    Pattern("modernbert", "layers.#.attn.Wqkv.weight", "embeddings.tok_embeddings.weight"),
    Pattern(
        "dinov2",
        "encoder.layer.#.attention.attention.query.weight",
        "embeddings.patch_embeddings.projection.weight",
        also="encoder.layer.#.layer_scale1.lambda1",
    ),
    Pattern(
        "vit, deit or vit_mae",
        "encoder.layer.#.attention.attention.query.weight",
        "embeddings.patch_embeddings.projection.weight",
    ),
    Pattern(
        "clip or siglip",
        "vision_model.encoder.layers.#.self_attn.q_proj.weight",
        "vision_model.embeddings.patch_embedding.weight",
    ),
    Pattern("convnext", "encoder.stages.#.layers.0.dwconv.weight", "embeddings.patch_embeddings.weight"),
    Pattern("gpt2", "h.#.attn.c_attn.weight", "wte.weight"),
    Pattern("gpt_neox", "layers.#.attention.query_key_value.weight", "embed_in.weight"),
    Pattern(
        "qwen3", "layers.#.self_attn.q_norm.weight", "embed_tokens.weight", also="layers.#.mlp.up_proj.weight"
    ),
    Pattern(
        "qwen2", "layers.#.self_attn.q_proj.bias", "embed_tokens.weight", also="layers.#.mlp.gate_proj.weight"
    ),
    Pattern("llama, mistral or gemma", "layers.#.mlp.gate_proj.weight", "embed_tokens.weight"),
    Pattern("opt", "decoder.layers.#.self_attn.q_proj.weight", "decoder.embed_tokens.weight"),
    Pattern("whisper", "encoder.layers.#.self_attn.q_proj.weight", "encoder.conv1.weight"),
    Pattern("bart", "encoder.layers.#.self_attn.q_proj.weight", "shared.weight"),
    Pattern("t5", "encoder.block.#.layer.0.SelfAttention.q.weight", "shared.weight"),
    Pattern(
        "wav2vec2, hubert or wavlm",
        "encoder.layers.#.attention.q_proj.weight",
        "encoder.layer_norm.weight",
    ),
)
_HIDDEN = ("hidden_size", "d_model", "n_embd", "dim")
_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")


@dataclass(frozen=True, slots=True)
class Family:
    """What key patterns say: names of families, number of layers, and the width that the layers share."""

    families: str
    layers: int
    width: int
    prefix: str

    def __str__(self) -> str:
        return f"{self.families} ({self.layers} layers, width {self.width})"


def family_of(shapes: Mapping[str, Shape]) -> Family | None:
    """The family whose layers are among the tensors, under any prefix; None where no pattern fits."""
    if len(shapes) > MOST_TENSORS:
        return None
    return next((found for pattern in PATTERNS if (found := _fits(pattern, shapes))), None)


def _fits(pattern: Pattern, shapes: Mapping[str, Shape]) -> Family | None:
    expression = re.compile(
        rf"(?P<prefix>(?:[^.]+\.)*?){re.escape(pattern.layer).replace(re.escape('#'), '(?P<layer>[0-9]+)')}"
    )
    matches = [found for name in shapes if len(name) < 400 and (found := expression.fullmatch(name))]
    if not matches:
        return None
    prefix = matches[0]["prefix"]
    layers = {
        int(found["layer"]) for found in matches if found["prefix"] == prefix and len(found["layer"]) < 5
    }
    also = not pattern.also or f"{prefix}{pattern.also.replace('#', '0')}" in shapes
    sizes = shapes.get(f"{prefix}{pattern.sizes}") or ()
    if not layers or not also or not sizes:
        return None
    # The width comes last in an embedding table, first in a convolution or a normalisation.
    return Family(pattern.families, max(layers) + 1, sizes[1] if len(sizes) == 2 else sizes[0], prefix)


@dataclass(frozen=True, slots=True)
class Configured:
    """What a config.json says: where it is, the model's type and class, and sizes where it names them."""

    folder: Path
    model_type: str
    model_class: str
    width: int | None
    layers: int | None

    def agrees(self, family: Family | None) -> bool:
        """True where the sizes in the tensors are those of the configuration."""
        if family is None:
            return False
        named = self.model_type in family.families.replace(" or ", ", ").split(", ")
        return named and self.width in (None, family.width) and self.layers in (None, family.layers)


def configured(path: Path) -> Configured | None:
    """The `transformers` configuration in a folder, or beside a file; None where there is none."""
    folder = path if path.is_dir() else path.parent
    if not (folder / CONFIG).is_file():
        return None
    try:
        with open_regular(folder / CONFIG) as stream:
            found: Any = json.loads(stream.read(MAX_CONFIG_BYTES))
    except (InputError, ValueError, RecursionError):
        return None
    kind = found.get("model_type") if isinstance(found, dict) else None
    if not isinstance(kind, str):
        return None
    classes = found.get("architectures")
    first = classes[0] if isinstance(classes, list) and classes and isinstance(classes[0], str) else ""
    return Configured(folder, kind, first, _size(found, _HIDDEN), _size(found, _LAYERS))


def _size(found: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((found[name] for name in names if isinstance(found.get(name), int)), None)
