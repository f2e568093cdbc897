"""The reader of pickles that runs nothing gives what pickle gives, for data, and refuses the rest."""

from __future__ import annotations

import collections
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repdiag.checkpoints.inert import Inert, read_inert
from tests.checkpoints.bad_inputs import Calls

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.sets(st.integers())
    ),
    max_leaves=30,
)


@settings(max_examples=200, deadline=None)
@given(plain, st.sampled_from([2, 3, 4, 5]))
def test_data_is_what_pickle_makes_of_it(value: Any, protocol: int) -> None:
    raw = pickle.dumps(value, protocol)
    if b"_codecs" in raw or b"builtins" in raw or b"__builtin__" in raw:
        return  # protocol 2 calls functions for bytes and sets
    assert read_inert(raw) == (value, ())


def test_a_list_in_itself() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    found, _ = read_inert(pickle.dumps(loop))
    assert found[1] is found


def test_calls_are_records(tmp_path: Path) -> None:
    found, names = read_inert(pickle.dumps(Calls(os.mkdir, str(tmp_path / "made"))))
    assert (found.name, found.args) == ("posix.mkdir", (str(tmp_path / "made"),))
    assert names == ("posix.mkdir",)
    assert not (tmp_path / "made").exists()


def test_objects_keep_their_state_and_items() -> None:
    found, names = read_inert(pickle.dumps([collections.OrderedDict(a=1), Path("b")], 4))
    assert isinstance(found[0], Inert)
    assert found[0].state == {"a": 1}
    assert names[0] == "collections.OrderedDict"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"abc",
        b"\x80\x04.",
        b"\x80\x02]}b.",
        b"\x80\x02]K\x00K\x01s.",
        b"\x80\x02K\x01K\x02a.",
        b"\x80\x02t.",
        b"\x80\x02\x87.",
        b"\x80\x02h\x07.",
        b"\x80\x02(K\x01u.",
        b"\x80\x02X\x01\x00\x00\x00a)R.",
        b"\x80\x02K\x07Q.",
        b"\x80\x02(ios\nsystem\n.",
        b"\x80\x02}]K\x01s.",
    ],
)
def test_what_is_no_plain_pickle_is_refused(raw: bytes) -> None:
    with pytest.raises((ValueError, IndexError, KeyError, TypeError, AttributeError)):
        read_inert(raw)
