"""Places in the queue: `priority` in torrents/info, from 1, and 0 for finished torrents."""

from bridge.model import Torrent

# A queue as long as this is numbered without gaps. In a longer one a place that becomes free
# stays free for a while: else each torrent that ends would change the number of all behind it.
DENSE = 100


class Queue:
    """Who goes next, as numbers that keep the order and change as seldom as possible."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[int, float]] = {}
        self._positions: dict[str, int] = {}
        self._last_key = (-(2**63), 0.0)
        self._last = 0
        self._sorted = True

    def position(self, torrent_hash: str) -> int:
        """The torrent's place, 0 when it waits for nothing."""
        return self._positions.get(torrent_hash, 0)

    def place(self, torrent: Torrent, *, waiting: bool) -> None:
        """Give it a place, or take its place away. `settle` must follow."""
        if not waiting:
            self.leave(torrent.hash)
            return
        key = (torrent.order, torrent.added_at)
        if self._keys.get(torrent.hash) == key:
            return
        if torrent.hash in self._keys or key < self._last_key:
            self._sorted = False
        self._keys[torrent.hash] = key
        self._last += 1
        self._positions[torrent.hash] = self._last
        self._last_key = max(self._last_key, key)

    def leave(self, torrent_hash: str) -> None:
        """It waits no more."""
        if self._keys.pop(torrent_hash, None) is not None:
            del self._positions[torrent_hash]

    def settle(self) -> list[str]:
        """Number the queue anew where that is needed; the hashes whose place changed by it."""
        length = len(self._keys)
        crowded = self._last > length and (length <= DENSE or self._last > 2 * length)
        if self._sorted and not crowded:
            return []
        before = self._positions
        ordered = sorted(self._keys, key=lambda one: self._keys[one])
        self._positions = {one: place for place, one in enumerate(ordered, 1)}
        self._last, self._sorted = length, True
        self._last_key = self._keys[ordered[-1]] if ordered else (-(2**63), 0.0)
        return [one for one in ordered if before[one] != self._positions[one]]
