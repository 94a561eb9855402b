"""What is remembered of calls to the arrs: those without an outcome, and what was replaced when."""

import sqlite3
from collections.abc import Callable

import msgspec

from bridge.model import Telling
from bridge.store.store import Write

Replacement = tuple[float, str]


def put_telling(telling: Telling) -> Write:
    """Remember that this call is about to be sent."""
    row = (telling.hash, msgspec.json.encode(telling))
    return lambda connection: connection.execute(
        "INSERT OR REPLACE INTO tellings VALUES (?, ?)", row
    )


def forget_telling(torrent_hash: str) -> Write:
    """Its outcome is known."""
    return lambda connection: connection.execute(
        "DELETE FROM tellings WHERE hash = ?", (torrent_hash,)
    )


def add_replacement(at: float, title: str) -> Write:
    """Count a release of this title that was given back to its arr."""
    return lambda connection: connection.execute(
        "INSERT INTO replacements VALUES (?, ?)", (at, title)
    )


def tellings(connection: sqlite3.Connection) -> tuple[Telling, ...]:
    """The calls whose outcome is not known."""
    decoder = msgspec.json.Decoder(Telling)
    return tuple(
        decoder.decode(row[0]) for row in connection.execute("SELECT record FROM tellings")
    )


def replacements_since(time: float) -> Callable[[sqlite3.Connection], list[Replacement]]:
    """What was replaced after `time`, oldest first; what is older is forgotten."""

    def question(connection: sqlite3.Connection) -> list[Replacement]:
        connection.execute("DELETE FROM replacements WHERE at <= ?", (time,))
        return connection.execute("SELECT at, title FROM replacements ORDER BY at").fetchall()

    return question
