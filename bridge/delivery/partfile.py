"""A file that is being brought here. Everything here blocks and is only called in threads."""

import hashlib
import os
import stat
import threading
from pathlib import Path

from bridge.delivery.paths import within
from bridge.errors import DiskTrouble

READ_BYTES = 1 << 20


class PartFile:
    """The first `held` of a file's `size` bytes, with their checksum as far as they passed by."""

    def __init__(self, folder: Path, path: str, size: int, *, with_md5: bool) -> None:
        self._folder = folder
        self._path = path
        self.size = size
        self.held = 0
        self._fd = -1
        # A write that outlived its caller must not meet the close of its file.
        self._lock = threading.Lock()
        self._md5 = hashlib.md5(usedforsecurity=False) if with_md5 else None
        self._digested = 0  # the checksum covers so many bytes from the start

    def open(self) -> int:
        """Open or make the file; how many bytes of it are here already."""
        with self._lock:
            place = within(self._folder, self._path)
            place.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
            self._fd = os.open(place, flags, 0o666)
            facts = os.fstat(self._fd)
            if not stat.S_ISREG(facts.st_mode):
                raise DiskTrouble("something that is no file lies where a file should come")
            self.held = facts.st_size
            if self.held > self.size:
                # Not what we wrote for this size: nothing of it can be trusted.
                self._cut(0)
            return self.held

    def write(self, blocks: list[bytes]) -> None:
        """Append the blocks."""
        with self._lock:
            for block in blocks:
                rest = memoryview(block)
                while rest:
                    written = os.pwrite(self._fd, rest, self.held)
                    self._digest(rest[:written])
                    self.held += written
                    rest = rest[written:]

    def cut(self, to: int) -> None:
        """Keep only the first bytes."""
        with self._lock:
            self._cut(to)

    def flush(self) -> None:
        """Return when what is here would survive a power cut."""
        with self._lock:
            os.fdatasync(self._fd)

    def md5(self, stop: threading.Event) -> str:
        """The checksum in hex; reads from the disk what did not pass by."""
        with self._lock:
            assert self._md5 is not None
            while self._digested < self.held and not stop.is_set():
                block = os.pread(self._fd, READ_BYTES, self._digested)
                if not block:
                    break
                self._md5.update(block)
                self._digested += len(block)
            return self._md5.hexdigest()

    def close(self) -> None:
        """Let go of the file; it can be opened again."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _digest(self, block: memoryview) -> None:
        if self._md5 is not None and self._digested == self.held:
            self._md5.update(block)
            self._digested += len(block)

    def _cut(self, to: int) -> None:
        os.ftruncate(self._fd, to)
        self.held = to
        if self._md5 is not None and self._digested > to:
            self._md5 = hashlib.md5(usedforsecurity=False)
            self._digested = 0
