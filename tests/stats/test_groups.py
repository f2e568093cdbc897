"""The grouping behind every interval, against a literal reading of its definition."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repdiag.stats.groups import group20, hash_order, text_hashes


def literal_group(text: str) -> int:
    """First 8 bytes, little-endian, of blake2b over the UTF-8 text, mod 20."""
    digest = hashlib.blake2b(text.encode("utf-8")).digest()
    number = 0
    for place, byte in enumerate(digest[:8]):
        number += byte * 256**place
    return number % 20


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("0", 13),
        ("1", 0),
        ("2", 13),
        ("19", 3),
        ("12345", 19),
        ("img/cat 001.png", 6),
        ("épreuve", 11),
        ("日本", 15),
        ("", 4),
    ],
)
def test_known_groups_stay_for_ever(text: str, group: int) -> None:
    assert group20(text_hashes([text])).tolist() == [group]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=30))
def test_equals_the_literal_definition(texts: list[str]) -> None:
    assert group20(text_hashes(texts)).tolist() == [literal_group(text) for text in texts]


def test_known_hash() -> None:
    """The digest of the empty text is published with BLAKE2b: 786a02f742015903..."""
    assert text_hashes([""]).tolist() == [int.from_bytes(bytes.fromhex("786a02f742015903"), "little")]


def test_groups_are_even() -> None:
    counts = np.bincount(group20(text_hashes(map(str, range(20_000)))), minlength=20)
    assert counts.min() > 850
    assert counts.max() < 1150


def test_no_texts_no_groups() -> None:
    assert group20(text_hashes([])).shape == (0,)
    assert hash_order(text_hashes([])).shape == (0,)


def test_hash_order_is_the_rank_of_each_hash() -> None:
    hashes = np.array([30, 10, 20, 10], dtype=np.uint64)
    assert hash_order(hashes).tolist() == [3, 0, 2, 1]


@given(st.permutations([f"sample {i}" for i in range(12)]))
def test_hash_order_does_not_depend_on_row_order(texts: list[str]) -> None:
    ranks = dict(zip(texts, hash_order(text_hashes(texts)).tolist(), strict=True))
    again = sorted(texts)
    assert [ranks[text] for text in again] == hash_order(text_hashes(again)).tolist()
