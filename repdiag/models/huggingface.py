"""Models out of local Hugging Face folders: configuration and tokenizer, no code and no network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from repdiag.errors import InputError, UsageError
from repdiag.models.built import BuiltModel, Kind
from repdiag.models.extras import building, optional
from repdiag.models.user_code import shown_error
from repdiag.text import printable

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "tokenizer.model",
)
MAX_CONFIG_BYTES = 16 << 20


def build_hf(spec: str, name: str, values: Mapping[str, Any]) -> BuiltModel:
    """`hf:DIR`: AutoModel from DIR/config.json in float32; the weights come through `load_into`.

    Raises:
        UsageError: DIR is not a folder, or the model refuses the arguments.
        InputError: its configuration or tokenizer is unusable, or needs code from the folder.
    """
    folder = _folder(spec, name)
    transformers = optional("transformers", "transformers", "text", "--model hf:DIR")
    with _quiet(transformers):
        with _reading(spec):
            config = transformers.AutoConfig.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        with building(spec, values):
            module = transformers.AutoModel.from_config(
                config, **{"dtype": torch.float32, "trust_remote_code": False, **values}
            )
        tokenizer = _tokenizer(transformers, folder, spec)
    if tokenizer is not None:
        length = getattr(tokenizer, "model_max_length", None)
        recorded = {"source": "transformers", "tokenizer": folder.name, "max_length": _sane_length(length)}
        return BuiltModel(module, spec, "text", recorded, tokenizer, rename=partial(_renamed, module))
    pixels = _image_preprocessing(folder)
    kind: Kind = "image" if pixels else "array"
    return BuiltModel(module, spec, kind, pixels, rename=partial(_renamed, module))


def build_sentence_transformers(spec: str, name: str, values: Mapping[str, Any]) -> BuiltModel:
    """`sentence-transformers:DIR`, with DIR's own safetensors weights; `load_into` checks them again.

    Raises:
        UsageError: DIR is not a folder, or the constructor refuses the arguments.
        InputError: DIR cannot be read, or has only pickled weights.
    """
    folder = _folder(spec, name)
    if not any(folder.glob("*.safetensors")):
        raise InputError(
            f"{printable(spec)}: has no .safetensors weights in the folder; save the model as safetensors"
        )
    purpose = "--model sentence-transformers:DIR"
    library = optional("sentence_transformers", "sentence-transformers", "text", purpose)
    transformers = optional("transformers", "transformers", "text", purpose)
    fixed = {"local_files_only": True, "trust_remote_code": False, "device": "cpu"}
    with _quiet(transformers), building(spec, values):
        options = {**values, **fixed, "model_kwargs": {"use_safetensors": True, "dtype": torch.float32}}
        module = library.SentenceTransformer(str(folder.resolve()), **options)
    inner = getattr(module[0], "auto_model", None)
    place = next((path for path, part in module.named_modules() if part is inner and inner is not None), "")
    recorded = {
        "source": "sentence-transformers",
        "tokenizer": folder.name,
        "max_length": module.max_seq_length,
    }
    return BuiltModel(module, spec, "text", recorded, module.tokenizer, inner=place)


def _folder(spec: str, name: str) -> Path:
    folder = Path(name)
    if not folder.is_dir():
        raise UsageError(
            f"{printable(spec)}: {printable(name)} is not a folder; nothing is downloaded, name a local one"
        )
    return folder


@contextmanager
def _reading(spec: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        reason = shown_error(error)
        raise InputError(
            f"{printable(spec)}: its config.json cannot be used: {reason}; check the folder"
        ) from error


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """No progress bars or advice from the library on our stderr; its settings come back afterwards."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _tokenizer(transformers: Any, folder: Path, spec: str) -> Any:
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        return None
    try:
        return transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        reason = shown_error(error)
        raise InputError(
            f"{printable(spec)}: its tokenizer cannot be used: {reason}; check the folder"
        ) from error


def _renamed(module: Any, names: Sequence[str]) -> dict[str, str]:
    """Names of a file as today's module has them, by the table that transformers itself applies.

    Transforms that cut or join tensors are not applied: what they would touch stays a mismatch.
    """
    try:
        from transformers.conversion_mapping import get_model_conversion_mapping
        from transformers.core_model_loading import WeightRenaming, rename_source_key
    except ImportError:  # the table is younger than transformers 5.0
        return {name: name for name in names}
    table = [one for one in get_model_conversion_mapping(module) if isinstance(one, WeightRenaming)]
    return {name: rename_source_key(name, table, [])[0] for name in names}


def _sane_length(length: object) -> int | None:
    """Tokenizers without a limit say 1e30."""
    return length if isinstance(length, int) and length < 1 << 30 else None


def _image_preprocessing(folder: Path) -> dict[str, Any] | None:
    """Mean, std and sizes out of preprocessor_config.json; None where there is none."""
    path = folder / "preprocessor_config.json"
    if not path.is_file() or path.stat().st_size > MAX_CONFIG_BYTES:
        return None
    try:
        found: Any = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{printable(path)}: is not JSON; check the folder") from error
    if not isinstance(found, dict) or "image_mean" not in found or "image_std" not in found:
        return None
    recorded = {"source": "transformers", "mean": found["image_mean"], "std": found["image_std"]}
    size = found.get("size")
    side = size.get("shortest_edge") if isinstance(size, dict) else None
    crop = found.get("crop_size") if found.get("do_center_crop") else None
    recorded["input_size"] = _sides(crop) or _sides(size) or [224, 224]
    recorded["resize"] = side
    return recorded


def _sides(size: object) -> list[int] | None:
    if isinstance(size, int):
        return [size, size]
    if isinstance(size, dict):
        shortest = size.get("shortest_edge")
        sides = [
            side
            for side in (size.get("height", shortest), size.get("width", shortest))
            if isinstance(side, int)
        ]
        return sides if len(sides) == 2 else None
    return None
