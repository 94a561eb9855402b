"""Reads bencode that strangers wrote: bounded in depth, size and number of values.

It is forgiving where that harms nobody (unsorted keys, leading zeros, bytes after the end), because
the info-hash is taken from the bytes as they came and not from anything that is encoded again.
"""

from typing import TypeAlias

from msgspec import Struct

from bridge.errors import NotATorrent

Value: TypeAlias = "int | bytes | list[Value] | dict[bytes, Value]"
Dictionary: TypeAlias = dict[bytes, Value]

MOST_DEPTH = 100
MOST_VALUES = 2_000_000  # a hybrid torrent of 100,000 files has about 1,500,000
MOST_DIGITS = 19  # of an integer: 64 bits
MOST_LENGTH_DIGITS = 9  # of the length before a string

_INTEGER, _LIST, _DICTIONARY, _END = b"ilde"


class Document(Struct, frozen=True):
    """A dictionary, and the bytes of each of its values as they came."""

    values: Dictionary
    raw: dict[bytes, memoryview]


def decode(data: bytes) -> Value:
    """The first value in the data. Of equal keys in a dictionary the first counts."""
    return _Reader(data).value(0)


def decode_document(data: bytes) -> Document:
    """The dictionary that the data consists of."""
    reader = _Reader(data)
    if data[:1] != b"d":
        raise NotATorrent("this is not a .torrent: it does not begin with a dictionary")
    values = reader.dictionary(0)
    view = memoryview(data)
    return Document(values, {key: view[span] for key, span in reader.spans.items()})


class _Reader:
    """Goes through the data once; `at` is the next byte to read."""

    def __init__(self, data: bytes) -> None:
        self.spans: dict[bytes, slice] = {}  # of the values in the outermost dictionary
        self._data = data
        self._at = 0
        self._values_left = MOST_VALUES

    def value(self, depth: int) -> Value:
        self._values_left -= 1
        if depth > MOST_DEPTH or self._values_left < 0:
            raise NotATorrent("the .torrent is nested too deeply or holds too many values")
        first = self._peek()
        if first == _INTEGER:
            return self._integer()
        if first == _LIST:
            return self._list(depth)
        if first == _DICTIONARY:
            return self.dictionary(depth)
        return self._string()

    def dictionary(self, depth: int) -> Dictionary:
        self._at += 1
        found: Dictionary = {}
        while self._peek() != _END:
            key = self._string()
            start = self._at
            value = self.value(depth + 1)
            if depth == 0:
                self._remember_span(key, start)
            found.setdefault(key, value)
        self._at += 1
        return found

    def _remember_span(self, key: bytes, start: int) -> None:
        # Two of them would be two torrents, and others might take the other one.
        if key == b"info" and key in self.spans:
            raise NotATorrent("the .torrent has more than one info dictionary")
        self.spans.setdefault(key, slice(start, self._at))

    def _list(self, depth: int) -> list[Value]:
        self._at += 1
        found = []
        while self._peek() != _END:
            found.append(self.value(depth + 1))
        self._at += 1
        return found

    def _integer(self) -> int:
        start = self._at + 1
        end = self._data.find(b"e", start, start + MOST_DIGITS + 2)
        digits = self._data[start:end]
        if end < 0 or not digits.removeprefix(b"-").isdigit():
            raise NotATorrent(f"the .torrent has a broken integer at byte {start}")
        self._at = end + 1
        return int(digits)

    def _string(self) -> bytes:
        colon = self._data.find(b":", self._at, self._at + MOST_LENGTH_DIGITS + 1)
        digits = self._data[self._at : colon]
        if colon < 0 or not digits.isdigit():
            raise NotATorrent(f"the .torrent is broken at byte {self._at}")
        end = colon + 1 + int(digits)
        if end > len(self._data):
            raise NotATorrent("the .torrent is cut short")
        self._at = end
        return self._data[colon + 1 : end]

    def _peek(self) -> int:
        if self._at >= len(self._data):
            raise NotATorrent("the .torrent is cut short")
        return self._data[self._at]
