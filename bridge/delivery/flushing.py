"""Making names survive a power cut: a file's flush does not cover the folder it is named in."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path


def flush_folder(folder: Path) -> None:
    """Flush the names in this folder, where its file system knows how to (SMB may not)."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(fd)


def flush_folders(folder: Path, paths: Iterable[str]) -> None:
    """The same for every folder that holds one of these files, up to the one above `folder`."""
    for each in sorted(folders_of(folder, paths), reverse=True):
        flush_folder(each)
    flush_folder(folder.parent)


def folders_of(folder: Path, paths: Iterable[str]) -> set[Path]:
    """The folder and all folders below it that these files lie in."""
    folders = {folder}
    for path in paths:
        parts = path.split("/")
        folders.update(folder.joinpath(*parts[:depth]) for depth in range(1, len(parts)))
    return folders
