"""`/api/bridge/…`: what the bridge itself knows of a torrent, as JSON, behind the same login."""

from aiohttp import web

from bridge.core.board import Board, Entry


class BridgeApi:
    """Our own API beside qBittorrent's."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def routes(self, base: str) -> list[web.RouteDef]:
        """Its endpoints below `base`."""
        return [
            web.get(f"{base}/api/bridge/torrents", self.torrents),
            web.get(f"{base}/api/bridge/torrents/{{hash}}", self.torrent),
        ]

    async def torrents(self, _request: web.Request) -> web.Response:
        """All torrents, each with its sentence."""
        return web.json_response([_told(entry) for entry in self._board])

    async def torrent(self, request: web.Request) -> web.Response:
        """One torrent; 404 if there is no such hash."""
        return web.json_response(_told(self._board.get(request.match_info["hash"])))


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
