"""Looking: one list for all that is outstanding, and what it means for each torrent."""

import logging
from collections.abc import Iterable, Mapping, Set
from functools import partial

from msgspec.structs import replace

from bridge.clock import Clock
from bridge.core import clocks, ownership, plan
from bridge.core.accounts import Accounts
from bridge.core.backoff import Backoff
from bridge.core.ledger import Change, Items, Ledger
from bridge.core.wanted import files_from, files_of, is_zipped, relisted
from bridge.core.watch import Watch
from bridge.errors import OurMistake, TorBoxBusy, TorBoxError, TorBoxGone, TorBoxUnwell
from bridge.model import Cause, Delivering, Failed, Fetching, Queued, Seen, Torrent, Waiting
from bridge.names import safe_name
from bridge.torbox.client import TorBox
from bridge.torbox.replies import QueuedItem

log = logging.getLogger(__name__)

PAGE, MOST_PAGES = 100, 3
BY_ID_SECONDS = 60.0


class Looker:
    """Looks at TorBox for all torrents at once."""

    def __init__(self, ledger: Ledger, torbox: TorBox, accounts: Accounts, clock: Clock) -> None:
        self._ledger = ledger
        self._torbox = torbox
        self._accounts = accounts
        self._clock = clock
        self.last_look: float | None = None
        self.asking_queue = Backoff()

    async def look(self, watches: Mapping[str, Watch], interval_seconds: float) -> None:
        """One look for these torrents; what was seen is noted, what was not is counted."""
        self.last_look = self._clock.monotonic()
        # What waits here for a slot is looked for by nobody: the list only says who holds one.
        outstanding = {
            torrent_hash: torrent
            for torrent_hash in watches
            if (torrent := self._ledger.torrents.get(torrent_hash)) is not None
            and isinstance(torrent.phase, Queued | Fetching)
        }
        in_queue = await self._look_at_queue(outstanding, watches)
        found, complete = await self._list(outstanding, outstanding.keys() - in_queue)
        found |= await self._by_id(
            outstanding.keys() - found.keys(), outstanding, watches, absence_counts=not complete
        )
        outstanding = {
            torrent_hash: torrent
            for torrent_hash, torrent in outstanding.items()
            if torrent_hash in found or (complete and torrent_hash not in in_queue)
        }
        await self._note(outstanding, watches, found, interval_seconds)

    async def ask(self, torrent: Torrent, watch: Watch, torrent_id: int) -> None:
        """The lists do not show it: ask for the item itself, and believe only a clear no."""
        now = self._clock.monotonic()
        peek, watch.peek, watch.asked_at = watch.peek, False, now
        try:
            seen = await self._torbox.item(torrent_id)
        except TorBoxError as error:
            if peek:
                return  # it was only just created: the list will show it
            if not isinstance(error, TorBoxGone):
                raise
            if plan.missing_long_enough(watch, now):
                await self._gone(torrent, torrent_id)
            else:
                watch.hold(now, plan.GONE_SECONDS / 3, "TorBox does not list it; looks again")
        else:
            await self._note(
                {torrent.hash: torrent}, {torrent.hash: watch}, {torrent.hash: seen}, 0
            )

    async def look_up(self, torrent: Torrent, watch: Watch) -> None:
        """What the swarm knows of a magnet: once, and whatever comes of it changes nothing else."""
        watch.looked_up = True
        try:
            info = await self._torbox.torrent_info(torrent.hash)
        except TorBoxError as error:
            log.debug("%s: nothing was found out about it: %s", torrent.name, error)
            return
        files = files_from(info)

        def change(now: Torrent) -> Torrent | None:
            if now.files or not files:
                return None
            name = info.name if now.name == now.hash and info.name else now.name
            size = sum(file.size for file in files)
            return replace(now, name=name, files=files, size=size, provisional=True)

        await self._ledger.change(torrent.hash, change)

    async def _list(
        self, outstanding: Mapping[str, Torrent], expected: Set[str]
    ) -> tuple[dict[str, Seen], bool]:
        """Newest first, further pages only while something expected there was not seen.

        Also says whether all that was listed could be read: only then does absence count.
        """
        found: dict[str, Seen] = {}
        listed: list[Seen] = []
        complete, last = True, False
        for page in range(MOST_PAGES):
            items = await self._torbox.items(offset=page * PAGE, limit=PAGE)
            for seen in items:
                torrent = outstanding.get(seen.hash)
                if torrent is not None and _is_it(torrent, seen):
                    found.setdefault(seen.hash, seen)  # of several the newest, which comes first
            listed += items
            complete, last = complete and items.all_read, not items.full
            if last or found.keys() >= expected:
                break
        self._accounts.saw(listed, everything=complete and last)
        return found, complete

    async def _by_id(
        self,
        hashes: Iterable[str],
        outstanding: Mapping[str, Torrent],
        watches: Mapping[str, Watch],
        *,
        absence_counts: bool,
    ) -> dict[str, Seen]:
        """Items beyond page three, asked one by one, each at most once a minute.

        `absence_counts` when the list could not be read in whole and so shows none.
        """
        found = {}
        for torrent_hash in hashes:
            torrent_id, watch = outstanding[torrent_hash].torrent_id, watches[torrent_hash]
            now = self._clock.monotonic()
            if torrent_id is None or watch.seen is None:
                continue
            if watch.asked_at is not None and now - watch.asked_at < BY_ID_SECONDS:
                continue
            watch.asked_at = now
            try:
                found[torrent_hash] = await self._torbox.item(torrent_id)
            except (TorBoxGone, TorBoxUnwell) as error:
                if absence_counts and isinstance(error, TorBoxGone):
                    watch.look_missed(now)
                # What was seen of the others counts; this one is asked for again.
                log.debug("%s: %s", outstanding[torrent_hash].name, error)
        return found

    async def _look_at_queue(
        self, outstanding: Mapping[str, Torrent], watches: Mapping[str, Watch]
    ) -> set[str]:
        """The hashes that wait in TorBox's own queue; asked only when one of ours was there.

        When it cannot be read, nothing is known against those that waited in it.
        """
        ours = {one for one, torrent in outstanding.items() if isinstance(torrent.phase, Queued)}
        if not ours or self._clock.monotonic() < self.asking_queue.until:
            return ours
        try:
            queued = {entry.hash: entry for entry in await self._torbox.queue()}
        except (TorBoxUnwell, TorBoxBusy, OurMistake) as error:
            log.info("TorBox's own queue is looked at again later: %s", error)
            self.asking_queue.failed(self._clock.monotonic())
            return ours
        self.asking_queue.forget()
        now = self._clock.monotonic()
        for torrent_hash in outstanding.keys() & queued.keys():
            entry, watch = queued[torrent_hash], watches[torrent_hash]
            watch.met()
            watch.seen_at = now
            await self._ledger.change_items(torrent_hash, partial(_queued_as, entry=entry))
        return outstanding.keys() & queued.keys()

    async def _note(
        self,
        outstanding: Mapping[str, Torrent],
        watches: Mapping[str, Watch],
        found: Mapping[str, Seen],
        interval_seconds: float,
    ) -> None:
        now = self._clock.monotonic()
        changes = {}
        for torrent_hash, torrent in outstanding.items():
            watch, seen = watches[torrent_hash], found.get(torrent_hash)
            if not _is_still_it(self._ledger.torrents.get(torrent_hash), torrent, seen):
                continue  # another look, or an act, was faster
            if seen is None:
                watch.look_missed(now)
                continue
            before, seen_at = watch.seen, watch.seen_at
            seconds = 0.0 if seen_at is None else min(now - seen_at, interval_seconds)
            await self._identify(torrent_hash, seen)
            changes[torrent_hash] = _figures(torrent, before, seen, seconds, self._clock.time())
        await self._ledger.change_all(changes)
        for torrent_hash in changes:  # last, so that nobody is shown a state without its progress
            seen = found[torrent_hash]
            if _is_still_it(
                self._ledger.torrents.get(torrent_hash), outstanding[torrent_hash], seen
            ):
                watches[torrent_hash].look_found(seen, now)

    async def _identify(self, torrent_hash: str, seen: Seen) -> None:
        await self._ledger.change_items(
            torrent_hash,
            lambda items: ownership.identified(
                ownership.marked_private(items, seen.torrent_id) if seen.private else items,
                seen.torrent_id,
                None,
                seen.created_at,
            ),
        )

    async def _gone(self, torrent: Torrent, torrent_id: int) -> None:
        """Gone at TorBox: created again from the stored source, once per attempt."""
        self._accounts.gone(torrent_id)
        time = self._clock.time()

        def change(now: Torrent) -> Torrent | None:
            if now.torrent_id != torrent_id:
                return None
            if now.recreated:
                return replace(now, phase=Failed(Cause.GONE, "TorBox lost it twice", time))
            reason = "TorBox does not have it any more; is sent again"
            return replace(now, phase=Waiting(time, reason), recreated=True)

        await self._ledger.change(
            torrent.hash,
            change,
            items=lambda items: tuple(item for item in items if item.torrent_id != torrent_id),
        )


