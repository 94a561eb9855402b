"""How many releases may be given back to the arrs, so that a mistake does not become a loop."""

from collections import deque

from bridge.clock import Clock
from bridge.config import FailuresSettings
from bridge.store.store import Store, Write
from bridge.store.tellings import Replacement, add_replacement, replacements_since

DAY = 24 * 3600.0


class Quota:
    """Counts over sliding windows of 24 hours, for all titles and for each."""

    def __init__(self, settings: FailuresSettings, store: Store, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._counted: deque[Replacement] = deque()

    async def load(self) -> None:
        """Start with what is remembered of the last day."""
        since = self._clock.time() - DAY
        self._counted = deque(await self._store.ask(replacements_since(since)))

    def free_at(self, title: str) -> float | None:
        """When (since 1970) one more of this title is allowed; None for now."""
        now = self._clock.time()
        while self._counted and self._counted[0][0] <= now - DAY:
            self._counted.popleft()
        every = [at for at, _ in self._counted]
        same = [at for at, other in self._counted if other == title]
        waits = [
            times[-most] + DAY
            for times, most in (
                (every, self._settings.most_per_day),
                (same, self._settings.most_per_title),
            )
            if len(times) >= most
        ]
        return max(waits, default=None)

    async def count(self, title: str, *writes: Write) -> None:
        """One more was given back."""
        at = self._clock.time()
        await self._store.write(add_replacement(at, title), *writes)
        self._counted.append((at, title))
