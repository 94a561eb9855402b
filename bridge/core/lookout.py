"""When to look at TorBox, and the look itself: one at a time, for all torrents."""

import asyncio
import math

from bridge.clock import Clock
from bridge.core import cadence
from bridge.core.accounts import Accounts
from bridge.core.look import Looker
from bridge.core.watch import Watch
from bridge.core.weather import Weather
from bridge.errors import TorBoxBusy, TorBoxError


class Lookout:
    """Keeps the time of looks, and starts them. A look that works lifts what held all up."""

    def __init__(
        self,
        looker: Looker,
        accounts: Accounts,
        weather: Weather,
        clock: Clock,
        wake: asyncio.Event,
    ) -> None:
        self._looker = looker
        self._accounts = accounts
        self._weather = weather
        self._clock = clock
        self._wake = wake
        self.wanted = False  # a webhook said that something happened
        self.interval_seconds = cadence.QUIET_LOOK_SECONDS
        self._not_before = -math.inf  # TorBox asked us to wait, whatever else makes a look due
        self.task: asyncio.Task[None] | None = None

    def begin_anew(self) -> None:
        """Whatever was seen before says nothing any more."""
        self._looker.last_look, self._not_before = None, -math.inf

    def start(
        self, group: asyncio.TaskGroup, outstanding: dict[str, Watch], poll: float, *, live: bool
    ) -> float | None:
        """Look if it is time; else when it will be, monotonic, None for "not as things are"."""
        now = self._clock.monotonic()
        due = self._due(list(outstanding.values()), poll, now, live=live)
        if due is None or self.task is not None:
            return None
        due = max(due, self._not_before)
        if due > now:
            return due
        self.wanted = False
        self.task = group.create_task(self._look(outstanding), name="look")
        return None

    def _due(self, watches: list[Watch], poll: float, now: float, *, live: bool) -> float | None:
        last_look = self._looker.last_look
        # What only forbids creates is tried again by a create; looks go on.
        hold = self._weather.torbox_hold(create=live and not watches)
        if hold is None:  # else what was seen before would be fresh for longer once it is quiet
            self.interval_seconds = cadence.look_interval(watches, poll, now)
        if hold is not None and live:
            return hold.until  # this look is the probe that lifts it
        if self._accounts.unsure and live:
            return now  # it begins with the question whose key it is
        due = cadence.next_look_at(watches, poll, last_look, now)
        if due is not None and self.wanted and last_look is not None:
            due = min(due, last_look + cadence.NEAREST_LOOK_SECONDS)
        if self._accounts.wanted and self._accounts.free_slots is None and hold is None:
            asked_at = max(now, self._accounts.asking.until)
            due = asked_at if due is None else min(due, asked_at)
        return due

    async def _look(self, outstanding: dict[str, Watch]) -> None:
        try:
            await self._weather.guard(self._look_once(outstanding), self._clock)
        finally:
            self.task = None
            self._wake.set()

    async def _look_once(self, outstanding: dict[str, Watch]) -> None:
        interval = self.interval_seconds
        try:
            await self._accounts.refresh(outstanding=bool(outstanding))
            await self._looker.look(outstanding, interval)
        except TorBoxError as error:
            # TorBox is ill as a whole, which is nothing against the questions beside the list.
            self._accounts.asking.forget()
            self._looker.asking_queue.forget()
            if not isinstance(error, TorBoxBusy):
                raise
            self._not_before = self._clock.monotonic() + error.wait_seconds
            self._looker.last_look = self._not_before - interval
            return
        self._weather.torbox_answered(self._clock.monotonic())
