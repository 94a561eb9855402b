"""Submitting: a torrent is created at TorBox once per attempt, whatever happens in between."""

import logging
from typing import Protocol

from msgspec.structs import replace

from bridge.clock import Clock
from bridge.core import ownership
from bridge.core.door import Door
from bridge.core.intents import Intents
from bridge.core.ledger import Ledger
from bridge.core.steps import Submit
from bridge.core.times import clock_time
from bridge.core.watch import Watch
from bridge.errors import (
    AccountTrouble,
    OurMistake,
    TorBoxBusy,
    TorBoxError,
    TorBoxRefused,
    TorBoxSaysNo,
    TorBoxUnreached,
    TorBoxUnwell,
)
from bridge.model import (
    Cause,
    Failed,
    Fetching,
    Phase,
    Queued,
    Seen,
    Submitting,
    Torrent,
    Waiting,
)
from bridge.store.store import Store
from bridge.torbox.client import TorBox
from bridge.torbox.replies import Created

log = logging.getLogger(__name__)

PAGE = 100
MOST_PAGES = 100
# After a create whose answer was not read, the hash is looked for at 20 s, at 80 s and at five
# minutes, because lists lag for up to five (torbox-api.md §2.5).
UNCLEAR_SECONDS = 20.0
LOOK_AGAIN_SECONDS = (60.0, 220.0)
MISTAKE_SECONDS = 3600.0
LONGEST_NO_SECONDS = 6 * 3600.0  # before what TorBox refused is sent again
MOST_PEEKS, PEEK_SECONDS = 5, 60.0
SEED_PUBLIC, SEED_PRIVATE = 3, 1


NOT_CACHED = "DOWNLOAD_NOT_CACHED"


class Learn(Protocol):
    """Takes note of whether TorBox has a torrent cached."""

    def __call__(self, torrent_hash: str, *, cached: bool) -> None: ...


