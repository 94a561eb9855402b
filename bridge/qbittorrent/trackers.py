"""Which tracker is whose, as `sync/maindata` tells it: URL → hashes."""

from bridge.qbittorrent.rows import Rows

MOST_REMOVED = 10_000


class TrackerIndex:
    """Follows the rows; knows in which revision each tracker's torrents last changed."""

    def __init__(self) -> None:
        self._revision = -1
        self._torrents: dict[str, dict[str, None]] = {}  # URL → hashes, in order
        self._urls: dict[str, tuple[str, ...]] = {}  # hash → URLs
        self._changed: dict[str, int] = {}  # URL → revision, latest last; gone ones, too

    def __bool__(self) -> bool:
        return bool(self._torrents)

    def follow(self, rows: Rows) -> None:
        """Take in what changed since the last time."""
        if rows.revision == self._revision:
            return
        before, self._revision = self._revision, rows.revision
        for torrent_hash in rows.removed_since(before):
            self._put(torrent_hash, ())
        for torrent_hash, row in rows.changed_since(before):
            self._put(torrent_hash, row.entry.torrent.trackers)
        if before < rows.forgotten:
            for torrent_hash in [one for one in self._urls if rows.get(one) is None]:
                self._put(torrent_hash, ())
        while len(self._changed) > max(MOST_REMOVED, 2 * len(self._torrents)):
            del self._changed[next(iter(self._changed))]

    def all(self) -> dict[str, list[str]]:
        """Every tracker with its torrents."""
        return {url: list(hashes) for url, hashes in self._torrents.items()}

    def since(self, revision: int) -> tuple[dict[str, list[str]], list[str]]:
        """The trackers whose torrents changed after this revision, and those that left."""
        changed: dict[str, list[str]] = {}
        removed = []
        for url, at in reversed(self._changed.items()):
            if at <= revision:
                break
            if url in self._torrents:
                changed[url] = list(self._torrents[url])
            else:
                removed.append(url)
        return changed, removed

    def _put(self, torrent_hash: str, urls: tuple[str, ...]) -> None:
        before = self._urls.get(torrent_hash, ())
        gone, new = set(before).difference(urls), set(urls).difference(before)
        for url in gone:
            self._torrents[url].pop(torrent_hash)
            if not self._torrents[url]:
                del self._torrents[url]
        for url in new:
            self._torrents.setdefault(url, {})[torrent_hash] = None
        for url in gone | new:
            self._changed.pop(url, None)
            self._changed[url] = self._revision
        if urls:
            self._urls[torrent_hash] = urls
        else:
            self._urls.pop(torrent_hash, None)
