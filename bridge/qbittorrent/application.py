"""`app/…`: what program this is, and how it is set up (qbittorrent.md §3)."""

import json
import socket
from collections.abc import Callable

from aiohttp import web

from bridge.errors import BadParameter, UnknownTorrent
from bridge.qbittorrent import answers
from bridge.qbittorrent.dialect import Dialect
from bridge.qbittorrent.forms import form_of
from bridge.qbittorrent.preferences import Preferences

MOST_COOKIES = 1000


class Application:
    """The endpoints of this scope."""

    def __init__(
        self,
        dialect: Dialect,
        preferences: Preferences,
        download_root: str,
        shut_down: Callable[[], None],
    ) -> None:
        self._dialect = dialect
        self._preferences = preferences
        self._root = download_root
        self._shut_down = shut_down
        self._cookies: list[object] = []

    async def version(self, _request: web.Request) -> web.Response:
        """`v4.5.2`, with the letter that decluttarr cuts off."""
        return answers.text(self._dialect.version)

    async def api_version(self, _request: web.Request) -> web.Response:
        """Three numbers, by which clients choose what to send."""
        return answers.text(self._dialect.api)

    async def build_info(self, _request: web.Request) -> web.Response:
        """The libraries of the server that is imitated."""
        return answers.json(self._dialect.build)

    async def save_path(self, _request: web.Request) -> web.Response:
        """Where torrents without a category go."""
        return answers.text(self._root)

    async def preferences(self, _request: web.Request) -> web.Response:
        """All preferences."""
        return answers.json(self._preferences.shown())

    async def set_preferences(self, request: web.Request) -> web.Response:
        """Keep what a client sets; garbage is passed over, as on the real server."""
        form = await form_of(request)
        form.require("json")
        await self._preferences.change(form.text("json"))
        return answers.nothing()

    async def interfaces(self, _request: web.Request) -> web.Response:
        """The machine's network interfaces."""
        names = [name for _, name in socket.if_nameindex()]
        return answers.json([{"name": name, "value": name} for name in names])

    async def interface_addresses(self, request: web.Request) -> web.Response:
        """Nothing is bound to an interface here, so there is nothing to choose from."""
        (await form_of(request)).require("iface")
        return answers.json([])

    async def cookies(self, _request: web.Request) -> web.Response:
        """The cookies that a client set."""
        return answers.json(self._cookies)

    async def set_cookies(self, request: web.Request) -> web.Response:
        """Keep cookies until the next start."""
        form = await form_of(request)
        form.require("cookies")
        try:
            cookies = json.loads(form.text("cookies"))
        except (ValueError, RecursionError) as error:
            raise BadParameter("illegal value") from error
        if not isinstance(cookies, list):
            raise BadParameter("cookies must be array")
        if len(cookies) > MOST_COOKIES or not all(isinstance(one, dict) for one in cookies):
            raise BadParameter("Bad Request")
        self._cookies = [_cookie(one) for one in cookies]
        return answers.nothing()

    async def folder_content(self, request: web.Request) -> web.Response:
        """No folder is shown to anybody: the disk is not a handler's to touch."""
        form = await form_of(request)
        form.require("dirPath")
        if not form.text("dirPath").startswith("/"):
            raise BadParameter("Invalid directory path")
        raise UnknownTorrent("no folder is shown")

    async def send_test_email(self, _request: web.Request) -> web.Response:
        """There is no mail to send."""
        return answers.nothing()

    async def shut_down(self, _request: web.Request) -> web.Response:
        """Stop the bridge, as a client that may log in can ask for."""
        self._shut_down()
        return answers.nothing()


def _cookie(given: dict[str, object]) -> dict[str, object]:
    """What a cookie consists of; everything else is left out."""
    texts = {name: given.get(name) for name in ("domain", "name", "path", "value")}
    kept: dict[str, object] = {name: text for name, text in texts.items() if isinstance(text, str)}
    expires = given.get("expirationDate")
    if isinstance(expires, int) and 0 <= expires < 2**53:
        kept["expirationDate"] = expires
    return kept
