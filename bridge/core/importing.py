"""Import now: an arr is asked to look as soon as a torrent is complete, and what it does is seen.

An arr looks by itself every 60 to 90 seconds (arr-contract.md §1.2). Where it copies or links files
(`downloads.import: hardlink`), a torrent may be removed only after the import is known, or 60
minutes: until then it is shown as seeding.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from bridge.clock import Clock
from bridge.core import ours
from bridge.core.background import Background, Work
from bridge.core.contacts import Contact, Note
from bridge.core.ledger import Ledger
from bridge.core.outlook import HAND_OVER_SECONDS
from bridge.errors import ArrError, StoreTrouble
from bridge.model import Complete, Torrent

log = logging.getLogger(__name__)

# After the first call, seconds since completion at which it is looked whether it was imported.
LOOKS_WHEN_LINKED = (5.0, 10.0, 20.0, 40.0, *(60.0 * minute for minute in range(1, 61)))
LOOKS_WHEN_MOVED = (60.0, 300.0, 900.0, 1800.0)
SILENCE_SECONDS = 30.0
BETWEEN_SECONDS = 1.0  # what becomes complete meanwhile is asked for in one call


class Importer(Background):
    """Follows complete torrents until they are imported. `async with` runs it."""

    def __init__(
        self,
        ledger: Ledger,
        contacts: Sequence[Contact],
        clock: Clock,
        note: Note,
        *,
        hardlink: bool,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._note = note
        self._askers = [Asker(one, ledger, clock, note, hardlink=hardlink) for one in contacts]
        self._complete: dict[str, float] = {}  # hash → since when, for the arr whose turn it is
        self._moved: dict[str, float] = {}  # the same of those whose category was changed
        self._wake = asyncio.Event()
        ledger.listen(self._changed)

    async def _begin(self) -> Iterable[Work]:
        for torrent in self._ledger.torrents.values():
            self._changed(None, torrent)
        return [self._run(), *(asker.run() for asker in self._askers)]

    def _changed(self, before: Torrent | None, after: Torrent | None) -> None:
        torrent = after or before
        assert torrent is not None
        if after is None or not isinstance(after.phase, Complete) or after.handed_over:
            self._complete.pop(torrent.hash, None)
            for asker in self._askers:
                asker.drop(torrent.hash)
            return
        if before is not None and isinstance(before.phase, Complete):
            if before.phase.at != after.phase.at:
                self._complete.pop(after.hash, None)  # it is another arr's now
            elif before.category != after.category:
                self._moved[after.hash] = after.phase.at
                self._wake.set()
        if torrent.hash not in self._complete:
            self._complete[after.hash] = after.phase.at
            self._wake.set()
            for asker in self._askers:
                asker.add(after.hash)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            moved, self._moved = self._moved, {}
            now = self._clock.time()
            late = {one: at for one, at in self._complete.items() if at + HAND_OVER_SECONDS <= now}
            try:
                for torrent_hash, at in (late | moved).items():
                    imported = torrent_hash in moved
                    await hand_over(self._ledger, torrent_hash, at, now, imported=imported)
            except StoreTrouble as error:
                log.warning("%s", error)
                await self._clock.sleep(SILENCE_SECONDS)
            first = min(self._complete.values(), default=None)
            if first is None:
                await self._wake.wait()
            else:
                left = first + HAND_OVER_SECONDS - self._clock.time()
                await self._clock.wait(self._wake, left)


class Asker:
    """Asks one arr to import, and looks whether it did: a slow arr holds up no other."""

    def __init__(
        self, contact: Contact, ledger: Ledger, clock: Clock, note: Note, *, hardlink: bool
    ) -> None:
        self._contact = contact
        self._ledger = ledger
        self._clock = clock
        self._note = note
        self._looks = LOOKS_WHEN_LINKED if hardlink else LOOKS_WHEN_MOVED
        self._due: dict[str, float] = {}  # hash → monotonic
        self._new: set[str] = set()  # not asked for yet
        self._wake = asyncio.Event()
        self._asked_at = -BETWEEN_SECONDS  # monotonic

    def add(self, torrent_hash: str) -> None:
        """It is complete."""
        now = self._clock.monotonic()
        self._due[torrent_hash] = max(now, self._asked_at + BETWEEN_SECONDS)
        self._new.add(torrent_hash)
        self._wake.set()

    def drop(self, torrent_hash: str) -> None:
        """It is imported, or gone."""
        self._due.pop(torrent_hash, None)
        self._new.discard(torrent_hash)

    async def run(self) -> None:
        """Ask and look, until cancelled."""
        while True:
            self._wake.clear()
            await self._round()
            next_at = min(self._due.values(), default=None)
            if next_at is None:
                await self._wake.wait()
            else:
                await self._clock.wait(self._wake, next_at - self._clock.monotonic())

    async def _round(self) -> None:
        now = self._clock.monotonic()
        due = [one for one, at in self._due.items() if at <= now]
        if not due:
            return
        if self._contact.trouble is not None and self._contact.resting:
            for torrent_hash in due:
                self._due[torrent_hash] = self._contact.trouble.until
            return
        try:
            async with self._contact.asking():
                due = await self._concerned(due)
                await self._ask_for([one for one in due if one in self._new])
                for torrent_hash in due:
                    await self._look(torrent_hash)
        except (ArrError, StoreTrouble) as error:
            log.debug("import is looked at later: %s", error)
            for torrent_hash in due:
                if self._due.get(torrent_hash, now + 1) <= now:
                    self._due[torrent_hash] = now + SILENCE_SECONDS

    async def _concerned(self, due: list[str]) -> list[str]:
        """Those that this arr has among its downloads; the others are not followed."""
        concerned = []
        for torrent_hash in due:
            torrent = self._ledger.torrents.get(torrent_hash)
            if torrent is not None and await self._contact.ours(torrent):
                concerned.append(torrent_hash)
            else:
                self.drop(torrent_hash)
        return concerned

    async def _ask_for(self, new: list[str]) -> None:
        """One call for all that became complete meanwhile."""
        if not new:
            return
        self._asked_at = self._clock.monotonic()
        await self._contact.arr.refresh()
        for torrent_hash in new:
            self._new.discard(torrent_hash)
            if (torrent := self._ledger.torrents.get(torrent_hash)) is not None:
                self._note(torrent_hash, torrent.name, f"asked {self._contact.name} to import it")

    async def _look(self, torrent_hash: str) -> None:
        torrent = self._ledger.torrents.get(torrent_hash)
        if torrent is None or not isinstance(torrent.phase, Complete):
            self.drop(torrent_hash)
            return
        age = self._clock.time() - torrent.phase.at
        if age >= self._looks[0]:
            await self._see(torrent)
        wait = next((at - age for at in self._looks if at > age), None)
        if wait is None:
            self.drop(torrent_hash)
        elif torrent_hash in self._due:
            self._due[torrent_hash] = self._clock.monotonic() + wait

    async def _see(self, torrent: Torrent) -> None:
        assert isinstance(torrent.phase, Complete)
        at = torrent.phase.at
        rows = await self._contact.rows(torrent)
        # Of a pack, some files may be imported and others not: then rows are left.
        if not rows and ours.was_imported(await self._contact.arr.events(torrent.hash)):
            name = self._contact.name
            self._note(torrent.hash, torrent.name, f"imported by {name}")
            await hand_over(self._ledger, torrent.hash, at, self._clock.time(), imported=True)
            # It may be removed now, and the arr is to see that soon, too.
            await self._contact.arr.refresh()
            return
        message = next((row.message for row in rows if row.message), "")
        outlook = f"{self._contact.name} does not import it: {message}" if message else ""
        if outlook != torrent.outlook:
            if outlook:
                self._note(torrent.hash, torrent.name, outlook)
            await self._ledger.change(torrent.hash, lambda now: _with_outlook(now, at, outlook))


async def hand_over(
    ledger: Ledger, torrent_hash: str, at: float, time: float, *, imported: bool
) -> None:
    """No import is waited for any more by the arr for which it is complete since `at`."""

    def change(now: Torrent) -> Torrent | None:
        if not _is_still(now, at) or now.handed_over:
            return None
        if not imported:
            return replace(now, handed_over=True)
        return replace(now, handed_over=True, imported_at=time, outlook="")

    await ledger.change(torrent_hash, change)


def _with_outlook(torrent: Torrent, at: float, outlook: str) -> Torrent | None:
    return replace(torrent, outlook=outlook) if _is_still(torrent, at) else None


def _is_still(torrent: Torrent, at: float) -> bool:
    """Whether it is the same arr's turn as it was: what one imported says nothing of another."""
    return isinstance(torrent.phase, Complete) and torrent.phase.at == at
