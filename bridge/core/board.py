"""The list as clients see it: every torrent with what is shown of it, and what changed since when.

Reading never waits and costs what changed: entries are kept in the order of their last change.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from msgspec import Struct

from bridge.errors import UnknownTorrent
from bridge.model import Category, Shown, Torrent


class Entry(Struct, frozen=True):
    """A listed torrent. A new entry is made whenever anything of it changes."""

    torrent: Torrent
    shown: Shown
    revision: int


class Health(Struct, frozen=True):
    """How the bridge itself is, for the status line of clients and for the page."""

    connected: bool = True  # False while TorBox is unreachable or the account is in trouble
    sentence: str = ""  # why everything waits, "" when nothing does
    free_bytes: int = 0  # on the download disk, as last measured by a worker
    speed: int = 0  # delivered bytes a second, over all torrents
    session_bytes: int = 0  # delivered since start
    earlier_bytes: int = 0  # before that

    @property
    def total_bytes(self) -> int:
        """Delivered ever."""
        return self.earlier_bytes + self.session_bytes


# What was shown of a torrent before (None for nothing), and what is shown now.
Listener: TypeAlias = Callable[[Entry | None, Entry], None]


class Board:
    """What clients may read, changed only by the core.

    `revision` grows with every visible change; an entry's revision says when it last changed.
    """

    def __init__(self) -> None:
        self.revision = 0
        self.health = Health()
        self.categories: dict[str, Category] = {}
        self.tags: tuple[str, ...] = ()
        self._entries: dict[str, Entry] = {}  # ordered by revision, oldest change first
        self._listeners: list[Listener] = []
        self._removed: dict[str, int] = {}  # hash → revision; bounded by MOST_REMOVED

    MOST_REMOVED = 10_000

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __contains__(self, torrent_hash: str) -> bool:
        return torrent_hash in self._entries

    def get(self, torrent_hash: str) -> Entry:
        """The entry of a listed torrent, whose hash may come in any case."""
        try:
            return self._entries[torrent_hash.lower()]
        except KeyError:
            raise UnknownTorrent(f"no torrent has the hash {torrent_hash[:80]!r}") from None

    def changed_since(self, revision: int) -> list[Entry]:
        """The entries that changed after `revision`, latest change first."""
        changed = []
        for entry in reversed(self._entries.values()):
            if entry.revision <= revision:
                break
            changed.append(entry)
        return changed

    def removed_since(self, revision: int) -> list[str]:
        """The hashes that left the list after `revision`, latest first."""
        removed = []
        for torrent_hash, at in reversed(self._removed.items()):
            if at <= revision:
                break
            removed.append(torrent_hash)
        return removed

    def listen(self, listener: Listener) -> None:
        """Be told of every visible change of a torrent that is listed."""
        self._listeners.append(listener)

    def put(self, torrent: Torrent, shown: Shown) -> None:
        """Show this torrent as it is now; nothing happens if it looks the same."""
        before = self._entries.get(torrent.hash)
        if before is not None and before.torrent == torrent and before.shown == shown:
            return
        self.revision += 1
        self._removed.pop(torrent.hash, None)
        self._entries.pop(torrent.hash, None)
        after = self._entries[torrent.hash] = Entry(torrent, shown, self.revision)
        for listener in self._listeners:
            listener(before, after)

    def drop(self, torrent_hash: str) -> None:
        """List this torrent no more."""
        if self._entries.pop(torrent_hash, None) is None:
            return
        self.revision += 1
        self._removed.pop(torrent_hash, None)
        self._removed[torrent_hash] = self.revision
        while len(self._removed) > self.MOST_REMOVED:
            del self._removed[next(iter(self._removed))]
