"""Delivering: the files come here, are proven, and one rename makes the torrent complete."""

import logging
from collections.abc import Iterable

from msgspec.structs import replace

from bridge.clock import Clock
from bridge.config import Settings
from bridge.core.attempts import cleaning_of, new_attempt
from bridge.core.claims import passed_on
from bridge.core.ledger import Ledger
from bridge.core.linking import Linking
from bridge.core.prepare import Preparer
from bridge.core.queueing import rank
from bridge.core.relocate import Relocator
from bridge.core.sources import Sources, proof_for
from bridge.core.timeline import Timeline
from bridge.core.watch import Watch
from bridge.delivery.delivery import Delivery
from bridge.errors import (
    FileDisproved,
    FilesMissing,
    Refused,
    TorBoxGone,
    UnfitForDisk,
)
from bridge.model import (
    Category,
    Cause,
    Check,
    Cleaning,
    Clocks,
    Complete,
    Delivering,
    Fetching,
    Phase,
    Torrent,
)
from bridge.store.store import Store
from bridge.torbox.client import TorBox

log = logging.getLogger(__name__)


class Deliverer:
    """Takes a torrent from "ready at TorBox" to "complete here"."""

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        torbox: TorBox,
        delivery: Delivery,
        timeline: Timeline,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._sources = Sources(ledger, store, torbox)
        self._preparer = Preparer(ledger, self._sources, delivery, settings, clock)
        self.use_settings = self._preparer.use_settings
        self._timeline = timeline
        self._torbox = torbox
        self._delivery = delivery
        self._clock = clock
        self._relocator = Relocator(ledger, delivery, timeline)
        self.relocate = self._relocator.relocate

    async def deliver(self, torrent: Torrent, watch: Watch, categories: Iterable[Category]) -> None:
        """Bring all wanted files here and prove them; cancelled, it stops between two writes."""
        begun, proof = await self._preparer.begun(torrent, watch, categories)
        if begun is None:
            return
        torrent_id = begun.torrent_id
        assert torrent_id is not None

        link = Linking(begun, self._torbox, self._timeline, self._clock).link
        rate = begun.wishes.download_limit
        self._delivery.rank(begun.hash, rank(begun))
        try:
            await self._delivery.deliver(
                begun.hash, begun.folder, begun.files, link, proof, bytes_per_second=rate
            )
        except FileDisproved as error:
            await self._preparer.fail(begun, Cause.DISPROVED, str(error))
            return
        except UnfitForDisk as error:
            await self._preparer.fail(begun, Cause.DELIVERY, str(error))
            return
        except TorBoxGone:
            watch.seen = None
            watch.look_missed(self._clock.monotonic())
            await self._back_to_torbox(begun, torrent_id)
            return
        watch.freed()
        await self._place_next(begun, torrent_id)

    async def _place_next(self, begun: Torrent, torrent_id: int) -> None:
        def change(now: Torrent) -> Torrent | None:
            if not isinstance(now.phase, Delivering) or now.files != begun.files:
                return None  # a client chose other files at the last moment
            return replace(now, phase=Delivering(torrent_id, placing=True))

        await self._ledger.change(begun.hash, change)

    async def place(self, torrent: Torrent, categories: Iterable[Category]) -> None:
        """Rename to the stored target; another name is stored first where that one is taken."""
        assert torrent.torrent_id is not None
        try:
            await self._delivery.place(torrent.hash, torrent.save_path, torrent.folder)
        except FilesMissing as error:
            log.warning("%s: %s; they are fetched again", torrent.name, error)
            again = Delivering(torrent.torrent_id)
            await self._change_phase(torrent, again)
            return
        except Refused:
            folder = await self._preparer.free_name(torrent, torrent.folder, categories)
            await self._ledger.change(torrent.hash, lambda now: replace(now, folder=folder))
            return
        time = self._clock.time()

        def complete(now: Torrent) -> Torrent | None:
            if not isinstance(now.phase, Delivering):
                # Removed while the rename ran: the files are where a removal now looks for them.
                if now.cleaning is None:
                    return None
                return replace(now, cleaning=replace(now.cleaning, placed=True))
            return replace(
                now, phase=Complete(time), completed_at=time, progress=1.0, clocks=Clocks()
            )

        await self._ledger.change(torrent.hash, complete)

    async def check_files(self, torrent: Torrent) -> None:
        """Are a complete torrent's files still here? All of them is read if a client asks that.

        So it is before one is fetched again that was found wanting before.
        """
        assert isinstance(torrent.phase, Complete)
        missing = await self._delivery.missing(torrent.save_path, torrent.folder, torrent.files)
        damaged: tuple[str, ...] = ()
        if not missing and (torrent.phase.check is Check.RECHECK or torrent.phase.missing):
            damaged = await self._damaged(torrent)
        time, wrong = self._clock.time(), bool(missing or damaged)

        def change(now: Torrent) -> Torrent | None:
            if not isinstance(now.phase, Complete) or now.phase.check is Check.NONE:
                return None
            if wrong and now.phase.check is not Check.RECHECK:
                # What is left of ours makes room for the new delivery.
                left = cleaning_of(now, and_files=True)
                if now.phase.check is Check.ANOTHER and now.claims:
                    now = passed_on(now, now.claims[-1], time)
                return replace(new_attempt(now, time), cleaning=left)
            first = damaged[0] if damaged else ""
            looked = replace(now.phase, check=Check.NONE, missing=wrong, damaged=first)
            return replace(now, phase=looked)

        await self._ledger.change(torrent.hash, change)

    async def _damaged(self, torrent: Torrent) -> tuple[str, ...]:
        known = await self._sources.known(torrent)
        proof = known.proof if known else None
        if proof is not None:
            proof = proof_for(torrent.files, proof)
        place = (torrent.save_path, torrent.folder)
        return await self._delivery.damaged(*place, torrent.files, proof)

    async def clean(self, torrent: Torrent) -> None:
        """Unlink what an earlier life of this hash left here, and only that."""
        assert torrent.cleaning is not None
        cleaning = await self._relocator.finished(torrent.hash, torrent.cleaning)
        try:
            placed = (
                cleaning.placed
                and cleaning.folder
                and not await self._unplaced(torrent.hash, cleaning)
            )
            await self._delivery.discard_incomplete(torrent.hash, cleaning.folder)
            if placed and cleaning.and_files:
                await self._delivery.discard(cleaning.save_path, cleaning.folder, cleaning.files)
        except Refused as error:
            # The settings name another download folder now: what lies elsewhere is not touched.
            log.warning("%s: its files stay where they are: %s", torrent.name, error)
        await self._ledger.change(torrent.hash, lambda now: replace(now, cleaning=None))

    async def _unplaced(self, torrent_hash: str, cleaning: Cleaning) -> bool:
        """Whether the rename was only intended: then its target may be somebody else's by now."""
        place = cleaning.save_path, cleaning.folder
        return await self._delivery.is_unplaced(torrent_hash, *place, cleaning.files)

    async def _back_to_torbox(self, torrent: Torrent, torrent_id: int) -> None:
        await self._change_phase(torrent, Fetching(torrent_id))

    async def _change_phase(self, torrent: Torrent, phase: Phase) -> None:
        def change(now: Torrent) -> Torrent | None:
            return replace(now, phase=phase) if isinstance(now.phase, Delivering) else None

        await self._ledger.change(torrent.hash, change)
