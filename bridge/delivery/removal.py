"""Taking away what was delivered, and nothing else. Blocks: only called in threads."""

import errno
import os
import stat
import threading
from collections.abc import Iterable
from pathlib import Path

from bridge.delivery.flushing import flush_folder, flush_folders, folders_of
from bridge.delivery.journal import Journal
from bridge.delivery.paths import within
from bridge.errors import Refused
from bridge.model import File

_NOT_EMPTY = {errno.ENOTEMPTY, errno.EEXIST}
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR}


def missing_files(folder: Path, files: Iterable[File]) -> tuple[str, ...]:
    """The delivered files that do not lie below the folder with their exact size."""
    return tuple(file.path for file in files if file.brought and _size(folder, file) != file.size)


def any_here(folder: Path, files: Iterable[File]) -> bool:
    """Whether any of the files lies below the folder."""
    return any(_size(folder, file) >= 0 for file in files)


def trusted_sizes(folder: Path, files: Iterable[File], journal: Journal) -> dict[str, int]:
    """How many bytes of each wanted file lie below the folder and can be trusted."""
    return {
        file.path: journal.held(file.path, size).total
        for file in files
        if file.wanted and 0 <= (size := _size(folder, file)) <= file.size
    }


def tidy(folder: Path, keep: Iterable[str]) -> None:
    """Leave in our incomplete folder only these files: another listing may have had others.

    A link is never kept, so that nothing is written through one.
    """
    files = set(keep)
    folders = {str(each.relative_to(folder)) for each in folders_of(folder, files)}
    for place, subfolders, names in os.walk(folder, topdown=False):
        for name in (*names, *subfolders):
            path = Path(place, name)
            inside = str(path.relative_to(folder))
            if path.is_symlink() or (name in names and inside not in files):
                path.unlink()
            elif name in subfolders and inside not in folders:
                remove_if_empty(path)


def remove_tree(folder: Path, stop: threading.Event) -> None:
    """Remove a folder that is all ours, whatever its files are called by now. No link is followed.

    Stopped, it leaves the rest.
    """
    if folder.is_symlink():
        return
    for place, subfolders, names in os.walk(folder, topdown=False):
        for name in (*names, *subfolders):
            if stop.is_set():
                return
            path = Path(place, name)
            if name in names or path.is_symlink():
                path.unlink(missing_ok=True)
            else:
                remove_if_empty(path)
    remove_if_empty(folder)


def seal(inner: Path, wanted: Iterable[File]) -> None:
    """The folder holds the wanted files and nothing else, and would after a power cut."""
    paths = [file.path for file in wanted]
    tidy(inner, paths)
    flush_folders(inner, paths)
    flush_folder(inner.parent.parent)


def remove_files(folder: Path, files: Iterable[File], stop: threading.Event) -> None:
    """Unlink these files, then the folders they leave empty. What is gone already is fine."""
    paths = [file.path for file in files if _plain(folder, file.path)]
    for path in paths:
        if stop.is_set():
            return
        _unlink(within(folder, path))
    for empty in sorted(folders_of(folder, paths), key=lambda each: len(each.parts), reverse=True):
        remove_if_empty(empty)


def _size(folder: Path, file: File) -> int:
    """The size on the disk; -1 if there is no such file."""
    try:
        facts = within(folder, file.path).lstat()
    except Refused:
        return -1
    except OSError as error:
        if error.errno in _NOT_THERE:
            return -1
        raise
    return facts.st_size if stat.S_ISREG(facts.st_mode) else -1


def _plain(folder: Path, path: str) -> bool:
    """Whether the file can be one of ours: we never deliver through a link."""
    try:
        within(folder, path)
    except Refused:
        return False
    return True


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except IsADirectoryError:
        return  # not what we delivered
    except OSError as error:
        if error.errno not in _NOT_THERE and not path.is_dir():
            raise


def remove_if_empty(folder: Path) -> None:
    """Remove the folder, unless it is gone or something lies in it."""
    try:
        os.rmdir(folder)  # noqa: PTH106  never follows a link, as unlink
    except OSError as error:
        if error.errno not in _NOT_THERE | _NOT_EMPTY:
            raise
