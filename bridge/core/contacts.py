"""The arrs as the core knows them: whether each answers, and which of its clients are us."""

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from msgspec import Struct

from bridge.arrs.arr import Arr
from bridge.arrs.replies import Entry, Row
from bridge.clock import Clock
from bridge.config import ServerSettings
from bridge.core.ours import WhereWeAre, address_of, our_entries, our_rows
from bridge.core.reached import Reached
from bridge.errors import ArrError, ArrGone, ArrRefused, ArrUnwell
from bridge.model import Torrent

log = logging.getLogger(__name__)

ENTRIES_SECONDS = 600.0
NO_ENTRIES_SECONDS = 30.0  # one that is us may just be on its way
QUEUE_SECONDS = 2.0  # what is asked about several torrents at once is asked once
SHORTEST_REST, LONGEST_REST = 15.0, 600.0


class Trouble(Struct, frozen=True):
    """Since when an arr does not answer, and until when it is left alone (monotonic)."""

    sentence: str
    since: float
    until: float
    tries: int
    key: bool = False  # it does not know our key: a person must mend it


class Contact:
    """One arr. After trouble it is left alone for 15 s, doubling to ten minutes."""

    def __init__(self, arr: Arr, reached: Reached, server: ServerSettings, clock: Clock) -> None:
        self.arr = arr
        self.name = arr.name
        self.trouble: Trouble | None = None
        self._reached = reached
        self._server = server
        self._clock = clock
        self._entries: tuple[float, tuple[Entry, ...]] | None = None
        self._queue: tuple[float, tuple[Row, ...]] | None = None

    @property
    def resting(self) -> bool:
        """Whether it is not to be asked just now."""
        return self.trouble is not None and self.trouble.until > self._clock.monotonic()

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Around calls: what they say of the arr's health is remembered, and raised."""
        try:
            yield
        except (ArrUnwell, ArrRefused) as error:
            if isinstance(error, ArrUnwell) or error.key:
                self._note(error)
            raise
        except ArrGone:
            raise
        else:
            if self.trouble is not None:
                log.info("%s answers again", self.name)
            self.trouble = None

    async def ours(self, torrent: Torrent | None = None) -> tuple[Entry, ...]:
        """Its entries that are us; with a torrent those that have its category, or none."""
        entries = await self._all_entries()
        where = WhereWeAre(
            seen=self._reached.addresses((await self.arr.app()).name),
            public=address_of(self._server.public_url) if self._server.public_url else None,
            port=self._server.port,
            url_base=self._server.url_base,
        )
        found = our_entries(entries, self.arr.client_name, where)
        if not found and self._entries and self._is_old(self._entries[0], NO_ENTRIES_SECONDS):
            self._entries = None
        if torrent is None:
            return found
        wanted = ("", torrent.category)
        return tuple(
            one for one in found if one.category in wanted or one.imported_category == wanted[1]
        )

    async def rows(self, torrent: Torrent, *, fresh: bool = False) -> tuple[Row, ...]:
        """What its queue has of this torrent in entries that are us."""
        names = {entry.name for entry in await self.ours(torrent)}
        if not names:
            return ()
        if fresh or self._queue is None or self._is_old(self._queue[0], QUEUE_SECONDS):
            self._queue = (self._clock.monotonic(), await self.arr.queue())
        return our_rows(self._queue[1], torrent.hash, names)

    def forget(self) -> None:
        """What was read of it is not to be relied on any more."""
        self._entries = self._queue = None

    async def _all_entries(self) -> tuple[Entry, ...]:
        if self._entries is None or self._is_old(self._entries[0], ENTRIES_SECONDS):
            self._entries = (self._clock.monotonic(), await self.arr.entries())
        return self._entries[1]

    def _is_old(self, at: float, seconds: float) -> bool:
        return self._clock.monotonic() - at > seconds

    def _note(self, error: ArrError) -> None:
        now = self._clock.monotonic()
        before = self.trouble
        tries = before.tries + 1 if before else 0
        rest = min(SHORTEST_REST * 2**tries, LONGEST_REST)
        since = before.since if before else now
        key = isinstance(error, ArrRefused) and error.key
        self.trouble = Trouble(str(error), since, now + rest, min(tries, 10), key)
        self.forget()
        if before is None or before.sentence != str(error):
            log.warning("%s; what it is to be told waits", error)


def contacts_for(
    arrs: Iterable[Arr], reached: Reached, server: ServerSettings, clock: Clock
) -> tuple[Contact, ...]:
    """A contact for each arr in the settings."""
    return tuple(Contact(arr, reached, server, clock) for arr in arrs)


# A torrent's hash and name, and what happened to it in plain words.
Note = Callable[[str, str, str], None]
