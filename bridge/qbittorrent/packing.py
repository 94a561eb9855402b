"""Bytes that are sent often, packed at most once, also where a few of them differ each time."""

import asyncio
import zlib

from msgspec import Struct

WINDOW_BYTES = 1 << 12
GZIP = 16  # zlib's word for gzip's header and end, beside the window's size
PACKED_IN_LOOP = 16 * 1024  # larger ones are packed in a thread

# CRC-32 as gzip has it: a polynomial whose highest bit stands for x to the power of 0.
_DIVISOR = 0xEDB88320
_ONE = 1 << 31
_X_TO_THE_8 = 1 << 23
_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\x03"  # gzip's, without a name or a date


class Body:
    """Bytes that may be sent often."""

    def __init__(self, plain: bytes) -> None:
        self._plain = plain
        self._packed: bytes | None = None

    def __len__(self) -> int:
        return len(self._plain)

    @property
    def plain(self) -> bytes:
        """The bytes as they are."""
        return self._plain

    async def packed(self) -> bytes:
        """The bytes as gzip."""
        if self._packed is None:
            if len(self._plain) < PACKED_IN_LOOP:
                self._packed = _gzip(self._plain)
            else:
                self._packed = await asyncio.to_thread(_gzip, self._plain)
        return self._packed


class Tail:
    """What bodies that begin differently have in common; packing it is paid once."""

    def __init__(self, plain: bytes) -> None:
        self.plain = plain
        self._deflated: _Deflated | None = None

    async def after(self, head: bytes) -> bytes:
        """Both as one gzip member, which every client reads; not all read two in a row."""
        if self._deflated is None:
            if len(self.plain) < PACKED_IN_LOOP:
                self._deflated = _deflate(self.plain)
            else:
                self._deflated = await asyncio.to_thread(_deflate, self.plain)
        tail, packing = self._deflated, zlib.compressobj(6, zlib.DEFLATED, -12, 4)
        start = packing.compress(head) + packing.flush(zlib.Z_SYNC_FLUSH)
        crc = _product(zlib.crc32(head), tail.shift) ^ tail.crc
        size = (len(head) + len(self.plain)) % 2**32
        end = crc.to_bytes(4, "little") + size.to_bytes(4, "little")
        return b"".join((_HEADER, start, tail.blocks, end))


class Begun(Body):
    """A body of its own head and a tail that is shared."""

    def __init__(self, head: bytes, tail: Tail) -> None:
        self._head, self._tail = head, tail
        self._packed: bytes | None = None

    def __len__(self) -> int:
        return len(self._head) + len(self._tail.plain)

    @property
    def plain(self) -> bytes:
        """The bytes as they are."""
        return self._head + self._tail.plain

    async def packed(self) -> bytes:
        """The bytes as gzip."""
        if self._packed is None:
            self._packed = await self._tail.after(self._head)
        return self._packed


class _Deflated(Struct, frozen=True):
    """The blocks that end a stream, and what its checksum needs to know of them."""

    blocks: bytes
    crc: int
    shift: int


def _deflate(plain: bytes) -> _Deflated:
    packing = zlib.compressobj(1, zlib.DEFLATED, -15)
    blocks = packing.compress(plain) + packing.flush()
    return _Deflated(blocks, zlib.crc32(plain), _shift(len(plain)))


def _gzip(plain: bytes) -> bytes:
    if len(plain) <= WINDOW_BYTES:
        # A window no larger than the body: to make a large one takes longer than to fill it.
        packing = zlib.compressobj(6, zlib.DEFLATED, GZIP | 12, 4)
    elif len(plain) < PACKED_IN_LOOP:
        packing = zlib.compressobj(6, zlib.DEFLATED, GZIP | 15)
    else:
        # The rows of a long list are so alike that the first level leaves as little as the sixth
        # of the real server does, in a third of the time.
        packing = zlib.compressobj(1, zlib.DEFLATED, GZIP | 15)
    return packing.compress(plain) + packing.flush()


def _shift(length: int) -> int:
    """What so many further bytes multiply a checksum by: x to the power of their bits."""
    shift, power = _ONE, _X_TO_THE_8
    while length:
        if length & 1:
            shift = _product(shift, power)
        power = _product(power, power)
        length >>= 1
    return shift


def _product(one: int, other: int) -> int:
    """Two polynomials over GF(2), multiplied modulo that of CRC-32."""
    product = 0
    while one:
        if one & _ONE:
            product ^= other
        one = (one << 1) & 0xFFFFFFFF
        other = (other >> 1) ^ (_DIVISOR if other & 1 else 0)
    return product
