"""Wrappers around weights, read from the names alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

TRANSPARENT = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module")
"""Put between names by DDP, torch.compile, FSDP and their kin, at any depth."""

_BLOCK = re.compile(r"(.*?\bblocks)\.(?:(\d+)\.)?(\d+)\.(.*)")

CONTAINERS = ("state_dict", "model_state", "model_state_dict", "model_weights")
"""Hold a model even where other things stand beside them."""

WRAPPERS = ("model", "net", "network", "weights", "params", "backbone", "encoder", "base_encoder", "trunk")
"""Peeled only where everything stands under them."""

TWINS = (
    "student", "teacher", "student_backbone", "teacher_backbone", "ema", "model_ema", "ema_model",
    "ema_state_dict", "state_dict_ema", "averaged_model", "encoder_q", "encoder_k", "online", "target",
    "online_network", "target_network", "online_encoder", "target_encoder", "context_encoder",
    "momentum_encoder",
)  # fmt: skip
"""Names of one of several sets of weights of the same model."""

ROOT = "."
"""What `--weights` calls the names that stand under no wrapper."""


def canonical(names: Iterable[str]) -> dict[str, str]:
    """Each name without transparent wrappers; the names as they are where two would become one."""
    stripped = {name: ".".join(p for p in name.split(".") if p not in TRANSPARENT) for name in names}
    if len(set(stripped.values())) < len(stripped):
        return {name: name for name in stripped}
    whole = _without_chunks(stripped.values())
    return {name: whole.get(short, short) for name, short in stripped.items()}


def _without_chunks(names: Iterable[str]) -> dict[str, str]:
    """New names of blocks that FSDP training keeps in chunks: `blocks.1.10.` is block 10, of chunk 1.

    Blocks count on from chunk to chunk; where each stage counts from 0 these are no chunks.
    """
    found: dict[str, dict[str, tuple[int, int, str]]] = {}
    for name in names:
        if match := _BLOCK.match(name):
            found.setdefault(match[1], {})[name] = (int(match[2] or -1), int(match[3]), match[4])
    return {
        name: f"{place}.{block}.{rest}"
        for place, blocks in found.items()
        if _is_chunked({(chunk, block) for chunk, block, _ in blocks.values()})
        for name, (_, block, rest) in blocks.items()
    }


def _is_chunked(pairs: set[tuple[int, int]]) -> bool:
    """True for (chunk, block) that, in order, count blocks from 0 and never go back to a chunk."""
    ordered = sorted(pairs, key=lambda pair: pair[1])
    chunks = [chunk for chunk, _ in ordered]
    return (
        [block for _, block in ordered] == list(range(len(pairs)))
        and chunks == sorted(chunks)
        and chunks[0] == 0
    )


def coverage(names: Iterable[str], wanted: Collection[str]) -> dict[str, int]:
    """For each dotted prefix of `names` (`""` included) how many wanted names it leaves."""
    counts: Counter[str] = Counter()
    for name in names:
        start = 0
        while start >= 0:
            if name[start:] in wanted:
                counts[name[:start]] += 1
            start = name.find(".", start) + 1 or -1
    return dict(counts)


def structural_prefixes(names: Collection[str]) -> list[str]:
    """Prefixes that hold weights, judged without a module: usually one, several for twins."""
    settled: list[str] = []
    open_prefixes = [""]
    while open_prefixes:
        prefix = open_prefixes.pop(0)
        inner = _inner(first_parts(names, prefix))
        settled += [] if inner else [prefix]
        open_prefixes = [f"{prefix}{part}." for part in inner] + open_prefixes
    return settled


def first_parts(names: Iterable[str], prefix: str) -> dict[str, bool]:
    """The components that follow `prefix`, in order, and whether names go on below each."""
    parts: dict[str, bool] = {}
    for name in names:
        if name.startswith(prefix):
            first, dot, _ = name[len(prefix) :].partition(".")
            parts[first] = parts.get(first, True) and bool(dot)
    return parts


def _inner(parts: Mapping[str, bool]) -> list[str]:
    """Which of the components are wrappers to look into; none where peeling would be a guess."""
    twins = [part for part, goes_on in parts.items() if goes_on and part in TWINS]
    containers = [part for part, goes_on in parts.items() if goes_on and part in CONTAINERS]
    if len(parts) == 1:
        return [
            part for part, goes_on in parts.items() if goes_on and part in (*TWINS, *CONTAINERS, *WRAPPERS)
        ]
    if twins and len(twins) + len(containers) > 1:
        return [*containers, *twins]
    if twins and set(parts) - set(twins) <= set(WRAPPERS):
        return list(parts)
    return containers


def is_named(prefix: str, weights: str, *, loosely: bool = False) -> bool:
    """True when `weights` names the prefix: a component, the key, or (loosely) a word of a component."""
    key = prefix.rstrip(".")
    if weights == ROOT:
        return not key
    parts = key.split(".")
    if loosely:
        return any(weights in part.split("_") for part in parts)
    return weights in parts or key == weights or key.startswith(f"{weights}.") or key.endswith(f".{weights}")


def short_names(prefixes: Collection[str]) -> list[str]:
    """For each prefix the shortest name that only it has: `teacher` for `state_dict.teacher.`."""
    keys = [prefix.rstrip(".") or ROOT for prefix in prefixes]
    counts = Counter(part for key in keys for part in set(key.split(".")) if part)
    return [next((part for part in key.split(".") if part and counts[part] == 1), key) for key in keys]
