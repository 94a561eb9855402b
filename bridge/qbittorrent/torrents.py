"""`torrents/…`, reading: the list, and one torrent looked at closely (qbittorrent.md §4)."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec
from aiohttp import hdrs, web

from bridge.core.board import Entry
from bridge.core.commands import Commands
from bridge.errors import NotATorrent, Refused
from bridge.model import Wishes
from bridge.qbittorrent import answers, details
from bridge.qbittorrent.dialect import PLAIN_TEXT, Dialect
from bridge.qbittorrent.encoding import encode
from bridge.qbittorrent.filters import Query, choose, read_query
from bridge.qbittorrent.forms import Form, form_of
from bridge.qbittorrent.packing import Body
from bridge.qbittorrent.rows import Row, Rows
from bridge.qbittorrent.session import SESSION
from bridge.torrentfile import piece_hashes, web_seeds

MOST_KEPT_ANSWERS = 8
SHA1_HEX = 40
Found = TypeVar("Found")


class Torrents:
    """The reading endpoints of this scope."""

    def __init__(self, commands: Commands, rows: Rows, dialect: Dialect) -> None:
        self._commands = commands
        self._board = commands.board
        self._rows = rows
        self._dialect = dialect
        # Several arrs poll the same lists: an answer is written once per revision.
        self._kept: dict[Query, tuple[int, Body]] = {}

    async def info(self, request: web.Request) -> web.Response:
        """The torrents, chosen and sorted."""
        query = read_query(await form_of(request), self._dialect)
        if query.category:
            request[SESSION].polls(query.category)
        elif query.hashes is None:
            request[SESSION].polls_all = True
        self._rows.refresh()
        kept = self._kept.pop(query, None)
        if kept is None or kept[0] != self._rows.revision:
            kept = (self._rows.revision, Body(self._written(query)))
        self._kept[query] = kept
        while len(self._kept) > MOST_KEPT_ANSWERS:
            del self._kept[next(iter(self._kept))]
        return answers.ready(kept[1])

    async def count(self, _request: web.Request) -> web.Response:
        """How many there are."""
        return answers.text(str(len(self._board)))

    async def properties(self, request: web.Request) -> web.Response:
        """What a torrent is, in more words."""
        entry = self._entry(await form_of(request))
        return answers.json(details.properties(self._rows.words, entry))

    async def files(self, request: web.Request) -> web.Response:
        """A torrent's files, all of them or some."""
        form = await form_of(request)
        rows = details.files(self._entry(form))
        if "indexes" in form.fields:
            rows = [rows[index] for index in _indexes(form, len(rows))]
        return answers.json(rows)

    async def trackers(self, request: web.Request) -> web.Response:
        """A torrent's trackers."""
        return answers.json(details.trackers(self._entry(await form_of(request))))

    async def web_seeds(self, request: web.Request) -> web.Response:
        """Where the .torrent says that its files are on the web."""
        urls = await self._from_torrent(request, web_seeds)
        return answers.json([{"url": url} for url in urls or ()])

    async def piece_states(self, request: web.Request) -> web.Response:
        """Which pieces are done, as far as the progress tells."""
        entry = self._entry(await form_of(request))
        return answers.ready(Body(details.piece_states(entry)))

    async def piece_hashes(self, request: web.Request) -> web.Response:
        """The SHA-1 of each piece, where there is a .torrent."""
        together = (await self._from_torrent(request, piece_hashes) or b"").hex()
        each = [together[at : at + SHA1_HEX] for at in range(0, len(together), SHA1_HEX)]
        return answers.json(each)

    async def export(self, request: web.Request) -> web.Response:
        """The .torrent that was handed over, else TorBox's."""
        entry = self._entry(await form_of(request))
        data = await self._commands.export(entry.torrent.hash)
        response = answers.octets(data, self._dialect.export_type)
        if self._dialect.export_type != PLAIN_TEXT:
            name = f"{entry.torrent.hash}.torrent"
            response.headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="{name}"'
        return response

    async def download_limit(self, request: web.Request) -> web.Response:
        """The limits of these torrents, by the hash as it was given; -1 for unknown ones."""
        return answers.json(await self._limits(request, lambda wishes: wishes.download_limit))

    async def upload_limit(self, request: web.Request) -> web.Response:
        """The limits of these torrents, by the hash as it was given; -1 for unknown ones."""
        return answers.json(await self._limits(request, lambda wishes: wishes.upload_limit))

    async def ssl_parameters(self, request: web.Request) -> web.Response:
        """No torrent here has any."""
        self._entry(await form_of(request))
        return answers.json({"ssl_certificate": "", "ssl_dh_params": "", "ssl_private_key": ""})

    async def _from_torrent(
        self, request: web.Request, read: Callable[[bytes], Found]
    ) -> Found | None:
        """What its .torrent says; None without one, and if it is broken."""
        entry = self._entry(await form_of(request))
        data = await self._commands.torrent_file(entry.torrent.hash)
        try:
            return await asyncio.to_thread(read, data) if data else None
        except NotATorrent:
            return None

    async def _limits(self, request: web.Request, limit: Callable[[Wishes], int]) -> dict[str, int]:
        form = await form_of(request)
        form.require("hashes")
        limits = {}
        for given in form.text("hashes").split("|"):
            known = given.lower() in self._board
            wishes = self._board.get(given).torrent.wishes if known else None
            limits[given] = max(0, limit(wishes)) if wishes else -1
        return limits

    def _entry(self, form: Form) -> Entry:
        form.require("hash")
        return self._board.get(form.text("hash"))

    def _written(self, query: Query) -> bytes:
        rows = choose(self._candidates(query), query)
        write = _with_trackers if query.with_trackers else _as_it_is
        return b"[" + b",".join(write(row) for row in rows) + b"]"

    def _candidates(self, query: Query) -> list[Row]:
        if query.hashes is None:
            return list(self._rows)
        return [row for one in query.hashes if (row := self._rows.get(one)) is not None]


def _as_it_is(row: Row) -> bytes:
    return row.encoded


def _with_trackers(row: Row) -> bytes:
    shown = msgspec.structs.asdict(row.info)
    return encode({**shown, "trackers": details.own_trackers(row.entry)})


def _indexes(form: Form, length: int) -> list[int]:
    indexes = []
    for text in form.text("indexes").split("|"):
        if not text.strip().isdecimal() or len(text) > 9:
            raise Refused(f'"{text[:80]}" is not a valid file index.')
        index = int(text)
        if index >= length:
            raise Refused(f"Index {index} is out of bounds.")
        indexes.append(index)
    return indexes
