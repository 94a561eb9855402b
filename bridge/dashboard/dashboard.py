"""The page and what it asks for, put together: every part is built here, once."""

from aiohttp import web
from aiohttp.typedefs import Middleware

from bridge.clock import Clock
from bridge.config import Settings
from bridge.core.board import Board
from bridge.core.engine import Engine
from bridge.dashboard.callers import Callers
from bridge.dashboard.changes import ChangesApi
from bridge.dashboard.page import Page
from bridge.dashboard.setup import SetupApi
from bridge.dashboard.status import StatusView
from bridge.torbox.limits import Limits


class Dashboard:
    """Everything behind `/` and the page's own part of `/api/bridge/`."""

    def __init__(
        self, settings: Settings, board: Board, engine: Engine, limits: Limits, clock: Clock
    ) -> None:
        self._base = settings.server.url_base
        self._callers = Callers(clock, self._base)
        self._page = Page()
        self._changes = ChangesApi(board, StatusView(board, engine, limits, self._callers, clock))
        self._setup = SetupApi(settings)

    @property
    def middleware(self) -> Middleware:
        """To be innermost: it notes who was let in."""
        return self._callers.watch

    def routes(self) -> list[web.RouteDef]:
        """The page, and its endpoints."""
        ours = f"{self._base}/api/bridge"
        return [
            *self._page.routes(self._base),
            web.get(f"{ours}/changes", self._changes.changes),
            web.get(f"{ours}/setup", self._setup.setup),
        ]
