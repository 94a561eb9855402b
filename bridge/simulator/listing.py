"""Reads of the lists: pages, one item by id, and how stale each of them may be (§2.5)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from aiohttp import web

from . import params, replies, shapes
from .account import Account, Item, QueueEntry
from .replies import Reply, Said, fine, no
from .world import World

MAX_PAGE = 10_000
Key: TypeAlias = tuple[int, str, int | None]  # account, endpoint, id
Row = TypeVar("Row", Item, QueueEntry)


@dataclass
class Lists:
    """Mylist, getqueued and checkcached."""

    world: World
    # What reads without bypass_cache show: when it was made, of which moment, and what.
    _snapshots: dict[Key, tuple[float, float, list[Any]]] = field(default_factory=dict)

    async def mylist(self, request: web.Request, account: Account | None) -> Reply:
        """The list, or one item with `id`."""
        mine, query = mine_of(account), request.query
        id_ = params.integer(query, "id")
        offset = params.integer(query, "offset", 0) or 0
        limit = params.integer(query, "limit", 1000)
        found, at = self._read((mine.id, "mylist", id_), query, mine.items)
        if id_ is not None:
            return self._one(mine, found, at)
        return self._page(found, offset, limit, lambda item: self._shown(item, mine, at))

    def _one(self, account: Account, found: list[Item], at: float) -> Reply:
        if not found:
            raise Said(replies.not_found())
        shown = self._shown(found[0], account, at)
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
        entries, _ = self._read((mine.id, "getqueued", id_), query, mine.entries)
        if query.get("type", "torrent") != "torrent":
            entries = []
        shown = [shapes.entry(entry, self.world.habits) for entry in entries]
        if id_ is not None and not shown:
            raise Said(replies.not_found())
        page = shown[max(0, offset) :][: 1000 if limit is None else max(0, limit)]
        data = page if id_ is None else shown[0]
        return fine("Queued downloads retrieved successfully.", data)

    async def check_cached(self, request: web.Request, account: Account | None) -> Reply:
        """checkcached: never adds anything, and may be an hour old."""
        query, hashes = request.query, _hashes(request.query.getall("hash", []))
        kind = query.get("format", "object")
        if request.method == "POST" and request.body_exists:
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

    def _read(
        self, key: Key, query: Mapping[str, str], living: Callable[[float], list[Row]]
    ) -> tuple[list[Row], float]:
        """What a read finds, and the moment it shows (§2.5)."""
        now, id_ = self.world.settle(), key[2]
        params.boolean(query, "bypass_cache")
        # A capital `True` bypasses nothing (rdt-client #1041).
        bypass = query.get("bypass_cache") in ("true", "1")
        kept = None if bypass else self._snapshots.get(key)
        if kept is None or not 0 <= now - kept[0] < self.world.habits.stale_seconds:
            # By id it has always been reported fresh.
            at = now - (self.world.habits.lag_seconds if id_ is None else 0)
            kept = now, at, [row for row in living(at) if id_ in (None, row.id)]
            self._snapshots[key] = kept
        if bypass:
            del self._snapshots[key]  # the next read without is fresh too
        return kept[2], kept[1]


def mine_of(account: Account | None) -> Account:
    """The account that the gate found."""
    assert account is not None  # the gate lets nobody in without
    return account


def _hashes(given: list[str]) -> list[str]:
    return [
        hash_.strip().lower() for one in given for hash_ in str(one).split(",") if hash_.strip()
    ]
