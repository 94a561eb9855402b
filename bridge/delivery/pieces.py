"""What a .torrent says of the bytes: the SHA-1 of each piece, over all its files end to end.

Most pieces lie in one file and are judged as its bytes pass by. A piece that several files share is
judged once they are all here, and not at all if one of them is not wanted.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Container, Iterator
from itertools import accumulate

from msgspec import Struct

from bridge.delivery.ranges import Range, Ranges

SHA1_BYTES = 20
_ZEROS = memoryview(bytes(1 << 16))
MOST_RUNS = 16  # pieces of one file that are being hashed at once


class Proof(Struct, frozen=True):
    """The .torrent's word."""

    piece_length: int
    hashes: bytes  # 20 bytes for each piece
    # In torrent order: a file's path as in `File.path`, None for padding, and its bytes.
    layout: tuple[tuple[str | None, int], ...]


class Share(Struct, frozen=True):
    """What a piece has of one file; `path` is None for padding."""

    path: str | None
    start: int
    stop: int


class SharedPiece(Struct, frozen=True):
    """A piece that lies in more than one file."""

    digest: bytes
    shares: tuple[Share, ...]


class Pieces:
    """The pieces of one torrent, sorted out for the files that are delivered."""

    def __init__(self, proof: Proof, wanted: Container[str]) -> None:
        self._proof = proof
        self._ends = list(accumulate(size for _, size in proof.layout))
        self._files: dict[str, FilePieces] = {}
        for index, (path, size) in enumerate(proof.layout):
            if path is not None and path in wanted and size:
                self._files[path] = self._pieces_in(index)
        self.shared = tuple(self._shared(wanted))

    def of(self, path: str) -> "FilePieces | None":
        """The pieces that lie in this file alone."""
        return self._files.get(path)

    def _pieces_in(self, index: int) -> "FilePieces":
        """Those from the first border in the file to its last; padding after it is part of it."""
        length, size = self._proof.piece_length, self._proof.layout[index][1]
        end = self._ends[index]
        first = -(end - size) % length
        number = (end - size + first) // length
        padding = self._padding_after(index)
        whole = (size - first) // length if size > first else 0
        rest = size > first and (size - first) % length != 0
        count = whole + (rest and padding is not None)
        hashes = self._proof.hashes[number * SHA1_BYTES : (number + count) * SHA1_BYTES]
        return FilePieces(first, length, size, hashes, padding or 0)

    def _padding_after(self, index: int) -> int | None:
        """How much padding ends the piece that the file ends in; None if another file does."""
        length, end = self._proof.piece_length, self._ends[index]
        room = -end % length
        for path, size in self._proof.layout[index + 1 :]:
            if path is not None and size:
                return None if end < self._ends[index] + room else room
            end += size
            if end >= self._ends[index] + room:
                return room
        return end - self._ends[index]

    def _shared(self, wanted: Container[str]) -> Iterator[SharedPiece]:
        length, total = self._proof.piece_length, self._ends[-1] if self._ends else 0
        numbers = sorted({end // length for end in self._ends if end % length and end <= total})
        for number in numbers:
            shares = tuple(self._shares(number * length, min(number * length + length, total)))
            files = [share.path for share in shares if share.path is not None]
            alone = len(files) == 1 and shares[0].path is not None
            if files and not alone and all(path in wanted for path in files):
                digest = self._proof.hashes[number * SHA1_BYTES : (number + 1) * SHA1_BYTES]
                yield SharedPiece(digest, shares)

    def _shares(self, start: int, stop: int) -> Iterator[Share]:
        index = bisect_right(self._ends, start)
        while start < stop:
            path, size = self._proof.layout[index]
            begin, end = self._ends[index] - size, min(self._ends[index], stop)
            if end > start:
                yield Share(path, start - begin, end - begin)
            start, index = max(start, end), index + 1


class FilePieces:
    """The pieces that lie in one file alone, and what was found out about each."""

    def __init__(self, first: int, length: int, size: int, hashes: bytes, padding: int) -> None:
        self._first = first  # where the first of them begins
        self._length = length
        self._size = size
        self._hashes = hashes
        self._padding = padding  # zeros that end the last piece after the file has ended
        self._good = bytearray(len(hashes) // SHA1_BYTES)
        self._bad: set[int] = set()
        self._runs: dict[int, tuple[int, hashlib._Hash]] = {}  # next byte → piece, digest so far

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._good)

    @property
    def bad(self) -> list[Range]:
        """The bytes of those that were disproved."""
        return [self.range_of(number) for number in sorted(self._bad)]

    @property
    def open(self) -> bool:
        """Whether something is still to be found out."""
        return self._good.count(0) > len(self._bad)

    @property
    def unknown(self) -> list[int]:
        """Those that nothing is known about."""
        return [one for one in range(self.count) if not self._good[one] and one not in self._bad]

    @property
    def proven_to(self) -> int:
        """Up to which byte none is missing among the proven."""
        number = self._good.find(0)
        number = self.count if number < 0 else number
        return self.range_of(number - 1)[1] if number else 0

    @property
    def cover_all(self) -> bool:
        """Whether every byte of the file is in a proven piece."""
        return self._first == 0 and self.proven_to == self._size

    @property
    def outside(self) -> list[Range]:
        """The bytes of the file that are in none of them, but in pieces shared with others."""
        return Ranges(map(self.range_of, range(self.count))).missing(self._size)

    def range_of(self, number: int) -> Range:
        """Its bytes in the file."""
        start = self._first + number * self._length
        return start, min(start + self._length, self._size)

    def assume(self, proven_to: int) -> None:
        """What an earlier run of the program found: all below this byte are good."""
        for number in range(min(self.count, max(0, proven_to - self._first) // self._length + 1)):
            if self.range_of(number)[1] <= proven_to:
                self._good[number] = 1

    def forget(self, start: int, stop: int) -> None:
        """These bytes are not there any more."""
        for number in range(self.count):
            first, last = self.range_of(number)
            if first < stop and start < last:
                self._good[number] = 0
                self._bad.discard(number)
        self._runs.clear()

    def pass_by(self, at: int, block: memoryview) -> None:
        """These bytes were written; judge the pieces that end among them."""
        run = self._runs.pop(at, None)
        while block:
            if run is None:
                number = max(0, -(-(at - self._first) // self._length))
                skipped = self.range_of(number)[0] - at
                if number >= self.count or skipped >= len(block):
                    return
                at, block = at + skipped, block[skipped:]
                run = number, hashlib.sha1(usedforsecurity=False)
            number, digest = run
            taken = min(len(block), self.range_of(number)[1] - at)
            digest.update(block[:taken])
            at, block = at + taken, block[taken:]
            if at == self.range_of(number)[1]:
                self.judge(number, digest)
                run = None
        if run is not None:
            self._remember(at, run)

    def judge(self, number: int, digest: "hashlib._Hash") -> None:
        """Compare, once all its bytes in the file were digested."""
        start, stop = self.range_of(number)
        if stop - start < self._length:
            add_zeros(digest, self._padding)
        good = digest.digest() == self._hashes[number * SHA1_BYTES : (number + 1) * SHA1_BYTES]
        self._good[number] = good
        if good:
            self._bad.discard(number)
        else:
            self._bad.add(number)

    def _remember(self, at: int, run: "tuple[int, hashlib._Hash]") -> None:
        if len(self._runs) >= MOST_RUNS:
            del self._runs[next(iter(self._runs))]
        self._runs[at] = run


def add_zeros(digest: "hashlib._Hash", count: int) -> None:
    """Padding is never fetched: it is known to be zeros (BEP 47)."""
    while count > 0:
        digest.update(_ZEROS[:count])
        count -= len(_ZEROS)
