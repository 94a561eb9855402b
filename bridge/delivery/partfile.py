"""A file that is being brought here. Everything here blocks and is only called in threads.

Usually it grows at its end, and its length says how much is here. Once bytes are to come at other
places, it gets its whole length, and the journal alone says which bytes are here (`spread`).
"""

import hashlib
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from bridge.delivery.journal import Journal, Kept
from bridge.delivery.paths import within
from bridge.delivery.pieces import FilePieces
from bridge.delivery.ranges import Range, Ranges
from bridge.errors import DiskTrouble

READ_BYTES = 1 << 20
FLUSH_BYTES = 64 << 20  # at most so much is fetched again after a power cut
# For larger writes Linux takes larger pieces of memory; on virtual machines these are often not
# there yet, and cost up to six times the CPU seconds (benchmarks/README.md).
WRITE_BYTES = 64 << 10
PUSH_BYTES = 8 << 20  # smaller ones would scatter the file over the disk
NOTE_BYTES = 4 << 20  # of a file with gaps, at most so much is fetched again after a kill


class PartFile:
    """The bytes of a file that are here, with their checksums as far as they passed by."""

    def __init__(
        self,
        folder: Path,
        path: str,
        size: int,
        journal: Journal,
        *,
        with_md5: bool = False,
        pieces: FilePieces | None = None,
        may_write: Callable[[], None] | None = None,
    ) -> None:
        self._may_write = may_write  # raises if the disk should take no more
        self._folder = folder
        self._path = path
        self._journal = journal
        self.size = size
        self.pieces = pieces
        self.unflushed = 0
        self._unnoted = 0
        self._unpushed = Ranges()  # written, and left to the system when to put it on the disk
        self._fd = -1
        # A write that outlived its caller must not meet the close of its file.
        self._lock = threading.Lock()
        self._kept = Kept(path)  # the journal's last line
        self._ranges = Ranges()
        self._flushed = Ranges()
        self._flushing: list[Ranges] = []  # what each flush under way will have flushed
        self._vouched = True  # what is written now is known to be of the right length
        self._md5 = hashlib.md5(usedforsecurity=False) if with_md5 else None
        self._digested = 0  # the checksum covers so many bytes from the start
        self.gaps = False  # it has its whole length, and bytes may come at any place

    @property
    def held(self) -> int:
        """How many bytes are here."""
        return self._ranges.total

    @property
    def whole(self) -> bool:
        """Whether all are."""
        return self.held == self.size

    @property
    def missing(self) -> list[Range]:
        """Those that are not. Only to be asked while nothing is written."""
        return self._ranges.missing(self.size)

    @property
    def proven(self) -> bool:
        """Whether it was found to be the file, in this run or an earlier one."""
        return self._kept.proven and self.whole

    def look(self) -> None:
        """Find out what is here already, without opening it."""
        try:
            facts = within(self._folder, self._path).lstat()
        except FileNotFoundError:
            self._read_journal(0)
        else:
            self._read_journal(facts.st_size if stat.S_ISREG(facts.st_mode) else 0)

    def open(self) -> None:
        """Open or make the file, and keep of it what can be trusted; open already, it stays so."""
        with self._lock:
            if self._fd >= 0:
                return
            place = within(self._folder, self._path)
            self._make_folders(place.parent)
            flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
            self._fd = os.open(place, flags, 0o666)
            facts = os.fstat(self._fd)
            if not stat.S_ISREG(facts.st_mode):
                raise DiskTrouble("something that is no file lies where a file should come")
            self._read_journal(facts.st_size)
            if self.gaps:
                self._note()
                os.ftruncate(self._fd, self.size)
            else:
                if self._ranges.prefix < facts.st_size:
                    os.ftruncate(self._fd, self._ranges.prefix)
                self._note()

    def write(self, at: int, blocks: list[bytes]) -> None:
        """Write the blocks one after the other, from this byte on."""
        if self._may_write is not None:
            self._may_write()
        with self._lock:
            assert self.gaps or at == self._ranges.prefix, "what was skipped would count as here"
            for block in blocks:
                self._write_block(at, memoryview(block))
                at += len(block)
            self._push()
            if self.gaps and self._unnoted >= NOTE_BYTES:
                self._note()

    def _write_block(self, at: int, block: memoryview) -> None:
        end = at
        try:
            while end - at < len(block):
                end += os.pwrite(self._fd, block[end - at :][:WRITE_BYTES], end)
        finally:
            self._pass_by(at, block[: end - at])
            self._ranges.add(at, end)
            self._unpushed.add(at, end)

    def _push(self) -> None:
        """Let the disk begin with what was written, so that a flush finds little left to do."""
        if self._unpushed.total >= PUSH_BYTES:
            for start, stop in self._unpushed:
                # What is not on the disk yet cannot be let go of: Linux begins to write it.
                os.posix_fadvise(self._fd, start, stop - start, os.POSIX_FADV_DONTNEED)
            self._unpushed = Ranges()

    def spread(self) -> None:
        """From now on bytes may come at any place."""
        with self._lock:
            if not self.gaps:
                self._spread()

    def drop(self, start: int, stop: int) -> None:
        """These bytes are not the file's: they have to come again."""
        with self._lock:
            self._vouched = True
            if stop < self._ranges.prefix and not self.gaps:
                self._spread()
            self._forget(start, stop)
            if not self.gaps:
                # Cut before it is noted: till then the journal may speak of bytes that are wrong.
                os.ftruncate(self._fd, self._ranges.prefix)
            self._note()

    def distrust(self) -> None:
        """What is written from here on counts only after `vouch`."""
        with self._lock:
            self._vouched = False
            if self._flushed.prefix < self._ranges.prefix:
                os.fdatasync(self._fd)
            self._write_down(replace(self._kept, flushed=self._ranges.prefix, boot=""))

    def vouch(self) -> None:
        """What is here turned out to be of the right length."""
        self._vouched = True

    def flush(self, *, proven: bool = False) -> None:
        """Return when what is here now would survive a power cut. Writing may go on meanwhile."""
        with self._lock:
            fd, ranges = os.dup(self._fd), Ranges(self._ranges)
            checked = self.pieces.proven_to if self.pieces else 0
            self._flushing.append(ranges)  # so that what is dropped meanwhile is taken out of it
        try:
            try:
                os.fdatasync(fd)
            finally:
                os.close(fd)
            with self._lock:
                if not self._vouched:
                    return
                self._flushed = Ranges(ranges)
                line = self._line(min(checked, ranges.prefix), proven=proven)
                # Before a drop's line, never after it: it would bring back what was dropped.
                wait = self._journal.begin(line)
                self._kept = line
            wait()
        finally:
            with self._lock:
                self._flushing = [each for each in self._flushing if each is not ranges]

    def finish(self) -> None:
        """Remember, durably, that this is the file, and let go of it."""
        self.flush(proven=True)
        self.close()

    def check(self, stop: threading.Event) -> list[Range]:
        """Read the pieces that did not pass by; the bytes of all that are wrong."""
        if self.pieces is None:
            return []
        for number in self.pieces.unknown:
            digest = hashlib.sha1(usedforsecurity=False)
            self._read_into(digest, self.pieces.range_of(number), stop)
            if stop.is_set():
                break
            self.pieces.judge(number, digest)
        return self.pieces.bad

    def md5(self, stop: threading.Event) -> str:
        """The checksum in hex; reads from the disk what did not pass by."""
        assert self._md5 is not None
        digest = self._md5.copy()
        self._read_into(digest, (self._digested, self.size), stop)
        return digest.hexdigest()

    def close(self) -> None:
        """Let go of the file; it can be opened again."""
        with self._lock:
            if self._fd < 0:
                return
            try:
                if self.gaps and self._unnoted:
                    self._note()
            finally:
                os.close(self._fd)
                self._fd = -1

    def _make_folders(self, folder: Path) -> None:
        """Those below the torrent's own, which is there unless its disk is gone."""
        below = folder.relative_to(os.path.realpath(self._folder)).parts
        for depth in range(1, len(below) + 1):
            self._folder.joinpath(*below[:depth]).mkdir(exist_ok=True)

    def _read_journal(self, size: int) -> None:
        """What can be trusted of a file that has so many bytes here."""
        # More than the file has is not what we wrote.
        usable = size if size <= self.size else 0
        self._kept = self._journal.kept(self._path)
        self._ranges = self._journal.held(self._path, usable)
        self._flushed = self._journal.flushed(self._path, usable)
        self.gaps = self._kept.ranges is not None
        if self.pieces is not None:
            self.pieces.assume(min(self._kept.checked, self._ranges.prefix))

    def _spread(self) -> None:
        """The journal has to know first: a file of whole length would pass for a whole file."""
        os.fdatasync(self._fd)
        self._flushed = Ranges(self._ranges)
        self.gaps = True
        self._note()
        os.ftruncate(self._fd, self.size)

    def _note(self) -> None:
        """Remember what is here now."""
        checked = min(self._kept.checked, self._ranges.prefix)
        self._write_down(self._line(checked, proven=self.proven))
        self._unnoted = 0

    def _line(self, checked: int, *, proven: bool) -> Kept:
        boot = self._journal.boot
        if self.gaps:
            flushed, written = tuple(self._flushed), tuple(self._ranges)
            return Kept(self._path, 0, boot, proven, checked, flushed, written)
        return Kept(self._path, self._flushed.prefix, boot, proven, checked)

    def _write_down(self, kept: Kept) -> None:
        self._journal.note(kept)
        self._kept = kept

    def _forget(self, start: int, stop: int) -> None:
        for ranges in (self._ranges, self._flushed, *self._flushing):
            ranges.remove(start, stop)
        if self.pieces is not None:
            self.pieces.forget(start, stop)
        if self._md5 is not None and self._digested >= start:
            self._md5 = hashlib.md5(usedforsecurity=False)
            self._digested = 0

    def _pass_by(self, at: int, block: memoryview) -> None:
        self._unnoted += len(block)
        if self._md5 is not None and self._digested == at:
            self._md5.update(block)
            self._digested += len(block)
        if self.pieces is not None:
            self.pieces.pass_by(at, block)

    def _read_into(self, digest: "hashlib._Hash", part: Range, stop: threading.Event) -> None:
        """Add these bytes of the disk, as far as they are there and until told to stop."""
        at, end = part
        while at < end and not stop.is_set():
            with self._lock:
                block = os.pread(self._fd, min(READ_BYTES, end - at), at)
            if not block:
                break
            digest.update(block)
            at += len(block)
