"""Telling the arrs: a torrent that failed is blocklisted there and another release searched for.

No state of qBittorrent's means "failed" to an arr, so this goes through the arr's own API
(arr-contract.md §4.5): one row of its queue is deleted, and inside that call the arr removes the
torrent here. What is about to be sent is stored first, and looked up after a crash or a silence.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Sequence

from msgspec.structs import replace

from bridge.clock import Clock
from bridge.config import FailureAction, FailuresSettings
from bridge.core import ours
from bridge.core.background import Background, Work
from bridge.core.contacts import Contact, Note
from bridge.core.finding import Finder, Found, Nowhere
from bridge.core.ledger import Ledger
from bridge.core.quota import Quota
from bridge.core.times import clock_time
from bridge.errors import ArrGone, ArrRefused, ArrUnwell, BridgeError
from bridge.model import Failed, Telling, Told, Torrent
from bridge.store.store import Store
from bridge.store.tellings import forget_telling, put_telling, tellings

log = logging.getLogger(__name__)

SOON_SECONDS = 10.0
LONGEST_WAIT = 600.0
NO_KEY = (
    "with Sonarr's or Radarr's key under `arrs:` it would be replaced by itself; "
    "remove it there, or add it again"
)


class Teller(Background):
    """Tells the arrs of what failed. `async with` runs it; nothing of it blocks the engine."""

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        contacts: Sequence[Contact],
        settings: FailuresSettings,
        clock: Clock,
        note: Note,
        replaced: Note,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._contacts = {contact.name: contact for contact in contacts}
        self._finder = Finder(contacts)
        self._settings = settings
        self._clock = clock
        self._note = note
        self._replaced = replaced
        self._quota = Quota(settings, store, clock)
        self._due: dict[str, float] = {}  # hash → when to look at it, monotonic
        self._looks: dict[str, int] = {}
        self._open: dict[str, Telling] = {}
        self._said_what_a_key_does = False
        self._wake = asyncio.Event()
        ledger.listen(self._changed)

    async def _begin(self) -> Iterable[Work]:
        await self._quota.load()
        self._open = {one.hash: one for one in await self._store.ask(tellings)}
        now = self._clock.monotonic()
        self._due = dict.fromkeys(self._open, now)
        for torrent in self._ledger.torrents.values():
            self._changed(None, torrent)
        return [self._run()]

    def _changed(self, before: Torrent | None, after: Torrent | None) -> None:
        torrent = after or before
        assert torrent is not None
        if after is not None and isinstance(after.phase, Failed) and after.told is not Told.LEFT:
            if torrent.hash not in self._due or (before is not None and before.told != after.told):
                self._due[torrent.hash] = self._clock.monotonic()
                self._wake.set()
        elif torrent.hash not in self._open:
            self._due.pop(torrent.hash, None)
            self._looks.pop(torrent.hash, None)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            for torrent_hash, at in sorted(self._due.items(), key=lambda one: one[1]):
                if at <= self._clock.monotonic() and torrent_hash in self._due:
                    await self._guarded(torrent_hash, self._look_at(torrent_hash))
            due = min(self._due.values(), default=None)
            if due is None:
                await self._wake.wait()
            else:
                await self._clock.wait(self._wake, due - self._clock.monotonic())

    async def _guarded(self, torrent_hash: str, work: Awaitable[None]) -> None:
        """Whatever an arr or the disk does, the others' turn comes."""
        try:
            await work
        except BridgeError as error:
            log.info("%s", error)
            self._later(torrent_hash, self._rest(self._looks.get(torrent_hash, 0)))

    async def _look_at(self, torrent_hash: str) -> None:
        self._due[torrent_hash] = self._clock.monotonic() + LONGEST_WAIT
        self._looks[torrent_hash] = self._looks.get(torrent_hash, 0) + 1
        telling = self._open.get(torrent_hash)
        torrent = self._ledger.torrents.get(torrent_hash)
        if telling is not None:
            await self._settle(telling, torrent)
        elif torrent is not None and isinstance(torrent.phase, Failed):
            await self._tell(torrent, torrent.phase)
        else:
            self._due.pop(torrent_hash, None)

    def _later(self, torrent_hash: str, seconds: float) -> None:
        if torrent_hash in self._due:
            self._due[torrent_hash] = self._clock.monotonic() + seconds

    def _rest(self, looks: int) -> float:
        return min(SOON_SECONDS * 2.0 ** min(looks, 10), LONGEST_WAIT)

    # Telling

    async def _tell(self, torrent: Torrent, failed: Failed) -> None:
        action = self._settings.action(failed.cause.value)
        if torrent.told is Told.ASKED:
            action = FailureAction.REPLACE
        if action is FailureAction.TELL:
            await self._leave(torrent, "")
            return
        if not self._contacts:
            await self._leave(torrent, NO_KEY)
            self._say_what_a_key_does(torrent)
            return
        found = await self._finder.find(torrent, first=self._looks[torrent.hash] == 1)
        if isinstance(found, Nowhere):
            await self._not_now(torrent, found)
            return
        title = f"{found.contact.name}: {found.row.title or found.grab.title}"
        free_at = self._quota.free_at(title)
        # The limits are against loops, and a person is none.
        if free_at is not None and torrent.told is not Told.ASKED:
            sentence = f"enough of it was replaced in a day, goes on at {clock_time(free_at)}"
            await self._wait_with(torrent, sentence, free_at - self._clock.time())
            return
        await self._send(torrent, failed, found, title, search=action is FailureAction.REPLACE)

    async def _not_now(self, torrent: Torrent, nowhere: Nowhere) -> None:
        looks = self._looks[torrent.hash]
        if nowhere.until is None and looks >= nowhere.looks:
            await self._leave(torrent, nowhere.sentence)
            return
        wait = self._rest(looks - 1)
        if nowhere.until is not None:
            # Silence is no look: it says nothing about the torrent.
            self._looks[torrent.hash] = looks - 1
            wait = max(1.0, nowhere.until - self._clock.monotonic())
        await self._wait_with(torrent, nowhere.sentence, wait)

    async def _send(
        self, torrent: Torrent, failed: Failed, found: Found, title: str, *, search: bool
    ) -> None:
        telling = Telling(
            hash=torrent.hash,
            name=torrent.name,
            arr=found.contact.name,
            title=title,
            last_event=found.last_event,
            grab=found.grab.id,
            search=search,
            reason=failed.reason,
            since=self._clock.time(),
        )
        after = await self._ledger.change(
            torrent.hash,
            lambda now: replace(now, outlook=_asks(telling)) if now.phase == failed else None,
            put_telling(telling),
        )
        if after is None or after.phase != failed:
            return
        self._open[torrent.hash] = telling
        try:
            async with found.contact.asking():
                await found.contact.arr.remove(found.row, search=search, reason=failed.reason)
        except ArrRefused as error:
            await self._close(telling)
            await self._refused(torrent.hash, error)
        except (ArrUnwell, ArrGone):
            # Gone says no more than silence: a call that was cut off may have been sent twice.
            found.contact.forget()
            text = f"{telling.arr} did not answer; whether it has done it is looked up"
            self._note(torrent.hash, torrent.name, text)
            self._later(torrent.hash, self._rest(self._looks[torrent.hash]))
        else:
            found.contact.forget()
            await self._done(telling)

    async def _refused(self, torrent_hash: str, error: ArrRefused) -> None:
        torrent = self._ledger.torrents.get(torrent_hash)
        if torrent is None or not isinstance(torrent.phase, Failed):
            log.warning("%s", error)
        elif error.key:
            await self._wait_with(torrent, str(error), self._rest(self._looks[torrent_hash]))
        else:
            await self._leave(torrent, str(error))

    # Outcomes

    async def _settle(self, telling: Telling, torrent: Torrent | None) -> None:
        """Find out what became of a call whose answer was never read."""
        contact = self._contacts.get(telling.arr)
        if contact is None:
            await self._close(telling)
            return
        if contact.resting:
            assert contact.trouble is not None
            self._later(telling.hash, contact.trouble.until - self._clock.monotonic())
            return
        async with contact.asking():
            events = await contact.arr.events(telling.hash)
            if ours.failed_after(events, telling.last_event):
                await self._done(telling)
                return
            if torrent is not None and torrent.listed:
                # It was not even removed here: nothing has happened.
                await self._close(telling)
                self._later(telling.hash, SOON_SECONDS)
                return
            grab = ours.newest_grab(events)
            if telling.search and grab is not None and grab.id == telling.grab:
                # Removed here, and then the arr was cut off: the rest is asked for by itself.
                await contact.arr.refresh()
                await contact.arr.mark_failed(grab)
        await self._done(telling)

    async def _done(self, telling: Telling) -> None:
        del self._open[telling.hash]
        await self._quota.count(telling.title, forget_telling(telling.hash))
        said = "blocklisted, another one is searched for" if telling.search else "blocklisted"
        self._note(telling.hash, telling.name, f"told {telling.arr}: {said}")
        text = f"failed: {telling.reason}; {telling.arr} was told, {said}"
        self._replaced(telling.hash, telling.name, text)
        torrent = self._ledger.torrents.get(telling.hash)
        if torrent is not None and isinstance(torrent.phase, Failed):
            await self._leave(torrent, f"{telling.arr} was told and did not remove it")
        else:
            self._due.pop(telling.hash, None)
            self._looks.pop(telling.hash, None)

    async def _close(self, telling: Telling) -> None:
        del self._open[telling.hash]
        await self._store.write(forget_telling(telling.hash))
        torrent = self._ledger.torrents.get(telling.hash)
        if torrent is None or not isinstance(torrent.phase, Failed):
            self._due.pop(telling.hash, None)

    async def _leave(self, torrent: Torrent, outlook: str) -> None:
        """Nothing more is told by itself."""

        def change(now: Torrent) -> Torrent | None:
            if now.phase != torrent.phase:
                return None
            return replace(now, told=Told.LEFT, outlook=outlook)

        await self._ledger.change(torrent.hash, change)
        if outlook and outlook != NO_KEY:
            self._note(torrent.hash, torrent.name, outlook)

    async def _wait_with(self, torrent: Torrent, outlook: str, seconds: float) -> None:
        self._later(torrent.hash, max(1.0, seconds))
        if torrent.outlook != outlook:
            await self._ledger.change(
                torrent.hash,
                lambda now: replace(now, outlook=outlook) if now.phase == torrent.phase else None,
            )

    def _say_what_a_key_does(self, torrent: Torrent) -> None:
        if not self._said_what_a_key_does:
            self._said_what_a_key_does = True
            log.info(
                "%s failed, and nothing can replace it: with `arrs: [{name: sonarr, url: ...,"
                " api_key: ...}]` the bridge has dead releases blocklisted and searched anew",
                torrent.name,
            )


def _asks(telling: Telling) -> str:
    wanted = "blocklist it and search for another" if telling.search else "blocklist it"
    return f"{telling.arr} is asked to {wanted}"
