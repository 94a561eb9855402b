"""Which files are to be delivered, and which of TorBox's files each of them is. Pure."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from msgspec.structs import replace

from bridge.model import File, Seen, SeenFile, Torrent
from bridge.names import distinct_paths, safe_path, unnumbered
from bridge.torbox.replies import Info

AFile = TypeVar("AFile", File, SeenFile)


def files_of(seen: Seen) -> tuple[File, ...]:
    """TorBox's own list as ours, for a magnet: paths made safe and distinct."""
    listed = sorted(seen.files, key=lambda file: file.path)
    paths = distinct_paths([safe_path(file.path.split("/")) for file in listed])
    return tuple(
        File(path=path, size=file.size, torbox_id=file.id, md5=file.md5)
        for path, file in zip(paths, listed, strict=True)
    )


def files_from(info: Info) -> tuple[File, ...]:
    """What the swarm says the files are, below their common first folder if they have one."""
    parts = [file.path.split("/") for file in info.files]
    if parts and all(len(part) > 1 and part[0] == parts[0][0] for part in parts):
        parts = [part[1:] for part in parts]
    paths = distinct_paths([safe_path(part) for part in parts])
    return tuple(
        File(path=path, size=file.size) for path, file in zip(paths, info.files, strict=True)
    )


def is_zipped(torrent: Torrent, seen: Seen) -> bool:
    """Whether TorBox has put the files into one zip, which it was asked not to."""
    if any(file.zipped for file in seen.files):
        return True
    alone = len(seen.files) == 1 and seen.files[0].path.lower().endswith(".zip")
    return alone and len(torrent.files) > 1


def merged(ours: tuple[File, ...], listed: tuple[File, ...]) -> tuple[File, ...]:
    """The .torrent's files: they are what is wanted, under the names that clients gave them."""
    known = {(file.origin or file.path, file.size): file for file in ours}
    files = tuple(known.get((file.path, file.size), file) for file in listed)
    return files if len({file.path for file in files}) == len(files) else listed


def relisted(ours: tuple[File, ...], listed: tuple[File, ...]) -> tuple[File, ...]:
    """TorBox's files where what was known came from the swarm, with a client's names and choices.

    Where both are the same ours stay in their order: clients call a file by its place in it.
    """
    files = merged(ours, listed)
    return ours if len(files) == len(ours) and set(files) == set(ours) else files


def matched(torrent: Torrent, seen: Seen) -> tuple[tuple[File, ...], tuple[str, ...]]:
    """The torrent's files with TorBox's ids, and the paths of wanted ones that TorBox lacks.

    A file is the same only if its size is. First those at the same path find each other, then,
    among what is left on both sides, those whose last name only one has: files of one name in
    different folders are never mixed up (peers.md), and no two get the same bytes.
    """
    if not torrent.files:
        return files_of(seen), ()
    ours = torrent.files
    if torrent.provisional:
        ours = relisted(ours, files_of(seen))
    pairs = _Pairs(ours, seen.files)
    pairs.by_path()
    pairs.by_name()
    files = tuple(pairs.identified(file) for file in ours)
    return files, tuple(file.path for file in files if file.wanted and file.torbox_id is None)


class _Pairs:
    """Our files and TorBox's, each of which belongs to one of the others at most."""

    def __init__(self, ours: Collection[File], theirs: Collection[SeenFile]) -> None:
        self._found: dict[str, SeenFile] = {}
        self._ours = ours
        self._theirs = {one.id: one for one in theirs}

    def by_path(self) -> None:
        """Those with the same path, before any file is looked for by less."""
        for ours_as in (_path, _unnumbered):
            free = _grouped(self._theirs.values(), _their_path)
            for file in self._left():
                if same := free[ours_as(file), file.size]:
                    self._pair(file, same.pop(0))

    def by_name(self) -> None:
        """Those of one name, in whatever folders, if there is no other of that name."""
        for ours_as in (_name, _unnumbered_name):
            free = _grouped(self._theirs.values(), lambda one: _last(_their_path(one)))
            asking = _grouped(self._left(), ours_as)
            for key, files in asking.items():
                if len(files) == 1 and len(same := free[key]) == 1:
                    self._pair(files[0], same[0])

    def identified(self, file: File) -> File:
        """The file as TorBox knows it now: what an earlier object called it may be another."""
        one = self._found.get(file.path)
        return replace(file, torbox_id=one and one.id, md5=one and one.md5)

    def _left(self) -> list[File]:
        return [file for file in self._ours if file.path not in self._found]

    def _pair(self, file: File, one: SeenFile) -> None:
        self._found[file.path] = self._theirs.pop(one.id)


def _grouped(
    files: Iterable[AFile], named: Callable[[AFile], str]
) -> defaultdict[tuple[str, int], list[AFile]]:
    groups: defaultdict[tuple[str, int], list[AFile]] = defaultdict(list)
    for file in files:
        groups[named(file), file.size].append(file)
    return groups


def _path(file: File) -> str:
    return file.origin or file.path


def _unnumbered(file: File) -> str:
    # Two names that only some disks tell apart have got a number here.
    return unnumbered(_path(file))


def _name(file: File) -> str:
    return _last(_path(file))


def _unnumbered_name(file: File) -> str:
    return _last(_unnumbered(file))


def _their_path(file: SeenFile) -> str:
    return safe_path(file.path.split("/"))


def _last(path: str) -> str:
    return path.rpartition("/")[2]
