"""The log in files below the state folder, beside the one on standard error.

A thread writes them: a disk that hangs or is full costs lines of the file, and nothing else.
"""

import contextlib
import logging
import os
import queue
from pathlib import Path
from threading import Thread

NAME = "bridge.log"
LARGEST_BYTES = 5 * 1024 * 1024
MOST_WAITING = 10_000  # lines
CLOSE_SECONDS = 1.0


class FileLog(logging.Handler):
    """Keeps the newest log in `bridge.log`, the older ones in `bridge.log.1` and so on."""

    def __init__(self, folder: Path, files: int, largest_bytes: int = LARGEST_BYTES) -> None:
        super().__init__()
        self._path = folder / NAME
        self._files = files
        self._largest_bytes = largest_bytes
        self._lines: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        self._lost = 0
        self._thread = Thread(target=self._write_all, name="log files", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the line to the thread; with too many waiting it is counted as lost."""
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self._lost += 1

    def close(self) -> None:
        """Write what waits, for a second at most."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
        self._thread.join(CLOSE_SECONDS)
        super().close()

    def _write_all(self) -> None:
        file: int | None = None
        while (line := self._lines.get()) is not None:
            try:
                file = self._room_in(file)
                self._write(file, line)
            except OSError:
                self._lost += 1
                _close(file)
                file = None  # perhaps it can be opened again later
        _close(file)

    def _room_in(self, file: int | None) -> int:
        """The open file, or a fresh one when that is full."""
        if file is not None and os.fstat(file).st_size > self._largest_bytes:
            self._make_room()
            _close(file)
            file = None
        return self._opened() if file is None else file

    def _write(self, file: int, line: str) -> None:
        if self._lost:
            os.write(file, f"({self._lost} lines are missing here)\n".encode())
            self._lost = 0
        os.write(file, f"{line}\n".encode("utf-8", "backslashreplace"))

    def _opened(self) -> int:
        """Readable by its owner only: it names torrents."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        return os.open(self._path, flags, 0o600)

    def _make_room(self) -> None:
        for number in range(self._files - 1, 0, -1):
            older = self._numbered(number)
            with contextlib.suppress(FileNotFoundError):
                self._numbered(number - 1).replace(older)
        if self._files == 1:
            self._path.unlink(missing_ok=True)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{NAME}.{number}") if number else self._path


def _close(file: int | None) -> None:
    if file is not None:
        os.close(file)
