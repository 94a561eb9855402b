"""TorBox's limits as sliding windows (torbox-api.md §5): asked before every call, never exceeded.

What is dear, the uncached creates of the last hour and the pauses that TorBox asked for, survives a
restart. Within a process no step of the wall clock shortens or lengthens a window; what is kept for
the next process has wall times.
"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, nullcontext
from typing import Protocol

from msgspec import Struct

from bridge.clock import Clock
from bridge.errors import StoreTrouble, TorBoxBusy

logger = logging.getLogger(__name__)

CREATE = "createtorrent"
LINK = "requestdl"
LIST = "mylist"
CACHED_CREATE = "createtorrent cached"  # how the memory knows a create that was given back

# A few seconds longer than TorBox's own windows, because calls take differently long to get there.
HOUR = 3605.0
MINUTE = 62.0
PATIENCE_SECONDS = 5.0  # a longer wait is told, not waited
MOST_CALLS = 8
# Creates take up to two minutes: they never hold all places, so that looks and deletes go on.
MOST_CREATES = 4
FIRST_PAUSE_SECONDS = 60.0
LONGEST_BACKOFF_SECONDS = 900.0
LONGEST_PAUSE_SECONDS = 4 * 3600.0  # twice the longest that was ever seen (torbox-api.md §5)


class CallMemory(Protocol):
    """What outlives the process; the store is one."""

    async def calls_since(self, since: float, /) -> list[tuple[str, float]]: ...

    async def add_call(self, endpoint: str, at: float, /) -> None: ...

    async def remove_call(self, endpoint: str, at: float, /) -> None: ...

    async def set_pause(self, endpoint: str, until: float, /) -> None: ...

    async def pauses(self) -> dict[str, float]: ...


class Budget(Struct, frozen=True):
    """How much of an endpoint's widest window is used, and when the next call is allowed."""

    used: int
    limit: int
    next_at: float  # wall time; now or past: at once


class _Rule(Struct, frozen=True):
    """At most `limit` calls in any `seconds`."""

    limit: int
    seconds: float
    spare: int = 0  # on top, for calls that will probably be given back
    uncached_only: bool = False
    unseen: int = 0  # that an earlier process may have made just before this one started


class _Sent(Struct, eq=False):
    """A call that was let through."""

    at: float
    recorded_at: float  # wall time: its name in the memory
    uncached: bool = True


def _rules(endpoint: str, share: float) -> tuple[_Rule, ...]:
    """The windows of an endpoint, the widest first."""
    if endpoint == CREATE:
        # TorBox's sixty an hour count uncached creates only. We stop at 55; tries with
        # `add_only_if_cached` may use four more, because a hit is given back.
        hourly = max(1, int(55 * share))
        return (
            _Rule(hourly, HOUR, spare=max(0, int(59 * share) - hourly), uncached_only=True),
            _Rule(max(1, int(10 * share)), MINUTE, uncached_only=True),
        )
    if endpoint == LINK:
        return (_Rule(60, MINUTE),)
    return (_Rule(250, MINUTE, unseen=200),)


