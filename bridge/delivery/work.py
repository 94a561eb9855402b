"""What the delivery remembers of a torrent between two calls, in memory only."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from bridge.delivery.journal import Journal
from bridge.delivery.leg import Leg
from bridge.delivery.links import Link
from bridge.delivery.pace import Pace

MOST_DISPROOFS = 3


class Work:
    """One torrent's leg, links and disproofs; `lock` lets one call at a time touch its files."""

    def __init__(self, leg: Leg, journal: Journal, pace: Pace) -> None:
        self.leg = leg
        self.pace = pace
        self.journal = journal
        self.lock = asyncio.Lock()
        self.holders = 0  # calls that hold the lock or wait for it
        self.over = False  # placed or discarded: nothing more to remember
        self.links: dict[str, Link] = {}
        self._wrong_links: dict[str, set[str]] = {}  # file path → links whose bytes were wrong
        self._disproofs: Counter[str] = Counter()  # of files, and of pieces that files share
        self._size = 0

    @property
    def to_come(self) -> int:
        """Bytes that the disk has to take yet for the delivery under way."""
        return max(0, self._size - self.leg.delivered_bytes)

    @contextmanager
    def delivery(self, size: int) -> Iterator[None]:
        """While files of so many bytes come here."""
        self._size = size
        try:
            yield
        finally:
            self._size = 0

    def disprove(self, what: Collection[str], paths: Iterable[str]) -> list[str]:
        """Files, or pieces that files share, came wrong; those of them that did so too often.

        `paths` are the files that brought the bytes. Only what came over a link that nothing was
        held against is counted.
        """
        over_new_link = False
        for path in paths:
            if link := self.links.pop(path, None):
                self._wrong_links.setdefault(path, set()).add(link.url)
                over_new_link = True
        if over_new_link:
            self._disproofs.update(what)
        return [each for each in what if self._disproofs[each] >= MOST_DISPROOFS]

    def is_disproved(self, path: str, url: str) -> bool:
        """Whether this link already gave wrong bytes."""
        return url in self._wrong_links.get(path, ())
