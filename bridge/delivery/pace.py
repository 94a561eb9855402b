"""How many bytes a second may come. Whoever took bytes waits until they have had their time."""

import asyncio
from collections.abc import Iterable

from bridge.clock import Clock

# Under a limit bytes are taken in smaller portions, or a slow download would look like none.
PORTIONS_PER_SECOND = 4
LEAST_PORTION = 16 << 10


class Pace:
    """A limit that can be changed at any moment, also while somebody waits because of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rate = 0  # bytes a second, 0: as fast as they come
        self._taken = 0  # bytes, ever
        self._passed = 0.0  # of them, as many as the limit let by
        self._at = clock.monotonic()
        self._changed = asyncio.Event()

    @property
    def rate(self) -> int:
        """Bytes a second, 0 for no limit."""
        return self._rate

    def limit(self, rate: int) -> None:
        """Let no more than so many bytes a second come, 0 for as many as do."""
        if rate == self._rate:
            return
        self._settle()
        self._rate = max(0, rate)
        self._changed.set()
        self._changed = asyncio.Event()

    def take(self, count: int) -> int:
        """Note that so many bytes came; what to wait for with `passed`."""
        self._settle()
        self._taken += count
        return self._taken

    async def passed(self, mark: int) -> None:
        """Wait until the bytes up to this mark have had their time."""
        self._settle()
        while self._rate and mark > self._passed:
            await self._clock.wait(self._changed, (mark - self._passed) / self._rate)
            self._settle()

    def _settle(self) -> None:
        now = self._clock.monotonic()
        by_now = self._passed + self._rate * (now - self._at) if self._rate else self._taken
        self._passed, self._at = min(float(self._taken), by_now), now


async def keep_to(paces: Iterable[Pace], count: int) -> None:
    """Wait until so many bytes, which have just come, are within every one of these limits."""
    marks = [(pace, pace.take(count)) for pace in paces]
    for pace, mark in marks:
        await pace.passed(mark)


def portion(paces: Iterable[Pace], most: int) -> int:
    """How many bytes to take at once under these limits."""
    rates = [pace.rate for pace in paces if pace.rate]
    return min([most, *(max(rate // PORTIONS_PER_SECOND, LEAST_PORTION) for rate in rates)])
