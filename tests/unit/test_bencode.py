"""The bounded, forgiving reader of bencode."""

from contextlib import suppress

import pytest
from bencode2 import bdecode, bencode
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import NotATorrent
from bridge.torrentfile.bencode import Value, decode, decode_document

calm = settings(deadline=None)  # how long an example takes says nothing about the code

VALUES: st.SearchStrategy[Value] = st.recursive(
    st.one_of(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=40)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.binary(max_size=8), inner, max_size=5)
    ),
    max_leaves=30,
)


@calm
@given(VALUES)
def test_it_reads_what_another_program_wrote(value: Value) -> None:
    data = bencode(value)
    assert decode(data) == value
    assert bdecode(data) == value


@calm
@given(st.dictionaries(st.binary(max_size=8), VALUES, max_size=6))
def test_it_keeps_the_bytes_of_each_value_of_the_outermost_dictionary(
    values: dict[bytes, Value],
) -> None:
    document = decode_document(bencode(values))
    assert document.values == values
    assert {key: bytes(raw) for key, raw in document.raw.items()} == {
        key: bencode(value) for key, value in values.items()
    }


def test_unsorted_keys_are_read_and_of_equal_keys_the_first_counts() -> None:
    assert decode(b"d1:bi1e1:ai2e1:bi3ee") == {b"b": 1, b"a": 2}


def test_leading_zeros_and_bytes_after_the_end_are_forgiven() -> None:
    assert decode(b"li007ei-0e03:abce\n") == [7, 0, b"abc"]


def test_two_info_dictionaries_are_refused() -> None:
    with pytest.raises(NotATorrent, match="more than one info"):
        decode_document(b"d4:infode4:infodee")


def test_a_hundred_levels_are_read_and_no_more() -> None:
    assert decode(b"l" * 100 + b"e" * 100)
    with pytest.raises(NotATorrent, match="too deeply"):
        decode(b"l" * 102 + b"e" * 102)


@pytest.mark.parametrize(
    "bomb",
    [
        b"l" * 1_000_000,
        b"d1:a" * 1_000_000,
        b"99999999999999999999:",
        b"999999999:a",
        b"i" + b"9" * 1_000_000 + b"e",
        b"i" + b"9" * 21 + b"e",
        b"l" + b"le" * 2_000_001 + b"e",
    ],
    ids=["lists", "dictionaries", "length", "short", "integer", "long", "many"],
)
def test_a_bomb_is_refused(bomb: bytes) -> None:
    with pytest.raises(NotATorrent):
        decode(bomb)


@pytest.mark.parametrize(
    "broken",
    [
        *[b"", b"x", b"e", b":", b"5", b"5:abc", b"-1:a", b"\xb2:a", "٣:abc".encode()],
        *[b"i", b"i1", b"ie", b"i-e", b"i--1e", b"i+1e", b"i 1e", b"i1_0e"],
        *[b"l", b"li1e", b"d", b"d1:a", b"d1:ae", b"di1ei1ee", b"dle1:ae"],
    ],
)
def test_what_is_broken_is_refused(broken: bytes) -> None:
    with pytest.raises(NotATorrent):
        decode(broken)


@calm
@given(VALUES, st.data())
def test_what_is_cut_short_is_refused(value: Value, data: st.DataObject) -> None:
    whole = bencode(value)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(NotATorrent):
        decode(whole[:cut])


@calm
@given(st.one_of(st.binary(), st.text("ilde:0123456789-a", max_size=60).map(str.encode)))
def test_random_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (decode, decode_document):
        with suppress(NotATorrent):
            read(data)
