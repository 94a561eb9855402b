"""What happened to each torrent, with times: for the page and the API, and the same in the log."""

import logging
from collections.abc import Iterable, Mapping

from bridge.clock import Clock
from bridge.core.background import Background, Work
from bridge.core.board import Board, Entry
from bridge.core.happenings import happenings, seen_change
from bridge.core.ledger import Ledger
from bridge.errors import StoreTrouble
from bridge.model import Happening, Torrent
from bridge.store.store import Store, Write
from bridge.store.timelines import forget_timeline, put_timeline, timelines

log = logging.getLogger(__name__)

MOST = 40  # of one torrent: the first, and the latest
SAVE_SECONDS = 10.0
MOST_SAVED_AT_ONCE = 500
AGAIN_SECONDS = 1800.0  # what stalls and moves in turns is told once in so long


class Timeline(Background):
    """Every torrent's history. What happened in the last seconds may be lost with a crash."""

    def __init__(self, ledger: Ledger, board: Board, store: Store, clock: Clock) -> None:
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._of: dict[str, tuple[Happening, ...]] = {}
        self._seen_at: dict[str, dict[str, float]] = {}  # hash → situation → when it was told
        self._unsaved: dict[str, None] = {}
        ledger.listen(self._changed)
        board.listen(self._shown)

    async def _begin(self) -> Iterable[Work]:
        kept = await self._store.ask(timelines)
        for torrent_hash, told in kept.items():
            if torrent_hash in self._ledger.torrents:
                self._of[torrent_hash] = _shortened((*told, *self.of(torrent_hash)))
            else:
                self._unsaved[torrent_hash] = None
        return [self._run()]

    async def _end(self) -> None:
        await self._save()

    def of(self, torrent_hash: str) -> tuple[Happening, ...]:
        """What happened to this torrent, oldest first."""
        return self._of.get(torrent_hash, ())

    def note(self, torrent_hash: str, name: str, text: str) -> None:
        """Something happened; of a torrent that has gone meanwhile only the log tells."""
        log.info("%s: %s", name, text)
        if torrent_hash in self._ledger.torrents:
            told = (*self.of(torrent_hash), Happening(self._clock.time(), text))
            self._of[torrent_hash] = _shortened(told)
            self._unsaved[torrent_hash] = None

    def _changed(self, before: Torrent | None, after: Torrent | None) -> None:
        torrent = after or before
        assert torrent is not None
        for text in happenings(before, after):
            self.note(torrent.hash, torrent.name, text)
        if after is None:
            self._of.pop(torrent.hash, None)
            self._seen_at.pop(torrent.hash, None)
            self._unsaved[torrent.hash] = None

    def _shown(self, before: Entry | None, after: Entry) -> None:
        was = before.shown.situation if before is not None else None
        text = seen_change(was, after.shown.situation, after.shown.reason)
        if not text:
            return
        told = self._seen_at.setdefault(after.torrent.hash, {})
        now = self._clock.monotonic()
        if now - told.get(after.shown.situation, -AGAIN_SECONDS) >= AGAIN_SECONDS:
            told[after.shown.situation] = now
            self.note(after.torrent.hash, after.torrent.name, text)

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(SAVE_SECONDS)
            await self._save()

    async def _save(self) -> None:
        while self._unsaved:
            some = list(self._unsaved)[:MOST_SAVED_AT_ONCE]
            for torrent_hash in some:
                del self._unsaved[torrent_hash]
            try:
                await self._store.write(*_writes(some, self._of))
            except StoreTrouble as error:
                log.debug("histories are kept later: %s", error)
                self._unsaved |= dict.fromkeys(some)
                return


def _shortened(told: tuple[Happening, ...]) -> tuple[Happening, ...]:
    return told if len(told) <= MOST else (told[0], *told[-(MOST - 1) :])


def _writes(hashes: Iterable[str], of: Mapping[str, tuple[Happening, ...]]) -> Iterable[Write]:
    return [put_timeline(one, of[one]) if one in of else forget_timeline(one) for one in hashes]
