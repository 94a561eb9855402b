"""One file, from its first missing byte to its proof. It goes on until then, or until cancelled."""

import logging
import re
from collections.abc import Awaitable, Callable

from msgspec import Struct

from bridge.clock import Clock
from bridge.delivery.body import Body
from bridge.delivery.cdn import Cdn
from bridge.delivery.links import Link
from bridge.delivery.partfile import PartFile
from bridge.delivery.patience import Patience
from bridge.delivery.pipe import Pipe
from bridge.delivery.threads import Threads
from bridge.delivery.turns import Turn, Turns
from bridge.delivery.work import MOST_DISPROOFS, Work
from bridge.errors import (
    CdnBusy,
    CdnUnwell,
    FileDisproved,
    LinkRefused,
    TorBoxBusy,
    TorBoxUnwell,
)
from bridge.model import File

LinkSource = Callable[[File], Awaitable[str]]

log = logging.getLogger(__name__)

# These end by themselves and count as no try; every other error is the caller's business.
_PASSING = (LinkRefused, CdnBusy, CdnUnwell, TorBoxBusy, TorBoxUnwell)
_MD5 = re.compile(r"[0-9a-f]{32}")


class Means(Struct, frozen=True):
    """What all downloads share."""

    cdn: Cdn
    turns: Turns
    writers: Threads
    readers: Threads
    clock: Clock


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
        self._patience = Patience()

    async def run(self) -> None:
        """Return when the file is here and proven."""
        while True:
            try:
                await self._means.writers.run(self._key, self._part.open)
                self._count_held()
                await self._complete()
                if await self._proven():
                    return
            finally:
                await self._means.writers.run_surely(self._key, self._part.close)

    async def _complete(self) -> None:
        """Bring what is missing, however often it takes."""
        while self._part.held < self._file.size:
            async with self._means.turns.turn(self._key) as turn:
                wait_seconds = await self._try(turn)
            if wait_seconds:
                await self._means.clock.sleep(wait_seconds)

    async def _try(self, turn: Turn) -> float:
        """Fetch in this turn; how long to wait before the next."""
        before = self._part.held
        try:
            await self._fetch(turn)
        except _PASSING as error:
            return self._wait_after(error, self._part.held - before)
        return 0.0

    def _wait_after(self, error: Exception, gained: int) -> float:
        link = self._work.links.get(self._file.path)
        was_good = link is not None and link.was_good
        seconds = self._patience.seconds_after(error, gained, was_good=was_good)
        if isinstance(error, LinkRefused) or (
            isinstance(error, CdnUnwell) and self._patience.exhausted(gained)
        ):
            self._work.links.pop(self._file.path, None)
        self._work.leg.waits_for = str(error)
        log.debug("a file of %s waits %.0f s: %s", self._key, seconds, error)
        return seconds

    async def _fetch(self, turn: Turn) -> None:
        link = await self._link()
        async with self._means.cdn.body(link.url, self._part.held, self._file) as body:
            if body.starts_at != self._part.held:
                await self._cut(body.starts_at)
            if not body.attested:
                await self._means.writers.run(self._key, self._part.distrust)
            await self._take(body, link, turn)

    async def _link(self) -> Link:
        path = self._file.path
        link = self._work.links.get(path)
        if link is None or not link.fresh:
            link = Link(await self._ask(self._file), self._means.clock)
            if self._work.is_disproved(path, link.url):
                # TorBox hands out one link for a while; its bytes are known to be wrong.
                raise LinkRefused("TorBox gave a link whose bytes were wrong before")
            self._work.links[path] = link
        return link

    async def _take(self, body: Body, link: Link, turn: Turn) -> None:
        """Write the body down; raise unless it ended as it should or the turn is over."""
        try:
            async with Pipe(self._means.writers, self._key, self._part) as pipe:
                while blocks := await body.block():
                    link.was_good = True
                    self._work.leg.arrived(sum(map(len, blocks)))
                    await pipe.put(blocks)
                    self._count_held()
                    if turn.over and body.attested:
                        return
        finally:
            self._count_held()
            if body.too_long or (body.left and not body.attested):
                await self._cut(body.starts_at)
        if body.too_long:
            raise CdnUnwell("the CDN sent more than the file has")
        if self._part.held < self._file.size:
            raise CdnUnwell("the CDN ended the file too early")
        self._part.vouch()

    async def _proven(self) -> bool:
        """Whether the bytes are the file's. If not, they are gone and the link with them."""
        if self._part.proven:
            return True
        with self._work.leg.verification():
            await self._means.writers.run(self._key, self._part.flush)
            if await self._is_the_file():
                await self._means.writers.run(self._key, self._part.prove)
                return True
        await self._cut(0)
        if self._work.disprove(self._file.path) >= MOST_DISPROOFS:
            raise FileDisproved(
                self._file.path, f"{self._file.path} came wrong three times (its checksum differs)"
            )
        return False

    async def _is_the_file(self) -> bool:
        expected = (self._file.md5 or "").strip('" ').lower()
        if not _MD5.fullmatch(expected):
            return True
        return await self._means.readers.run_long(self._key, self._part.md5) == expected

    async def _cut(self, to: int) -> None:
        await self._means.writers.run_surely(self._key, self._part.cut, to)
        self._count_held()

    def _count_held(self) -> None:
        self._work.leg.holds(self._file.path, self._part.held)
