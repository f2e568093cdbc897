"""Texts in one piece of memory are the texts that went in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from repdiag.errors import InputError
from repdiag.store.opened import check_unique
from repdiag.store.texts import BLOCK, Texts

NAMES = ["", "a", "größe", "\U0001f600", "b" * 300, "a b"]


def test_they_are_a_sequence_of_the_same_texts() -> None:
    held = Texts(NAMES)
    assert len(held) == len(NAMES)
    assert list(held) == NAMES
    assert [held[row] for row in range(len(NAMES))] == NAMES
    assert held[-1] == NAMES[-1]
    assert held[1:4] == NAMES[1:4]
    with pytest.raises(IndexError):
        held[len(NAMES)]


def test_they_equal_a_list_of_the_same_texts_and_no_other() -> None:
    assert Texts(NAMES) == NAMES
    assert [*NAMES] == Texts(NAMES)
    assert Texts(NAMES) != [*NAMES[:-1], "c"]
    assert Texts(NAMES) != NAMES[:-1]
    assert Texts(["a"]) != "a"


def test_none_and_more_than_a_block() -> None:
    assert list(Texts([])) == []
    many = [str(row) for row in range(BLOCK + 3)]
    assert list(Texts(iter(many))) == many


def test_they_take_little_more_than_their_letters() -> None:
    held = Texts(str(row) for row in range(100_000))
    assert sys.getsizeof(held._letters) + held._ends.nbytes < 10 * len(held)


def test_the_first_id_that_comes_twice_is_named() -> None:
    ids = Texts(["x", "y", "z", "y", "x"])
    with pytest.raises(InputError, match='id "y" comes twice'):
        check_unique(ids, Path("store.h5"))
    assert check_unique(Texts(["x", "y"]), Path("store.h5")) == ["x", "y"]
