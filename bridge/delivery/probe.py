"""Whether the download folder can do what the bridge will ask of it. Blocks: call in a thread."""

import os
from pathlib import Path

from bridge.config import DownloadsSettings, ImportMode
from bridge.delivery.flushing import flush_folder
from bridge.delivery.paths import HIDDEN, INCOMPLETE
from bridge.errors import DiskTrouble


def probe(settings: DownloadsSettings, device: int) -> int:
    """Make the folders, then write, flush, rename, link and delete a small file in them.

    OSError or DiskTrouble says what is wrong. Hard links matter only to those who import by them.
    `device` is what an earlier probe returned, 0 for the first: a bare mount point is no disk.
    """
    root = Path(settings.path)
    incomplete = root / INCOMPLETE
    if device and not incomplete.is_dir() and root.stat().st_dev != device:
        raise DiskTrouble(f"the disk of {root} is not mounted")
    incomplete.mkdir(parents=True, exist_ok=True)
    written = incomplete / f"{HIDDEN}probe"
    renamed = root / f"{HIDDEN}probe"
    linked = root / f"{HIDDEN}probe-link"
    for leftover in (written, renamed, linked):
        leftover.unlink(missing_ok=True)
    try:
        _write(written)
        written.rename(renamed)
        flush_folder(root)
        _link(renamed, linked, needed=settings.import_mode is ImportMode.HARDLINK)
    finally:
        for leftover in (written, renamed, linked):
            leftover.unlink(missing_ok=True)
    return root.stat().st_dev


def _write(path: Path) -> None:
    with path.open("xb") as file:
        file.write(b"torbox-bridge was here\n")
        file.flush()
        os.fsync(file.fileno())


def _link(source: Path, target: Path, *, needed: bool) -> None:
    try:
        target.hardlink_to(source)
    except OSError as error:
        if needed:
            raise DiskTrouble(
                f"{source.parent} cannot hold hard links; set downloads.import: move"
            ) from error
