"""Which connection fetches which bytes of a file; only the loop changes it, so none overlap."""

from collections.abc import Iterable

from bridge.delivery.ranges import Range

# A connection costs the CDN something, so it is not made for less. Below twice this a file is
# fetched over one, however many are allowed.
LEAST_BYTES = 8 << 20


class Segment:
    """Bytes that one connection fetches, from `at` on; `stop` may come nearer meanwhile."""

    def __init__(self, start: int, stop: int) -> None:
        self.start = start
        self.at = start
        self.stop = stop
        self.shortened = False

    @property
    def taken_over(self) -> bool:
        """Whether it is done because another connection fetches the rest of what was asked for."""
        return self.shortened and not self.left

    @property
    def left(self) -> int:
        """Bytes still to be fetched."""
        return self.stop - self.at

    def fitting(self, blocks: list[bytes]) -> list[bytes]:
        """As much of the blocks as belongs to this segment; it begins after them from then on."""
        fitting = []
        for block in blocks:
            fitting.append(block if len(block) <= self.left else block[: self.left])
            self.at += len(fitting[-1])
        return [block for block in fitting if block]


class Segments:
    """What is missing of a file, handed out piece by piece."""

    def __init__(self, missing: Iterable[Range], connections: int) -> None:
        self._connections = connections
        self._free = [Segment(start, stop) for start, stop in missing]
        self.active: list[Segment] = []
        while 0 < len(self._free) < connections and self._split(self._free):
            continue

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._free) + len(self.active)

    def take(self) -> Segment | None:
        """Bytes that nobody fetches; if there are none, half of what somebody has left."""
        if not self._free:
            self._split(self.active)
        if not self._free:
            return None
        segment = self._free.pop(0)
        self.active.append(segment)
        return segment

    def give_back(self, segment: Segment) -> None:
        """What is left of it is for somebody else."""
        self.active.remove(segment)
        if segment.left:
            self._free.insert(0, Segment(segment.at, segment.stop))

    def _split(self, segments: list[Segment]) -> bool:
        """Make two of the largest; False if that is not worth a connection."""
        if self._connections == 1 or not segments:
            return False
        largest = max(segments, key=lambda segment: segment.left)
        if largest.left < 2 * LEAST_BYTES:
            return False
        middle = largest.at + largest.left // 2
        self._free.append(Segment(middle, largest.stop))
        largest.stop = middle
        largest.shortened = True
        return True
