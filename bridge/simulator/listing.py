"""Reads of the lists: pages, one item by id, and how stale each of them may be (§2.5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from . import params, replies, shapes
from .account import Account, Item
from .replies import Reply, Said, fine, no
from .world import World

MAX_PAGE = 10_000


@dataclass
class Lists:
    """Mylist, getqueued and checkcached."""

    world: World
    # When the answer without bypass_cache was last made, by account, endpoint and id.
    _snapshots: dict[tuple[int, str, int | None], float] = field(default_factory=dict)

    async def mylist(self, request: web.Request, account: Account | None) -> Reply:
        """The list, or one item with `id`."""
        mine, query = mine_of(account), request.query
        id_ = params.integer(query, "id")
        offset = params.integer(query, "offset", 0) or 0
        limit = params.integer(query, "limit", 1000)
        at = self._moment(mine, "mylist", id_, query)
        if id_ is not None:
            return self._one(mine, id_, at)
        found = mine.items(at)
        return self._page(found, offset, limit, lambda item: self._shown(item, mine, at))

    def _one(self, account: Account, id_: int, at: float) -> Reply:
        item = account.item(id_, at)
        if item is None:
            raise Said(replies.not_found())
        shown = self._shown(item, account, at)
        data = [shown] if self.world.habits.oddities.list_by_id else shown
        return fine("Torrent list retrieved successfully.", data)

    def _shown(self, item: Item, account: Account, at: float) -> dict[str, Any]:
        return shapes.item(item, account, at, self.world.habits)

    def _page(self, found: list[Item], offset: int, limit: int | None, shown: Any) -> Reply:
        odd = self.world.habits.oddities
        limit = min(1000 if limit is None else limit, MAX_PAGE) + odd.extra_item
        page = [shown(item) for item in found[max(0, offset) :][: max(0, limit)]]
        if page or odd.empty_list == "list":
            return fine("Torrent list retrieved successfully.", page)
        if odd.empty_list == "null":
            return fine("Torrent list retrieved successfully.", None)
        reply = no(404, "ITEM_NOT_FOUND", "No torrents found for this user.")
        reply.body["success"] = odd.empty_list == "404 success"
        return reply

    async def queued(self, request: web.Request, account: Account | None) -> Reply:
        """Getqueued."""
        mine, query = mine_of(account), request.query
        id_ = params.integer(query, "id")
        offset = params.integer(query, "offset", 0) or 0
        limit = params.integer(query, "limit", 1000)
        at = self._moment(mine, "getqueued", id_, query)
        torrents_asked = query.get("type", "torrent") == "torrent"
        entries = mine.entries(at) if torrents_asked else []
        shown = [shapes.entry(entry, self.world.habits) for entry in entries]
        if id_ is None:
            page = shown[max(0, offset) :][: 1000 if limit is None else max(0, limit)]
            return fine("Queued downloads retrieved successfully.", page)
        one = next((entry for entry in shown if entry["id"] == id_), None)
        if one is None:
            raise Said(replies.not_found())
        return fine("Queued downloads retrieved successfully.", one)

    async def check_cached(self, request: web.Request, account: Account | None) -> Reply:
        """checkcached: never adds anything, and may be an hour old."""
        query, hashes = request.query, _hashes(request.query.getall("hash", []))
        kind = query.get("format", "object")
        if request.method == "POST" and request.can_read_body:
            body = await params.json_object(request)
            hashes += _hashes(body.get("hashes") or [])
            kind = str(body.get("format", kind))
        if kind not in ("object", "list"):
            detail = "Invalid format. Please use one of the following: 'object', 'list'."
            raise Said(no(400, "INVALID_OPTION", detail))
        with_files = params.boolean(query, "list_files")
        found = [self._cached(hash_, with_files) for hash_ in dict.fromkeys(hashes)]
        data: Any = [one for one in found if one]
        data = {one["hash"]: one for one in data} if kind == "object" else data
        if not data and self.world.habits.oddities.nothing_cached == "null":
            data = None
        return fine("Torrent cache status retrieved successfully.", data)

    def _cached(self, hash_: str, with_files: bool) -> dict[str, Any] | None:
        torrent, now = self.world.torrents.get(hash_), self.world.settle()
        asked_at, cached = self.world.cache_memo.get(hash_, (None, False))
        if asked_at is None or now - asked_at >= self.world.habits.checkcached_memo_seconds:
            cached = torrent is not None and self.world.is_cached(torrent, now)
            self.world.cache_memo[hash_] = (now, cached)
        if torrent is None or not cached:
            return None
        files = [{"name": torrent.listed_path(f), "size": f.size} for f in torrent.files]
        told = {"name": torrent.name, "size": torrent.size, "hash": hash_}
        return told | ({"files": files} if with_files else {})

    def _moment(
        self, account: Account, endpoint: str, id_: int | None, query: Mapping[str, str]
    ) -> float:
        """The moment whose world a read shows (§2.5). A capital `True` bypasses nothing (#1041)."""
        now = self.world.settle()
        params.boolean(query, "bypass_cache")
        bypass = query.get("bypass_cache") in ("true", "1")
        key = (account.id, endpoint, id_)
        made_at = self._snapshots.get(key)
        stale = self.world.habits.stale_seconds
        if bypass or made_at is None or not 0 <= now - made_at < stale:
            self._snapshots[key] = made_at = now
        # By id it has always been reported fresh.
        return made_at - (self.world.habits.lag_seconds if id_ is None else 0)


def mine_of(account: Account | None) -> Account:
    """The account that the gate found."""
    assert account is not None  # the gate lets nobody in without
    return account


def _hashes(given: list[str]) -> list[str]:
    return [
        hash_.strip().lower() for one in given for hash_ in str(one).split(",") if hash_.strip()
    ]
