"""`sync/maindata`: everything once, then only what changed, per session (qbittorrent.md §8)."""

import asyncio
import math
from collections.abc import Iterable, Mapping

from aiohttp import web
from msgspec import Struct

from bridge.core.board import Board, Entry
from bridge.qbittorrent import answers
from bridge.qbittorrent.dialect import Dialect
from bridge.qbittorrent.encoding import encode
from bridge.qbittorrent.forms import form_of
from bridge.qbittorrent.labels import Categories, Tags
from bridge.qbittorrent.packing import Begun, Body, Tail
from bridge.qbittorrent.rows import Row, Rows
from bridge.qbittorrent.session import SESSION
from bridge.qbittorrent.trackers import TrackerIndex
from bridge.qbittorrent.transfer import Transfer

REFRESH_MILLISECONDS = 1500
FOLLOWED_SECONDS = 5.0  # after each question


class Moment(Struct, frozen=True):
    """What a session was shown beside the torrents, whose rows know when they changed."""

    revision: int
    categories: Mapping[str, dict[str, str]]
    tags: tuple[str, ...]
    state: Mapping[str, object]


class Sync:
    """The endpoints of this scope."""

    def __init__(
        self,
        board: Board,
        rows: Rows,
        categories: Categories,
        tags: Tags,
        transfer: Transfer,
        dialect: Dialect,
    ) -> None:
        self._board = board
        self._rows = rows
        self._categories = categories
        self._tags = tags
        self._transfer = transfer
        self._dialect = dialect
        self._trackers = TrackerIndex()
        # Who begins anew is told the same as the one before, but for what changed: the torrents
        # by revision, and the whole by how it begins.
        self._tail = (-1, Tail(b""))
        self._whole = (b"", Body(b""))
        self._state: tuple[object, Mapping[str, object]] = (None, {})
        self._asked_at = -math.inf  # on the loop's clock
        self._writing: asyncio.Handle | None = None
        board.listen(self._changed)

    async def maindata(self, request: web.Request) -> web.Response:
        """All there is to know, or the difference to what this session knows already."""
        rid = (await form_of(request)).integer("rid")
        told = request[SESSION].told
        self._asked_at = asyncio.get_running_loop().time()
        self._rows.refresh()
        self._trackers.follow(self._rows)
        now = self._moment()
        base = told.known(rid)
        # 4.5.2 begins again at 1 when a client does.
        next_rid = told.tell(now, from_one=rid <= 0 and not self._dialect.later)
        if not isinstance(base, Moment) or base.revision < self._rows.forgotten:
            return answers.ready(self._full(next_rid, now))
        return answers.ready(Body(self._difference(next_rid, base, now)))

    async def peers(self, request: web.Request) -> web.Response:
        """The peers are TorBox's and not shown one by one: there are none, and none changes."""
        form = await form_of(request)
        self._board.get(form.text("hash"))
        rid, told = form.integer("rid"), request[SESSION].told_of_peers
        known = told.known(rid)
        next_rid = told.tell(True, from_one=rid <= 0)
        if known:
            return answers.json({"rid": next_rid})
        return answers.json({"full_update": True, "peers": {}, "rid": next_rid, "show_flags": True})

    def _changed(self, _before: Entry | None, _after: Entry) -> None:
        """While somebody follows, rows are written as torrents change: answers find them ready."""
        if self._writing is None and self._asked_at > -math.inf:
            loop = asyncio.get_running_loop()
            if loop.time() - self._asked_at < FOLLOWED_SECONDS:
                self._writing = loop.call_soon(self._write)

    def _write(self) -> None:
        self._writing = None
        self._rows.refresh()

    def _moment(self) -> Moment:
        return Moment(
            revision=self._rows.revision,
            categories=self._categories.shown(),
            tags=tuple(self._tags.shown()),
            state=self._state_now(),
        )

    def _state_now(self) -> Mapping[str, object]:
        basis = self._transfer.basis
        if self._state[0] != basis:
            self._state = (basis, self._server_state())
        return self._state[1]

    def _full(self, rid: int, now: Moment) -> Body:
        head = {
            "categories": encode(now.categories) if now.categories else self._empty(b"{}"),
            "full_update": b"true",
            "rid": encode(rid),
            "server_state": encode(now.state),
            "tags": encode(now.tags) if now.tags else self._empty(b"[]"),
        }
        begin = b"{" + b",".join(_members(head))
        if self._tail[0] != now.revision:
            self._tail = (now.revision, Tail(self._torrents_and_trackers()))
            self._whole = (b"", Body(b""))
        if self._whole[0] != begin:
            self._whole = (begin, Begun(begin, self._tail[1]))
        return self._whole[1]

    def _torrents_and_trackers(self) -> bytes:
        parts = {
            "torrents": _all_rows(self._rows) or self._empty(b"{}"),
            "trackers": encode(self._trackers.all()) if self._trackers else self._empty(b"{}"),
        }
        return b"".join(b"," + member for member in _members(parts)) + b"}"

    def _empty(self, nothing: bytes) -> bytes:
        """4.5.2 sends what is empty, too; later versions leave it out."""
        return b"" if self._dialect.later else nothing

    def _difference(self, rid: int, base: Moment, now: Moment) -> bytes:
        if base == now:
            return encode({"rid": rid})
        categories = {
            name: changes
            for name, shown in now.categories.items()
            if (changes := _changed(base.categories.get(name, {}), shown))
        }
        tags = [tag for tag in now.tags if tag not in base.tags]
        state = _changed(base.state, now.state)
        trackers, trackers_removed = self._trackers.since(base.revision)
        torrents = {
            torrent_hash: changes
            for torrent_hash, row in self._rows.changed_since(base.revision)
            if (changes := row.changes(base.revision))
        }
        parts: dict[str, object] = {
            "categories": categories,
            "categories_removed": _gone(base.categories, now.categories),
            "server_state": state,
            "tags": tags,
            "tags_removed": _gone(base.tags, now.tags),
            "torrents": torrents,
            "torrents_removed": self._rows.removed_since(base.revision),
            "trackers": trackers,
            "trackers_removed": trackers_removed,
        }
        return encode({"rid": rid} | {name: part for name, part in parts.items() if part})

    def _server_state(self) -> dict[str, object]:
        health = self._board.health
        state: dict[str, object] = {
            **self._transfer.figures(),
            "alltime_dl": health.total_bytes,
            "alltime_ul": 0,
            "average_time_queue": 0,
            "free_space_on_disk": health.free_bytes,
            "global_ratio": "0.00" if health.total_bytes else "-",
            "queued_io_jobs": 0,
            "queueing": True,
            "read_cache_hits": "0",
            "read_cache_overload": "0",
            "refresh_interval": REFRESH_MILLISECONDS,
            "total_buffers_size": 0,
            "total_peer_connections": 0,
            "total_queued_size": 0,
            "total_wasted_session": 0,
            "use_alt_speed_limits": self._transfer.alternative,
            "write_cache_overload": "0",
        }
        if self._dialect.later:
            state["use_subcategories"] = False
        return state


def _changed(before: Mapping[str, object], now: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in now.items() if before.get(name) != value}


def _gone(before: Iterable[str], now: Iterable[str]) -> list[str]:
    left = set(now)
    return [name for name in before if name not in left]


def _all_rows(rows: Iterable[Row]) -> bytes:
    """All torrents by their hash, which is then left out of the torrent itself."""
    written = []
    for row in sorted(rows, key=lambda row: row.info.hash):
        key = b'"' + row.info.hash.encode() + b'"'
        # No text inside a value can hold this: its quotes would be escaped.
        written.append(key + b":" + row.encoded.replace(b'"hash":' + key + b",", b"", 1))
    return b"{" + b",".join(written) + b"}" if written else b""


def _members(parts: Mapping[str, bytes]) -> list[bytes]:
    return [b'"%s":%s' % (name.encode(), part) for name, part in parts.items() if part]
