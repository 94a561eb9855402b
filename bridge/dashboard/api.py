"""`/api/bridge/torrents…`: what the bridge knows of torrents, as JSON, behind the same login."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from bridge.clock import Clock
from bridge.config import ImportMode, Settings
from bridge.core.board import Board, Entry
from bridge.core.by_hand import ByHand
from bridge.core.outlook import what_next
from bridge.core.timeline import Timeline
from bridge.dashboard.answer import answer

Act = Callable[[str], Awaitable[None]]


class BridgeApi:
    """Our own API beside qBittorrent's."""

    def __init__(
        self, settings: Settings, board: Board, by_hand: ByHand, timeline: Timeline, clock: Clock
    ) -> None:
        self._settings = settings
        self._board = board
        self._by_hand = by_hand
        self._timeline = timeline
        self._clock = clock

    def routes(self, base: str) -> list[web.RouteDef]:
        """Its endpoints below `base`. A torrent for which an act makes no sense is a 409."""
        torrents = f"{base}/api/bridge/torrents"
        return [
            web.get(torrents, self.torrents),
            web.get(f"{torrents}/{{hash}}", self.torrent),
            web.post(f"{torrents}/{{hash}}/retry", self._act(self._by_hand.retry)),
            web.post(f"{torrents}/{{hash}}/give-up", self._act(self._by_hand.give_up)),
            web.post(f"{torrents}/{{hash}}/links", self._act(self._by_hand.new_links)),
        ]

    async def torrents(self, _request: web.Request) -> web.Response:
        """All torrents, each with its sentence."""
        return answer([_told(entry) for entry in self._board])

    async def torrent(self, request: web.Request) -> web.Response:
        """One torrent, what happened to it and what happens next; 404 if there is no such hash."""
        return answer(self._whole(self._board.get(request.match_info["hash"])))

    def _act(self, act: Act) -> Handler:
        """An endpoint that does this to one torrent, and answers with what became of it."""

        async def handler(request: web.Request) -> web.Response:
            torrent_hash = request.match_info["hash"]
            await act(torrent_hash)
            return answer(self._whole(self._board.get(torrent_hash)))

        return handler

    def _whole(self, entry: Entry) -> dict[str, object]:
        torrent = entry.torrent
        hardlink = self._settings.downloads.import_mode is ImportMode.HARDLINK
        give_up = self._settings.category(torrent.category).give_up
        return _told(entry) | {
            "imported_at": torrent.imported_at or None,
            "next": what_next(torrent, give_up, self._clock.time(), hardlink=hardlink),
            "timeline": self._timeline.of(torrent.hash),
        }


def _told(entry: Entry) -> dict[str, object]:
    torrent, shown = entry.torrent, entry.shown
    return {
        "hash": torrent.hash,
        "name": torrent.name,
        "category": torrent.category,
        "phase": type(torrent.phase).__name__.lower(),
        "situation": shown.situation.value,
        "reason": shown.reason,
        "progress": shown.progress,
        "torbox_progress": shown.torbox_progress,
        "local_bytes": shown.local_bytes,
        "size": torrent.size,
        "speed": shown.speed,
        "attempt": torrent.attempt,
        "added_at": torrent.added_at,
        "completed_at": torrent.completed_at or None,
    }
