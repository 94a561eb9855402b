"""TorBox's API: one method per endpoint; `Wire.call` is the one place that touches the network."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp
from msgspec import structs

from bridge.clock import Clock
from bridge.config import TorBoxSettings
from bridge.errors import TorBoxError, TorBoxGone, TorBoxUnwell
from bridge.model import Seen
from bridge.torbox import items, replies, verdicts
from bridge.torbox.envelope import Oddities, Reply, text
from bridge.torbox.items import Page
from bridge.torbox.limits import CREATE, LINK, LIST, Limits
from bridge.torbox.replies import Account, Created, Info, QueuedItem
from bridge.torbox.wire import Wire

CREATE_SECONDS = 120.0  # up to a minute is normal (torbox-api.md §6.1)
LISTED_STILL_SECONDS = 3600.0  # lists lag by minutes (torbox-api.md §2.5)
HASHES_PER_CALL = 100
INFO_SECONDS = 20  # that TorBox may look for metadata


class TorBox:
    """The account behind one key. Every method raises the TorBox errors of `bridge.errors`."""

    def __init__(
        self, settings: TorBoxSettings, limits: Limits, clock: Clock, user_agent: str
    ) -> None:
        self._oddities = Oddities()
        self._wire = Wire(settings, limits, clock, user_agent)
        self._call = self._wire.call
        self._clock = clock
        # What we deleted, and when (monotonic): a lagging list shows it for a while.
        self._deleted: dict[int, float] = {}
        self.limits = limits
        self.last_account: Account | None = None  # as it was told last, to whoever asked
        self.use_key = self._wire.use_key
        self.listen = self._wire.listen

    async def __aenter__(self) -> Self:
        await self._wire.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._wire.close()

    @property
    def server_offset(self) -> float:
        """TorBox's clock minus ours in seconds, 0.0 until known."""
        now = self._wire.server_time()
        return 0.0 if now is None else now - self._clock.time()

    def server_time(self) -> float | None:
        """What time it is at TorBox; None before any answer."""
        return self._wire.server_time()

    @property
    def last_good_at(self) -> float | None:
        """When (monotonic) TorBox last answered in a way that makes sense."""
        return self._wire.last_good_at

    @property
    def unwell_since(self) -> float | None:
        """Since when (monotonic) it does not, None while it does."""
        return self._wire.unwell_since

    async def create(
        self,
        *,
        magnet: str | None,
        torrent: bytes | None,
        seed: int,
        only_if_cached: bool = False,
    ) -> Created:
        """Ask TorBox to add a torrent, by its .torrent where there is one.

        `seed` is 1 (as the account is set), 2 (yes) or 3 (no). The name is never sent, and zipping
        is always refused: it would replace the files.
        """
        form = aiohttp.FormData(default_to_multipart=True)
        if torrent is not None:
            _add_torrent(form, torrent)
        else:
            form.add_field("magnet", magnet or "")
        form.add_field("seed", str(seed))
        form.add_field("allow_zip", "false")
        if only_if_cached:
            form.add_field("add_only_if_cached", "true")
        reply = await self._call(
            "POST", "torrents", CREATE, form=form, seconds=CREATE_SECONDS, spare=only_if_cached
        )
        return await self._created(reply, only_if_cached)

    async def _created(self, reply: Reply, only_if_cached: bool) -> Created:
        known = verdicts.already(reply)
        if reply.ok or known or verdicts.queued_oddly(reply):
            created = replies.created(reply.data, reply.says, already=known)
            if created.torrent_id is not None:
                self._deleted.pop(created.torrent_id, None)
            if created.cached:
                await self.limits.give_back(CREATE, reply.sent_at)
            return created
        if (refused := verdicts.refusal(reply, only_if_cached=only_if_cached)) is not None:
            raise refused
        raise self._error(reply, CREATE)

    async def items(self, *, offset: int = 0, limit: int = 100) -> Page:
        """A page of the account's items, newest first; see `Page` for what absence means."""
        params = {"bypass_cache": "true", "offset": str(offset), "limit": str(limit)}
        reply = await self._list("torrents", LIST, params)
        if reply.is_large:
            # A hundred season packs have thousands of files; clients must not wait for them.
            found = await asyncio.to_thread(items.page, reply.data, limit, self._oddities)
        else:
            found = items.page(reply.data, limit, self._oddities)
        return found.without(self._deleted.keys())

    async def item(self, torrent_id: int) -> Seen:
        """One item, always fresh."""
        params = {"bypass_cache": "true", "id": str(torrent_id)}
        reply = await self._call("GET", "torrents", LIST, params=params)
        if verdicts.gone(reply) or (reply.ok and reply.data in (None, [], {})):
            raise TorBoxGone("TorBox does not have this item any more")
        if not reply.ok:
            raise self._error(reply, LIST)
        for item in items.page(reply.data, 1, self._oddities):
            if item.torrent_id == torrent_id:
                return item
        raise TorBoxUnwell("TorBox answered with another item than the one asked for")

    async def queue(self) -> tuple[QueuedItem, ...]:
        """What waits in TorBox's own queue."""
        params = {"type": "torrent", "bypass_cache": "true"}
        reply = await self._list("queued", "getqueued", params)
        return replies.queue(reply.data, self._oddities)

    async def control(self, torrent_id: int, operation: str) -> None:
        """Delete, pause, resume or reannounce one item."""
        asked = {"torrent_id": torrent_id, "operation": operation}
        await self._control("torrents", "controltorrent", asked)
        if operation == "delete":
            self._remember_deleted(torrent_id)

    async def control_queued(self, queued_id: int, operation: str) -> None:
        """Delete or start one entry of the queue."""
        asked = {"queued_id": queued_id, "operation": operation}
        await self._control("queued", "controlqueued", asked)

    async def link(self, torrent_id: int, file_id: int) -> str:
        """Where the CDN has a file: a secret, good for an hour or so."""
        params = {"torrent_id": str(torrent_id), "file_id": str(file_id)}
        reply = await self._call("GET", "torrents", LINK, params=params, key_in_query=True)
        if verdicts.gone(reply):
            raise TorBoxGone("TorBox does not have this file any more")
        if not reply.ok:
            raise self._error(reply, LINK)
        found = reply.data.get("url") if isinstance(reply.data, dict) else reply.data
        link = text(found).strip()
        if not link.startswith(("https://", "http://")) or not link.isprintable():
            raise TorBoxUnwell("TorBox answered without a link")
        return link

    async def cached(self, hashes: Sequence[str]) -> frozenset[str]:
        """Which of these TorBox says it has; an hour stale at most."""
        asked = [torrent_hash.lower() for torrent_hash in hashes]
        found: frozenset[str] = frozenset()
        for start in range(0, len(asked), HASHES_PER_CALL):
            reply = await self._call(
                "POST",
                "torrents",
                "checkcached",
                params={"format": "object", "list_files": "false"},
                body={"hashes": asked[start : start + HASHES_PER_CALL]},
            )
            if not reply.ok and not verdicts.empty_list(reply):
                raise self._error(reply, "checkcached")
            found |= replies.cached(reply.data)
        return found & frozenset(asked)

    async def account(self) -> Account:
        """Whose key this is, and how many items may be active at once."""
        # With settings TorBox would send its users' passwords for other services.
        reply = await self._call("GET", "user", "me", params={"settings": "false"})
        if not reply.ok:
            raise self._error(reply, "me")
        account = replies.account(reply.data, self._oddities)
        if account is None:
            raise TorBoxUnwell("TorBox did not say whose account this is")
        self.last_account = account
        return account

    async def test_link(self) -> str:
        """A test file on the CDN, on the node that TorBox says is nearest."""
        params = {"region": "all", "test_length": "short"}
        reply = await self._call("GET", "", "speedtest", params=params)
        nodes = [node for node in items.elements_of(reply.data) if isinstance(node, dict)]
        near = [node for node in nodes if node.get("closest") is True] or nodes
        link = text(near[0].get("url")) if reply.ok and near else ""
        if not link.startswith(("https://", "http://")) or not link.isprintable():
            raise self._error(reply, "speedtest")
        return link

    async def export(self, torrent_id: int) -> bytes:
        """The .torrent of an item; TorBox has none of what came from its cache."""
        params = {"torrent_id": str(torrent_id), "type": "file"}
        reply = await self._call("GET", "torrents", "exportdata", params=params)
        if reply.is_file:
            return reply.body
        if verdicts.gone(reply):
            raise TorBoxGone("TorBox does not have this item any more")
        raise self._error(reply, "exportdata")

    async def torrent_info(self, source: str | bytes) -> Info:
        """What the swarm says of an info-hash or a .torrent, without adding it."""
        asked = {"timeout": str(INFO_SECONDS), "use_cache_lookup": "true"}
        if isinstance(source, str):
            asked["hash"] = source
            reply = await self._call("GET", "torrents", "torrentinfo", params=asked)
        else:
            form = aiohttp.FormData(asked, default_to_multipart=True)
            _add_torrent(form, source)
            reply = await self._call("POST", "torrents", "torrentinfo", form=form)
        found = replies.info(reply.data) if reply.ok else None
        if found is None:
            raise self._error(reply, "torrentinfo")
        return found

    async def _list(self, service: str, endpoint: str, params: Mapping[str, str]) -> Reply:
        """A list's answer; its data is None when TorBox says that there is nothing."""
        reply = await self._call("GET", service, endpoint, params=params)
        if verdicts.empty_list(reply):
            return structs.replace(reply, data=None)
        if not reply.ok:
            raise self._error(reply, endpoint, of_all=endpoint == LIST)
        if not isinstance(reply.data, list | dict | None):
            raise TorBoxUnwell(f"TorBox answered with something else than a list ({endpoint})")
        return reply

    async def _control(self, service: str, endpoint: str, asked: Mapping[str, Any]) -> None:
        # `all` is sent as false, always: true would reach what is not ours.
        reply = await self._call("POST", service, endpoint, body={**asked, "all": False})
        if verdicts.gone(reply):
            raise TorBoxGone("TorBox does not have this item any more")
        if not reply.ok:
            raise self._error(reply, endpoint)

    def _remember_deleted(self, torrent_id: int) -> None:
        now = self._clock.monotonic()
        kept = self._deleted.items()
        self._deleted = {one: at for one, at in kept if now - at < LISTED_STILL_SECONDS}
        self._deleted[torrent_id] = now

    def _error(self, reply: Reply, endpoint: str, *, of_all: bool = False) -> TorBoxError:
        now = self.server_time() or self._clock.time()
        return verdicts.error_of(reply, endpoint, now, self._oddities, of_all=of_all)


def _add_torrent(form: aiohttp.FormData, torrent: bytes) -> None:
    # The type exactly so: TorBox refuses a part whose type carries a charset (surprise 41).
    form.add_field("file", torrent, filename="a.torrent", content_type="application/x-bittorrent")
