"""Whose turn it is at the CDN: so many files at once over all torrents, shared fairly.

Torrents of one rank share; one of a lower rank goes before all others.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

from bridge.clock import Clock

Rank: TypeAlias = tuple[int, int]
PLAIN: Rank = (1, 0)
Place: TypeAlias = tuple[int, int]  # of a file within its torrent; lower goes first
Ticket: TypeAlias = asyncio.Future[None]
# Reconnecting is cheap but not free for the CDN, so a long download gives way only so often.
TURN_SECONDS = 120.0


class Turn:
    """The right to have one connection; `over` says that others should have it now."""

    def __init__(self, turns: "Turns", key: str) -> None:
        self._turns = turns
        self._key = key
        self._ends_at = turns.clock.monotonic() + TURN_SECONDS

    @property
    def over(self) -> bool:
        """Whether the time is up and a torrent with fewer turns waits, or all are to wait."""
        if self._turns.closed:
            return True
        return self._turns.clock.monotonic() >= self._ends_at and self._turns.unfair_to(self._key)


class Turns:
    """The next turn goes to the first in rank, then to the torrent that has the fewest.

    Among equals it goes to the longest unserved.
    """

    def __init__(self, most: int, clock: Clock) -> None:
        self.clock = clock
        self._most = most
        self._taken: Counter[str] = Counter()
        self._waiting: dict[str, dict[Ticket, Place]] = {}
        self._served: dict[str, int] = {}  # when each waiting torrent was last served
        self._count = 0
        self._ranks: dict[str, Rank] = {}
        self.closed = ""  # why nobody gets a turn, "" while they do

    def close(self, reason: str) -> None:
        """Give out no more turns, and end those that are taken; "" to go on."""
        self.closed = reason
        self._hand_out()

    def rank(self, key: str, rank: Rank) -> None:
        """Let this torrent go before those of a higher rank."""
        if rank == PLAIN:
            self._ranks.pop(key, None)
        else:
            self._ranks[key] = rank

    @asynccontextmanager
    async def turn(self, key: str, place: Place = (0, 0)) -> AsyncIterator[Turn]:
        """Wait for a turn and hold it."""
        await self._wait(key, place)
        try:
            yield Turn(self, key)
        finally:
            self._give_back(key)

    def unfair_to(self, key: str) -> bool:
        """Whether another torrent waits that goes before this one, or has fewer turns."""
        mine = self._claim(key)
        return any(self._claim(other) < mine for other in self._waiting if other != key)

    def _claim(self, key: str) -> tuple[Rank, int]:
        return self._ranks.get(key, PLAIN), self._taken[key]

    async def _wait(self, key: str, place: Place) -> None:
        ticket: Ticket = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, {})[ticket] = place
        self._hand_out()
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled():
                self._give_back(key)
            elif ticket in self._waiting.get(key, ()):
                self._leave(key, ticket)
            raise

    def _hand_out(self) -> None:
        while self._waiting and not self.closed and self._taken.total() < self._most:
            key = min(
                self._waiting, key=lambda each: (self._claim(each), self._served.get(each, 0))
            )
            tickets = self._waiting[key]
            ticket = min(tickets, key=lambda each: tickets[each])
            self._leave(key, ticket)
            if ticket.done():
                continue  # cancelled, and its task has not come to say so
            self._taken[key] += 1
            self._count += 1
            self._served[key] = self._count
            ticket.set_result(None)

    def _give_back(self, key: str) -> None:
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]
            if key not in self._waiting:
                self._served.pop(key, None)
        self._hand_out()

    def _leave(self, key: str, ticket: Ticket) -> None:
        del self._waiting[key][ticket]
        if not self._waiting[key]:
            del self._waiting[key]
