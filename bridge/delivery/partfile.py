"""A file that is being brought here. Everything here blocks and is only called in threads."""

import hashlib
import os
import stat
import threading
from pathlib import Path

from bridge.delivery.journal import Journal
from bridge.delivery.paths import within
from bridge.errors import DiskTrouble

READ_BYTES = 1 << 20


class PartFile:
    """The first `held` of a file's `size` bytes, with their checksum as far as they passed by."""

    def __init__(
        self, folder: Path, path: str, size: int, journal: Journal, *, with_md5: bool
    ) -> None:
        self._folder = folder
        self._path = path
        self._journal = journal
        self.size = size
        self.held = 0
        self._fd = -1
        # A write that outlived its caller must not meet the close of its file.
        self._lock = threading.Lock()
        self._vouched = True  # what is written now is known to be of the right length
        self._md5 = hashlib.md5(usedforsecurity=False) if with_md5 else None
        self._digested = 0  # the checksum covers so many bytes from the start

    @property
    def proven(self) -> bool:
        """Whether it was found to be the file, in this run or an earlier one."""
        return self._journal.kept(self._path).proven and self.held == self.size

    def open(self) -> None:
        """Open or make the file, and keep of it what can be trusted."""
        with self._lock:
            place = within(self._folder, self._path)
            place.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
            self._fd = os.open(place, flags, 0o666)
            facts = os.fstat(self._fd)
            if not stat.S_ISREG(facts.st_mode):
                raise DiskTrouble("something that is no file lies where a file should come")
            # More than the file has is not what we wrote.
            size = facts.st_size if facts.st_size <= self.size else 0
            self._keep(self._journal.trusted(self._path, size), facts.st_size)

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
            self._vouched = True
            self._keep(to, self.held)

    def distrust(self) -> None:
        """What is written from here on counts only after `vouch`."""
        with self._lock:
            self._vouched = False
            self._journal.note(self._path, 0, vouched=False)

    def vouch(self) -> None:
        """What is here turned out to be of the right length."""
        with self._lock:
            self._vouched = True

    def flush(self) -> None:
        """Return when what is here now would survive a power cut. Writing may go on meanwhile."""
        with self._lock:
            fd, held = os.dup(self._fd), self.held
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)
        if self._vouched:
            self._journal.note(self._path, held)

    def prove(self) -> None:
        """Remember that this is the file."""
        self._journal.note(self._path, self.held, proven=True)

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

    def _keep(self, count: int, here: int) -> None:
        """Keep `count` of the bytes that are here; the journal must not promise more meanwhile."""
        kept = self._journal.kept(self._path)
        proven = kept.proven and count == self.size
        self._journal.note(self._path, min(count, kept.flushed), proven=proven)
        if count < here:
            os.ftruncate(self._fd, count)
        self.held = count
        if self._md5 is not None and self._digested > count:
            self._md5 = hashlib.md5(usedforsecurity=False)
            self._digested = 0

    def _digest(self, block: memoryview) -> None:
        if self._md5 is not None and self._digested == self.held:
            self._md5.update(block)
            self._digested += len(block)
