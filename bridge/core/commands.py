"""What a client may ask for. Each command is one commit, and none waits for TorBox or the disk."""

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from msgspec import Struct
from msgspec.structs import replace

from bridge.clock import Clock
from bridge.config import CachedPolicy, Settings
from bridge.core import claims, queueing, sharing
from bridge.core.attempts import cleaning_of, new_attempt, retried
from bridge.core.board import Board
from bridge.core.changes import in_order, paused, wanted_again, with_priority, with_source
from bridge.core.claims import Asker
from bridge.core.engine import Engine
from bridge.core.exporting import Exporter
from bridge.core.labels import Labels, tagged
from bridge.core.ledger import Change, Ledger
from bridge.core.places import Places
from bridge.errors import Refused, UnknownTorrent
from bridge.model import (
    Cause,
    Check,
    Complete,
    Failed,
    Fetching,
    Phase,
    Removing,
    Source,
    Torrent,
    Waiting,
    Wishes,
)
from bridge.names import safe_name
from bridge.store.store import Store, Write, keep, put_source

log = logging.getLogger(__name__)

CACHED_CHECK_SECONDS = 3.0  # the one wait for TorBox that an add may cost (design §1)
# To these a refused add means "next release"; Sonarr 5 would park a whole batch.
TAKES_NEXT_RELEASE = re.compile(r"Sonarr/[34]\.|Radarr/")
A_PERSON = Asker()
V2_ONLY = "TorBox knows only v1 torrents, and this one is v2 only"


class AddRequest(Struct, frozen=True):
    """How a client wants a torrent to be added."""

    category: str = ""
    save_path: str | None = None  # absolute, or below the category's path
    tags: tuple[str, ...] = ()
    paused: bool = False
    rename: str = ""
    wishes: Wishes = Wishes()
    top: bool = False
    user_agent: str = ""


