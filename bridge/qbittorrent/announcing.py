"""`torrents/addTrackers` and its kin: whom TorBox is told to ask for peers."""

from collections.abc import Callable

from aiohttp import web
from yarl import URL

from bridge.core.commands import Commands
from bridge.errors import BadParameter, Refused
from bridge.qbittorrent import answers
from bridge.qbittorrent.forms import Form, form_of

SCHEMES = frozenset({"http", "https", "udp", "ws", "wss"})
Trackers = tuple[str, ...]


class Announcing:
    """The endpoints that change a torrent's trackers."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def add(self, request: web.Request) -> web.Response:
        """Further trackers, one a line."""
        form = await form_of(request)
        form.require("hash", "urls")
        new = tuple(url for url in form.pieces("urls", "\n") if _is_tracker(url))
        await self._change(form, lambda trackers: tuple(dict.fromkeys([*trackers, *new])))
        return answers.nothing()

    async def edit(self, request: web.Request) -> web.Response:
        """Another URL in the place of one."""
        form = await form_of(request)
        form.require("hash", "origUrl", "newUrl")
        old, new = form.text("origUrl"), form.text("newUrl").strip()
        trackers = self._commands.board.get(form.text("hash")).torrent.trackers
        if new == old:
            return answers.nothing()
        if new in trackers:
            raise Refused("New tracker URL already exists")
        if old not in trackers:
            raise Refused("Tracker not found")
        if not _is_tracker(new):
            raise BadParameter("New tracker URL is invalid")
        await self._change(form, lambda now: tuple(new if one == old else one for one in now))
        return answers.nothing()

    async def remove(self, request: web.Request) -> web.Response:
        """Fewer trackers; unknown ones are passed over."""
        form = await form_of(request)
        form.require("hash", "urls")
        gone = set(form.pieces("urls", "|"))
        await self._change(form, lambda now: tuple(one for one in now if one not in gone))
        return answers.nothing()

    async def _change(self, form: Form, change: Callable[[Trackers], Trackers]) -> None:
        await self._commands.places.change_trackers(form.text("hash"), change)


def _is_tracker(text: str) -> bool:
    try:
        url = URL(text)
    except ValueError:
        return False
    return url.scheme in SCHEMES and bool(url.host)
