"""Beginning a delivery: which files, which of TorBox's each of them is, and into which folder."""

from collections.abc import Iterable

from msgspec.structs import replace

from bridge.clock import Clock
from bridge.config import Settings
from bridge.core import taking
from bridge.core.ledger import Ledger
from bridge.core.sources import Known, Sources, described, proof_for
from bridge.core.wanted import is_zipped, matched
from bridge.core.watch import Watch
from bridge.delivery.delivery import Delivery
from bridge.delivery.pieces import Proof
from bridge.model import Category, Cause, Delivering, Failed, Fetching, File, Seen, Torrent
from bridge.names import safe_name

LACKING_SECONDS = 15 * 60.0
LOOK_AGAIN_SECONDS = 60.0
MOST_BETWEEN_LOOKS_SECONDS = 300.0


class Preparer:
    """Takes a torrent from Fetching to Delivering, or to the sentence why not."""

    def __init__(
        self,
        ledger: Ledger,
        sources: Sources,
        delivery: Delivery,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._sources = sources
        self._delivery = delivery
        self._clock = clock

    def use_settings(self, settings: Settings) -> None:
        """Other rules per category, from now on."""
        self._settings = settings

    async def begun(
        self, torrent: Torrent, watch: Watch, categories: Iterable[Category]
    ) -> tuple[Torrent | None, Proof | None]:
        """The torrent in Delivering, None if it cannot be yet; and what its bytes must be."""
        known = await self._known(torrent, watch)
        begun: Torrent | None = torrent
        if isinstance(torrent.phase, Delivering) and not any(file.wanted for file in torrent.files):
            await self.fail(torrent, Cause.NO_FILES, "none of its files is wanted any more")
            return None, None
        if isinstance(torrent.phase, Delivering) and any(map(_unlisted, torrent.files)):
            await self._match_again(torrent, watch, torrent.phase)
            return None, None
        if isinstance(torrent.phase, Fetching):
            begun = await self._begin(torrent, watch, known, categories)
        if begun is None or known is None or known.proof is None:
            return begun, None
        return begun, proof_for(begun.files, known.proof)

    async def free_name(self, torrent: Torrent, wanted: str, categories: Iterable[Category]) -> str:
        """A name for its folder that neither the disk nor anyone else has there."""
        taken = {
            other.folder
            for other in self._ledger.torrents.values()
            if other.hash != torrent.hash and other.save_path == torrent.save_path
        }
        taken |= {safe_name(category.name) for category in categories}
        return await self._delivery.free_name(torrent.save_path, wanted, taken)

    async def fail(self, torrent: Torrent, cause: Cause, reason: str) -> None:
        """Nothing more happens by itself, unless its phase is another by now."""
        failed = Failed(cause, reason, self._clock.time())

        def change(now: Torrent) -> Torrent | None:
            return replace(now, phase=failed) if now.phase == torrent.phase else None

        await self._ledger.change(torrent.hash, change)

    async def _match_again(self, torrent: Torrent, watch: Watch, phase: Delivering) -> None:
        """A client wants a file that TorBox did not list: a fresh look has to show it."""
        watch.seen = None
        again = Fetching(phase.torrent_id)

        def change(now: Torrent) -> Torrent | None:
            return replace(now, phase=again) if now.phase == phase else None

        await self._ledger.change(torrent.hash, change)

    async def _known(self, torrent: Torrent, watch: Watch) -> Known | None:
        """What the .torrent says; TorBox is asked for it once, if a magnet was all we got."""
        known = await self._sources.known(torrent)
        fetched = isinstance(torrent.phase, Fetching) and not torrent.cached
        if known is None and fetched and not watch.export_tried:
            watch.export_tried = True
            known = await self._sources.exported(torrent)
        return known

    async def _begin(
        self,
        torrent: Torrent,
        watch: Watch,
        known: Known | None,
        categories: Iterable[Category],
    ) -> Torrent | None:
        if known is not None:
            torrent = await self._described(torrent, known)
        before = torrent.files
        files = await self._matched(torrent, watch)
        if files is None:
            return None
        seen = watch.seen
        assert seen is not None
        wanted_name = torrent.folder or torrent.root or safe_name(seen.root or torrent.name)
        folder = await self.free_name(torrent, wanted_name, categories)
        size = sum(file.size for file in files if file.wanted)

        def change(now: Torrent) -> Torrent | None:
            if now.phase != torrent.phase or now.files != before:
                return None  # a client chose files meanwhile
            phase = Delivering(seen.torrent_id)
            return replace(
                now, phase=phase, files=files, folder=folder, size=size, provisional=False
            )

        after = await self._ledger.change(torrent.hash, change)
        if after is None or not isinstance(after.phase, Delivering):
            return None
        return after

    async def _described(self, torrent: Torrent, known: Known) -> Torrent:
        """With the .torrent's files, which clients see from now on, too."""
        after = await self._ledger.change(
            torrent.hash,
            lambda now: described(now, known.source) if now.phase == torrent.phase else None,
        )
        return after or torrent

    async def _matched(self, torrent: Torrent, watch: Watch) -> tuple[File, ...] | None:
        """The torrent's files as TorBox lists them; None if they cannot all be had."""
        assert watch.seen is not None
        if is_zipped(torrent, watch.seen):
            return None  # known only now, from the .torrent: the plan sends it again
        rules = self._settings.category(torrent.category)
        torrent = replace(torrent, files=taking.chosen(torrent.files, rules))
        files, lacking = matched(torrent, watch.seen)
        if lacking:
            await self._lacking(torrent, watch, lacking)
            return None
        watch.lacking_at, watch.lacking_seconds = None, 0.0
        if reason := self._objection(torrent, watch.seen, files):
            await self.fail(torrent, Cause.NO_FILES, reason)
            return None
        return taking.chosen(files, rules)

    def _objection(self, torrent: Torrent, seen: Seen, files: tuple[File, ...]) -> str:
        """Why nothing is to be downloaded, "" if something is."""
        rules = self._settings.category(torrent.category)
        if not any(file.wanted for file in files):
            return f"no file is left of it, by the rules of {taking.place(torrent)} or a client"
        infected = [file.id for file in seen.files if file.infected]
        found = taking.objection(files, rules, taking.place(torrent))
        return found or taking.infection(files, infected, rules)

    async def _lacking(self, torrent: Torrent, watch: Watch, lacking: tuple[str, ...]) -> None:
        now = self._clock.monotonic()
        if watch.lacking_at is not None:
            # Time in which TorBox was not looked at says nothing.
            watch.lacking_seconds += min(now - watch.lacking_at, MOST_BETWEEN_LOOKS_SECONDS)
        watch.lacking_at = now
        if watch.lacking_seconds >= LACKING_SECONDS:
            await self.fail(torrent, Cause.NO_FILES, f"TorBox does not list {lacking[0]!r}")
        else:
            watch.seen = None  # a fresh look has to show the file
            watch.hold(now, LOOK_AGAIN_SECONDS, f"TorBox does not list {lacking[0]!r} yet")


def _unlisted(file: File) -> bool:
    return file.wanted and file.torbox_id is None
