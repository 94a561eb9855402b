"""The local leg of a torrent as it is now: what is here, how fast it comes, what it waits for."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from bridge.clock import Clock

WINDOW_SECONDS = 10.0


class Leg:
    """Changed by the delivery only; cheap to read at any moment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._arrivals: deque[tuple[float, int]] = deque()  # (moment, bytes), one a half second
        self._files: dict[str, int] = {}
        self._verifying = 0
        self.delivered_bytes = 0
        self.last_byte_at: float | None = None  # on the clock's monotonic time
        self.waits_for = ""  # a plain sentence, "" while bytes come

    @property
    def files(self) -> dict[str, int]:
        """Bytes here per file path; not to be changed."""
        return self._files

    @property
    def verifying(self) -> bool:
        """Whether a file that is here is being proven."""
        return self._verifying > 0

    @property
    def speed(self) -> float:
        """Bytes a second over the last ten seconds."""
        now = self._clock.monotonic()
        recent = [(at, count) for at, count in self._arrivals if at > now - WINDOW_SECONDS]
        if not recent:
            return 0.0
        return sum(count for _, count in recent) / max(1.0, now - recent[0][0])

    def arrived(self, count: int) -> None:
        """Bytes came over the network; they are not on the disk yet."""
        now = self._clock.monotonic()
        self.last_byte_at = now
        self.waits_for = ""
        if self._arrivals and now - self._arrivals[-1][0] < WINDOW_SECONDS / 20:
            at, before = self._arrivals[-1]
            self._arrivals[-1] = (at, before + count)
            return
        self._arrivals.append((now, count))
        while self._arrivals[0][0] <= now - WINDOW_SECONDS:
            self._arrivals.popleft()

    def holds(self, path: str, count: int) -> None:
        """So many bytes of this file are on the disk."""
        self.delivered_bytes += count - self._files.get(path, 0)
        self._files[path] = count

    @contextmanager
    def verification(self) -> Iterator[None]:
        """While a file is being proven."""
        self._verifying += 1
        try:
            yield
        finally:
            self._verifying -= 1
