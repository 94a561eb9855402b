"""How much of each file can be trusted after a restart: a line per change, beside the files.

After kill -9 all that was written is still there. After a power cut only what was flushed is,
though the file may look longer. So a line holds what was flushed, and in which boot of the machine
the rest was written. Blocks: only called in threads.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from bridge.delivery.flushing import flush_folder
from bridge.delivery.paths import HIDDEN
from bridge.delivery.ranges import Range, Ranges

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Kept(Struct, frozen=True, omit_defaults=True):
    """What is known of one file; the last line about it counts."""

    path: str
    flushed: int = 0  # so many bytes from the start survive a power cut
    boot: str = ""  # in this boot, what lies beyond them can be trusted too
    proven: bool = False
    checked: int = 0  # up to this byte its pieces were found to be right
    # Of a file that has its whole length and gaps: what of it survives a power cut, and what is
    # here in this boot.
    ranges: tuple[Range, ...] | None = None
    written: tuple[Range, ...] = ()


class Journal:
    """The lines about one torrent's files."""

    def __init__(self, folder: Path, boot: str) -> None:
        self._place = folder.parent / f"{HIDDEN}{folder.name}.journal"
        self._kept: dict[str, Kept] | None = None
        self._lock = threading.RLock()
        self.boot = boot

    def held(self, path: str, size: int) -> Ranges:
        """Which bytes of a file that has `size` of them can be trusted."""
        kept = self.kept(path)
        if not kept.boot or kept.boot != self.boot:
            return self.flushed(path, size)
        if kept.ranges is not None:
            return Ranges(kept.written).clipped(size)
        return Ranges([(0, size)])

    def flushed(self, path: str, size: int) -> Ranges:
        """Which of them survive a power cut."""
        kept = self.kept(path)
        if kept.ranges is not None:
            return Ranges(kept.ranges).clipped(size)
        return Ranges([(0, min(size, kept.flushed))])

    def kept(self, path: str) -> Kept:
        """The last line about a file."""
        with self._lock:
            if self._kept is None:
                self._kept = {kept.path: kept for kept in _lines(self._place)}
            return self._kept.get(path, Kept(path))

    def note(self, kept: Kept) -> None:
        """Remember it; durably, unless it speaks only of what a restart alone will not lose."""
        self.begin(kept)()

    def begin(self, kept: Kept) -> Callable[[], None]:
        """The same in two steps: what is returned waits for the disk, and has to be called."""
        with self._lock:
            before = self.kept(kept.path)
            if kept == before:
                return lambda: None
            assert self._kept is not None
            self._kept[kept.path] = kept
            fd = _append(self._place, kept)
        same = (before.flushed, before.ranges, before.checked)
        durable = (kept.flushed, kept.ranges, kept.checked) != same or kept.proven or not kept.boot

        def finish() -> None:
            try:
                if durable:
                    os.fdatasync(fd)
            finally:
                os.close(fd)

        return finish

    def forget(self) -> None:
        """The torrent is placed or discarded."""
        self._place.unlink(missing_ok=True)
        self._kept = None


def this_boot() -> str:
    """What tells this run of the machine from others; "" where the system does not say."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def _lines(place: Path) -> list[Kept]:
    """The readable lines: a crash may have torn the last one."""
    try:
        raw = place.read_bytes()
    except FileNotFoundError:
        return []
    lines = []
    for line in raw.splitlines():
        try:
            lines.append(msgspec.json.decode(line, type=Kept))
        except msgspec.DecodeError:
            continue
    return lines


def _append(place: Path, kept: Kept) -> int:
    """Write the line; the open file, to be flushed and closed."""
    flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    is_new = not place.exists()
    fd = os.open(place, flags, 0o666)
    try:
        # A torn line before this one must not swallow it.
        os.write(fd, b"\n" + msgspec.json.encode(kept) + b"\n")
        if is_new:
            flush_folder(place.parent)
    except OSError:
        os.close(fd)
        raise
    return fd
