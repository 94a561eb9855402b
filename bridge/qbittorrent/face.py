"""The face, put together: every part is built here, once, and handed what it needs."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from bridge.clock import Clock
from bridge.config import QBittorrentSettings, ServerSettings
from bridge.core.commands import Commands
from bridge.qbittorrent.access import Access
from bridge.qbittorrent.adding import Adding
from bridge.qbittorrent.announcing import Announcing
from bridge.qbittorrent.answers import Wardrobe
from bridge.qbittorrent.application import Application
from bridge.qbittorrent.changing import Changing
from bridge.qbittorrent.dialect import dialect
from bridge.qbittorrent.errors import errors_as_answers
from bridge.qbittorrent.labels import Categories, Tags
from bridge.qbittorrent.logbook import Logbook
from bridge.qbittorrent.places import Locations
from bridge.qbittorrent.preferences import Preferences
from bridge.qbittorrent.rows import Rows
from bridge.qbittorrent.sync import Sync
from bridge.qbittorrent.torrents import Torrents
from bridge.qbittorrent.transfer import Transfer
from bridge.qbittorrent.views import Words


class Face:
    """QBittorrent's WebUI API over the core's commands."""

    def __init__(
        self,
        commands: Commands,
        settings: QBittorrentSettings,
        server: ServerSettings,
        clock: Clock,
        password: str,
        *,
        logbook: Logbook | None = None,
        shut_down: Callable[[], None] = lambda: None,
    ) -> None:
        self.dialect = dialect(settings.dialect)
        self.commands = commands
        self._wardrobe = Wardrobe(self.dialect)
        self.access = Access(settings, server, self.dialect, clock, password)
        self.logbook = logbook or Logbook()
        preferences = Preferences(commands, self.dialect, settings, server)
        self.application = Application(self.dialect, preferences, commands.download_root, shut_down)
        rows = Rows(commands.board, Words(self.dialect, commands.download_root))
        self.torrents = Torrents(commands, rows, self.dialect)
        self.adding = Adding(commands, preferences, self.dialect, clock)
        self.changing = Changing(commands, self.dialect)
        self.locations = Locations(commands)
        self.announcing = Announcing(commands)
        self.categories = Categories(commands)
        self.tags = Tags(commands)
        self.transfer = Transfer(commands.board, preferences, self.dialect)
        self.sync = Sync(
            commands.board, rows, self.categories, self.tags, self.transfer, self.dialect
        )

    @property
    def middlewares(self) -> list[Middleware]:
        """Outermost first: errors become answers, then who asks is looked at."""
        return [errors_as_answers, self.access.guard]

    async def dress(self, _request: web.Request, response: web.StreamResponse) -> None:
        """For `on_response_prepare`: every answer wears the real server's headers."""
        self._wardrobe.dress(response)
