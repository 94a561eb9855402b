"""Moving and renaming what is complete, as a client asked: recorded first, then done, then told."""

import logging
import os
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from bridge.core.ledger import Ledger
from bridge.core.timeline import Timeline
from bridge.delivery.delivery import Delivery
from bridge.errors import DiskFull, DiskTrouble, FilesMissing, Refused, UnfitForDisk
from bridge.model import Cleaning, Complete, File, Relocation, Torrent

log = logging.getLogger(__name__)


class Relocator:
    """Every step can be interrupted and taken again."""

    def __init__(self, ledger: Ledger, delivery: Delivery, timeline: Timeline) -> None:
        self._ledger = ledger
        self._delivery = delivery
        self._timeline = timeline

    async def relocate(self, torrent: Torrent) -> None:
        """Bring a complete torrent's files to where a client wants them; refused, they stay."""
        assert isinstance(torrent.phase, Complete)
        wanted = torrent.phase.relocation
        assert wanted is not None
        if not wanted.begun:
            await self._begin(torrent, wanted)
            return
        try:
            done = await self._done(torrent.save_path, torrent.folder, wanted)
        except (DiskTrouble, UnfitForDisk) as error:
            # It could go on for ever, and all else would wait for it.
            why = await self._fault_of_the_place(error, torrent, wanted)
            if not why:
                raise
            text = f"stays where it is, and is not moved to {wanted.save_path}: {why}"
            self._timeline.note(torrent.hash, torrent.name, text)
            done = replace(wanted, save_path=torrent.save_path, folder=torrent.folder)

        def change(now: Torrent) -> Torrent:
            if isinstance(now.phase, Complete):
                return replace(_relocated(now, done), phase=replace(now.phase, relocation=None))
            # Removed meanwhile: the removal looks where the files are now.
            return replace(now, cleaning=now.cleaning and _cleaned(now.cleaning, done))

        await self._ledger.change(torrent.hash, change)

    async def _fault_of_the_place(
        self, error: DiskTrouble | UnfitForDisk, torrent: Torrent, wanted: Relocation
    ) -> str:
        """Why it cannot go there; "" where the disk as a whole is unwell, or it is half done."""
        if isinstance(error, UnfitForDisk):
            return str(error)
        if isinstance(error, DiskFull):
            return "the disk there is full"
        await self._delivery.check_ready()
        here, there = (torrent.save_path, torrent.folder), (wanted.save_path, wanted.folder)
        if wanted.names or here == there or not await self._delivery.undo_move(*here, *there):
            return ""
        cause = error.__cause__
        number = cause.errno if isinstance(cause, OSError) else None
        return os.strerror(number) if number else str(error)

    async def finished(self, torrent_hash: str, cleaning: Cleaning) -> Cleaning:
        """Before anything is unlinked, a move is undone, and finished only if it is as good as."""
        wanted = cleaning.relocation
        if wanted is None or not wanted.begun:
            return cleaning
        here = (cleaning.save_path, cleaning.folder)
        there = (wanted.save_path, wanted.folder)
        try:
            undone = here != there and await self._delivery.undo_move(*here, *there)
        except Refused:
            undone = True
        if undone:
            wanted = replace(wanted, save_path=here[0], folder=here[1])
        done = await self._done(*here, wanted)
        after = _cleaned(cleaning, done)
        await self._ledger.change(torrent_hash, lambda now: replace(now, cleaning=after))
        return after

    async def _begin(self, torrent: Torrent, wanted: Relocation) -> None:
        """Only what is free is taken: whatever lies there later was put there by us."""
        names, here = wanted.names, (torrent.save_path, torrent.folder)
        place = (wanted.save_path, wanted.folder)
        if names and not await self._free(torrent, *here, [new for _, new in names]):
            names = ()
        if place != here and not await self._movable(torrent, *place):
            place = here
        begun = Relocation(*place, names, begun=True) if names or place != here else None

        def change(now: Torrent) -> Torrent | None:
            if not isinstance(now.phase, Complete) or now.phase.relocation != wanted:
                return None
            return replace(now, phase=replace(now.phase, relocation=begun))

        await self._ledger.change(torrent.hash, change)

    async def _movable(self, torrent: Torrent, save_path: str, folder: str) -> bool:
        if await self._delivery.is_free(torrent.save_path, torrent.folder):
            log.warning("%s: its folder is not here any more, so it is not moved", torrent.name)
            return False
        return await self._free(torrent, save_path, folder)

    async def _free(
        self, torrent: Torrent, save_path: str, folder: str, names: Sequence[str] = ()
    ) -> bool:
        try:
            free = await self._delivery.is_free(save_path, folder, names)
        except Refused as refusal:
            log.warning("%s: its files stay where they are: %s", torrent.name, refusal)
            return False
        if not free:
            log.warning("%s: its files stay where they are: a name is taken", torrent.name)
        return free

    async def _done(self, save_path: str, folder: str, wanted: Relocation) -> Relocation:
        """Do it; gives what could be done of it."""
        done = wanted
        try:
            await self._delivery.rename_files(save_path, folder, wanted.names)
        except Refused as refusal:
            log.warning("files keep their names: %s", refusal)
            done = replace(done, names=())
        try:
            await self._delivery.move(save_path, wanted.save_path, folder, wanted.folder)
        except (Refused, FilesMissing) as refusal:
            log.warning("a folder stays where it is: %s", refusal)
            done = replace(done, save_path=save_path, folder=folder)
        return done


def _relocated(torrent: Torrent, done: Relocation) -> Torrent:
    return replace(
        torrent,
        save_path=done.save_path,
        folder=done.folder,
        files=renamed(torrent.files, dict(done.names)),
    )


def _cleaned(cleaning: Cleaning, done: Relocation) -> Cleaning:
    return replace(
        cleaning,
        save_path=done.save_path,
        folder=done.folder,
        files=renamed(cleaning.files, dict(done.names)),
        relocation=None,
    )


def renamed(files: tuple[File, ...], names: Mapping[str, str]) -> tuple[File, ...]:
    """The files with their new paths; TorBox's are still found by the old ones."""
    return tuple(
        replace(file, path=names[file.path], origin=file.origin or file.path)
        if names.get(file.path, file.path) != file.path
        else file
        for file in files
    )
