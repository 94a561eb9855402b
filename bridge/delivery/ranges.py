"""Which bytes of a file: a handful of ranges that neither overlap nor touch."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

Range: TypeAlias = tuple[int, int]  # from the first byte to the one after the last


class Ranges:
    """Sorted; adding and removing keep them apart."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._ranges: list[Range] = []
        self.total = 0  # bytes in all of them
        for start, stop in ranges:
            self.add(start, stop)

    def __iter__(self) -> Iterator[Range]:
        return iter(self._ranges)

    def add(self, start: int, stop: int) -> None:
        """These bytes, too."""
        if start >= stop:
            return
        if self._ranges and self._ranges[-1][1] == start:  # the usual: one goes on at its end
            self._ranges[-1] = (self._ranges[-1][0], stop)
            self.total += stop - start
            return
        before = [one for one in self._ranges if one[1] < start]
        after = [one for one in self._ranges if one[0] > stop]
        met = self._ranges[len(before) : len(self._ranges) - len(after)]
        joined = (min([start, *(one[0] for one in met)]), max([stop, *(one[1] for one in met)]))
        self._set([*before, joined, *after])

    def remove(self, start: int, stop: int) -> None:
        """These bytes no more."""
        if start >= stop:
            return
        kept = []
        for first, last in self._ranges:
            kept += [(first, min(last, start)), (max(first, stop), last)]
        self._set([one for one in kept if one[0] < one[1]])

    def clipped(self, size: int) -> "Ranges":
        """Those of them below `size`."""
        return Ranges((start, min(stop, size)) for start, stop in self._ranges if start < size)

    def missing(self, size: int) -> list[Range]:
        """What of the bytes below `size` is in none of them."""
        stops = [0, *(stop for _, stop in self._ranges)]
        starts = [*(start for start, _ in self._ranges), size]
        return [one for one in zip(stops, starts, strict=True) if one[0] < one[1]]

    @property
    def prefix(self) -> int:
        """How many bytes from the first on are there without a gap."""
        return self._ranges[0][1] if self._ranges and self._ranges[0][0] == 0 else 0

    def _set(self, ranges: list[Range]) -> None:
        self._ranges = ranges
        self.total = sum(stop - start for start, stop in ranges)
