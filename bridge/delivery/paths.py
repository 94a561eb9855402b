"""Where things lie below the download folder; nothing that leads out of it is ever joined."""

import itertools
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


def inner_folder(incomplete: Path, folder: str) -> Path:
    """The torrent's own folder among the incomplete, found under another name too.

    It may have the name that was meant before a final place turned out to be taken.
    """
    named = plain_name(incomplete, folder)
    if named.is_dir():
        return named
    try:
        others = [each for each in incomplete.iterdir() if not each.name.startswith(HIDDEN)]
    except (FileNotFoundError, NotADirectoryError):
        return named
    others = [each for each in others if each.is_dir() and not each.is_symlink()]
    return others[0] if len(others) == 1 else named


def plain_name(place: Path, folder: str) -> Path:
    """A torrent's own folder in `place`: one plain name that we do not use ourselves."""
    if "/" in folder:
        raise Refused("a torrent's folder is one name")
    own = within(place, folder)
    if own.name.casefold() == INCOMPLETE or own.name.startswith(HIDDEN) or own.is_symlink():
        raise Refused("this name cannot be a torrent's folder")
    return own


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


def make_folders(path: Path) -> None:
    """Make it and what leads to it. A file in the way is no trouble of the disk: Refused."""
    try:
        # One after the other: `parents=True` calls itself for each, and they may be very many.
        lacking = itertools.takewhile(lambda one: not one.is_dir(), (path, *path.parents))
        for folder in reversed(list(lacking)):
            folder.mkdir(exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise no_folder(path) from error


def no_folder(path: Path) -> Refused:
    """What is said where a file lies at this path, or at one that leads to it."""
    return Refused(f"a file lies where the folder {path} should be; it has to be moved away")


def is_free(path: Path) -> bool:
    """Whether nothing has this name, and no file has that of a folder which leads to it."""
    there = next(one for one in (path, *path.parents) if os.path.lexists(one))
    return there != path and there.is_dir()


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
    return plain_name(below_root(root, save_path), folder)
