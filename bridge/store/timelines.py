"""What is remembered of what happened to each torrent."""

import sqlite3

import msgspec

from bridge.model import Happening
from bridge.store.store import Write


def put_timeline(torrent_hash: str, told: tuple[Happening, ...]) -> Write:
    """Remember exactly this for the hash."""
    row = (torrent_hash, msgspec.json.encode(told))
    return lambda connection: connection.execute(
        "INSERT OR REPLACE INTO timelines VALUES (?, ?)", row
    )


def forget_timeline(torrent_hash: str) -> Write:
    """The torrent has gone."""
    return lambda connection: connection.execute(
        "DELETE FROM timelines WHERE hash = ?", (torrent_hash,)
    )


def timelines(connection: sqlite3.Connection) -> dict[str, tuple[Happening, ...]]:
    """All histories, by hash."""
    decoder = msgspec.json.Decoder(tuple[Happening, ...])
    return {
        row[0]: decoder.decode(row[1])
        for row in connection.execute("SELECT hash, record FROM timelines")
    }