class Commands:
    """The core's front door. Raises UnknownTorrent, Refused, BadParameter and StoreTrouble."""

    def __init__(
        self,
        ledger: Ledger,
        board: Board,
        store: Store,
        engine: Engine,
        labels: Labels,
        exporter: Exporter,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._engine = engine
        self._labels = labels
        self._exporter = exporter
        self._clock = clock
        self.board = board
        self._settings = settings
        self.places = Places(ledger, labels)
        self.download_root = settings.downloads.path
        self.preferences: Mapping[str, object] = {}

    def load_preferences(self, text: str) -> None:
        """Start with what clients had set before."""
        self.preferences = json.loads(text or "{}")
        self._engine.speeds.use(self.preferences)

    def use_settings(self, settings: Settings) -> None:
        """Other rules per category, from now on."""
        self._settings = settings

    # Adding and removing

    async def add(self, source: Source, request: AddRequest) -> None:
        """Take a torrent; when this returns it is committed. For a known hash see design §4."""
        await self._refuse_uncached(source, request)
        if not self._labels.can_be(request.category):
            # As the real server: a name that cannot be one is no reason to refuse the torrent.
            request = replace(request, category="")
        save_path = self._save_path(request)  # refuses before anything is made
        if request.category:
            await self._labels.ensure_category(request.category)
        await self._labels.create_tags(request.tags)
        writes: list[Write] = []
        if source.torrent is not None:
            writes.append(put_source(source.hash, source.torrent))

        def make(before: Torrent | None) -> Torrent | None:
            if before is None:
                return self._new(source, request, save_path)
            again = self._again(before, source, request, save_path) or before
            again = tagged(again, request.tags)
            return None if again == before else again

        await self._ledger.put(source.hash, make, *writes, items=wanted_again)

    async def _refuse_uncached(self, source: Source, request: AddRequest) -> None:
        """Under `cached_only`, tell those who then take the next release (arr-contract.md §4.3)."""
        rules = self._settings.category(request.category)
        if rules.cached is not CachedPolicy.CACHED_ONLY or source.hash in self._ledger.torrents:
            return
        if not rules.refuse_at_add and not TAKES_NEXT_RELEASE.match(request.user_agent):
            return
        if await self._engine.is_cached(source.hash, CACHED_CHECK_SECONDS) is False:
            raise Refused("TorBox does not have it, and this category takes only what it has")

    def _new(self, source: Source, request: AddRequest, save_path: str) -> Torrent:
        time = self._clock.time()
        place = queueing.place_before_all if request.top else queueing.place_behind_all
        phase: Phase = Waiting(time)
        if not source.v1:
            phase = Failed(Cause.V2_ONLY, V2_ONLY, time)
        return Torrent(
            hash=source.hash,
            v1=source.v1,
            v2=source.v2,
            name=request.rename or source.name,
            magnet=source.magnet,
            trackers=source.trackers,
            has_torrent=source.torrent is not None,
            root=source.root,
            private=source.private,
            size=source.size,
            piece_length=source.piece_length,
            comment=source.comment,
            created_by=source.created_by,
            created_at=source.created_at,
            files=source.files,
            category=request.category,
            tags=request.tags,
            save_path=save_path,
            folder=self._free_folder(source.root, save_path, source.hash),
            phase=phase,
            paused=request.paused,
            wishes=request.wishes,
            order=place(self._ledger.torrents.values()),
            added_at=time,
            changed_at=time,
            user_agent=request.user_agent,
        )

    def _again(
        self, before: Torrent, source: Source, request: AddRequest, save_path: str
    ) -> Torrent | None:
        time = self._clock.time()
        match before.phase:
            case Removing():
                again = self._new(source, request, save_path)
                return replace(again, cleaning=before.cleaning, attempt=before.attempt + 1)
            case Failed(cause=Cause.V2_ONLY):
                return None
            case Failed():
                self._engine.forget_watch(before.hash)
                again = new_attempt(with_source(before, source), time)
                return claims.taken(again, request.category, time)
            case Complete():
                return claims.taken(before, request.category, time)
            case _:
                changed = claims.claimed(with_source(before, source), request.category)
                return None if changed == before else changed

    async def remove(
        self, hashes: Iterable[str], *, and_files: bool, asker: Asker = A_PERSON
    ) -> None:
        """Take torrents off the list at once; their files and TorBox's items follow.

        Of several arrs that want the same hash, each only gives up its own claim (design §5).
        """
        time = self._clock.time()

        def change(torrent: Torrent) -> Torrent | None:
            if not torrent.listed:
                return None
            mine = claims.spoken_for(torrent, asker)
            if mine == ():
                return None
            if mine is None or (mine[0] == torrent.category and not torrent.claims):
                cleaning = cleaning_of(torrent, and_files=and_files)
                return replace(torrent, phase=Removing(time), cleaning=cleaning)
            if mine[0] != torrent.category:
                return claims.without_claim(torrent, mine[0])
            return self._inherited(torrent, time, and_files=and_files)

        known = self._known(hashes)
        shared = {one for one in known if self._ledger.torrents[one].claims}
        for torrent_hash in shared:
            # Each that is inherited takes a folder, which the next one must see.
            await self._ledger.change(torrent_hash, change)
        await self._change([one for one in known if one not in shared], change)
        for torrent_hash in known:
            self._engine.stop_acting(torrent_hash)

    def _inherited(self, torrent: Torrent, time: float, *, and_files: bool) -> Torrent:
        """The first arr is done with it: it becomes the second's, if need be in a new attempt."""
        after = claims.passed_on(torrent, "", time)
        if and_files and claims.can_stay(torrent):
            return after
        save_path = self._labels.path(after.category)
        return replace(
            new_attempt(replace(after, cleaning=cleaning_of(torrent, and_files=and_files)), time),
            save_path=save_path,
            folder=self._free_folder(torrent.root, save_path, torrent.hash),
        )

    async def retry(self, torrent_hash: str) -> None:
        """Begin a new attempt of a torrent that failed, or whose files were found wanting."""
        self._require(torrent_hash)
        await self._retry([torrent_hash])

    # What TorBox or the disk is asked to do

    async def pause(self, hashes: Iterable[str]) -> None:
        """Hold torrents until they are resumed."""
        known = self._known(hashes)
        await self._change(known, lambda now: paused(now, paused=True))
        for torrent_hash in known:
            self._engine.stop_acting(torrent_hash)

    async def resume(self, hashes: Iterable[str], *, retry: bool = False) -> None:
        """Let torrents go on; with `retry` also those that cannot by themselves."""
        known = self._known(hashes)
        await self._change(known, lambda now: paused(now, paused=False))
        if retry:
            await self._retry(known)

    async def _retry(self, known: Iterable[str]) -> None:
        """Those that failed, and complete ones whose files were found wanting, begin anew."""
        time = self._clock.time()
        for torrent_hash in known:
            if isinstance(self._ledger.torrents[torrent_hash].phase, Failed):
                self._engine.forget_watch(torrent_hash)
        await self._change(known, lambda now: retried(now, time))

    async def reannounce(self, hashes: Iterable[str]) -> None:
        """Ask TorBox, soon and once, to look for peers again."""
        for torrent_hash in self._known(hashes):
            if isinstance(self._ledger.torrents[torrent_hash].phase, Fetching):
                self._engine.watch(torrent_hash).reannounce = True
        self._engine.wake()

    async def recheck(self, hashes: Iterable[str]) -> None:
        """Look whether a complete torrent's files are still here, and what they were."""

        def change(torrent: Torrent) -> Torrent | None:
            if not isinstance(torrent.phase, Complete) or torrent.phase.check is not Check.NONE:
                return None
            return replace(torrent, phase=replace(torrent.phase, check=Check.RECHECK))

        await self._change(self._known(hashes), change)

    # Order and wishes

    async def move_in_queue(self, hashes: Iterable[str], verb: queueing.Verb) -> None:
        """Change who waits before whom."""
        orders = verb(self._ledger.torrents.values(), set(self._known(hashes)))
        await self._ledger.change_all(
            {one: partial(in_order, order=order) for one, order in orders.items()}
        )

    async def change_wishes(
        self, hashes: Iterable[str], change: Callable[[Wishes], Wishes]
    ) -> None:
        """Change what is kept of a client's wishes for these torrents."""
        await self._change(self._known(hashes), lambda now: replace(now, wishes=change(now.wishes)))

    async def set_share_limits(
        self, hashes: Iterable[str], change: Callable[[Wishes], Wishes]
    ) -> None:
        """Change until when these torrents are to be shared."""
        time = self._clock.time()
        await self._change(
            self._known(hashes), lambda now: sharing.limited(now, change(now.wishes), time)
        )

    # Names and places

    async def set_category(self, hashes: Iterable[str], name: str, asker: Asker = A_PERSON) -> None:
        """Put torrents into a category; their files stay where they are."""
        known = self._known(hashes)
        if name and known and name not in self.board.categories:
            raise Refused("Incorrect category name")
        time = self._clock.time()
        await self._change(known, lambda now: claims.in_category(now, name, asker, time))

    async def rename(self, torrent_hash: str, name: str) -> None:
        """Change the name shown; files and folder stay."""
        self._require(torrent_hash)
        await self._ledger.change(torrent_hash.lower(), lambda now: replace(now, name=name))

    async def set_file_priority(
        self, torrent_hash: str, indexes: Sequence[int], priority: int
    ) -> None:
        """Choose which files are delivered: 0 is not."""
        torrent = self._require(torrent_hash)
        if not torrent.files:
            raise Refused("Torrent's metadata has not yet downloaded")
        if any(not 0 <= index < len(torrent.files) for index in indexes):
            raise Refused("File ID is not valid")
        await self._ledger.change(
            torrent.hash, lambda now: with_priority(now, set(indexes), priority)
        )
        self._engine.stop_acting(torrent.hash)

    async def torrent_file(self, torrent_hash: str) -> bytes | None:
        """The .torrent that was handed over, None for a magnet."""
        return await self._store.torrent_file(self._require(torrent_hash).hash)

    async def export(self, torrent_hash: str) -> bytes:
        """The same, or what TorBox has, which is waited for a little; else Refused."""
        return await self._exporter.torrent_file(self._require(torrent_hash).hash)

    # Categories, tags, preferences

    @property
    def labels(self) -> Labels:
        """Categories and tags."""
        return self._labels

    async def set_preferences(self, changes: Mapping[str, object]) -> None:
        """Keep preferences that a client set, to show them again."""
        preferences = {**self.preferences, **changes}
        await self._store.write(keep("preferences", json.dumps(preferences)))
        self.preferences = preferences
        self._engine.speeds.use(preferences)

    # Inside

    def _save_path(self, request: AddRequest) -> str:
        if not request.save_path:
            return self._labels.path(request.category)
        below = Path(self._labels.path(request.category))
        return self._labels.inside_root(below / request.save_path)

    def _free_folder(self, root: str, save_path: str, torrent_hash: str) -> str:
        """The folder's name as far as memory knows; the disk has its say when delivery begins."""
        if not root:
            return ""
        taken = {safe_name(name).casefold() for name in self.board.categories}
        taken |= {
            other.folder.casefold()
            for other in self._ledger.torrents.values()
            if other.save_path == save_path and other.hash != torrent_hash
        }
        taken.add(".incomplete")
        folder, number = safe_name(root), 1
        while folder.casefold() in taken:
            number += 1
            folder = safe_name(f"{PurePosixPath(root)} ({number})")
        return folder

    async def _change(self, known: Iterable[str], change: Change) -> None:
        """Change all of these in one commit: as many of them there are, one wait for the disk."""
        await self._ledger.change_all(dict.fromkeys(known, change))

    def _known(self, hashes: Iterable[str]) -> list[str]:
        """The hashes that are listed; others are skipped, as qBittorrent does."""
        return [one.lower() for one in hashes if one.lower() in self.board]

    def _require(self, torrent_hash: str) -> Torrent:
        torrent = self._ledger.torrents.get(torrent_hash.lower())
        if torrent is None or not torrent.listed:
            raise UnknownTorrent("no such torrent")
        return torrent
