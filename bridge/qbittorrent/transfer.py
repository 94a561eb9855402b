"""`transfer/…`: speeds and limits of the whole (qbittorrent.md §8)."""

from collections.abc import Mapping

from aiohttp import web

from bridge.core.board import Board, Health
from bridge.errors import BadParameter
from bridge.qbittorrent import answers
from bridge.qbittorrent.dialect import Dialect
from bridge.qbittorrent.encoding import count
from bridge.qbittorrent.forms import form_of
from bridge.qbittorrent.preferences import Preferences


class Transfer:
    """The endpoints of this scope."""

    def __init__(self, board: Board, preferences: Preferences, dialect: Dialect) -> None:
        self._board = board
        self._preferences = preferences
        self._dialect = dialect

    async def info(self, _request: web.Request) -> web.Response:
        """Speeds now and bytes since the start."""
        return answers.json(self.figures())

    def figures(self) -> dict[str, object]:
        """What `transfer/info` shows; `sync/maindata` shows it too."""
        health = self._board.health
        figures: dict[str, object] = {
            # Helper tools rest while this says "disconnected" (design §4).
            "connection_status": "connected" if health.connected else "disconnected",
            "dht_nodes": 0,
            "dl_info_data": health.session_bytes,
            "dl_info_speed": count(health.speed),
            "dl_rate_limit": self._limit("dl_limit"),
            "up_info_data": 0,
            "up_info_speed": 0,
            "up_rate_limit": self._limit("up_limit"),
        }
        if self._dialect.later:
            figures |= {"last_external_address_v4": "", "last_external_address_v6": ""}
        return figures

    @property
    def basis(self) -> tuple[Health, Mapping[str, object]]:
        """All that `figures` and `alternative` follow from."""
        return self._board.health, self._preferences.kept

    @property
    def alternative(self) -> bool:
        """Whether the alternative limits count."""
        return self._preferences.alternative_limits

    async def mode(self, _request: web.Request) -> web.Response:
        """`1` while the alternative limits count, else `0`."""
        return answers.text(str(int(self._preferences.alternative_limits)))

    async def toggle_mode(self, _request: web.Request) -> web.Response:
        """Change between the usual and the alternative limits."""
        await self._preferences.set_alternative_limits(on=not self._preferences.alternative_limits)
        return answers.nothing()

    async def set_mode(self, request: web.Request) -> web.Response:
        """Choose the usual (`0`) or the alternative (any other number) limits."""
        form = await form_of(request)
        form.require("mode")
        if form.integer("mode", 0) != form.integer("mode", 1):
            raise BadParameter("'mode': invalid argument")
        await self._preferences.set_alternative_limits(on=form.integer("mode") != 0)
        return answers.nothing()

    async def download_limit(self, _request: web.Request) -> web.Response:
        """Bytes a second, 0 for none."""
        return answers.text(str(self._limit("dl_limit")))

    async def upload_limit(self, _request: web.Request) -> web.Response:
        """Bytes a second, 0 for none."""
        return answers.text(str(self._limit("up_limit")))

    async def set_download_limit(self, request: web.Request) -> web.Response:
        """Set the limit that counts now."""
        return await self._set_limit(request, "dl_limit")

    async def set_upload_limit(self, request: web.Request) -> web.Response:
        """Set the limit that counts now."""
        return await self._set_limit(request, "up_limit")

    async def ban_peers(self, request: web.Request) -> web.Response:
        """The peers are TorBox's, and out of our reach."""
        (await form_of(request)).require("peers")
        return answers.nothing()

    def _limit(self, name: str) -> int:
        return self._preferences.limit(self._counting(name))

    async def _set_limit(self, request: web.Request, name: str) -> web.Response:
        form = await form_of(request)
        form.require("limit")
        await self._preferences.set_limit(self._counting(name), form.speed("limit"))
        return answers.nothing()

    def _counting(self, name: str) -> str:
        return f"alt_{name}" if self._preferences.alternative_limits else name
