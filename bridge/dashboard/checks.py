"""`GET /api/bridge/checks`: the checks of the command, from inside the running bridge."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from msgspec import Struct

from bridge.checks.check import Check
from bridge.clock import Clock
from bridge.dashboard.answer import answer

FRESH_SECONDS = 10.0


class Checked(Struct, frozen=True):
    """What was found, and when (seconds since 1970)."""

    at: float
    checks: Sequence[Check]


class ChecksApi:
    """Runs the checks for whoever asks; those who ask at the same time share one run."""

    def __init__(self, run: Callable[[], Awaitable[list[Check]]], clock: Clock) -> None:
        self._run = run
        self._clock = clock
        self._lock = asyncio.Lock()
        self._last: Checked | None = None

    async def show(self, _request: web.Request) -> web.Response:
        """The checks, at most ten seconds old."""
        async with self._lock:
            now = self._clock.time()
            if self._last is None or now - self._last.at > FRESH_SECONDS:
                self._last = Checked(now, await self._run())
            return answer(self._last)
