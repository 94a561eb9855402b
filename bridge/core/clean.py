"""Cleaning up at TorBox: what is ours is deleted by its id, and nothing else, ever."""

import logging
from collections.abc import Callable

from msgspec.structs import replace

from bridge.clock import Clock
from bridge.core import ownership
from bridge.core.ledger import Ledger
from bridge.core.steps import Recreate
from bridge.core.submit import Submitter
from bridge.core.watch import Watch
from bridge.errors import OurMistake, TorBoxError, TorBoxGone, TorBoxRefused, TorBoxUnwell
from bridge.model import AccountItem, Cause, Failed, Fetching, Removing, Torrent, Waiting, Wishes
from bridge.torbox.client import TorBox

log = logging.getLogger(__name__)

FREEING_SECONDS = 6 * 3600.0
REMOVING_SECONDS, AWAKE_SECONDS = 7 * 24 * 3600.0, 24 * 3600.0
LOOK_AGAIN_SECONDS = 60.0
UNCLEAR_GAPS = (60.0, 240.0)  # lists lag for up to five minutes (torbox-api.md §2.5)
MOST_FAILURES = 3
PAUSED_WORDS = ("paused", "stopped")


class Cleaner:
    """Deletes our own items at TorBox once their torrent is removed or given up."""

    def __init__(self, ledger: Ledger, torbox: TorBox, submitter: Submitter, clock: Clock) -> None:
        self._ledger = ledger
        self._torbox = torbox
        self._submitter = submitter
        self._clock = clock
        # Told which items are not in the account any more; the accounts set it.
        self.deleted: Callable[[int], None] = _nobody_counts

    async def clean(self, torrent: Torrent, watch: Watch) -> None:
        """Delete what is ours for this removed torrent, then forget it."""
        assert isinstance(torrent.phase, Removing)
        try:
            if not await self._freed(torrent, watch):
                return
        except TorBoxError:
            if not self._tried_enough(torrent.phase, watch):
                raise
            log.warning("%s: could not be deleted at TorBox for seven days", torrent.name)
        await self._ledger.forget(torrent.hash, lambda now: isinstance(now.phase, Removing))

    def _tried_enough(self, removing: Removing, watch: Watch) -> bool:
        """Seven days, the last one without a stop: what the bridge slept through was no trying."""
        awake_seconds = self._clock.monotonic() - watch.since
        since_seconds = self._clock.time() - removing.since
        return since_seconds > REMOVING_SECONDS and awake_seconds > AWAKE_SECONDS

    async def give_up(self, torrent: Torrent, watch: Watch, cause: Cause, reason: str) -> None:
        """Free the slot at TorBox first, then fail; in the end also if TorBox refuses that."""
        try:
            if not await self._freed(torrent, watch, even_private=True):
                return
        except (TorBoxUnwell, TorBoxRefused, OurMistake) as error:
            now = self._clock.monotonic()
            watch.freeing_since = watch.freeing_since or now
            if now - watch.freeing_since < FREEING_SECONDS:
                raise
            log.warning("%s: is given up, but not deleted at TorBox: %s", torrent.name, error)
        failed = Failed(cause, reason, self._clock.time())

        def change(now: Torrent) -> Torrent | None:
            return replace(now, phase=failed) if now.phase == torrent.phase else None

        await self._ledger.change(torrent.hash, change)

    async def recreate(self, torrent: Torrent, watch: Watch, step: Recreate) -> None:
        """What TorBox has is of no use: sent again from the stored source, once per attempt."""
        if not await self._freed(torrent, watch, even_private=True):
            return
        time = self._clock.time()

        def change(now: Torrent) -> Torrent | None:
            if now.phase != torrent.phase:
                return None
            if now.recreated:
                return replace(now, phase=Failed(step.cause, step.reason, time))
            return replace(now, phase=Waiting(time, f"{step.why}; is sent again"), recreated=True)

        watch.seen, watch.purged_since = None, None
        await self._ledger.change(torrent.hash, change)

    async def nudge(self, torrent: Torrent) -> None:
        """Resume and reannounce once; TorBox may refuse either without harm."""
        assert isinstance(torrent.phase, Fetching)
        await self._ledger.change(
            torrent.hash,
            lambda now: replace(now, clocks=replace(now.clocks, nudged=True)),
        )
        for operation in ("resume", "reannounce"):
            try:
                await self._torbox.control(torrent.phase.torrent_id, operation)
            except TorBoxGone:
                return
            except (TorBoxUnwell, TorBoxRefused, OurMistake) as error:
                log.info("%s: TorBox did not take the %s: %s", torrent.name, operation, error)

    async def pause_there(self, torrent: Torrent, watch: Watch, *, paused: bool) -> None:
        """Pause or resume the item at TorBox; one that TorBox does not let us control stays."""
        if torrent.torrent_id is not None:
            try:
                await self._torbox.control(torrent.torrent_id, "pause" if paused else "resume")
            except TorBoxUnwell as error:
                # Its usual no to what it cannot control. Only an item that stays paused matters.
                if not paused and (watch.seen is None or watch.seen.state.startswith(PAUSED_WORDS)):
                    raise
                log.info("%s: TorBox did not take the pause: %s", torrent.name, error)
            except (TorBoxGone, TorBoxRefused, OurMistake) as error:
                log.info("%s: TorBox did not take the pause: %s", torrent.name, error)
        await self._ledger.change(torrent.hash, lambda now: replace(now, paused_at_torbox=paused))

    async def reannounce(self, torrent: Torrent, watch: Watch) -> None:
        """Once, because a client asked; TorBox's refusal changes nothing."""
        watch.reannounce = False
        if torrent.torrent_id is not None:
            await self._torbox.control(torrent.torrent_id, "reannounce")

    async def end_seeding(self) -> None:
        """Once an hour: delete removed private items that have seeded enough, or have stopped."""
        failures = 0
        for item in [item for items in self._ledger.items.values() for item in items]:
            if item.delete_since is None or item.hash in self._ledger.torrents:
                continue
            try:
                await self._end_seeding_of(item)
            except (TorBoxUnwell, OurMistake) as error:
                # One item that TorBox cannot answer for keeps no other waiting.
                log.info("a seeding item could not be looked at: %s", error)
                failures += 1
                if failures >= MOST_FAILURES:
                    raise

    async def _end_seeding_of(self, item: AccountItem) -> None:
        if item.torrent_id is None or item.delete_since is None:
            await self._drop(item)
            return
        try:
            seen = await self._torbox.item(item.torrent_id)
        except TorBoxGone:
            await self._drop(item)
            return
        seeded = self._clock.time() - item.delete_since
        if seen.active and not _limits_met(item, seen.ratio, seeded):
            return
        await self._delete(item)
        await self._drop(item)

    async def _freed(self, torrent: Torrent, watch: Watch, *, even_private: bool = False) -> bool:
        """True when nothing of ours is left to delete at TorBox."""
        items = self._ledger.items_of(torrent.hash)
        if ownership.unresolved(items) and not await self._found(torrent, watch):
            return False
        for kept in self._ledger.items_of(torrent.hash):
            item = kept if kept.ours is not None else await self._judged(kept)
            private = item.private or torrent.private
            if item.ours and private and not even_private and torrent.completed_at:
                await self._keep_seeding(item, torrent.wishes)
                continue
            if item.ours is not False and not await self._deleted(item):
                await self._left_the_queue(item, watch)
                return False
            await self._drop(item)
        return True

    async def _found(self, torrent: Torrent, watch: Watch) -> bool:
        """Resolve a create whose answer we never read; lists lag, so look more than once."""
        if await self._submitter.find(torrent.hash, purged_too=True):
            return True
        if watch.cleaning_looks < len(UNCLEAR_GAPS):
            gap = UNCLEAR_GAPS[watch.cleaning_looks]
            watch.cleaning_looks += 1
            watch.hold(self._clock.monotonic(), gap, "looks whether TorBox took it")
            return False
        await self._ledger.change_items(torrent.hash, self._submitter.intents.end)
        return True

    async def _judged(self, item: AccountItem) -> AccountItem:
        """Whose it is, once its creation date is known; an item that is gone is not ours."""
        created_at = None
        if item.torrent_id is not None:
            try:
                created_at = (await self._torbox.item(item.torrent_id)).created_at
            except TorBoxGone:
                return replace(item, ours=False)
        else:
            entries = [entry for entry in await self._torbox.queue() if entry.id == item.queued_id]
            created_at = entries[0].created_at if entries else None
        items = await self._ledger.change_items(
            item.hash,
            lambda items: ownership.identified(items, item.torrent_id, item.queued_id, created_at),
        )
        judged = [
            other
            for other in items
            if (other.torrent_id, other.queued_id) == (item.torrent_id, item.queued_id)
        ]
        return judged[0] if judged else replace(item, ours=False)

    async def _delete(self, item: AccountItem) -> None:
        assert item.torrent_id is not None
        try:
            await self._torbox.control(item.torrent_id, "delete")
        except TorBoxGone:
            log.debug("%s: was deleted at TorBox already", item.hash)
        self.deleted(item.torrent_id)

    async def _deleted(self, item: AccountItem) -> bool:
        """Delete it. False for an entry that is not in TorBox's queue any more."""
        if item.queued_id is None:
            if item.ours:
                await self._delete(item)
            return True
        try:
            if item.ours:
                await self._torbox.control_queued(item.queued_id, "delete")
                return True
        except TorBoxGone:
            log.debug("%s: left TorBox's queue", item.hash)
        return False

    async def _left_the_queue(self, item: AccountItem, watch: Watch) -> None:
        """It was promoted, under an id that is to be found, or somebody deleted it."""
        lost = replace(item, queued_id=None, created_at=None, ours=None)
        await self._ledger.change_items(
            item.hash, lambda items: (*ownership.without(items, item), lost)
        )
        watch.met()
        watch.hold(self._clock.monotonic(), LOOK_AGAIN_SECONDS, "looks where TorBox put it")

    async def _keep_seeding(self, item: AccountItem, wishes: Wishes) -> None:
        time = self._clock.time()
        await self._ledger.change_items(
            item.hash,
            lambda items: tuple(
                replace(
                    other,
                    delete_since=time,
                    ratio_limit=wishes.ratio_limit,
                    seeding_minutes=wishes.seeding_minutes,
                )
                if other == item
                else other
                for other in items
            ),
        )

    async def _drop(self, item: AccountItem) -> None:
        await self._ledger.change_items(item.hash, lambda items: ownership.without(items, item))


def _nobody_counts(torrent_id: int) -> None:
    """Slots are nobody's business."""


def _limits_met(item: AccountItem, ratio: float, seeded_seconds: float) -> bool:
    """The limits that came with the grab, by TorBox's own figures."""
    if item.ratio_limit >= 0 and ratio >= item.ratio_limit:
        return True
    return item.seeding_minutes >= 0 and seeded_seconds >= item.seeding_minutes * 60
