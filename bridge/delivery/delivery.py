"""The delivery as the core sees it: files in, files out, and how far they are.

Everything that touches the disk runs in threads of its own, so that a hung disk holds up nothing
but the downloads.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from bridge.clock import Clock
from bridge.config import DownloadsSettings
from bridge.delivery import choosing, moving, paths, removal, renaming
from bridge.delivery.body import block_bytes
from bridge.delivery.bringing import Bringing
from bridge.delivery.cdn import Cdn
from bridge.delivery.download import LinkSource, Means
from bridge.delivery.flow import Flow
from bridge.delivery.journal import Journal, this_boot
from bridge.delivery.leg import Leg
from bridge.delivery.pace import Pace
from bridge.delivery.pieces import Pieces, Proof
from bridge.delivery.places import Places
from bridge.delivery.probe import Identity, check_mount, probe
from bridge.delivery.recheck import damaged_files
from bridge.delivery.room import Room, free_bytes
from bridge.delivery.threads import Threads
from bridge.delivery.turns import PLAIN, Rank, Turns
from bridge.delivery.work import Work
from bridge.errors import Refused
from bridge.model import File

DISK_PATIENCE_SECONDS = 120.0
HOUSE = ""  # the key of calls that belong to no torrent


class Delivery:
    """Brings torrents' files to the local disk; the only one who writes there."""

    def __init__(
        self,
        settings: DownloadsSettings,
        clock: Clock,
        *,
        user_agent: str,
        allow_http: bool,
        disk_patience_seconds: float = DISK_PATIENCE_SECONDS,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._root = Path(settings.path)
        self._boot = ""
        self._identity: Identity | None = None  # of the root, once it was probed
        self._expected = False  # files of an earlier run there
        self._probing = asyncio.Lock()
        self.flow = Flow(clock)  # of all torrents together
        self._works: dict[str, Work] = {}
        threads = partial(Threads, root=self._root, patience_seconds=disk_patience_seconds)
        self._house = threads("disk", 4)
        self._checkers = threads("recheck", 1, humble=True)
        self._places = Places(self._root, lambda name: threads(name, 2))
        self._means = Means(
            cdn=Cdn(clock, user_agent=user_agent, allow_http=allow_http),
            turns=Turns(max(1, settings.parallel_files), clock),
            writers=threads(
                "write", 2 * max(1, settings.parallel_files)
            ),  # each writes and flushes
            readers=threads("verify", 1, humble=True),
            clock=clock,
            pace=Pace(clock),
            room=Room(self._root, settings.keep_free, clock),
            connections=settings.connections_per_file,
            block_bytes=block_bytes(settings.parallel_files * settings.connections_per_file),
        )

    async def __aenter__(self) -> Self:
        self._boot = await self._house.run(HOUSE, this_boot)
        await self._means.cdn.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._means.cdn.__aexit__(kind, error, trace)
        means = self._means
        for threads in (self._house, self._checkers, self._places, means.writers, means.readers):
            threads.close()

    def leg(self, torrent_hash: str) -> Leg | None:
        """How far the local leg of a torrent is; None if nothing is known of it yet."""
        work = self._works.get(torrent_hash)
        return work.leg if work else None

    def forget_links(self, torrent_hash: str) -> None:
        """The next connection for this torrent asks for a new link."""
        if work := self._works.get(torrent_hash):
            work.links.clear()

    async def measure(self, torrent_hash: str, folder: str, files: Sequence[File]) -> Leg:
        """Count what is here already, as after a restart; a delivery under way counts itself."""
        if self._work(torrent_hash).lock.locked():
            return self._work(torrent_hash).leg
        async with self._holding(torrent_hash) as work:
            await self._count(torrent_hash, folder, files, work)
        return work.leg

    async def deliver(
        self,
        torrent_hash: str,
        folder: str,
        files: Sequence[File],
        link: LinkSource,
        proof: Proof | None = None,
        *,
        bytes_per_second: int = 0,
    ) -> None:
        """Bring every wanted file to `.incomplete/<hash>/<folder>`; return when all are proven.

        Trouble of the CDN, and TorBox being busy or unwell, are waited out inside: the leg says
        so. Raises FileDisproved, UnfitForDisk, DiskTrouble, NoRoom, and what else `link` raises.
        Once it has raised, or was cancelled, nothing is written any more.
        """
        wanted = [file for file in files if file.wanted]
        if not wanted or len({file.path for file in wanted}) < len(wanted):
            raise Refused("there is nothing to deliver, or two files have one name")
        if self._identity is None:
            await self.probe()  # the disk hung at the start
        size = sum(file.size for file in wanted)
        async with self._holding(torrent_hash) as work:

            def make() -> Path:
                self._check_mount()
                return moving.make_folder(self._incomplete(torrent_hash), folder, files)

            inner = await self._house.run(torrent_hash, make)
            await self._count(torrent_hash, folder, wanted, work)
            work.pace.limit(bytes_per_second)
            with work.delivery(size):
                promised = sum(one.to_come for one in self._works.values()) - work.to_come
                begin = self._means.room.begin
                await self._house.run(torrent_hash, begin, work.to_come, promised)
                pieces = await self._pieces(torrent_hash, proof, wanted)
                bring = Bringing(self._means, work, torrent_hash, inner, wanted, pieces, link)
                await bring.run()
            await self._house.run(torrent_hash, removal.seal, inner, wanted)

    async def place(self, torrent_hash: str, save_path: str, folder: str) -> None:
        """Move what was delivered to its final folder. Done already: nothing happens.

        TargetTaken if the folder exists and is not this torrent's; FilesMissing if there is
        nothing to place. Once the last rename has begun it is finished, cancelled or not.
        Returns when clients of a network share see it, too.
        """

        def move(stop: threading.Event) -> None:
            self._check_mount()
            incomplete = self._incomplete(torrent_hash)
            source = paths.inner_folder(incomplete, folder)
            moving.move_folder(source, self._own(save_path, folder), torrent_hash, stop)
            self._works[torrent_hash].journal.forget()
            removal.remove_if_empty(incomplete)

        async with self._holding(torrent_hash) as work:
            await self._places.at(save_path).run_long(torrent_hash, move)
            work.over = True
        if self._settings.settle_seconds:
            await self._clock.sleep(self._settings.settle_seconds)

    async def is_unplaced(
        self, torrent_hash: str, save_path: str, folder: str, files: Sequence[File]
    ) -> bool:
        """Whether what `place` is to move is still here, so that the target is none of ours."""

        def look() -> bool:
            self._check_mount()
            incomplete = self._incomplete(torrent_hash)
            if removal.any_here(paths.inner_folder(incomplete, folder), files):
                return True
            return moving.is_copied_only(incomplete, self._own(save_path, folder), torrent_hash)

        async with self._holding(torrent_hash):
            return await self._places.at(save_path).run(torrent_hash, look)

    async def free_name(self, save_path: str, wanted: str, taken: Iterable[str]) -> str:
        """A safe name for a folder in `save_path`: free there, and none of `taken`.

        `taken` are the names that others have or will get there: categories, other torrents.
        """
        folded = frozenset(map(choosing.folded, taken))

        def choose() -> str:
            return choosing.free_name(paths.below_root(self._root, save_path), wanted, folded)

        return await self._places.at(save_path).run(HOUSE, choose)

    async def missing(self, save_path: str, folder: str, files: Sequence[File]) -> tuple[str, ...]:
        """Which delivered files do not lie in the folder with their exact size."""

        def look() -> tuple[str, ...]:
            self._check_mount()
            return removal.missing_files(self._own(save_path, folder), files)

        return await self._places.at(save_path).run(HOUSE, look)

    async def damaged(
        self, save_path: str, folder: str, files: Sequence[File], proof: Proof | None
    ) -> tuple[str, ...]:
        """Which delivered files, all there, have other bytes than they came with."""

        def look(stop: threading.Event) -> tuple[str, ...]:
            self._check_mount()
            ours = [file for file in files if file.brought]
            return damaged_files(self._own(save_path, folder), ours, proof, stop)

        return await self._checkers.run_long(HOUSE, look)

    async def discard_incomplete(self, torrent_hash: str, folder: str) -> None:
        """Take away what is here of a torrent that is not complete; no `folder`: nothing is."""

        def remove(stop: threading.Event) -> None:
            self._check_mount()
            incomplete = self._incomplete(torrent_hash)
            moving.remove_copied(incomplete, torrent_hash)
            if folder:
                removal.remove_tree(incomplete, stop)
            self._works[torrent_hash].journal.forget()

        async with self._holding(torrent_hash) as work:
            await self._house.run_long(torrent_hash, remove)
            work.over = True

    async def discard(self, save_path: str, folder: str, files: Sequence[File]) -> None:
        """Take away the delivered files in a folder, then the folders that are empty."""

        def remove(stop: threading.Event) -> None:
            self._check_mount()
            ours = [file for file in files if file.brought]  # the others never came here
            removal.remove_files(self._own(save_path, folder), ours, stop)

        await self._places.at(save_path).run_long(HOUSE, remove)

    async def move(
        self, old_save_path: str, new_save_path: str, folder: str, new_folder: str = ""
    ) -> None:
        """Move a complete torrent's folder to another save path or name; errors as of `place`."""

        def move(stop: threading.Event) -> None:
            source, target, mark = self._move(old_save_path, new_save_path, folder, new_folder)
            if source in target.parents:
                raise Refused("a folder cannot be moved into itself")
            if source != target:
                moving.move_folder(source, target, mark, stop)

        await self._places.at(new_save_path).run_long(HOUSE, move)

    async def undo_move(
        self, old_save_path: str, folder: str, new_save_path: str, new_folder: str
    ) -> bool:
        """Whether a move that was begun is undone; False if its folder is at its new place."""
        move = (old_save_path, new_save_path, folder, new_folder)
        threads = self._places.at(new_save_path)
        return await threads.run_long(HOUSE, lambda _: moving.undo_move(*self._move(*move)))

    async def rename_files(
        self, save_path: str, folder: str, names: Iterable[tuple[str, str]]
    ) -> None:
        """Give a complete torrent's files other names below its folder; done already: nothing."""

        def rename() -> None:
            self._check_mount()
            renaming.rename_files(self._own(save_path, folder), names)

        await self._places.at(save_path).run(HOUSE, rename)

    async def is_free(self, save_path: str, folder: str, names: Iterable[str] = ()) -> bool:
        """Whether nothing has the folder's name, or, with `names`, none of these in it."""

        def look() -> bool:
            self._check_mount()
            own = self._own(save_path, folder)
            targets = [paths.within(own, name) for name in names] or [own]
            return all(map(paths.is_free, targets))

        return await self._places.at(save_path).run(HOUSE, look)

    def limit(self, bytes_per_second: int, torrent_hash: str | None = None) -> None:
        """Let no more come of this torrent, or of all together; 0 is no limit."""
        if torrent_hash is None:
            self._means.pace.limit(bytes_per_second)
        elif torrent_hash in self._works:
            self._works[torrent_hash].pace.limit(bytes_per_second)

    def rank(self, torrent_hash: str, rank: Rank = PLAIN) -> None:
        """Let its files come before those of torrents with a higher rank."""
        self._means.turns.rank(torrent_hash, rank)

    def hold(self, reason: str) -> None:
        """Fetch nothing at all, for this reason, until it is ""; what is here is still proven."""
        self._means.turns.close(reason)

    @property
    def held(self) -> str:
        """Why nothing is fetched, "" while files are."""
        return self._means.turns.closed

    async def probe(self, *, expected: bool = False) -> None:
        """Make the download folder and try everything there that will be needed of it.

        `expected`: files of an earlier run must be there, so an empty folder is not our disk.
        """
        self._expected = self._expected or expected
        async with self._probing:
            self._identity = await self._house.run(
                HOUSE, probe, self._settings, self._identity, expected=self._expected
            )

    async def check_ready(self) -> None:
        """Raise DiskTrouble unless the disk takes files, and has room for some."""
        await self.probe()
        await self._house.run(HOUSE, self._means.room.begin, 1, 0)

    async def free_bytes(self) -> int:
        """Room on the download disk for us, in bytes."""
        return await self._house.run(HOUSE, free_bytes, self._root)

    async def make_folder(self, path: str) -> None:
        """Make a category's folder; Refused if it lies outside the download folder."""

        def make() -> None:
            self._check_mount()
            paths.make_folders(paths.below_root(self._root, path))

        await self._places.at(path).run(HOUSE, make)

    async def _count(
        self, torrent_hash: str, folder: str, files: Sequence[File], work: Work
    ) -> None:
        def sizes() -> dict[str, int]:
            inner = paths.inner_folder(self._incomplete(torrent_hash), folder)
            return removal.trusted_sizes(inner, files, work.journal)

        for path, size in (await self._house.run(torrent_hash, sizes)).items():
            work.leg.holds(path, size)

    async def _pieces(
        self, torrent_hash: str, proof: Proof | None, wanted: Sequence[File]
    ) -> Pieces | None:
        if proof is None:
            return None
        paths = {file.path for file in wanted}
        return await self._house.run(torrent_hash, Pieces, proof, paths)

    @asynccontextmanager
    async def _holding(self, torrent_hash: str) -> AsyncIterator[Work]:
        """Be the only one at this torrent's incomplete files, hanging threads included."""
        work = self._work(torrent_hash)
        work.holders += 1
        try:
            async with work.lock:
                work.over = False
                means = self._means
                for threads in (means.writers, means.readers, self._house, self._places):
                    await threads.quiet(torrent_hash)
                yield work
        finally:
            work.holders -= 1
            if work.over and not work.holders:
                self._works.pop(torrent_hash, None)

    def _work(self, torrent_hash: str) -> Work:
        work = self._works.get(torrent_hash)
        if work is None:
            journal = Journal(self._incomplete(torrent_hash), self._boot)
            work = Work(Leg(self._clock, self.flow), journal, Pace(self._clock))
            self._works[torrent_hash] = work
        return work

    def _incomplete(self, torrent_hash: str) -> Path:
        return paths.incomplete_folder(self._root, torrent_hash)

    def _move(self, old: str, new: str, folder: str, new_folder: str) -> tuple[Path, Path, str]:
        self._check_mount()
        source = self._own(old, folder)
        return source, self._own(new, new_folder or folder), moving.mark_of(str(source))

    def _own(self, save_path: str, folder: str) -> Path:
        return paths.own_folder(self._root, save_path, folder)

    def _check_mount(self) -> None:
        check_mount(self._root, self._identity)