class Submitter:
    """Creates torrents at TorBox, and finds out what became of unclear creates."""

    def __init__(
        self, ledger: Ledger, store: Store, torbox: TorBox, door: Door, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._torbox = torbox
        self._door = door
        self._clock = clock
        self.account_id = 0
        self._peeks: list[float] = []  # when items were asked for by id, monotonic
        self.intents = Intents(torbox, clock)
        # Told what a create showed about TorBox's cache; the admission sets it.
        self.learn: Learn = _forget

    async def submit(self, torrent: Torrent, watch: Watch, step: Submit) -> None:
        """Create it, with the intent stored before the call; the answer decides the phase."""
        if step.look_first and await self._need_not(torrent, watch):
            return
        unclear = ownership.unresolved(self._ledger.items_of(torrent.hash))
        if not await self._intend(torrent.hash):
            return
        try:
            created = await self._create(torrent, only_if_cached=step.only_if_cached)
        except TorBoxRefused as error:
            if error.code == NOT_CACHED:
                self.learn(torrent.hash, cached=False)
                await self._wait(torrent.hash, 0.0, "TorBox does not have it yet", watch, unclear)
            else:
                await self._fail(torrent.hash, Cause.REFUSED, str(error))
        except TorBoxBusy as error:
            seconds = error.wait_seconds
            if error.shut is not None and not step.only_if_cached:
                # All wait for the door, this one among them; its turn comes when it opens.
                self._door.refused(error, self._clock.monotonic())
                seconds = 0.0
            await self._wait(torrent.hash, seconds, str(error), watch, unclear)
        except (AccountTrouble, TorBoxUnreached) as error:
            await self._wait(torrent.hash, 0.0, str(error), watch, unclear)
            raise
        except OurMistake as error:
            await self._wait(torrent.hash, MISTAKE_SECONDS, str(error), watch, unclear)
            raise
        except TorBoxSaysNo as error:
            await self._said_no(torrent, error, watch, unclear)
        except TorBoxUnwell as error:
            log.info(
                "%s: the create's outcome is unknown (%s); looking for it", torrent.name, error
            )
            watch.met()
            watch.hold(self._clock.monotonic(), UNCLEAR_SECONDS, "asks TorBox whether it arrived")
            raise
        else:
            await self._created(torrent, created, watch)

    async def _need_not(self, torrent: Torrent, watch: Watch) -> bool:
        """Whether an earlier create worked after all, or TorBox's no to it is too young."""
        if await self.find(torrent.hash):
            watch.met()
            return True
        left = watch.no_until - self._clock.monotonic()
        if left <= 0:
            return False
        at = self._clock.time() + left
        reason = f"TorBox could not take it; tries again at {clock_time(at)}"

        def change(now: Torrent) -> Torrent | None:
            if not isinstance(now.phase, Waiting):
                return None
            return replace(now, phase=Waiting(at, reason, look_first=True))

        await self._ledger.change(torrent.hash, change)
        return True

    async def _said_no(
        self, torrent: Torrent, error: TorBoxSaysNo, watch: Watch, unclear: bool
    ) -> None:
        """TorBox does not take this one for now; only this one waits, ever longer."""
        log.info("%s: %s", torrent.name, error)
        now = self._clock.monotonic()
        seconds = watch.said_no(now, LONGEST_NO_SECONDS)
        if error.nothing_done:
            await self._wait(torrent.hash, seconds, str(error), watch, unclear)
            return
        watch.met()
        watch.hold(now, UNCLEAR_SECONDS, f"{error}; asks whether it arrived all the same")

    async def resolve(self, torrent: Torrent, watch: Watch) -> None:
        """Find out what became of a create; a hash in neither list goes back to Waiting."""
        if await self.find(torrent.hash):
            watch.met()
            return
        moment = self._clock.monotonic()
        watch.look_missed(moment)
        first_gap, last_gap = LOOK_AGAIN_SECONDS
        if isinstance(torrent.phase, Submitting) and watch.missing_looks == 1:
            watch.hold(
                moment, first_gap, "TorBox did not confirm it; asks again whether it arrived"
            )
            return
        reason = "TorBox did not confirm it; looks once more before it is sent again"
        watch.hold(moment, last_gap, reason)  # whatever the wall clock does meanwhile
        since = self._clock.time()
        again = Waiting(since + last_gap, reason, look_first=True, since=since)

        def change(now: Torrent) -> Torrent | None:
            if isinstance(now.phase, Submitting):
                return replace(now, phase=again)
            if isinstance(now.phase, Waiting):  # paused meanwhile; long enough looked for
                return replace(now, phase=replace(now.phase, look_first=False))
            if isinstance(now.phase, Queued) and not now.recreated:
                left = replace(again, reason="left TorBox's queue without arriving; is sent again")
                return replace(now, phase=left, recreated=True)
            if isinstance(now.phase, Queued):
                reason = "left TorBox's queue twice without arriving"
                return replace(now, phase=Failed(Cause.GONE, reason, self._clock.time()))
            return None

        await self._ledger.change(torrent.hash, change)

    async def find(self, torrent_hash: str, *, purged_too: bool = False) -> bool:
        """Look for the hash, first in the queue, then in the list, because items move that way."""
        unread: TorBoxError | None = None
        try:
            for entry in await self._torbox.queue():
                if entry.hash == torrent_hash:
                    await self._note(torrent_hash, None, entry.id, entry.created_at)
                    return True
        except TorBoxError as error:
            unread = error
        seen = await self.in_list(torrent_hash, purged_too=purged_too)
        if seen is None and unread is not None:
            raise unread  # it may be there: that it is in neither is not known
        if seen is not None:
            await self._note(torrent_hash, seen.torrent_id, None, seen.created_at)
        return seen is not None

    async def in_list(self, torrent_hash: str, *, purged_too: bool) -> Seen | None:
        """The newest item with this hash, from as many pages as it takes."""
        for page in range(MOST_PAGES):
            items = await self._torbox.items(offset=page * PAGE, limit=PAGE)
            for seen in items:
                # A row without its content makes room for a new item: it is no create's outcome.
                if seen.hash == torrent_hash and (purged_too or not seen.purged):
                    return seen
            if not items.full:
                return None
        return None

    async def refuse(self, torrent: Torrent) -> None:
        """TorBox does not have it, and its category takes nothing else."""
        if ownership.unresolved(self._ledger.items_of(torrent.hash)) and await self.find(
            torrent.hash
        ):
            return
        where = f"category {torrent.category}" if torrent.category else "this category"
        reason = f"TorBox does not have it, and {where} takes only what TorBox has"
        await self._fail(torrent.hash, Cause.NOT_CACHED, reason)

    async def _create(self, torrent: Torrent, *, only_if_cached: bool) -> Created:
        file = await self._store.torrent_file(torrent.hash) if torrent.has_torrent else None
        return await self._torbox.create(
            magnet=None if file else torrent.magnet,
            torrent=file,
            seed=SEED_PRIVATE if torrent.private else SEED_PUBLIC,
            only_if_cached=only_if_cached,
        )

    async def _intend(self, torrent_hash: str) -> bool:
        now = self._clock.time()

        def change(torrent: Torrent) -> Torrent | None:
            if not isinstance(torrent.phase, Waiting):
                return None
            return replace(torrent, phase=Submitting(now))

        after = await self._ledger.change(
            torrent_hash,
            change,
            items=lambda items: self.intents.begin(items, torrent_hash, self.account_id),
        )
        return after is not None and after.phase == Submitting(now)

    async def _created(self, torrent: Torrent, created: Created, watch: Watch) -> None:
        now = self._clock.monotonic()
        self._door.took(now, cached=created.cached)
        watch.sent(now)
        watch.freed()
        if created.torrent_id is None and created.queued_id is None:
            watch.hold(now, 2.0, "TorBox took it; asks under which number")
            return
        await self._note(
            torrent.hash, created.torrent_id, created.queued_id, None, cached=created.cached
        )
        watch.peek = created.cached and created.torrent_id is not None and self._may_peek(now)
        watch.cached_sent = created.cached and not watch.peek

    def _may_peek(self, now: float) -> bool:
        """One item comes sooner than a list; of many at once a list is less to ask."""
        self._peeks = [at for at in self._peeks if now - at < PEEK_SECONDS]
        if len(self._peeks) >= MOST_PEEKS:
            return False
        self._peeks.append(now)
        return True

    async def _note(
        self,
        torrent_hash: str,
        torrent_id: int | None,
        queued_id: int | None,
        created_at: float | None,
        *,
        cached: bool = False,
    ) -> None:
        phase: Phase
        if torrent_id is not None:
            phase = Fetching(torrent_id)
        else:
            assert queued_id is not None
            phase = Queued(queued_id)

        def change(torrent: Torrent) -> Torrent | None:
            if isinstance(torrent.phase, Waiting | Submitting | Queued):
                return replace(torrent, phase=phase, cached=cached)
            return torrent  # removed meanwhile: the id is still wanted, for the clean-up

        await self._ledger.change(
            torrent_hash,
            change,
            items=lambda items: ownership.identified(
                self.intents.dated(items), torrent_id, queued_id, created_at
            ),
        )

    async def _fail(self, torrent_hash: str, cause: Cause, reason: str) -> None:
        failed = Failed(cause, reason, self._clock.time())

        def change(torrent: Torrent) -> Torrent | None:
            if isinstance(torrent.phase, Submitting | Waiting):
                return replace(torrent, phase=failed)
            return torrent

        # A refused create made nothing: the intent is not kept for it.
        await self._ledger.change(torrent_hash, change, items=self.intents.end)

    async def _wait(
        self, torrent_hash: str, seconds: float, reason: str, watch: Watch, look_first: bool
    ) -> None:
        since = self._clock.time()
        at = since + seconds
        if seconds >= 60:
            reason = f"{reason}; tries again at {clock_time(at)}"

        def change(torrent: Torrent) -> Torrent | None:
            if not isinstance(torrent.phase, Submitting):
                return torrent
            return replace(torrent, phase=Waiting(at, reason, look_first, since))

        # This create made nothing. An earlier one, still unclear, may have: its intent stays.
        forgotten = None if look_first else self.intents.end
        await self._ledger.change(torrent_hash, change, items=forgotten)
        watch.freed()


def _forget(torrent_hash: str, *, cached: bool) -> None:
    """Take no note: nobody wants to know."""
