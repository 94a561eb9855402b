"""How fast bytes arrive, of one torrent or of all."""

from collections import deque

from bridge.clock import Clock

WINDOW_SECONDS = 10.0
STEPS = 20  # so many sums are kept for one window


class Flow:
    """What came over the network since it was made, and how fast lately."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._recent: deque[tuple[float, int]] = deque()  # (moment, bytes), oldest first
        self.received_bytes = 0
        self.last_byte_at: float | None = None  # on the clock's monotonic time

    @property
    def speed(self) -> float:
        """Bytes a second over the last ten seconds."""
        now = self._clock.monotonic()
        recent = [(at, count) for at, count in self._recent if at > now - WINDOW_SECONDS]
        if not recent:
            return 0.0
        return sum(count for _, count in recent) / max(1.0, now - recent[0][0])

    def arrived(self, count: int) -> None:
        """So many bytes came."""
        now = self._clock.monotonic()
        self.received_bytes += count
        self.last_byte_at = now
        if self._recent and now - self._recent[-1][0] < WINDOW_SECONDS / STEPS:
            at, before = self._recent[-1]
            self._recent[-1] = (at, before + count)
            return
        self._recent.append((now, count))
        while self._recent[0][0] <= now - WINDOW_SECONDS:
            self._recent.popleft()
