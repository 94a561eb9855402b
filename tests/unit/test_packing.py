"""Bodies that are packed once, and those that share what is packed."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.qbittorrent import packing
from bridge.qbittorrent.packing import Begun, Body, Tail

ROW = b'{"hash":"0123456789abcdef","name":"Some.Show.S01E01","state":"downloading"},'
SIZES = [0, 1, 100, packing.WINDOW_BYTES + 1, packing.PACKED_IN_LOOP - 1, 1_000_003]


def rows(size: int) -> bytes:
    return (ROW * (size // len(ROW) + 1))[:size]


@pytest.mark.parametrize("size", SIZES)
async def test_a_packed_body_unpacks_to_itself(size: int) -> None:
    body = Body(rows(size))
    assert gzip.decompress(await body.packed()) == body.plain == rows(size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("head", [b"", b"{", b'{"rid":1' + bytes(range(256)) * 40])
async def test_a_head_and_a_shared_tail_are_one_gzip_member(head: bytes, size: int) -> None:
    tail = Tail(rows(size))
    for begin in (head, head + b"2"):
        body = Begun(begin, tail)
        assert len(body) == len(body.plain)
        reader = zlib.decompressobj(packing.GZIP | 15)  # reads one member, and proves its checksum
        assert reader.decompress(await body.packed()) == body.plain == begin + rows(size)
        assert reader.eof
        assert reader.unused_data == b""


async def test_the_shared_tail_is_packed_once() -> None:
    tail = Tail(rows(100_000))
    await Begun(b"1", tail).packed()
    before = tail._deflated
    await Begun(b"2", tail).packed()
    assert before is not None
    assert tail._deflated is before


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_the_checksum_of_two_parts_is_that_of_the_whole(one: bytes, other: bytes) -> None:
    moved = packing._product(zlib.crc32(one), packing._shift(len(other)))
    assert moved ^ zlib.crc32(other) == zlib.crc32(one + other)
