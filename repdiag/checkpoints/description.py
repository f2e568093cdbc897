"""What is in a checkpoint, as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from repdiag.checkpoints.steps import COUNTERS
from repdiag.text import listing, printable

MOST_SETTINGS = 12


def describe(document: Mapping[str, Any]) -> str:
    """The document as text for people, at most 80 columns wide where names allow."""
    dtypes = ", ".join(f"{count:,} {name}" for name, count in document["dtypes"].items())
    rows = [
        ("file", f"{document['file']} ({document['bytes']:,} bytes)"),
        ("format", document["format"]),
        ("sha256", document["sha256"]),
        ("tensors", f"{document['tensors']:,} ({dtypes})"),
        ("parameters", f"{document['parameters']:,}"),
        ("wrappers", ", ".join(document["wrappers"]) or "none"),
        ("weights", ", ".join(document["weights"]) or "one set, at the top"),
        ("step", _or_dash(document["step"])),
        ("epoch", _or_dash(document["epoch"])),
    ]
    lines = [f"{name:<11}{value}" for name, value in rows]
    lines += _filled("model", _architecture_text(document["architecture"]))
    lines += _filled("rank", _rank_text(document["rank_bound"]))
    lines += [line for item in _shown_settings(document["metadata"]) for line in _filled("setting", item)]
    lines += [
        f"{'contents':<44}{'tensors':>12}{'numbers':>20}",
        *(_group_line(group) for group in document["groups"]),
    ]
    lines += [line for note in document["notes"] for line in _filled("note", note)]
    return "\n".join(lines) + "\n"


def _architecture_text(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "not known; see --model"
    alike = [name for name in found["equivalent"] if name not in found.get("differing", ())]
    also = f", also called {listing(alike)}" if alike else ""
    share = "" if found["coverage"] is None else f", {int(100 * found['coverage'])}% of its tensors"
    heads = {"none": ", without its classifier", "other": f", for {found['classes']} classes"}
    sure = "" if found["certain"] else "perhaps "
    key = f", under {found['key']}" if found["key"] else ""
    return f"{sure}{found['name']}{heads.get(found['head'], '')}{key} (from {found['from']}{share}){also}"


def _rank_text(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "-"
    outputs, inputs = found["maps"][-1]["shape"]
    where = f"at the output of {found['layer']} ({outputs:,} x {inputs:,})"
    return f"at most {found['rank']:,} {where}; not {found['breaks']}"


def _filled(name: str, value: str) -> list[str]:
    return textwrap.wrap(value, 80, initial_indent=f"{name:<11}", subsequent_indent=" " * 11)


def _shown_settings(metadata: Mapping[str, str]) -> list[str]:
    """The first hyper-parameters as text; --json has them all."""
    items = [f"{key} = {printable(value, 60)}" for key, value in metadata.items() if key not in COUNTERS]
    more = len(items) - MOST_SETTINGS
    return [*items[:MOST_SETTINGS], *([f"and {more} more, see --json"] if more > 0 else [])]


def _group_line(group: Mapping[str, Any]) -> str:
    return f"  {printable(group['name'], 40):<42}{group['tensors']:>12,}{group['elements']:>20,}"


def _or_dash(value: object) -> str:
    return "-" if value is None else f"{value:,}"
