"""One file, from its first missing byte to its proof. It goes on until then, or until cancelled."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import nullcontext

from msgspec import Struct

from bridge.clock import Clock
from bridge.delivery.body import Body
from bridge.delivery.cdn import Cdn
from bridge.delivery.links import Link
from bridge.delivery.pace import Pace, keep_to, portion
from bridge.delivery.partfile import PartFile
from bridge.delivery.patience import Patience
from bridge.delivery.pipe import Pipe
from bridge.delivery.ranges import Range
from bridge.delivery.recheck import known_md5
from bridge.delivery.room import Room
from bridge.delivery.segments import Segment, Segments
from bridge.delivery.threads import Threads
from bridge.delivery.together import all_of
from bridge.delivery.turns import Place, Turn, Turns
from bridge.delivery.work import Work
from bridge.errors import (
    CdnBusy,
    CdnUnwell,
    FileDisproved,
    LinkRefused,
    TorBoxBusy,
    TorBoxSaysNo,
    TorBoxUnwell,
)
from bridge.model import File

LinkSource = Callable[[File], Awaitable[str]]

log = logging.getLogger(__name__)

# These end by themselves and count as no try; every other error is the caller's business.
_PASSING = (LinkRefused, CdnBusy, CdnUnwell, TorBoxBusy, TorBoxUnwell)


class Means(Struct, frozen=True):
    """What all downloads share."""

    cdn: Cdn
    turns: Turns
    writers: Threads
    readers: Threads
    clock: Clock
    room: Room
    pace: Pace  # of all of them together
    connections: int  # for one file
    block_bytes: int  # to be written at once


def place_of(file: File) -> Place:
    """What clients want first; then large ones: one that began last would come alone in the end."""
    return -max(file.priority, 1), -file.size


class Download:
    """Brings one file; `key` is its torrent's hash."""

    def __init__(
        self, means: Means, work: Work, key: str, file: File, part: PartFile, ask: LinkSource
    ) -> None:
        self._means = means
        self._work = work
        self._key = key
        self._file = file
        self._part = part
        self._ask = ask
        self._asking = asyncio.Lock()
        self._connections = means.connections
        self._several = False  # connections are in use
        self._regrouping = False  # they end, because one alone is to go on
        self._patience = Patience()
        self._wait_counts = False  # the wait before the next try, as one for this file alone

    async def run(self) -> None:
        """Return when the file is here and proven."""
        await self._means.writers.run(self._key, self._part.look)
        self._count_held()
        try:
            while not self._part.proven:
                await self._complete()
                await self._prove()
        finally:
            await self._means.writers.run_surely(self._key, self._part.close)

    async def _complete(self) -> None:
        """Bring what is missing, however often it takes."""
        while not self._part.whole:
            async with self._means.turns.turn(self._key, place_of(self._file)) as turn:
                await self._means.writers.run(self._key, self._part.open)
                with self._work.leg.attempt():
                    wait_seconds = await self._try(turn)
            if not self._part.whole:
                # However many files wait for their turn, only those that have it are open.
                await self._means.writers.run(self._key, self._part.close)
                await self._sleep(wait_seconds)

    async def _sleep(self, seconds: float) -> None:
        with self._work.leg.attempt() if self._wait_counts else nullcontext():
            await self._means.clock.sleep(seconds)

    async def _try(self, turn: Turn) -> float:
        """Fetch in this turn; how long to wait before the next."""
        segments = Segments(self._part.missing, self._connections)
        if segments.count > 1 and self._connections > 1:
            await self._means.writers.run(self._key, self._part.spread)
        waits: list[float] = []

        async def connection() -> None:
            waits.append(await self._fetch_some(segments, turn))

        most = min(segments.count, self._connections)
        self._several, self._regrouping = most > 1, False
        if most == 1:
            await connection()
        else:
            await all_of((connection() for _ in range(most)), most)
        return max(waits)

    async def _fetch_some(self, segments: Segments, turn: Turn) -> float:
        """Be one connection of this file; how long to wait before the next."""
        while not self._regrouping and (segment := segments.take()) is not None:
            try:
                await self._fetch(segment, turn)
            except _PASSING as error:
                wait_seconds = self._wait_after(error, segment.at - segment.start)
            else:
                wait_seconds = 0.0
            finally:
                segments.give_back(segment)
            if self._is_over(turn) or (wait_seconds and not segments.active):
                return wait_seconds
            # If others go on, this one may wait without giving the turn away.
            await self._means.clock.sleep(wait_seconds)
        return 0.0

    def _wait_after(self, error: Exception, gained: int) -> float:
        link = self._work.links.get(self._file.path)
        was_good = link is not None and link.was_good
        seconds = self._patience.seconds_after(error, gained, was_good=was_good)
        if isinstance(error, LinkRefused) or (
            isinstance(error, CdnUnwell) and self._patience.exhausted(gained)
        ):
            self._work.links.pop(self._file.path, None)
        # A silent or busy TorBox says nothing about this file; one that says no to it does.
        self._wait_counts = isinstance(error, LinkRefused | CdnUnwell | TorBoxSaysNo)
        self._work.leg.waits_for = str(error)
        log.debug("a file of %s waits %.0f s: %s", self._key, seconds, error)
        return seconds

    async def _fetch(self, segment: Segment, turn: Turn) -> None:
        link = await self._link()
        body = self._means.cdn.body(link.url, self._file, segment.at, segment.stop)
        async with body as answer:
            if answer.whole:
                # Each connection would be sent what the others are.
                self._connections, self._regrouping = 1, self._several
            if self._regrouping:
                return
            if not answer.attested:
                if self._part.gaps:
                    raise CdnUnwell("the CDN does not say how much it sends")
                await self._means.writers.run(self._key, self._part.distrust)
            await self._take(answer, link, segment, turn)

    async def _link(self) -> Link:
        path = self._file.path
        async with self._asking:
            link = self._work.links.get(path)
            if link is None or not link.fresh:
                link = Link(await self._ask(self._file), self._means.clock)
                if self._work.is_disproved(path, link.url):
                    # TorBox hands out one link for a while; its bytes are known to be wrong.
                    raise LinkRefused("TorBox gave a link whose bytes were wrong before")
                self._work.links[path] = link
            return link

    async def _take(self, body: Body, link: Link, segment: Segment, turn: Turn) -> None:
        """Write the body down; raise unless it ended as it should or the turn is over."""
        begin, paces = segment.at, (self._means.pace, self._work.pace)
        ended = False
        try:
            writers, wrote = self._means.writers, self._count_held
            async with Pipe(writers, self._key, self._part, wrote) as pipe:
                if not await self._skip(body, paces, turn):
                    return
                while blocks := await body.block(portion(paces, self._means.block_bytes)):
                    link.was_good = True
                    count = sum(map(len, blocks))
                    self._work.leg.arrived(count)
                    at = segment.at
                    await pipe.put(at, segment.fitting(blocks))
                    await keep_to(paces, count)
                    if body.attested and (self._is_over(turn) or segment.taken_over):
                        return
            ended = not segment.left
        finally:
            self._count_held()
            if body.too_long or not (ended or body.attested):
                reached, segment.at = segment.at, begin
                await self._drop(begin, reached)
        if body.too_long:
            raise CdnUnwell("the CDN sent more than the file has")
        if segment.left:
            raise CdnUnwell("the CDN ended the file too early")
        if not body.attested:
            self._part.vouch()

    async def _skip(self, body: Body, paces: Iterable[Pace], turn: Turn) -> bool:
        """Let what nobody asked for pass, within the limits; False if the turn is over."""
        leg = self._work.leg
        while count := await body.skip(portion(paces, self._means.block_bytes)):
            leg.waits_for = "the CDN sends again what is here already"
            with leg.own_wait():
                await keep_to(paces, count)
            if self._is_over(turn):
                return False
        return True

    def _is_over(self, turn: Turn) -> bool:
        return turn.over or self._regrouping

    async def _prove(self) -> None:
        """See whether the bytes are the file's. Those that are not are gone, their link too."""
        await self._means.writers.run(self._key, self._part.open)
        with self._work.leg.verification():
            wrong, what = await self._wrong()
            if not wrong:
                await self._means.writers.run(self._key, self._part.finish)
                return
        for start, stop in wrong:
            await self._drop(start, stop)
        path = self._file.path
        if self._work.disprove([what], [path]):
            raise FileDisproved(path, f"{path} came wrong three times (its checksum differs)")

    async def _wrong(self) -> tuple[list[Range], str]:
        """The bytes that are not the file's, by its pieces or else its checksum, and their name."""
        path, pieces = self._file.path, self._part.pieces
        if pieces is not None and pieces.open:
            await self._means.readers.run_long(self._key, self._part.check)
        if pieces is not None and pieces.bad:
            return pieces.bad, path
        if pieces is not None and pieces.cover_all:
            return [], path
        if not (expected := known_md5(self._file)):
            return [], path
        found = await self._means.readers.run_long(self._key, self._part.md5)
        if found == expected:
            return [], path
        if pieces is not None:
            # Its own pieces are right. These bytes may have come with them when they were wrong.
            return pieces.outside, f"{path}, at its borders"
        return [(0, self._file.size)], path

    async def _drop(self, start: int, stop: int) -> None:
        await self._means.writers.run_surely(self._key, self._part.drop, start, stop)
        self._count_held()

    def _count_held(self) -> None:
        self._work.leg.holds(self._file.path, self._part.held)