def _queued_as(items: Items, entry: QueuedItem) -> Items:
    return ownership.identified(items, None, entry.id, entry.created_at)


def _is_it(torrent: Torrent, seen: Seen) -> bool:
    """A known id only ever stands for itself: a lagging list may show an object of before."""
    return torrent.torrent_id in (None, seen.torrent_id)


def _is_still_it(now: Torrent | None, asked_for: Torrent, seen: Seen | None) -> bool:
    """Whether what was seen still says something about the torrent, after the time it took."""
    if now is None or now.phase == asked_for.phase:
        return now is not None
    return seen is not None and now.torrent_id == seen.torrent_id


def _figures(
    asked_for: Torrent, before: Seen | None, seen: Seen, seconds: float, time: float
) -> Change:
    def change(torrent: Torrent) -> Torrent | None:
        if not _is_still_it(torrent, asked_for, seen):
            return None
        if isinstance(torrent.phase, Queued):
            torrent = replace(torrent, phase=Fetching(seen.torrent_id))
        elif not isinstance(torrent.phase, Fetching | Delivering):
            return None
        leg = min(max(seen.progress, 0.0), 1.0) / (1 if torrent.cached else 2)
        if torrent.cached:
            leg = 0.0
        torrent = replace(
            torrent,
            clocks=clocks.observed(torrent.clocks, before, seen, seconds, paused=torrent.paused),
            progress=max(torrent.progress, min(leg, 0.5)),
            seen_complete_at=time if seen.availability >= 1 else torrent.seen_complete_at,
            private=seen.private if torrent.private is None else torrent.private,
        )
        return _described(torrent, seen)

    return change


def _described(torrent: Torrent, seen: Seen) -> Torrent:
    """The torrent with what TorBox knows of its name and files, where we know nothing better."""
    if torrent.name == torrent.hash and seen.name and seen.name.lower() != torrent.hash:
        torrent = replace(torrent, name=seen.name)
    known = torrent.files and not torrent.provisional
    if known or not seen.files or is_zipped(torrent, seen):
        return torrent if torrent.size or not seen.size else replace(torrent, size=seen.size)
    files = relisted(torrent.files, files_of(seen))
    root = safe_name(seen.root or torrent.name)
    size = sum(file.size for file in files)
    return replace(torrent, files=files, size=size, root=root, provisional=False)
