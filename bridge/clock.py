"""Time as a parameter: the one place where the bridge asks what time it is or waits."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

FAST_SINCE = 1_790_000_000.0

T = TypeVar("T")


class Clock:
    """Wall time for what is stored, monotonic time for what is measured, and waiting.

    `factor` above 1 makes time run faster (`BRIDGE_TIME_FACTOR`): every wait, interval, window and
    clock of the bridge is then shorter by that factor, in one place.
    """

    def __init__(self, factor: float = 1.0, *, since: float = FAST_SINCE) -> None:
        self.factor = factor
        self._since = since
        self._start = time.monotonic()

    def time(self) -> float:
        """Seconds since 1970, for what is stored or shown.

        Fast time is counted from a fixed moment, so that two processes and two starts agree.
        """
        return self._since + (time.time() - self._since) * self.factor

    @classmethod
    def fast_from_now(cls, factor: float) -> "Clock":
        """A fast clock that still shows about the right time of day, for the demo."""
        return cls(factor, since=time.time())

    def monotonic(self) -> float:
        """Seconds since this clock was made; no step of the wall clock reaches it."""
        return (time.monotonic() - self._start) * self.factor

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of this clock."""
        await asyncio.sleep(max(0.0, seconds) / self.factor)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for the event, at most so many seconds of this clock; True if it came."""
        try:
            async with asyncio.timeout(max(0.0, seconds) / self.factor):
                await event.wait()
        except TimeoutError:
            return False
        return True

    async def within(self, seconds: float, work: Coroutine[Any, Any, T]) -> T:
        """What the work gives, or TimeoutError: it is ended when the time is over.

        It is work on sockets: a fast clock leaves it one real second.
        """
        task, done = asyncio.ensure_future(work), asyncio.Event()
        task.add_done_callback(lambda _done: done.set())
        try:
            if not await self.wait(done, max(seconds, self.factor)):
                raise TimeoutError
            return task.result()
        finally:
            task.cancel()
            await asyncio.wait([task])

    def socket_seconds(self, seconds: float) -> float:
        """A time limit for a socket: shortened by the factor, but never below one real second."""
        return seconds if self.factor == 1 else max(1.0, seconds / self.factor)
