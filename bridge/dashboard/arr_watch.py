"""How the arrs in the settings were when they were last asked, for the page's head."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

from bridge.checks.check import Check
from bridge.clock import Clock

AGAIN_SECONDS = 600.0

Look = Callable[[], Awaitable[Sequence[Check]]]


class ArrWatch:
    """Asks them every ten minutes at most, and only while somebody looks at the page."""

    def __init__(self, look: Look | None, clock: Clock) -> None:
        self._look = look
        self._clock = clock
        self._seen: Sequence[Check] = ()
        self._looked_at: float | None = None
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    def seen(self) -> Sequence[Check]:
        """What is known now; a look that is due begins beside it."""
        now = self._clock.monotonic()
        due = self._looked_at is None or now - self._looked_at > AGAIN_SECONDS
        if self._look is not None and due and self._looking is None:
            self._looking = asyncio.create_task(self._ask(self._look), name="arr watch")
        return self._seen

    async def _ask(self, look: Look) -> None:
        try:
            self._seen = await look()
        finally:
            self._looked_at = self._clock.monotonic()
            self._looking = None
