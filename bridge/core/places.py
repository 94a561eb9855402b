"""What a client may change of where a torrent goes and of who is asked for its peers."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from bridge.core.labels import Labels
from bridge.core.ledger import Ledger
from bridge.core.relocate import renamed
from bridge.errors import Refused, UnknownTorrent
from bridge.model import Complete, Delivering, Relocation, Torrent
from bridge.names import distinct_paths, safe_name, safe_path
from bridge.torrentfile.magnet import distinct_trackers, write_magnet

Trackers = tuple[str, ...]


class Places:
    """Each change is one commit."""

    def __init__(self, ledger: Ledger, labels: Labels) -> None:
        self._ledger = ledger
        self._labels = labels

    async def set_location(self, hashes: Iterable[str], path: str) -> None:
        """Let torrents end in this folder; the files of complete ones are moved by a worker.

        What is incomplete lies in a place of its own until the end, so nothing is moved of it.
        """
        known = [one.lower() for one in hashes if self._listed(one)]
        save_path = self._labels.inside_root(Path(path))

        def change(torrent: Torrent) -> Torrent | None:
            if not _placed(torrent):
                return replace(torrent, save_path=save_path)
            wanted = _wanted(torrent)
            if Path(save_path).is_relative_to(Path(torrent.save_path) / torrent.folder):
                raise Refused("a folder cannot be moved into itself")
            return _relocating(torrent, replace(wanted, save_path=save_path))

        await self._ledger.change_all(dict.fromkeys(known, change))

    async def rename_files(self, torrent_hash: str, names: Mapping[str, str]) -> None:
        """Give files other paths below the torrent's own folder (old → new), all or none."""
        torrent = self._require(torrent_hash)
        if any(safe_path(path.split("/")) != path for path in names.values()):
            raise Refused("a file's new name cannot be one")
        _require_distinct([names.get(file.path, file.path) for file in torrent.files])

        def change(now: Torrent) -> Torrent | None:
            if _coming(now):
                raise Refused("files that come here now keep their names until they are complete")
            if isinstance(now.phase, Complete):
                wanted = _wanted(now)
                pairs = dict(wanted.names) | {old: new for old, new in names.items() if old != new}
                _require_distinct([pairs.get(file.path, file.path) for file in now.files])
                return _relocating(now, replace(wanted, names=tuple(pairs.items())))
            return replace(now, files=renamed(now.files, names))

        await self._ledger.change(torrent.hash, change)

    async def rename_folder(self, torrent_hash: str, folder: str) -> None:
        """Give the torrent's own folder another name; if it is taken, the end finds a free one."""
        torrent = self._require(torrent_hash)
        if safe_name(folder) != folder:
            raise Refused("this cannot be a folder's name")

        def change(now: Torrent) -> Torrent | None:
            if _coming(now):
                raise Refused("a folder that comes here now keeps its name until it is complete")
            if isinstance(now.phase, Complete):
                return _relocating(now, replace(_wanted(now), folder=folder))
            return replace(now, folder=folder)

        await self._ledger.change(torrent.hash, change)

    async def change_trackers(
        self, torrent_hash: str, change: Callable[[Trackers], Trackers]
    ) -> None:
        """Change whom TorBox is told to ask, should the torrent be given to it (again)."""
        self._require(torrent_hash)

        def changed(torrent: Torrent) -> Torrent:
            trackers = distinct_trackers(change(torrent.trackers))
            name = "" if torrent.name == torrent.hash else torrent.name
            magnet = write_magnet(torrent.v1, torrent.v2, name, trackers)
            return replace(torrent, trackers=trackers, magnet=magnet)

        await self._ledger.change(torrent_hash.lower(), changed)

    def _require(self, torrent_hash: str) -> Torrent:
        if not self._listed(torrent_hash):
            raise UnknownTorrent("no such torrent")
        return self._ledger.torrents[torrent_hash.lower()]

    def _listed(self, torrent_hash: str) -> bool:
        torrent = self._ledger.torrents.get(torrent_hash.lower())
        return torrent is not None and torrent.listed


def _placed(torrent: Torrent) -> bool:
    """Whether its files lie in their final folder, or are about to."""
    phase = torrent.phase
    return isinstance(phase, Complete) or (isinstance(phase, Delivering) and phase.placing)


def _coming(torrent: Torrent) -> bool:
    """Whether files are written here just now, under the names they have."""
    return isinstance(torrent.phase, Delivering)


def _wanted(torrent: Torrent) -> Relocation:
    """Where a complete torrent's files are to be, as asked so far; Refused once they move."""
    phase = torrent.phase
    if not isinstance(phase, Complete):
        raise Refused("its files are on their way to their folder")
    if phase.relocation is None:
        return Relocation(torrent.save_path, torrent.folder)
    if phase.relocation.begun:
        raise Refused("its files are being moved")
    return phase.relocation


def _relocating(torrent: Torrent, wanted: Relocation) -> Torrent | None:
    assert isinstance(torrent.phase, Complete)
    here = Relocation(torrent.save_path, torrent.folder)
    relocation = None if wanted == here else wanted
    if relocation == torrent.phase.relocation:
        return None
    return replace(torrent, phase=replace(torrent.phase, relocation=relocation))


def _require_distinct(paths: list[str]) -> None:
    if distinct_paths(paths) != paths:
        raise Refused("a file's new name is taken")
