"""The bytes of every file, made from a seed: any range of any file at memory speed, stored nowhere.

A block is a digest of its number followed by a slice of the file's base noise, shifted differently
for every block, so that a byte at the wrong place, or of the wrong file, is a wrong byte.
"""

import hashlib
from collections.abc import Iterator
from functools import lru_cache

BLOCK = 64 * 1024
_HEAD = 32
_STEP = 7919  # odd: 65,536 blocks in a row have different shifts


@lru_cache(maxsize=64)
def _noise(key: str) -> bytes:
    once = hashlib.shake_128(key.encode("utf-8", "surrogateescape")).digest(BLOCK)
    return once + once


def _block(key: str, number: int) -> bytes:
    shift = number * _STEP % BLOCK
    head = hashlib.blake2b(f"{number}".encode(), digest_size=_HEAD, key=_noise(key)[:64]).digest()
    return head + _noise(key)[shift : shift + BLOCK - _HEAD]


def read(key: str, start: int, length: int) -> bytes:
    """`length` bytes of the endless content named `key`, from byte `start`."""
    if length <= 0:
        return b""
    first, last = start // BLOCK, (start + length - 1) // BLOCK
    data = b"".join(_block(key, number) for number in range(first, last + 1))
    skip = start - first * BLOCK
    return data if not skip and len(data) == length else data[skip : skip + length]


def pieces(key: str, size: int, piece: int = 1024 * 1024) -> Iterator[bytes]:
    """The first `size` bytes, piece by piece."""
    for start in range(0, size, piece):
        yield read(key, start, min(piece, size - start))
