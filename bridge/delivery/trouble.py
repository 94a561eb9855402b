"""What a disk's refusal means for a person: one plain sentence, and what to do about it."""

import errno
import os
from pathlib import Path

from bridge.errors import DiskFull, DiskTrouble, UnfitForDisk

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM}
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.ENOTCONN, errno.ESTALE}
_UNFIT = {
    errno.EFBIG: "it is too large for that file system",
    errno.ENAMETOOLONG: "its name is too long for that file system",
    errno.EILSEQ: "that file system does not take its name",
    errno.EISDIR: "a folder has its name",
}
_HANDLES = {errno.EMFILE, errno.ENFILE}


def disk_trouble(error: OSError, root: Path) -> DiskTrouble | UnfitForDisk:
    """The sentence for an error met below the download folder `root`."""
    number = error.errno or 0
    if number in _UNFIT:
        return UnfitForDisk(f"the disk of {root} cannot hold one of its files: {_UNFIT[number]}")
    if number in _FULL:
        return DiskFull(f"the disk of {root} is full; free some space and it goes on by itself")
    if number in _FORBIDDEN:
        return DiskTrouble(
            f"{root} may not be written by this user; run: {ownership_command(root)}"
        )
    if number == errno.EROFS:
        return DiskTrouble(f"{root} is read-only; run: mount -o remount,rw {_mount_of(root)}")
    if number in _GONE:
        return DiskTrouble(f"something below {root} has gone; is its disk mounted?")
    if number in _HANDLES:
        return DiskTrouble("too many files are open; raise the limit (ulimit -n)")
    why = os.strerror(number) if number else "no reason given"
    return DiskTrouble(f"the disk of {root} refuses: {why}")


def ownership_command(root: Path) -> str:
    """The one command that makes the folder ours."""
    return f"chown -R {os.geteuid()}:{os.getegid()} {root}"


def _mount_of(path: Path) -> Path:
    for parent in (path, *path.parents):
        if os.path.ismount(parent):
            return parent
    return path
