"""What a client may change of where a torrent goes and of who is asked for its peers."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from bridge.core.labels import Labels
from bridge.core.ledger import Ledger
from bridge.errors import Refused, UnknownTorrent
from bridge.model import Complete, Delivering, File, Torrent
from bridge.names import distinct_paths, safe_name, safe_path
from bridge.torrentfile.magnet import distinct_trackers, write_magnet

Trackers = tuple[str, ...]


class Places:
    """Each change is one commit."""

    def __init__(self, ledger: Ledger, labels: Labels) -> None:
        self._ledger = ledger
        self._labels = labels

    async def set_location(self, hashes: Iterable[str], path: str) -> None:
        """Let torrents that are not complete end in this folder; Refused if one is complete.

        What is here of them lies among the incomplete until the end, so nothing is moved.
        """
        known = [one.lower() for one in hashes if self._listed(one)]
        save_path = self._labels.inside_root(Path(path))
        if any(_placed(self._ledger.torrents[one]) for one in known):
            raise Refused("the files of a complete torrent stay where they are")

        def change(torrent: Torrent) -> Torrent | None:
            return None if _placed(torrent) else replace(torrent, save_path=save_path)

        await self._ledger.change_all(dict.fromkeys(known, change))

    async def rename_files(self, torrent_hash: str, names: Mapping[str, str]) -> None:
        """Give files other paths below the torrent's own folder (old → new), all or none."""
        torrent = self._require(torrent_hash)
        _refuse_begun(torrent)
        after = [names.get(file.path, file.path) for file in torrent.files]
        plain = all(safe_path(path.split("/")) == path for path in names.values())
        if not plain or distinct_paths(after) != after:
            raise Refused("a file's new name is taken, or cannot be one")

        def change(now: Torrent) -> Torrent | None:
            if _begun(now):
                return None
            files = tuple(_renamed(file, names.get(file.path, file.path)) for file in now.files)
            return replace(now, files=files)

        await self._ledger.change(torrent.hash, change)

    async def rename_folder(self, torrent_hash: str, folder: str) -> None:
        """Give the torrent's own folder another name; if it is taken, the end finds a free one."""
        torrent = self._require(torrent_hash)
        _refuse_begun(torrent)
        if safe_name(folder) != folder:
            raise Refused("this cannot be a folder's name")

        def change(now: Torrent) -> Torrent | None:
            return None if _begun(now) else replace(now, folder=folder)

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


def _begun(torrent: Torrent) -> bool:
    """Whether files lie here under the names they had: then they keep them."""
    return isinstance(torrent.phase, Delivering | Complete)


def _refuse_begun(torrent: Torrent) -> None:
    if _begun(torrent):
        raise Refused("files that are here already keep their names")


def _renamed(file: File, path: str) -> File:
    return file if path == file.path else replace(file, path=path, origin=file.origin or file.path)
