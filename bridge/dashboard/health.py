"""`/health` and `/ready`: local, without login, and never able to hang."""

from aiohttp import web

from bridge.core.board import Board
from bridge.core.engine import Engine


class Health:
    """Answers whether the process lives, and whether it can do its work."""

    def __init__(self, engine: Engine, board: Board) -> None:
        self._engine = engine
        self._board = board

    def routes(self) -> list[web.RouteDef]:
        """At the root, whatever `url_base` says (design §6)."""
        return [
            web.get("/health", self.health),
            web.get("/ready", self.ready),
        ]

    async def health(self, _request: web.Request) -> web.Response:
        """The process lives."""
        return web.Response(text="ok")

    async def ready(self, _request: web.Request) -> web.Response:
        """It works: the engine runs, and neither the account nor the disk holds everything up."""
        weather = self._engine.weather
        if self._engine.running and weather.disk is None and weather.account is None:
            return web.Response(text="ready")
        return web.Response(status=503, text=weather.sentence or "not running")
