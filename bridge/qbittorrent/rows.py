"""The list as it is answered, kept ready: after a change only what changed is written anew."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from bridge.core.board import Board, Entry
from bridge.qbittorrent.encoding import encode
from bridge.qbittorrent.queue import Queue
from bridge.qbittorrent.views import ENDED, Info, Words

FIELDS = Info.__struct_fields__
MOST_REMOVED = 10_000


class Row(Struct):
    """A torrent as it was last written, and the revisions in which it and its fields changed."""

    entry: Entry
    info: Info
    first: int  # it is there since this revision
    since: dict[str, int]  # only fields that changed later
    written: bytes = b""

    @property
    def encoded(self) -> bytes:
        """As JSON, written when it is first asked for: who follows differences never does."""
        if not self.written:
            self.written = encode(self.info)
        return self.written

    def changes(self, revision: int) -> dict[str, object]:
        """The fields that changed after this revision, without the hash, which is the key."""
        if self.first > revision:
            return {name: getattr(self.info, name) for name in FIELDS if name != "hash"}
        return {
            name: getattr(self.info, name) for name, since in self.since.items() if since > revision
        }


class Rows:
    """All listed torrents in one dialect, in the order in which they were first seen."""

    def __init__(self, board: Board, words: Words) -> None:
        self.board = board
        self.words = words
        self.revision = -1
        # Sessions that last asked before this revision may have missed a removal.
        self.forgotten = -1
        self._rows: dict[str, Row] = {}
        self._changed: dict[str, int] = {}  # hash → revision, latest change last
        self._removed: dict[str, int] = {}
        self._queue = Queue()

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, torrent_hash: str) -> Row | None:
        """The row of this torrent, if it is listed."""
        return self._rows.get(torrent_hash)

    def refresh(self) -> None:
        """Bring the rows to where the board is; costs what changed since the last time."""
        board = self.board
        if board.revision == self.revision:
            return
        before, self.revision = self.revision, board.revision
        changed = board.changed_since(before)
        for torrent_hash in board.removed_since(before):
            self._drop(torrent_hash)
        for entry in reversed(changed):
            self._queue.place(entry.torrent, waiting=entry.shown.situation not in ENDED)
        moved = self._queue.settle()
        for entry in reversed(changed):
            self._write(entry)
        for torrent_hash in moved:
            if row := self._rows.get(torrent_hash):
                self._write(row.entry)
        if len(self._rows) != len(board):
            self._compare()

    def changed_since(self, revision: int) -> Iterator[tuple[str, Row]]:
        """The torrents whose row changed after this revision, latest change first."""
        for torrent_hash, at in reversed(self._changed.items()):
            if at <= revision:
                break
            yield torrent_hash, self._rows[torrent_hash]

    def removed_since(self, revision: int) -> list[str]:
        """The hashes that left the list after this revision."""
        removed = []
        for torrent_hash, at in reversed(self._removed.items()):
            if at <= revision:
                break
            removed.append(torrent_hash)
        return removed

    def _write(self, entry: Entry) -> None:
        torrent_hash = entry.torrent.hash
        before, position = self._rows.get(torrent_hash), self._queue.position(torrent_hash)
        if before is None:
            row = Row(entry, self.words.info(entry, position), self.revision, {})
            self._removed.pop(torrent_hash, None)
        elif changes := self.words.changes(before.info, before.entry, entry, position):
            since = before.since | dict.fromkeys(changes, self.revision)
            row = Row(entry, replace(before.info, **changes), before.first, since)
        else:
            before.entry = entry
            return
        self._rows[torrent_hash] = row
        self._changed.pop(torrent_hash, None)
        self._changed[torrent_hash] = self.revision

    def _drop(self, torrent_hash: str) -> None:
        self._queue.leave(torrent_hash)
        if self._rows.pop(torrent_hash, None) is None:
            return
        self._changed.pop(torrent_hash, None)
        self._removed.pop(torrent_hash, None)
        self._removed[torrent_hash] = self.revision
        while len(self._removed) > MOST_REMOVED:
            self.forgotten = self._removed.pop(next(iter(self._removed)))

    def _compare(self) -> None:
        """The board remembers only so many removals; find the others by comparing."""
        for torrent_hash in [one for one in self._rows if one not in self.board]:
            self._drop(torrent_hash)
