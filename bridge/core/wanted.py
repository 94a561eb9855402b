"""Which files are to be delivered, and which of TorBox's files each of them is. Pure."""

from collections import defaultdict

from msgspec.structs import replace

from bridge.model import File, Seen, Torrent
from bridge.names import distinct_paths, safe_path
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
    by_path = {safe_path(file.path.split("/")): file for file in seen.files}
    by_name = defaultdict(list)
    for listed in seen.files:
        by_name[safe_path([listed.path.rsplit("/", 1)[-1]]), listed.size].append(listed)
    files, lacking = [], []
    for file in torrent.files:
        path = file.origin or file.path
        theirs = by_path.get(path)
        if theirs is None or theirs.size != file.size:
            same = by_name[path.rsplit("/", 1)[-1], file.size]
            theirs = same[0] if len(same) == 1 else None
        if theirs is not None:
            file = replace(file, torbox_id=theirs.id, md5=theirs.md5)  # noqa: PLW2901
        elif file.wanted:
            lacking.append(file.path)
        files.append(file)
    return tuple(files), tuple(lacking)
