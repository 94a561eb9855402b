"""Threads for the folders below the root: each may be a disk of its own, and may hang alone."""

from collections.abc import Callable
from pathlib import Path
from zlib import crc32

from bridge.delivery.threads import Threads

MOST_PLACES = 16  # clients can name any number; beyond this some share their threads


class Places:
    """One that hangs keeps only the threads of its own folder, which are made when needed."""

    def __init__(self, root: Path, make: Callable[[str], Threads]) -> None:
        self._root = root
        self._make = make
        self._threads: dict[str, Threads] = {}

    def at(self, save_path: str) -> Threads:
        """Those for this folder. Its path is only looked at as it is written."""
        below = Path(save_path)
        if below.is_relative_to(self._root):
            below = below.relative_to(self._root)
        first = below.parts[0] if below.parts else ""
        known = list(self._threads)
        if first not in known:
            if len(known) == MOST_PLACES:
                return self._threads[known[crc32(first.encode(errors="replace")) % MOST_PLACES]]
            self._threads[first] = self._make(f"disk-{first}")
        return self._threads[first]

    async def quiet(self, key: str) -> None:
        """As of Threads, for all of them."""
        for threads in list(self._threads.values()):
            await threads.quiet(key)

    def close(self) -> None:
        """As of Threads."""
        for threads in self._threads.values():
            threads.close()
