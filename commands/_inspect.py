"""What a file is, by its content, and that as JSON or text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repdiag.errors import InputError
from repdiag.text import listing, printable

from ._tables import wrapped

if TYPE_CHECKING:
    from repdiag.store import Store

SCHEMA = {"schema": "repdiag.inspect", "schema_version": 1}
# The settings repeat the command, with digests that only a resumed run compares; --json has them.
NOT_SHOWN = ("format", "format_version", "checkpoints", "config", "config_sha256", "h5py")
OF_CHECKPOINT = ("path", "sha256", "step", "epoch", "model", "load_report", "preprocessing", "trust")


def inspected(path: Path, dataset: str | None) -> dict[str, Any]:
    """The `repdiag.inspect` document of a checkpoint or a store."""
    if dataset is not None or looks_like_store(path):
        from repdiag.store import open_store

        with open_store(path, dataset=dataset, allow_partial=True) as store:
            return _store_document(store)
    from repdiag.checkpoints import inspect_checkpoint

    return dict(inspect_checkpoint(path))


def looks_like_store(path: Path) -> bool:
    """True for run folders, HDF5, numpy and parquet files; anything else is for the checkpoint room."""
    from repdiag.store.sniff import Kind, sniff

    try:
        return sniff(path) not in (Kind.SAFETENSORS, Kind.TORCH)
    except InputError:
        return False


def _store_document(store: Store) -> dict[str, Any]:
    representations = [
        {
            "checkpoint": info.address.checkpoint,
            "step": info.step,
            "view": info.address.view,
            "layer": info.address.layer,
            "n": info.n,
            "d": info.d,
            "dtype": str(info.dtype),
        }
        for info in store.representations
    ]
    kept = [info for view in store.input_views if (info := store.inputs(view)) is not None]
    provenance = dict(store.provenance)
    return {
        **SCHEMA,
        "format": provenance.get("format", "store"),
        "n": store.n,
        "columns": list(store.columns),
        "representations": representations,
        "inputs": [{"view": one.view, "n": one.n, "p": one.p, "dtype": one.dtype} for one in kept],
        "provenance": provenance,
    }


def document(content: Mapping[str, Any]) -> str:
    """The document as strict JSON."""
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def inspected_text(content: Mapping[str, Any]) -> str:
    """The document for people, at most 80 columns wide where names allow."""
    if "representations" in content:
        lines = _store_lines(content)
    else:
        from repdiag.checkpoints import describe

        lines = describe(content).splitlines()
    lines += _model_lines(content["model"]) if "model" in content else []
    return "\n".join(lines) + "\n"


def _store_lines(content: Mapping[str, Any]) -> list[str]:
    """Where it comes from, each checkpoint, then the representations as a table."""
    facts = {
        "format": content["format"],
        "n": content["n"],
        "columns": content["columns"],
        **{key: value for key, value in content["provenance"].items() if key not in NOT_SHOWN},
    }
    lines = [line for key, value in facts.items() for line in _fact(key, value)]
    for name, facts in content["provenance"].get("checkpoints", {}).items():
        lines += ["", *wrapped(f"checkpoint {printable(name)}", "")]
        lines += [line for key in OF_CHECKPOINT if key in facts for line in _fact(key, facts[key], "  ")]
    lines += ["", f"{'n':>9} {'d':>7}  {'dtype':<9}checkpoint/view/layer"]
    lines += [
        _matrix_line(row["n"], row["d"], row["dtype"], f"{row['checkpoint']}/{row['view']}/{row['layer']}")
        for row in content["representations"]
    ]
    return lines + [
        _matrix_line(one["n"], one["p"], one["dtype"], f"inputs of view {one['view']}")
        for one in content["inputs"]
    ]


def _matrix_line(n: int, d: int, dtype: str, name: str) -> str:
    return f"{n:>9,} {d:>7,}  {printable(dtype, 8):<9}{printable(name, 200)}"


def _fact(key: str, value: Any, indent: str = "") -> list[str]:
    """`key: value` in lines of at most 80 columns; nothing where there is no value."""
    if value in (None, "", [], {}):
        return []
    if isinstance(value, list) and key == "notes":
        return [line for note in value for line in _fact("note", note, indent)]
    text = f"{printable(key.replace('_', ' '), 60)}: {_shown(value)}"
    return wrapped(text, indent, f"{indent}  ")


def _model_lines(model: Mapping[str, Any]) -> list[str]:
    head = [
        f"model: {model['spec']}",
        f"load report: {printable(model['load_report'], 400)}",
        f"input: {model['input']}",
    ]
    layers = [
        f"{_shape(one['output_shape']):>24}  {printable(one['type'], 24):<24}  {printable(one['layer'], 99)}"
        for one in model["layers"]
    ]
    return [
        "",
        *(line for text in head for line in wrapped(text, "")),
        "",
        f"{'output shape':>24}  {'type':<24}  layer",
        *layers,
    ]


def _shape(shape: list[int] | None) -> str:
    return "-" if shape is None else " x ".join(map(str, shape))


def _shown(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case Mapping():
            return "; ".join(f"{printable(key, 60)} {_shown(item)}" for key, item in value.items()) or "none"
        case list():
            return listing((str(item) for item in value), most=12) or "none"
    return printable(value, 300)
