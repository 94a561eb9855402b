"""Room on the download disk: so much of it is never filled. Blocks: only called in threads."""

import os
from collections.abc import Callable
from pathlib import Path

from bridge.clock import Clock
from bridge.config.amounts import written
from bridge.errors import DiskTrouble, NoRoom

# To begin again there must be more room than to go on, or both would alternate.
LEAST_MARGIN_BYTES, MOST_MARGIN_BYTES = 16 << 20, 256 << 20
LOOK_SECONDS = 1.0  # of writing between two looks; shares may take a while to answer


def free_bytes(root: Path) -> int:
    """What this user may still write there."""
    facts = os.statvfs(root)
    return facts.f_bavail * facts.f_frsize


class Room:
    """Asked before a torrent's files come and while they are written."""

    def __init__(
        self,
        root: Path,
        keep_free: int,
        clock: Clock,
        measure: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._root = root
        self._keep_free = keep_free
        margin = min(max(keep_free, LEAST_MARGIN_BYTES), MOST_MARGIN_BYTES)
        self._enough_to_begin = keep_free + margin
        self._clock = clock
        self._measure = measure
        self._looked_at = float("-inf")
        self._enough = True

    def begin(self, missing: int, promised: int) -> None:
        """DiskTrouble if the disk is full, NoRoom if it will be with so many bytes `missing`.

        `promised` bytes are still to come for others.
        """
        if not missing:
            return
        free = self._measure(self._root)
        if free < self._enough_to_begin:
            raise self._full()
        usable = free - self._keep_free - promised
        if missing > usable:
            raise NoRoom(
                f"{written(missing)} of it are still to come, and there is room for "
                f"{written(max(0, usable))} on the disk of {self._root}"
            )
        self._enough = True

    def go_on(self) -> None:
        """DiskTrouble if what is to be kept free would be written to."""
        now = self._clock.monotonic()
        if self._enough and now - self._looked_at < LOOK_SECONDS:
            return
        free = self._measure(self._root)
        self._looked_at, self._enough = now, free >= self._keep_free
        if not self._enough:
            raise self._full()

    def _full(self) -> DiskTrouble:
        return DiskTrouble(
            f"the disk of {self._root} is full but for the {written(self._keep_free)} of "
            f"downloads.keep_free; it goes on by itself when {written(self._enough_to_begin)} "
            "are free"
        )
