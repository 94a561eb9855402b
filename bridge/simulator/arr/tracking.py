"""The downloads an arr follows: its poll, its imports, its removals (arr-contract.md §3.3)."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

from .client import COMPLETED, WARNINGS, Client, Unreachable, removable
from .library import Library, Release, Wanted


@dataclass
class Tracked:
    """A download in one client. The arr shows it until it is imported or failed."""

    client: Client
    item: dict[str, Any]
    wanted: Wanted | None
    state: str = "downloading"
    message: str = ""
    listed: bool = True  # in the client's last answer

    @property
    def download_id(self) -> str:
        """The hash, upper case."""
        return str(self.item["hash"]).upper()

    def row_id(self, episode: int | None) -> int:
        """As in v3 for an episode, as in v5 for none (§4.5)."""
        suffix = "" if episode is None else f"-ep{episode}"
        return crc32(f"{self.client.name}-{self.download_id}{suffix}".encode()) & 0x7FFFFFFF


@dataclass
class Downloads:
    """All that is followed, by client and hash."""

    library: Library
    now: Callable[[], float]
    into: Path | None = None  # where imported files go; None: they stay where they are
    refuses: dict[str, str] = field(default_factory=dict)  # hash → why it is not imported
    tracked: dict[tuple[str, str], Tracked] = field(default_factory=dict)
    polls: int = 0
    unreachable: list[str] = field(default_factory=list)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def poll(self, clients: list[Client]) -> None:
        """Look at every client, then import, then remove: RefreshMonitoredDownloads."""
        async with self._one_at_a_time:
            self.polls += 1
            for client in clients:
                if client.enabled:
                    try:
                        await self._poll(client)
                    except Unreachable as error:
                        self.unreachable.append(f"{client.name}: {error}")

    async def _poll(self, client: Client) -> None:
        items = {str(item["hash"]).upper(): item for item in await client.items()}
        for one in self.tracked.values():
            if one.client is client:
                one.listed = one.download_id in items
        for download_id, item in items.items():
            known = self.tracked.get((client.name, download_id))
            await self._look_at(known or self._track(client, item, download_id), item)

    def _track(self, client: Client, item: dict[str, Any], download_id: str) -> Tracked:
        grab = self.library.grab_of(download_id)
        one = Tracked(client, item, grab.wanted if grab else None)
        self.tracked[client.name, download_id] = one
        return one

    async def _look_at(self, one: Tracked, item: dict[str, Any]) -> None:
        one.item, state = item, item["state"]
        if one.state == "imported":
            if one.client.removes_completed and removable(one.item):
                await self._remove(one)
        elif state in COMPLETED and one.wanted is not None:
            await self._import(one, one.wanted)
        elif one.state == "downloading":
            one.message = WARNINGS.get(state, "")

    async def _import(self, one: Tracked, wanted: Wanted) -> None:
        content = Path(one.item["content_path"])
        why = self.refuses.get(one.download_id)
        if why is None and not await asyncio.to_thread(content.exists):
            why = f"No files found are eligible for import in {content}"
        if why is not None:
            one.state, one.message = "importBlocked", why
            return
        grab = self.library.grab_of(one.download_id)
        assert grab is not None
        may_move = one.client.removes_completed and removable(one.item)
        await asyncio.to_thread(self._bring, content, move=may_move)
        one.state, one.message = "imported", ""
        wanted.state, wanted.imported_at = "imported", wanted.imported_at or self.now()
        self.library.note("downloadFolderImported", wanted, grab.release, self.now())
        if one.client.imported_category:
            await one.client.set_category(one.download_id, one.client.imported_category)
        if may_move:
            await self._remove(one)

    def _bring(self, content: Path, *, move: bool) -> None:
        if self.into is None:
            return
        target = self.into / content.name
        if move:
            shutil.move(content, target)
        else:
            shutil.copytree(content, target, dirs_exist_ok=True)

    async def _remove(self, one: Tracked) -> None:
        await one.client.remove(one.download_id)
        self.stop(one)

    def stop(self, one: Tracked) -> None:
        """Follow it no more."""
        self.tracked.pop((one.client.name, one.download_id), None)

    def shown(self) -> list[Tracked]:
        """What the queue shows: not what is imported or failed, nor what vanished."""
        return [one for one in self.tracked.values() if one.listed and one.state != "imported"]

    async def grab(self, client: Client, wanted: Wanted, release: Release) -> bool:
        """Hand a release to a client."""
        if not await client.add(release.magnet, release.torrent, release.name):
            return False
        self.library.note("grabbed", wanted, release, self.now())
        wanted.state, wanted.release = "grabbed", release
        wanted.grabbed_at = wanted.grabbed_at or self.now()
        return True
