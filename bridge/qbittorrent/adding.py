"""`torrents/add`: `Ok.` once everything that can be taken is committed, else `Fails.`."""

import logging

from aiohttp import hdrs, web

from bridge.clock import Clock
from bridge.core.commands import AddRequest, Commands
from bridge.errors import Refused, StoreTrouble
from bridge.model import Source, Wishes
from bridge.names import display_name
from bridge.qbittorrent import answers
from bridge.qbittorrent.dialect import Dialect
from bridge.qbittorrent.fetching import MOST_FETCHES
from bridge.qbittorrent.forms import Form, form_of
from bridge.qbittorrent.preferences import Preferences
from bridge.qbittorrent.session import SESSION, asker_of
from bridge.qbittorrent.sources import read_links, read_upload, web_links

log = logging.getLogger(__name__)

MOST_AGENT = 200
MOST_SOURCES = 1000  # each is committed, and somebody waits for the answer


class Adding:
    """The endpoint that takes torrents."""

    def __init__(
        self, commands: Commands, preferences: Preferences, dialect: Dialect, clock: Clock
    ) -> None:
        self._commands = commands
        self._preferences = preferences
        self._dialect = dialect
        self._clock = clock

    async def add(self, request: web.Request) -> web.Response:
        """Take links and files. One source that is taken is enough for an `Ok.`."""
        form = await form_of(request)
        lines = form.pieces("urls", "\n")
        if why := _refusal(form, lines):
            log.warning("nothing was taken: %s", why)
            return answers.text("Fails.")
        # A bad file says no to the whole request, before anything of it is taken.
        sources = [await read_upload(upload) for upload in form.uploads]
        wanted = self._wanted(form, request.headers.get(hdrs.USER_AGENT, ""))
        given = await read_links(lines, form.text("cookie"), self._clock)
        if given.failures:
            log.info("%d of the links that were added lead to no torrent", given.failures)
        if wanted.category and asker_of(request).is_arr:
            request[SESSION].polls(wanted.category)
        taken = [await self._take(source, wanted) for source in (*sources, *given.sources)]
        return answers.text("Ok." if any(taken) else "Fails.")

    async def _take(self, source: Source, wanted: AddRequest) -> bool:
        try:
            await self._commands.add(source, wanted)
        except Refused as refusal:
            log.info("%s was not taken: %s", display_name(source.name), refusal)
            return False
        except StoreTrouble as trouble:
            log.warning("%s was not taken: %s", display_name(source.name), trouble)
            return False
        return True

    def _wanted(self, form: Form, agent: str) -> AddRequest:
        automatic = form.flag("autoTMM")
        return AddRequest(
            category=form.text("category"),
            # With automatic management qBittorrent ignores the path, too.
            save_path=None if automatic else form.text("savepath").strip() or None,
            tags=self._tags(form),
            paused=self._paused(form),
            rename=display_name(form.text("rename")),
            wishes=wishes_in(form),
            top=form.flag("addToTopOfQueue"),
            user_agent=display_name(agent)[:MOST_AGENT],
        )

    def _paused(self, form: Form) -> bool:
        if form.has("paused") or form.has("stopped"):
            return form.flag("paused") or form.flag("stopped")
        name = "add_stopped_enabled" if self._dialect.later else "start_paused_enabled"
        return self._preferences.flag(name)

    def _tags(self, form: Form) -> tuple[str, ...]:
        return tuple(dict.fromkeys(form.pieces("tags", ",")))


def _refusal(form: Form, lines: list[str]) -> str:
    """Why nothing of the request can be taken, "" if it can."""
    if form.flag("skip_checking"):
        return "skip_checking was asked for, and there is nothing here to seed from"
    if any(letter < " " for letter in form.text("savepath").strip()):
        return "the path holds a control character"
    if len(lines) + len(form.uploads) > MOST_SOURCES:
        return f"more than {MOST_SOURCES} torrents came at once; add them in parts"
    if len(web_links(lines)) > MOST_FETCHES:
        return f"more than {MOST_FETCHES} web links came at once; add them in parts"
    return ""


def wishes_in(form: Form) -> Wishes:
    """How the torrent is to be downloaded and shared; what cannot be read was not given."""
    return Wishes(
        sequential=form.flag("sequentialDownload"),
        first_last=form.flag("firstLastPiecePrio"),
        force_start=form.flag("forced"),
        ratio_limit=form.decimal("ratioLimit", -2.0),
        seeding_minutes=form.integer("seedingTimeLimit", -2),
        inactive_minutes=form.integer("inactiveSeedingTimeLimit", -2),
        download_limit=max(0, form.integer("dlLimit")),
        upload_limit=max(0, form.integer("upLimit")),
    )
