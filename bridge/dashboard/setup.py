"""`GET /api/bridge/setup`: what to type into an arr, as far as the bridge knows it.

Host and port are what the reader's browser used; the password is never shown (promise 9), only
where it is kept.
"""

from pathlib import Path

from aiohttp import web
from msgspec import Struct

from bridge.config import Settings
from bridge.dashboard.answer import answer
from bridge.password import FILE_NAME


class Setup(Struct, frozen=True):
    """What does not change while the bridge runs."""

    port: int
    url_base: str
    username: str
    password_file: str  # "" when the password was set in the settings
    downloads: str
    import_mode: str
    dialect: str


class SetupApi:
    """The endpoint of the first-run panel."""

    def __init__(self, settings: Settings) -> None:
        qbittorrent = settings.qbittorrent
        self._setup = Setup(
            port=settings.server.port,
            url_base=settings.server.url_base,
            username=qbittorrent.username,
            password_file=""
            if qbittorrent.password
            else f"{Path(settings.state.path) / FILE_NAME}",
            downloads=settings.downloads.path,
            import_mode=settings.downloads.import_mode.value,
            dialect=qbittorrent.dialect,
        )

    async def setup(self, _request: web.Request) -> web.Response:
        """What to type into Sonarr and Radarr."""
        return answer(self._setup)
