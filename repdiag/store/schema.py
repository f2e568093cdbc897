"""Names of groups, datasets and attributes, format version 1: the only place that spells them."""

from __future__ import annotations

from repdiag.types import Address, encode_name

FORMAT = "repdiag"
FORMAT_VERSION = 1

ATTR_FORMAT = "format"
ATTR_VERSION = "format_version"
ATTR_COMPLETE = "complete"
ATTR_CREATED = "created"
ATTR_CONFIG = "config"
ATTR_CONFIG_SHA256 = "config_sha256"
ATTR_SHARD = "shard"
ATTR_STEP = "step"
ATTR_PATH = "path"
ATTR_MODULE = "module"
ATTR_POOL = "pool"
ATTR_FINITE_ROWS = "finite_rows"
ATTR_SHA256 = "sha256"

SAMPLES = "samples"
CHECKPOINTS = "checkpoints"
EMBEDDINGS = "embeddings"
MOMENTS = "moments"
INPUTS = "inputs"
ID = "id"

EMBEDDING_DTYPES = ("float32", "float16")
"""What the writer stores; readers also take float64."""

CHUNK_BYTES = 1 << 20
MANIFEST = "manifest.json"
MANIFEST_FORMAT = "repdiag.shards"
SHARDS = "shards"
HEADER = "header.h5"
LOCK = "lock"
PARTIAL_SUFFIX = ".partial"

COLUMN_ALIASES = {
    "label": "label",
    "labels": "label",
    "y": "label",
    "target": "label",
    "targets": "label",
    "group": "group",
    "groups": "group",
    "split": "split",
    "id": "id",
    "ids": "id",
}
"""Names of 1-D arrays in foreign files, and the sample column that each becomes."""


def embedding_path(address: Address) -> str:
    """Where a representation lies: `/embeddings/<checkpoint>/<view>/<layer>`, each part encoded."""
    return f"/{EMBEDDINGS}/{address}"


def inputs_path(view: str) -> str:
    """Where the input features of a view lie."""
    return f"/{INPUTS}/{encode_name(view)}"


def checkpoint_path(name: str) -> str:
    """Where the attributes of a checkpoint lie."""
    return f"/{CHECKPOINTS}/{encode_name(name)}"


def chunk_rows(n: int, d: int, itemsize: int) -> int:
    """Rows of one chunk: about 1 MiB, at least one row, at most all."""
    return max(1, min(n, CHUNK_BYTES // max(1, d * itemsize)))
