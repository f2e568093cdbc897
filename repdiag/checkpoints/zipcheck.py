"""Budgets and consistency of a torch zip, before any byte of it is unpickled."""

from __future__ import annotations

import os
import struct
import zipfile
from typing import BinaryIO

from repdiag.errors import InputError
from repdiag.text import printable

MAX_MEMBERS = 200_000
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")


def check_zip(stream: BinaryIO, shown: str) -> None:
    """Accept only what torch.save writes: stored members, each once, inside the file.

    Raises:
        InputError: compressed or duplicate members, sizes beyond the file, or headers that disagree.
    """
    size = stream.seek(0, os.SEEK_END)
    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise InputError(
            f"{shown}: has {len(members):,} members, over {MAX_MEMBERS:,}; torch.save writes far fewer"
        )
    _refuse_compressed(members, shown)
    names: set[str] = set()
    for member in members:
        if member.filename in names:
            raise InputError(
                f"{shown}: names its member {printable(member.filename, 60)} twice; save it again"
            )
        names.add(member.filename)
        _check_local_header(stream, member, shown)
    if sum(member.file_size for member in members) > size:
        raise InputError(f"{shown}: its members claim more bytes than the file has; it is damaged or crafted")
    stream.seek(0)


def _refuse_compressed(members: list[zipfile.ZipInfo], shown: str) -> None:
    compressed = [
        member
        for member in members
        if (member.compress_type, member.compress_size) != (zipfile.ZIP_STORED, member.file_size)
    ]
    if not compressed:
        return
    worst = max(compressed, key=lambda member: member.file_size)
    sizes = f"expands to {worst.file_size:,} bytes, over the {worst.compress_size:,} stored"
    what = f"its member {printable(worst.filename, 60)} {sizes}"
    raise InputError(f"{shown}: {what}; torch.save never compresses, save it again")


def _check_local_header(stream: BinaryIO, member: zipfile.ZipInfo, shown: str) -> None:
    stream.seek(member.header_offset)
    raw = stream.read(_LOCAL_HEADER.size)
    agrees = len(raw) == _LOCAL_HEADER.size
    if agrees:
        signature, _, flags, method, *_, name_length, _ = _LOCAL_HEADER.unpack(raw)
        name = stream.read(name_length).decode("utf-8" if flags & 0x800 else "cp437", "replace")
        agrees = (
            signature == b"PK\x03\x04" and method == member.compress_type and name == member.orig_filename
        )
    if not agrees:
        raise InputError(
            f"{shown}: its headers disagree about the member {printable(member.filename, 60)}; "
            "it is damaged or crafted, fetch it again"
        )
