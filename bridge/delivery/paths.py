"""Where things lie below the download folder; nothing that leads out of it is ever joined."""

import os
from pathlib import Path

from bridge.errors import Refused

INCOMPLETE = ".incomplete"
HIDDEN = ".torbox-bridge-"  # what we put beside other people's folders for a while


def incomplete_folder(root: Path, torrent_hash: str) -> Path:
    """Where a torrent's files lie until they are proven. The hash may be a stranger's too."""
    if not torrent_hash.isalnum():
        raise Refused("not an info-hash")
    return root / INCOMPLETE / torrent_hash


def below_root(root: Path, path: str | Path) -> Path:
    """The path with its symlinks resolved; Refused if it is not inside the root.

    A person may link a category to another place inside the root, so links are followed here.
    """
    real_root = Path(os.path.realpath(root))
    real = Path(os.path.realpath(root / path))
    if real != real_root and real_root not in real.parents:
        raise Refused("the path leads out of the download folder")
    if real.is_relative_to(real_root / INCOMPLETE):
        raise Refused("the path leads into the folder of incomplete downloads")
    return real


def within(folder: Path, rest: str) -> Path:
    """`folder/rest`, refused if any part is not a plain name or a folder on the way is a link."""
    parts = rest.split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in parts):
        raise Refused("a file's path leads out of its folder")
    path = Path(os.path.realpath(folder), *parts)
    if os.path.realpath(path.parent) != str(path.parent):
        raise Refused("a file's path leads through a link")
    return path


def own_folder(root: Path, save_path: str | Path, folder: str) -> Path:
    """The torrent's own folder: one plain name below a save path inside the root, never a link."""
    if "/" in folder:
        raise Refused("a torrent's folder is one name")
    own = within(below_root(root, save_path), folder)
    ours = own.name.casefold() == INCOMPLETE or own.name.startswith(HIDDEN)
    if ours or own.is_symlink():
        raise Refused("this name cannot be a torrent's folder")
    return own
