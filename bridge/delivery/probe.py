"""Whether the download folder can do what the bridge will ask of it. Blocks: call in a thread."""

import os
from pathlib import Path
from typing import TypeAlias

from bridge.config import DownloadsSettings, ImportMode
from bridge.delivery.flushing import flush_folder
from bridge.delivery.paths import HIDDEN, INCOMPLETE
from bridge.errors import DiskTrouble

Identity: TypeAlias = tuple[int, int]


def probe(
    settings: DownloadsSettings, known: Identity | None, *, expected: bool = False
) -> Identity:
    """Make the folders, then write, flush, rename, link and delete a small file in them.

    OSError or DiskTrouble says what is wrong. Hard links matter only to those who import by them.
    `known` is what an earlier probe returned; `expected`: files of an earlier run must be there.
    """
    root = Path(settings.path)
    incomplete = root / INCOMPLETE
    if known is None:
        if expected and not (root.is_dir() and any(root.iterdir())):
            raise DiskTrouble(
                f"{root} is empty, and files of earlier downloads should be in it; is its disk "
                f"mounted? If they are gone for good, run: mkdir -p {incomplete}"
            )
        incomplete.mkdir(parents=True, exist_ok=True)
    check_mount(root, known)
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
    return _identity(root)


def check_mount(root: Path, known: Identity | None) -> None:
    """DiskTrouble if the root is a bare mount point, which has neither our folder nor our number.

    Our folder alone is enough: a network share comes back with another number.
    """
    incomplete = root / INCOMPLETE
    if incomplete.is_dir():
        return
    if known is None or not root.is_dir() or _identity(root) != known:
        raise DiskTrouble(f"{root} is empty or gone; is its disk mounted?")
    incomplete.mkdir(exist_ok=True)


def _identity(folder: Path) -> Identity:
    facts = folder.stat()
    return facts.st_dev, facts.st_ino


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
