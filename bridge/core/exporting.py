"""Giving a torrent's .torrent out: the one that was handed over, else the one that TorBox has."""

import asyncio
import logging

from bridge.clock import Clock
from bridge.core.engine import Engine
from bridge.core.ledger import Ledger
from bridge.errors import NotATorrent, Refused, TorBoxError
from bridge.store.store import Store, put_source
from bridge.torbox.client import TorBox
from bridge.torrentfile import read_torrent

log = logging.getLogger(__name__)

EXPORT_SECONDS = 10.0  # with the cached check on add, the one wait for TorBox (promise 1)


class Exporter:
    """Asks TorBox once; what it gave is kept and proven to be the torrent's own."""

    def __init__(
        self, ledger: Ledger, store: Store, torbox: TorBox, engine: Engine, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._torbox = torbox
        self._engine = engine
        self._clock = clock
        # One call at a time: clients that want every .torrent ask for hundreds.
        self._turn = asyncio.Semaphore(1)

    async def torrent_file(self, torrent_hash: str) -> bytes:
        """The .torrent of a listed torrent; Refused if nobody has it, or not in time."""
        data = await self._store.torrent_file(torrent_hash)
        if data is None:
            data = await self._from_torbox(torrent_hash)
        if data is None:
            raise Refused("Unable to export torrent file. Error: Missing metadata")
        return data

    async def _from_torbox(self, torrent_hash: str) -> bytes | None:
        torrent_id = self._torrent_id(torrent_hash)
        if torrent_id is None or self._engine.weather.torbox_hold(create=False) is not None:
            return None
        try:
            data = await self._clock.within(EXPORT_SECONDS, self._in_turn(torrent_id))
            source = await asyncio.to_thread(read_torrent, data)
        except (TorBoxError, NotATorrent, TimeoutError) as error:
            why = str(error) or "not in time"
            log.info("TorBox did not give a .torrent: %s", why)
            return None
        if source.hash != torrent_hash:
            log.info("TorBox gave the .torrent of another torrent")
            return None
        await self._ledger.change(torrent_hash, lambda now: now, put_source(torrent_hash, data))
        return data

    async def _in_turn(self, torrent_id: int) -> bytes:
        async with self._turn:
            return await self._torbox.export(torrent_id)

    def _torrent_id(self, torrent_hash: str) -> int | None:
        torrent = self._ledger.torrents.get(torrent_hash)
        if torrent is not None and torrent.torrent_id is not None:
            return torrent.torrent_id
        ids = [item.torrent_id for item in self._ledger.items_of(torrent_hash)]
        return next((one for one in reversed(ids) if one is not None), None)
