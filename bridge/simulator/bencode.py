"""Bencoding, just enough to write a .torrent and to read one that was handed to TorBox.

Strict on purpose: what is not clean bencoding is refused, as a server would.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = "int | bytes | str | Sequence[Value] | Mapping[bytes, Value]"
Decoded: TypeAlias = "int | bytes | list[Decoded] | dict[bytes, Decoded]"

DEEPEST = 32  # a .torrent needs five


class NotBencoded(ValueError):
    """The bytes are not bencoding."""


def encode(value: Value) -> bytes:
    """The value in bencoding, keys sorted."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, Mapping):
        return b"d%se" % b"".join(encode(k) + encode(value[k]) for k in sorted(value))
    return b"l%se" % b"".join(encode(part) for part in value)


def decode(data: bytes) -> tuple[Decoded, bytes]:
    """The value, and the raw bytes of its top-level key `info` (b"" without one)."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise NotBencoded("bytes after the end")
    return value, reader.info


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.info = b""

    def value(self, depth: int) -> Decoded:
        if depth > DEEPEST:
            raise NotBencoded("too deep")
        match self.data[self.at : self.at + 1]:
            case b"i":
                return self._number_until(b"e", self.at + 1)
            case b"l":
                return self._list(depth)
            case b"d":
                return self._dict(depth)
            case digit if digit.isdigit():
                return self._bytes()
            case _:
                raise NotBencoded(f"no value at byte {self.at}")

    def _number_until(self, end: bytes, start: int) -> int:
        stop = self.data.find(end, start, start + 24)
        digits = self.data[start:stop] if stop >= 0 else b""
        if not digits.lstrip(b"-").isdigit():
            raise NotBencoded(f"no number at byte {start}")
        self.at = stop + 1
        return int(digits)

    def _bytes(self) -> bytes:
        length = self._number_until(b":", self.at)
        if length < 0 or self.at + length > len(self.data):
            raise NotBencoded("cut off")
        self.at += length
        return self.data[self.at - length : self.at]

    def _list(self, depth: int) -> list[Decoded]:
        self.at += 1
        parts: list[Decoded] = []
        while self._more():
            parts.append(self.value(depth + 1))
        return parts

    def _dict(self, depth: int) -> dict[bytes, Decoded]:
        self.at += 1
        parts: dict[bytes, Decoded] = {}
        while self._more():
            key = self._bytes() if self.data[self.at : self.at + 1].isdigit() else None
            if key is None:
                raise NotBencoded("a key that is not a string")
            start = self.at
            parts[key] = self.value(depth + 1)
            if depth == 0 and key == b"info":
                self.info = self.data[start : self.at]
        return parts

    def _more(self) -> bool:
        if self.at >= len(self.data):
            raise NotBencoded("cut off")
        if self.data[self.at : self.at + 1] == b"e":
            self.at += 1
            return False
        return True
