"""Which files are to be delivered, and which of TorBox's files each of them is. Pure."""

from collections import defaultdict
from collections.abc import Collection

from msgspec.structs import replace

from bridge.model import File, Seen, SeenFile, Torrent
from bridge.names import distinct_paths, safe_path, unnumbered
from bridge.torbox.replies import Info


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


def matched(torrent: Torrent, seen: Seen) -> tuple[tuple[File, ...], tuple[str, ...]]:
    """The torrent's files with TorBox's ids, and the paths of wanted ones that TorBox lacks.

    A file is the same only if its size is; of those, the one with the same path, else the only one
    with the same last name. Files of one name in different folders are never mixed up (peers.md).
    """
    if not torrent.files or torrent.provisional:
        return files_of(seen), ()
    theirs = _Theirs(seen)
    found = {
        file.path: theirs.called(file.origin or file.path, file.size) for file in torrent.files
    }
    for file in torrent.files:
        # Two names that only some disks tell apart have got a number here.
        if found[file.path] is None:
            path = unnumbered(file.origin or file.path)
            found[file.path] = theirs.called(path, file.size, but=found.values())
    files = tuple(
        replace(file, torbox_id=one.id, md5=one.md5) if (one := found[file.path]) else file
        for file in torrent.files
    )
    return files, tuple(file.path for file in files if file.wanted and found[file.path] is None)


class _Theirs:
    """What TorBox lists, by our names."""

    def __init__(self, seen: Seen) -> None:
        self._paths = defaultdict(list)
        self._names = defaultdict(list)
        for file in seen.files:
            path = safe_path(file.path.split("/"))
            self._paths[path, file.size].append(file)
            self._names[path.rpartition("/")[2], file.size].append(file)

    def called(
        self, path: str, size: int, but: Collection[SeenFile | None] = ()
    ) -> SeenFile | None:
        """The one at this path, or else the only one of this name in any folder."""
        same = [one for one in self._paths[path, size] if one not in but]
        if same:
            return same[0]
        same = [one for one in self._names[path.rpartition("/")[2], size] if one not in but]
        return same[0] if len(same) == 1 else None
