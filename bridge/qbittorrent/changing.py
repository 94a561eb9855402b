"""`torrents/…`, writing: what clients may do with torrents that are there (qbittorrent.md §5)."""

from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address

from aiohttp import web
from msgspec.structs import replace

from bridge.core import queueing
from bridge.core.commands import Commands
from bridge.errors import BadParameter, Refused, UnknownTorrent
from bridge.model import Wishes
from bridge.names import display_name
from bridge.qbittorrent import answers
from bridge.qbittorrent.dialect import Dialect
from bridge.qbittorrent.forms import Form, form_of, read_integer
from bridge.qbittorrent.session import asker_of
from bridge.qbittorrent.targets import hashes_in

PRIORITIES = (0, 1, 6, 7, -1)
NOT_A_NUMBER = -1000  # neither a priority nor the place of a file
NO_LIMIT, GLOBAL_LIMIT = -1, -2
MOST_RATIO, MOST_MINUTES = 9999, 525_600

Verb = Callable[[Iterable[str]], Awaitable[None]]
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Changing:
    """The writing endpoints of this scope."""

    def __init__(self, commands: Commands, dialect: Dialect) -> None:
        self._commands = commands
        self._dialect = dialect

    def verb(self, act: Verb) -> Handler:
        """An endpoint that takes `hashes` and does one thing to each."""

        async def handler(request: web.Request) -> web.Response:
            form = await form_of(request)
            form.require("hashes")
            await act(self._hashes(form))
            return answers.nothing()

        return handler

    def order(self, verb: queueing.Verb) -> Handler:
        """An endpoint that changes who waits before whom."""
        return self.verb(lambda hashes: self._commands.move_in_queue(hashes, verb))

    async def delete(self, request: web.Request) -> web.Response:
        """Take torrents off the list. Arrs leave `deleteFiles` out when files are to stay."""
        form = await form_of(request)
        form.require("hashes")
        await self._commands.remove(
            self._hashes(form),
            and_files=form.flag("deleteFiles"),
            asker=asker_of(request),
        )
        return answers.nothing()

    async def resume(self, request: web.Request) -> web.Response:
        """Let torrents go on; one that is named, and not meant by `all`, is tried again."""
        form = await form_of(request)
        form.require("hashes")
        named = form.text("hashes").strip().lower() != "all"
        await self._commands.resume(self._hashes(form), retry=named)
        return answers.nothing()

    async def set_force_start(self, request: web.Request) -> web.Response:
        """Let torrents go first, or no more. Either starts one that was paused."""
        form = await form_of(request)
        form.require("hashes", "value")
        forced = form.flag("value")
        await self._wish(form, lambda wishes: replace(wishes, force_start=forced))
        await self._commands.resume(self._hashes(form))
        return answers.nothing()

    async def set_super_seeding(self, request: web.Request) -> web.Response:
        """Kept and shown; TorBox knows no such thing."""
        form = await form_of(request)
        form.require("hashes", "value")
        wanted = form.flag("value")
        await self._wish(form, lambda wishes: replace(wishes, super_seeding=wanted))
        return answers.nothing()

    async def toggle_sequential(self, request: web.Request) -> web.Response:
        """Change between in order and in any order."""
        form = await form_of(request)
        form.require("hashes")
        await self._wish(form, lambda wishes: replace(wishes, sequential=not wishes.sequential))
        return answers.nothing()

    async def toggle_first_last(self, request: web.Request) -> web.Response:
        """Change whether first and last pieces are wanted first."""
        form = await form_of(request)
        form.require("hashes")
        await self._wish(form, lambda wishes: replace(wishes, first_last=not wishes.first_last))
        return answers.nothing()

    async def set_auto_management(self, request: web.Request) -> web.Response:
        """Accepted; a torrent stays where it was added (design §5)."""
        (await form_of(request)).require("hashes", "enable")
        return answers.nothing()

    async def set_share_limits(self, request: web.Request) -> web.Response:
        """Until when it is to be shared: what an arr goes by when it removes it."""
        form = await form_of(request)
        form.require("hashes", "ratioLimit", "seedingTimeLimit")
        if self._dialect.later:
            form.require("inactiveSeedingTimeLimit")

        def change(wishes: Wishes) -> Wishes:
            return replace(
                wishes,
                ratio_limit=_share_limit(form.decimal("ratioLimit")),
                seeding_minutes=_minutes(form.integer("seedingTimeLimit")),
                inactive_minutes=_minutes(form.integer("inactiveSeedingTimeLimit"))
                if form.has("inactiveSeedingTimeLimit")
                else wishes.inactive_minutes,
            )

        await self._commands.set_share_limits(self._hashes(form), change)
        return answers.nothing()

    async def set_download_limit(self, request: web.Request) -> web.Response:
        """Bytes a second for each of these torrents; 0 and -1 for none."""
        form = await form_of(request)
        form.require("hashes", "limit")
        limit = form.speed("limit")
        await self._wish(form, lambda wishes: replace(wishes, download_limit=limit))
        return answers.nothing()

    async def set_upload_limit(self, request: web.Request) -> web.Response:
        """Kept and shown; nothing is uploaded from here."""
        form = await form_of(request)
        form.require("hashes", "limit")
        limit = form.speed("limit")
        await self._wish(form, lambda wishes: replace(wishes, upload_limit=limit))
        return answers.nothing()

    async def set_file_priority(self, request: web.Request) -> web.Response:
        """Which files are delivered. The checks come in the real server's order."""
        form = await form_of(request)
        form.require("hash", "id", "priority")
        priority = read_integer(form.text("priority"), NOT_A_NUMBER)
        if priority == NOT_A_NUMBER:
            raise BadParameter("Priority must be an integer")
        if priority not in PRIORITIES:
            raise BadParameter("Priority is not valid")
        self._require(form)
        if not self._commands.board.get(form.text("hash")).torrent.files:
            raise Refused("Torrent's metadata has not yet downloaded")
        indexes = [read_integer(one, NOT_A_NUMBER) for one in form.text("id").split("|")]
        if NOT_A_NUMBER in indexes:
            raise BadParameter("File IDs must be integers")
        await self._commands.set_file_priority(form.text("hash"), indexes, priority)
        return answers.nothing()

    async def rename(self, request: web.Request) -> web.Response:
        """Another name to show; folder and files keep theirs."""
        form = await form_of(request)
        form.require("hash", "name")
        name = display_name(form.text("name"))
        if not name:
            raise Refused("Incorrect torrent name")
        self._require(form)
        await self._commands.rename(form.text("hash"), name)
        return answers.nothing()

    async def add_peers(self, request: web.Request) -> web.Response:
        """The peers are TorBox's: none can be added from here."""
        form = await form_of(request)
        form.require("hashes", "peers")
        peers = [one for one in form.pieces("peers", "|") if _is_peer(one)]
        if not peers:
            raise BadParameter("No valid peers were specified")
        failed = {"added": 0, "failed": len(peers)}
        return answers.json(dict.fromkeys(self._hashes(form), failed))

    def _hashes(self, form: Form) -> list[str]:
        return hashes_in(form, self._commands.board)

    def _require(self, form: Form) -> None:
        if form.text("hash").lower() not in self._commands.board:
            raise UnknownTorrent("no such torrent")

    async def _wish(self, form: Form, change: Callable[[Wishes], Wishes]) -> None:
        await self._commands.change_wishes(self._hashes(form), change)


def _is_peer(text: str) -> bool:
    address, _, port = text.rpartition(":")
    try:
        ip_address(address[1:-1] if address[:1] + address[-1:] == "[]" else address)
    except ValueError:
        return False
    return port.isdecimal() and 0 < int(port[:6]) < 65536


def _share_limit(ratio: float) -> float:
    """What the real server keeps of a ratio limit: what is too low says "none"."""
    return NO_LIMIT if ratio < GLOBAL_LIMIT else min(ratio, MOST_RATIO)


def _minutes(limit: int) -> int:
    """The same of a limit in minutes."""
    return NO_LIMIT if limit < GLOBAL_LIMIT else min(limit, MOST_MINUTES)
