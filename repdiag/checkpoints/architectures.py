"""The index of known architectures that ships with the package: which tensors each one has.

A token is a hash of a tensor's name and shape. Architectures with the same tensors, the classifier left out,
are one class: nothing in a checkpoint tells them apart. `examples/build_architectures.py` makes the file.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repdiag.errors import InputError

INDEX = Path(__file__).with_name("architectures.npz")
FORMAT, VERSION = "repdiag.architectures", 1
TOKEN_BYTES = 6

Shape = tuple[int, ...]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Member:
    """One name in a class.

    Attributes:
        spec: `timm:NAME` or `torchvision:NAME`.
        head: tensors of the classifier, by name.
        classes: how many classes `head` is for; 0 where there is none.
        computation: members of a class with the same number compute the same.
        preprocessing: members with the same number want the same input.
    """

    spec: str
    head: Mapping[str, Shape]
    classes: int
    computation: int
    preprocessing: int


@dataclass(frozen=True)
class Architectures:
    """Classes of architectures: `members[c]` are its names, best first; `ids[c]` its tokens, in order.

    Attributes:
        packages: versions of what the index was made from.
        vocabulary: all tokens, sorted.
        ids: tokens of all classes, one class after the other, as positions in `vocabulary`.
        starts: where each class begins in `ids`.
        sizes: number of tensors of each class.
    """

    packages: Mapping[str, str]
    members: Sequence[Sequence[Member]]
    vocabulary: NDArray[np.uint64]
    ids: Integers
    starts: Integers
    sizes: Integers

    def known(self, tokens: Iterable[int]) -> Integers:
        """Positions of tokens in the vocabulary, -1 for those that no architecture has."""
        wanted = np.fromiter(tokens, dtype=np.uint64)
        places = np.searchsorted(self.vocabulary, wanted).clip(max=len(self.vocabulary) - 1)
        return np.where(self.vocabulary[places] == wanted, places, -1).astype(np.int64)

    def hits(self, ids: Integers) -> Integers:
        """How many tensors of each class are among `ids`."""
        present = np.zeros(len(self.vocabulary), dtype=np.int64)
        present[ids] = 1
        return np.add.reduceat(present[self.ids], self.starts)

    def tensors_of(self, number: int) -> Integers:
        """The tokens of one class as positions in the vocabulary, in the order of definition."""
        return self.ids[self.starts[number] : self.starts[number] + self.sizes[number]]


def token(name: str, shape: Sequence[int]) -> int:
    """48 bits for a tensor's name and shape: enough, as all tensors of an architecture must be there."""
    text = f"{name}|{','.join(map(str, shape))}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=TOKEN_BYTES).digest(), "little")


@cache
def load_architectures(path: Path = INDEX) -> Architectures:
    """The index, read once.

    Raises:
        InputError: it is missing, damaged or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("vocabulary", "steps", "sizes", "about", "sha256")}
    except Exception as error:
        raise InputError("the index of architectures is missing or damaged; install repdiag again") from error
    if _checksum(arrays).tolist() != arrays["sha256"].tolist():
        raise InputError("the index of architectures does not match its checksum; install repdiag again")
    about: dict[str, Any] = json.loads(arrays["about"].tobytes())
    if (about["format"], about["version"]) != (FORMAT, VERSION):
        raise InputError("the index of architectures is of another version; install repdiag again")
    return _unpacked(arrays, about)


def pack_architectures(
    bodies: Sequence[Sequence[int]], members: Sequence[Sequence[Member]], packages: Mapping[str, str]
) -> bytes:
    """The file of an index: `bodies[c]` are the tokens of class c in order, `members[c]` its names."""
    order = {one: place for place, one in enumerate(dict.fromkeys(one for body in bodies for one in body))}
    heads = list(dict.fromkeys(_head_text(member) for group in members for member in group))
    about = {
        "format": FORMAT,
        "version": VERSION,
        "packages": dict(packages),
        "heads": [json.loads(text) for text in heads],
        "classes": [[_row(member, heads) for member in group] for group in members],
    }
    places = np.array([order[one] for body in bodies for one in body], dtype=np.int32)
    arrays = {
        # Tokens in the order in which they are met: most steps are 1, which deflate makes vanish.
        "vocabulary": _as_bytes(np.fromiter(order, dtype="<u8", count=len(order))),
        "steps": np.diff(places, prepend=np.int32(0)),
        "sizes": np.array([len(body) for body in bodies], dtype=np.int32),
        "about": np.frombuffer(json.dumps(about, separators=(",", ":")).encode(), dtype=np.uint8),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays, sha256=_checksum(arrays), allow_pickle=False)
    return buffer.getvalue()


def _checksum(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.uint8]:
    digest = hashlib.sha256()
    for name in ("vocabulary", "steps", "sizes", "about"):
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return np.frombuffer(digest.digest(), dtype=np.uint8)


def _as_bytes(tokens: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """(n, 6) low bytes of (n,) little-endian tokens."""
    return np.ascontiguousarray(tokens.view(np.uint8).reshape(-1, 8)[:, :TOKEN_BYTES])


def _as_tokens(raw: NDArray[np.uint8]) -> NDArray[np.uint64]:
    padded = np.pad(raw, ((0, 0), (0, 8 - TOKEN_BYTES)))
    return padded.view("<u8").reshape(-1)


def _unpacked(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> Architectures:
    tokens = _as_tokens(arrays["vocabulary"])
    order = np.argsort(tokens)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    sizes = arrays["sizes"].astype(np.int64)
    heads = [{name: tuple(shape) for name, shape in head.items()} for head in about["heads"]]
    return Architectures(
        packages=about["packages"],
        members=[[Member(spec, heads[head], *rest) for spec, head, *rest in row] for row in about["classes"]],
        vocabulary=tokens[order],
        ids=rank[np.cumsum(arrays["steps"], dtype=np.int64)],
        starts=np.cumsum(sizes) - sizes,
        sizes=sizes,
    )


def _head_text(member: Member) -> str:
    return json.dumps({name: list(shape) for name, shape in member.head.items()})


def _row(member: Member, heads: Sequence[str]) -> list[Any]:
    place = heads.index(_head_text(member))
    return [member.spec, place, member.classes, member.computation, member.preprocessing]
