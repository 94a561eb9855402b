"""The folders: made, written, renamed, linked; whose they are, how full, and on which disk.

Blocks: call in a thread. What a message names are folders of the settings, never a torrent's.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bridge.checks.check import Check, bad, fine
from bridge.config import DownloadsSettings, ImportMode
from bridge.delivery.paths import INCOMPLETE
from bridge.delivery.probe import probe
from bridge.errors import DiskTrouble

LEAST_FREE = 5 * 2**30
GIB = 2**30
NETWORK_KINDS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p"})


def folder_checks(downloads: DownloadsSettings, state: Path) -> list[Check]:
    """Everything about the download folder and the state folder."""
    root = Path(downloads.path)
    checks = [_downloads(downloads, root)]
    if checks[0].ok and root.exists():
        checks += [_owner(root), _free(root), _links(downloads, root), *_one_disk(root)]
    return [*checks, _state(state)]


def _downloads(settings: DownloadsSettings, root: Path) -> Check:
    if not root.exists():
        return _to_be_made("downloads", root)
    try:
        probe(settings, None)
    except DiskTrouble as error:
        return bad("downloads", str(error), f"mend {root}, or set downloads.path")
    except OSError as error:
        return bad("downloads", f"{root}: {error.strerror}", _own(root))
    return fine("downloads", f"{root} can be written, renamed in, and cleaned")


def _to_be_made(name: str, folder: Path) -> Check:
    """Checks make nothing that is not there yet: they look whether it could be made."""
    above = next(one for one in folder.parents if one.exists())
    if os.access(above, os.W_OK | os.X_OK):
        return fine(name, f"{folder} is not there yet and can be made")
    return bad(name, f"{folder} is not there, and {above} is not writable", _own(above))


def _own(folder: Path) -> str:
    """The command that gives the folder to whoever runs this."""
    return f"try: chown -R {os.getuid()}:{os.getgid()} {folder}"


def _owner(root: Path) -> Check:
    facts = root.stat()
    umask = os.umask(0)
    os.umask(umask)
    sentence = f"files will be written as {os.geteuid()}:{os.getegid()}, umask {umask:03o}"
    if (facts.st_uid, facts.st_gid) == (os.geteuid(), os.getegid()):
        return fine("owner", sentence)
    hint = f"{root} belongs to {facts.st_uid}:{facts.st_gid}; the arrs must be able to move files"
    return fine("owner", sentence, hint)


def _free(root: Path) -> Check:
    usage = shutil.disk_usage(root)
    sentence = f"{usage.free / GIB:.1f} of {usage.total / GIB:.1f} GiB are free"
    if usage.free < LEAST_FREE:
        return bad("room", sentence, f"make room on the disk of {root}")
    return fine("room", sentence)


def _links(settings: DownloadsSettings, root: Path) -> Check:
    """Only told apart from the probe because most people do not need them."""
    target, link = root / INCOMPLETE / ".probe-target", root / INCOMPLETE / ".probe-link"
    try:
        target.write_bytes(b"")
        link.unlink(missing_ok=True)
        link.hardlink_to(target)
    except OSError as error:
        wanted = settings.import_mode is ImportMode.HARDLINK
        sentence = f"cannot be made in {root} ({error.strerror})"
        if wanted:
            return bad("hard links", sentence, "set downloads.import: move, or use another disk")
        return fine("hard links", sentence, "not needed: the arrs move files")
    finally:
        link.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
    return fine("hard links", "can be made")


def _one_disk(root: Path) -> Iterator[Check]:
    """A rename within one file system is at once and whole; across, everything is copied."""
    here = root.stat().st_dev
    folders = [folder for folder in root.iterdir() if folder.is_dir() and not folder.is_symlink()]
    others = [folder.name for folder in folders if folder.stat().st_dev != here]
    if others:
        sentence = f"{', '.join(sorted(others)[:5])} in {root} lies on another disk"
        fix = "mount one disk for all of it: finished torrents are copied instead of renamed"
        yield bad("one disk", sentence, fix)
    else:
        yield fine("one disk", f"everything in {root} is on one file system")


def _state(state: Path) -> Check:
    if not state.exists():
        return _to_be_made("state", state)
    marker = state / ".check"
    try:
        marker.write_bytes(b"")
        marker.unlink()
    except OSError as error:
        return bad("state", f"{state}: {error.strerror}", _own(state))
    kind = _kind(state)
    if kind in NETWORK_KINDS:
        fix = "keep the state on a local disk: a database on a network share can be damaged"
        return bad("state", f"{state} lies on a network share ({kind})", fix)
    return fine("state", f"{state} can be written")


def _kind(folder: Path) -> str:
    """The kind of file system, "" where it cannot be told (Linux tells)."""
    try:
        lines = Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    mounts = [line.split(" ")[1:3] for line in lines if line.count(" ") >= 3]
    above = [one for one in mounts if folder.is_relative_to(one[0].replace("\\040", " "))]
    return max(above, key=lambda one: len(one[0]), default=["", ""])[1]
