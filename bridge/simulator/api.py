"""The API that a client calls, endpoint by endpoint (torbox-api.md §1.3 to §1.5)."""

import contextlib
from dataclasses import dataclass, field

from aiohttp import web

from . import params, replies, shapes, speedtest
from .account import Account, Item
from .creating import Create
from .gate import Routes
from .listing import Lists, mine_of
from .replies import Reply, Said, fine, no
from .scripts import NoMetadata
from .wishes import read_magnet, read_source, read_wish
from .world import World

OPERATIONS = ("reannounce", "delete", "resume", "pause")


@dataclass
class Api:
    """The handlers. Each takes the request and the account whose key came with it."""

    world: World
    lists: Lists = field(init=False)

    def __post_init__(self) -> None:
        """Reads have a part of their own."""
        self.lists = Lists(self.world)

    def routes(self) -> Routes:
        """Every endpoint that is answered."""
        return {
            ("POST", "torrents/createtorrent"): self.create,
            ("POST", "torrents/asynccreatetorrent"): self.create_later,
            ("POST", "torrents/controltorrent"): self.control,
            ("GET", "torrents/requestdl"): self.request_link,
            ("GET", "torrents/mylist"): self.lists.mylist,
            ("GET", "torrents/checkcached"): self.lists.check_cached,
            ("POST", "torrents/checkcached"): self.lists.check_cached,
            ("GET", "torrents/exportdata"): self.export,
            ("POST", "torrents/magnettofile"): self.magnet_to_file,
            ("GET", "torrents/torrentinfo"): self.info,
            ("POST", "torrents/torrentinfo"): self.info,
            ("PUT", "torrents/edittorrent"): self.edit,
            ("GET", "queued/getqueued"): self.lists.queued,
            ("POST", "queued/controlqueued"): self.control_queued,
            # Removed in the changelog, still routed (§10 #12).
            ("GET", "torrents/getqueued"): self.lists.queued,
            ("POST", "torrents/controlqueued"): self.control_queued,
            ("GET", "user/me"): self.me,
            ("GET", "stats"): self.stats,
            ("GET", "speedtest"): speedtest.nodes,
        }

    async def create(self, request: web.Request, account: Account | None) -> Reply:
        """Createtorrent."""
        wish = read_wish(await params.form(request))
        return Create(self.world, mine_of(account), wish).answer()

    async def create_later(self, request: web.Request, account: Account | None) -> Reply:
        """asynccreatetorrent: done, whatever comes of it, and answered without an id."""
        wish = read_wish(await params.form(request))
        with contextlib.suppress(Said):  # the real one tells by a notification only
            Create(self.world, mine_of(account), wish).answer()
        return fine(
            "Torrent creation request has been queued. "
            "You will receive a notification when it is processed."
        )

    async def control(self, request: web.Request, account: Account | None) -> Reply:
        """Controltorrent."""
        body, mine = await params.json_object(request), mine_of(account)
        if "operation" not in body:
            raise params.missing("body", "operation")
        operation, id_ = body["operation"], params.json_integer(body, "torrent_id")
        if operation not in OPERATIONS:
            listed = ", ".join(f"'{known}'" for known in OPERATIONS)
            detail = f"Invalid operation. Please use one of the following: {listed}."
            raise Said(no(400, "INVALID_OPTION", detail))
        now = self.world.settle()
        if body.get("all") is True:
            for item in mine.items(now):
                self._operate(mine, item, operation, now)
            return fine("All torrents are queued.")
        if id_ is None:
            raise Said(no(400, "MISSING_REQUIRED_OPTION", "You must provide a torrent id."))
        one = mine.item(id_, now)
        if one is None:
            raise Said(replies.not_found())
        return self._operate(mine, one, operation, now)

    def _operate(self, account: Account, item: Item, operation: str, now: float) -> Reply:
        item.controls.append(operation)
        if operation == "delete":
            account.delete(item, now)
            return fine("Torrent deleted successfully.")
        if item.look(now).present and not item.look(now).active:
            return replies.unknown_error()  # cached torrents cannot be controlled (§1.3)
        if operation == "pause":
            account.pause(item, now)
        elif operation == "resume":
            account.resume(item, now)
        if operation in item.torrent.on_control:
            account.follow(item, item.torrent.on_control[operation], now)
        return fine("Torrent operation processed successfully.")

    async def request_link(self, request: web.Request, account: Account | None) -> Reply:
        """Requestdl. Anything that is not ready or not yours is a DATABASE_ERROR (§7.4)."""
        mine, query = mine_of(account), request.query
        id_ = params.required_integer(query, "torrent_id")
        file_id = params.integer(query, "file_id", 0)  # omitted: file 0, not all
        whole = params.boolean(query, "zip_link")
        redirect = params.boolean(query, "redirect")
        now = self.world.settle()
        item = self._ready(mine, id_, now)
        if not whole and file_id not in {file.id for file in shapes.listed_files(item)}:
            raise Said(replies.database_error())
        link = self.world.link(mine, item, None if whole else file_id, now)
        base = self.world.habits.cdn_url or str(request.url.origin())
        url = f"{base}/{'zip' if whole else 'dld'}/{link.uuid}?token={link.token}"
        if params.boolean(query, "append_name") and not whole:
            name = next(f.path for f in shapes.listed_files(item) if f.id == file_id)
            url += f"&filename={name.rpartition('/')[2]}"
        if redirect:
            return Reply(307, b"", {"Location": url})
        data = {"url": url} if self.world.habits.oddities.link_as_object else url
        return fine("Torrent download requested successfully.", data)

    def _ready(self, account: Account, id_: int, now: float) -> Item:
        item = account.item(id_, now)
        if item is None:
            deleted = any(old.id == id_ for old in account.all_items)
            is_404 = deleted and self.world.habits.oddities.deleted_link_is_404
            raise Said(replies.not_found() if is_404 else replies.database_error())
        if not item.look(now).present:
            raise Said(replies.database_error())
        if item.links_refused > 0:
            item.links_refused -= 1
            raise Said(replies.database_error())
        return item

    async def control_queued(self, request: web.Request, account: Account | None) -> Reply:
        """controlqueued: delete or start."""
        body, mine = await params.json_object(request), mine_of(account)
        operation, id_ = body.get("operation"), params.json_integer(body, "queued_id")
        if "operation" not in body:
            raise params.missing("body", "operation")
        if operation not in ("delete", "start"):
            detail = "Invalid operation. Please use one of the following: 'delete', 'start'."
            raise Said(no(400, "INVALID_OPTION", detail))
        now = self.world.settle()
        everything = body.get("all") is True and operation == "delete"
        chosen = [e for e in mine.entries(now) if everything or e.id == id_]
        if not chosen:
            raise Said(replies.not_found())
        for entry in chosen:
            if operation == "delete":
                entry.left_at = now
            else:
                mine.promote(entry, now)
        return fine("Queued download operation processed successfully.")

    async def me(self, request: web.Request, account: Account | None) -> Reply:
        """user/me."""
        told = shapes.user(mine_of(account), self.world.now, self.world.habits)
        if params.boolean(request.query, "settings"):
            told["settings"] = shapes.settings()
        return fine("Successfully retrieved your user information.", told)

    async def export(self, request: web.Request, account: Account | None) -> Reply:
        """exportdata: not for what came from the cache."""
        id_ = params.required_integer(request.query, "torrent_id")
        kind = request.query.get("type")
        if kind is None:
            raise params.missing("query", "type")
        if kind not in ("magnet", "file"):
            detail = "Invalid operation. Please use one of the following: 'magnet', 'file'."
            raise Said(no(400, "INVALID_OPTION", detail))
        item = mine_of(account).item(id_, self.world.settle())
        if item is None or item.cached_at_once or (kind == "file" and not item.torrent.torrent):
            raise Said(replies.unknown_error())
        if kind == "magnet":
            return fine("Torrent data exported successfully.", item.magnet)
        return Reply(200, item.torrent.torrent, content_type="application/x-bittorrent")

    async def magnet_to_file(self, request: web.Request, account: Account | None) -> Reply:
        """Magnettofile."""
        body = await params.json_object(request)
        if "magnet" not in body:
            raise params.missing("body", "magnet")
        torrent = self.world.torrents.get(read_magnet(str(body["magnet"])).hash)
        if torrent is None or not torrent.torrent:
            raise Said(_no_metadata())
        return Reply(200, torrent.torrent, content_type="application/x-bittorrent")

    async def info(self, request: web.Request, account: Account | None) -> Reply:
        """torrentinfo: what the swarm says, without adding anything."""
        fields = request.query if request.method == "GET" else await params.form(request)
        if request.method == "GET" and "hash" not in fields:
            raise params.missing("query", "hash")
        hash_ = str(fields["hash"]) if "hash" in fields else read_source(fields)[0].hash
        torrent = self.world.torrents.get(hash_.lower())
        if torrent is None or not torrent.known or isinstance(torrent.script, NoMetadata):
            raise Said(_no_metadata())
        return fine("Successfully retrieved torrent metadata for the hash.", shapes.info(torrent))

    async def edit(self, request: web.Request, account: Account | None) -> Reply:
        """edittorrent: replaces whole lists; only for what is cached."""
        body = await params.json_object(request)
        id_, now = params.json_integer(body, "torrent_id"), self.world.settle()
        item = None if id_ is None else mine_of(account).item(id_, now)
        if item is None:
            raise Said(replies.not_found())
        if not item.look(now).present:
            raise Said(replies.unknown_error())
        item.name = body.get("name") or item.name
        item.tags = body.get("tags") or item.tags
        item.alternative_hashes = body.get("alternative_hashes") or item.alternative_hashes
        return fine("Torrent edited successfully.")

    async def stats(self, request: web.Request, account: Account | None) -> Reply:
        """Something of the kind."""
        reply = fine("Stats retrieved successfully.", {"total_users": len(self.world.accounts)})
        reply.body["error"] = False  # as documented (§1.2)
        return reply


def _no_metadata() -> Reply:
    detail = "Could not download metadata for the torrent. Please try again later."
    return replies.unknown_error(detail, "invalid info-hash [libtorrent:39]")