class Limits:
    """Says when the next call is allowed, and counts the calls that are made."""

    def __init__(
        self,
        clock: Clock,
        memory: CallMemory,
        *,
        share: float = 1.0,
        calls: Iterable[tuple[str, float]] = (),
        pauses: Mapping[str, float] | None = None,
    ) -> None:
        self._clock = clock
        self._memory = memory
        self._share = min(max(share, 0.0), 1.0)
        self._ahead = clock.time() - clock.monotonic()
        self._started = self._now()
        self._sent: dict[str, list[_Sent]] = {}
        for endpoint, at in sorted(calls, key=lambda call: call[1]):
            given_back = endpoint == CACHED_CREATE
            known = self._sent.setdefault(CREATE if given_back else endpoint, [])
            known.append(_Sent(min(at, self._started), at, uncached=not given_back))
        self._pauses = dict(pauses or {})
        self._strikes: dict[str, int] = {}
        self._places = asyncio.Semaphore(MOST_CALLS)
        self._create_places = asyncio.Semaphore(MOST_CREATES)

    @classmethod
    async def load(cls, clock: Clock, memory: CallMemory, *, share: float = 1.0) -> "Limits":
        """The limits as the process before this one left them."""
        calls = await memory.calls_since(clock.time() - HOUR)
        for index, (endpoint, at) in enumerate(calls):
            if at > (now := clock.time()):
                # The wall clock was set back: counted as of now, and for good, not at every start.
                calls[index] = (endpoint, now - index / 1000)
                await memory.remove_call(endpoint, at)
                await memory.add_call(*calls[index])
        return cls(clock, memory, share=share, calls=calls, pauses=await memory.pauses())

    def free_at(self, endpoint: str, *, spare: bool = False) -> float:
        """The wall time from which a call is allowed; now or past means at once."""
        now = self._now()
        sent = self._live(endpoint, now)
        free = [self._free_of(rule, sent, now, spare) for rule in _rules(endpoint, self._share)]
        return self._clock.time() + max(self._paused_until(endpoint, now), *free) - now

    def left(self, endpoint: str) -> int:
        """How many calls may be made at this moment."""
        now = self._now()
        if self._paused_until(endpoint, now) > now:
            return 0
        sent, left = self._live(endpoint, now), []
        for rule in _rules(endpoint, self._share):
            counted = [call for call in sent if call.uncached or not rule.uncached_only]
            left.append(rule.limit - sum(call.at + rule.seconds > now for call in counted))
        return max(0, min(left))

    def budget(self, endpoint: str) -> Budget:
        """What sentences, page and metrics say of an endpoint."""
        now = self._now()
        rule = _rules(endpoint, self._share)[0]
        used = sum(
            1
            for call in self._live(endpoint, now)
            if (call.uncached or not rule.uncached_only) and call.at + rule.seconds > now
        )
        return Budget(used, rule.limit, max(self._clock.time(), self.free_at(endpoint)))

    @asynccontextmanager
    async def call(self, endpoint: str, *, spare: bool = False) -> AsyncIterator[float]:
        """Hold a place for one call; gives the time it is counted under.

        Waits a few seconds if that is enough, else raises `TorBoxBusy` and counts nothing. `spare`
        is for creates that say `add_only_if_cached`.
        """
        async with self._create_places if endpoint == CREATE else nullcontext():
            while True:
                await self._wait_until_free(endpoint, spare)
                async with self._places:
                    # Others may have taken the last call while this one waited for a place.
                    if self.free_at(endpoint, spare=spare) <= self._clock.time():
                        yield await self._take(endpoint)
                        return

    async def give_back(self, endpoint: str, at: float) -> None:
        """The create turned out to be cached: it does not count in the hour."""
        for call in self._sent.get(endpoint, []):
            if call.recorded_at == at and call.uncached:
                call.uncached = False
                break
        try:
            await self._memory.remove_call(endpoint, at)
            await self._memory.add_call(CACHED_CREATE, at)  # it still counts in the minute
        except StoreTrouble as error:
            # The create has happened and its answer matters more than one call of the budget.
            logger.warning("a cached add still counts in the hour: %s", error)

    async def refused(self, endpoint: str, asked: float | None, *, hourly: bool = False) -> float:
        """TorBox answered 429: pause the endpoint, and give the seconds of the pause.

        `asked` is what the answer's headers say, `hourly` that its text names an hour.
        """
        now = self._now()
        if self._paused_until(endpoint, now) <= now:
            # Calls that were under way when the pause began do not make it longer.
            self._strikes[endpoint] = self._strikes.get(endpoint, 0) + 1
        strikes = self._strikes.get(endpoint, 1)
        backoff = min(LONGEST_BACKOFF_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(strikes - 1, 9))
        if asked is None:
            wait = (self._until_own_hour_frees(endpoint, now) if hourly else None) or backoff
        elif strikes > 1:
            # It was already waited as asked, and that was not enough.
            wait = max(asked, backoff / 2)
        else:
            wait = asked
        await self.pause(endpoint, wait)
        return max(1.0, round(self._paused_until(endpoint, now) - now, 3))

    async def pause(self, endpoint: str, seconds: float) -> None:
        """No call to this endpoint for so long; a longer pause stays."""
        now, wait = self._now(), min(max(seconds, 1.0), LONGEST_PAUSE_SECONDS)
        if now + wait <= self._paused_until(endpoint, now):
            return
        self._pauses[endpoint] = now + wait
        try:
            await self._memory.set_pause(endpoint, self._clock.time() + wait)
        except StoreTrouble as error:
            logger.warning("a pause of %s would not survive a restart: %s", endpoint, error)

    def worked(self, endpoint: str) -> None:
        """TorBox answered: the next refusal starts with a short pause again."""
        self._strikes.pop(endpoint, None)

    def _now(self) -> float:
        """The wall time as it would be without its steps since the start."""
        return self._ahead + self._clock.monotonic()

    async def _wait_until_free(self, endpoint: str, spare: bool) -> None:
        deadline = self._clock.monotonic() + PATIENCE_SECONDS
        while (wait := self.free_at(endpoint, spare=spare) - self._clock.time()) > 0:
            if self._clock.monotonic() + wait > deadline:
                raise TorBoxBusy(self._sentence(endpoint), wait)
            await self._clock.sleep(wait)

    async def _take(self, endpoint: str) -> float:
        """Count the call before it is sent, so that a crash in between counts, too."""
        sent = self._sent.setdefault(endpoint, [])
        at = self._clock.time()
        while any(call.recorded_at == at for call in sent):
            # The memory knows calls by their time: no two share one.
            at = math.nextafter(at, math.inf)
        call = _Sent(self._now(), at)
        sent.append(call)
        if endpoint == CREATE:
            try:
                await self._memory.add_call(endpoint, at)
            except StoreTrouble:
                self._sent[endpoint].remove(call)
                raise
        return at

    def _sentence(self, endpoint: str) -> str:
        if self._paused_until(endpoint, now := self._now()) > now:
            return "TorBox asked us to wait before the next call of this kind"
        if endpoint == CREATE:
            budget = self.budget(endpoint)
            return f"{budget.used} of {budget.limit} uncached adds of this hour are used"
        return "TorBox was asked as often as it allows in a minute"

    def _live(self, endpoint: str, now: float) -> list[_Sent]:
        """The calls that may still count, oldest first."""
        calls = self._sent.get(endpoint, [])
        widest = _rules(endpoint, self._share)[0].seconds
        self._sent[endpoint] = live = [call for call in calls if call.at + widest > now]
        return live

    def _free_of(self, rule: _Rule, sent: list[_Sent], now: float, spare: bool) -> float:
        times = [self._started] * rule.unseen
        times += [call.at for call in sent if call.uncached or not rule.uncached_only]
        times = [at for at in times if at + rule.seconds > now]
        limit = rule.limit + (rule.spare if spare else 0)
        return times[-limit] + rule.seconds if len(times) >= limit else 0.0

    def _paused_until(self, endpoint: str, now: float) -> float:
        until = min(self._pauses.get(endpoint, 0.0), now + LONGEST_PAUSE_SECONDS)
        if until > now:
            # Kept as clipped: a pause from the future would move on with the clock.
            self._pauses[endpoint] = until
        return until

    def _until_own_hour_frees(self, endpoint: str, now: float) -> float | None:
        """Seconds until our own oldest add leaves the hour, to the full minute.

        None when most of the hour's adds were someone else's: theirs may free sooner.
        """
        rule = _rules(endpoint, self._share)[0]
        own = [c.at for c in self._live(endpoint, now) if c.uncached and c.at + rule.seconds > now]
        if len(own) * 2 < rule.limit:
            return None
        return math.ceil((own[0] + rule.seconds) / 60) * 60 - now
