"""What must be done on the disk now and then, so that no handler ever has to touch it."""

import asyncio
import logging
from collections.abc import Iterable
from functools import partial

from msgspec.structs import replace

from bridge.clock import Clock
from bridge.core.background import Background, Work
from bridge.core.board import Board
from bridge.core.clean import Cleaner
from bridge.core.labels import Labels
from bridge.core.ledger import Ledger
from bridge.core.sharing import at_their_word, run_out
from bridge.delivery.delivery import Delivery
from bridge.errors import BridgeError
from bridge.store.store import Store, keep

log = logging.getLogger(__name__)

MEASURE_SECONDS = 60.0
LIMITS_SECONDS = 300.0
COUNT_SECONDS = 300.0
DELIVERED_BYTES = "delivered_bytes"  # under which the count is kept
SEEDING_SECONDS = 3600.0
FORGET_SECONDS = 86400.0
MOST_FOLDERS = 1000


class Housekeeper(Background):
    """Makes folders, measures free space, keeps count, ends seeding and limits in their time."""

    def __init__(
        self,
        ledger: Ledger,
        board: Board,
        labels: Labels,
        delivery: Delivery,
        cleaner: Cleaner,
        store: Store,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._board = board
        self._labels = labels
        self._delivery = delivery
        self._cleaner = cleaner
        self._store = store
        self._clock = clock
        self._kept_bytes = board.health.total_bytes
        self._folders: asyncio.Queue[str] = asyncio.Queue(MOST_FOLDERS)
        labels.wants_folder = self._want

    async def _begin(self) -> Iterable[Work]:
        for name in self._board.categories:
            self._want(self._labels.path(name))
        return [
            self._make_folders(),
            self._measure(),
            self._count(),
            self._end_limits(),
            self._end_seeding(),
            self._forget_calls(),
        ]

    def _want(self, path: str) -> None:
        if not self._folders.full():
            self._folders.put_nowait(path)

    async def _make_folders(self) -> None:
        while True:
            path = await self._folders.get()
            try:
                await self._delivery.make_folder(path)
            except BridgeError as error:
                log.warning("the folder %s could not be made: %s", path, error)

    async def _measure(self) -> None:
        while True:
            try:
                free = await self._delivery.free_bytes()
                self._board.health = replace(self._board.health, free_bytes=free)
            except BridgeError as error:
                log.debug("free space could not be measured: %s", error)
            await self._clock.sleep(MEASURE_SECONDS)

    async def _count(self) -> None:
        while True:
            await self._clock.sleep(COUNT_SECONDS)
            await self._keep_count()

    async def _end(self) -> None:
        await self._keep_count()

    async def _keep_count(self) -> None:
        total_bytes = self._board.health.total_bytes
        if total_bytes == self._kept_bytes:
            return
        try:
            await self._store.write(keep(DELIVERED_BYTES, str(total_bytes)))
            self._kept_bytes = total_bytes
        except BridgeError as error:
            log.debug("the count of what came here could not be kept: %s", error)

    async def _forget_calls(self) -> None:
        """The windows look an hour back; what is older need not be kept."""
        while True:
            await self._clock.sleep(FORGET_SECONDS)
            try:
                await self._store.calls_since(self._clock.time() - FORGET_SECONDS)
            except BridgeError as error:
                log.warning("old calls could not be forgotten: %s", error)

    async def _end_limits(self) -> None:
        while True:
            await self._clock.sleep(LIMITS_SECONDS)
            time = self._clock.time()
            late = [one.hash for one in self._ledger.torrents.values() if at_their_word(one)]
            try:
                await self._ledger.change_all(dict.fromkeys(late, partial(run_out, time=time)))
            except BridgeError as error:
                log.warning("share limits could not be ended: %s", error)

    async def _end_seeding(self) -> None:
        while True:
            await self._clock.sleep(SEEDING_SECONDS)
            try:
                await self._cleaner.end_seeding()
            except BridgeError as error:
                log.info("seeding torrents could not be looked at: %s", error)
