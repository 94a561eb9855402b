"""The store: SQLite, owned by one thread. A write that returns is on the disk."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from bridge.errors import StoreTrouble
from bridge.model import AccountItem, Category, Torrent
from bridge.store.schema import open_database

Result = TypeVar("Result")
# One change of the database; several of them are written in one transaction.
Write = Callable[[sqlite3.Connection], object]


class Remembered(msgspec.Struct, frozen=True):
    """Everything the bridge starts from."""

    torrents: tuple[Torrent, ...]
    items: tuple[AccountItem, ...]
    categories: tuple[Category, ...]
    tags: tuple[str, ...]
    kept: dict[str, str]


class Store:
    """What the bridge remembers. Opened with `async with`; only one process can."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._connection: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._connection = await loop.run_in_executor(self._thread, open_database, self.path)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()

    async def _run(self, question: Callable[[sqlite3.Connection], Result]) -> Result:
        connection = self._connection
        assert connection is not None, "the store is not open"
        work = asyncio.get_running_loop().run_in_executor(self._thread, question, connection)
        # A write that was handed to the thread is done, whoever stops waiting for it.
        return await asyncio.shield(work)

    async def write(self, *writes: Write) -> None:
        """All of these or none; on return they survive a power cut. StoreTrouble if not."""

        def transaction(connection: sqlite3.Connection) -> None:
            try:
                connection.execute("BEGIN IMMEDIATE")
                for write in writes:
                    write(connection)
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise StoreTrouble(_trouble(error, self.path)) from error

        await self._run(transaction)

    async def ask(self, question: Callable[[sqlite3.Connection], Result]) -> Result:
        """Read something that only one part remembers."""
        return await self._run(question)

    async def remembered(self) -> Remembered:
        """All that is needed at start-up."""
        return await self._run(_remembered)

    async def torrent_file(self, torrent_hash: str) -> bytes | None:
        """The .torrent that was handed over for this hash."""

        def question(connection: sqlite3.Connection) -> bytes | None:
            row = connection.execute(
                "SELECT torrent FROM sources WHERE hash = ?", (torrent_hash,)
            ).fetchone()
            return None if row is None else bytes(row[0])

        return await self._run(question)

    async def calls_since(self, time: float) -> list[tuple[str, float]]:
        """The counted calls to TorBox after `time`; older ones are forgotten."""

        def question(connection: sqlite3.Connection) -> list[tuple[str, float]]:
            connection.execute("DELETE FROM calls WHERE at <= ?", (time,))
            return connection.execute("SELECT endpoint, at FROM calls ORDER BY at").fetchall()

        return await self._run(question)

    async def add_call(self, endpoint: str, at: float) -> None:
        """Count a call before it is sent."""
        await self.write(
            lambda connection: connection.execute("INSERT INTO calls VALUES (?, ?)", (endpoint, at))
        )

    async def remove_call(self, endpoint: str, at: float) -> None:
        """Give a counted call back."""
        await self.write(
            lambda connection: connection.execute(
                "DELETE FROM calls WHERE endpoint = ? AND at = ?", (endpoint, at)
            )
        )

    async def set_pause(self, endpoint: str, until: float) -> None:
        """Remember until when TorBox wants no call to this endpoint."""
        await self.write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO pauses VALUES (?, ?)", (endpoint, until)
            )
        )

    async def pauses(self) -> dict[str, float]:
        """Until when which endpoint is to be left alone."""
        return await self._run(
            lambda connection: dict(connection.execute("SELECT endpoint, until FROM pauses"))
        )


def put_torrent(torrent: Torrent) -> Write:
    """Remember this torrent as it is now."""
    record = msgspec.json.encode(torrent)
    return lambda connection: connection.execute(
        "INSERT OR REPLACE INTO torrents VALUES (?, ?)", (torrent.hash, record)
    )


def forget_torrent(torrent_hash: str) -> Write:
    """Forget the torrent and its source."""

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM torrents WHERE hash = ?", (torrent_hash,))
        connection.execute("DELETE FROM sources WHERE hash = ?", (torrent_hash,))

    return write


def put_source(torrent_hash: str, torrent: bytes) -> Write:
    """Keep the .torrent that was handed over."""
    return lambda connection: connection.execute(
        "INSERT OR REPLACE INTO sources VALUES (?, ?)", (torrent_hash, torrent)
    )


def put_items(torrent_hash: str, items: Iterable[AccountItem]) -> Write:
    """Remember exactly these account items for the hash."""
    rows = [
        (f"{torrent_hash}:{number}", torrent_hash, msgspec.json.encode(item))
        for number, item in enumerate(items)
    ]

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM account_items WHERE hash = ?", (torrent_hash,))
        connection.executemany("INSERT INTO account_items VALUES (?, ?, ?)", rows)

    return write


def put_category(category: Category) -> Write:
    """Remember a category."""
    return lambda connection: connection.execute(
        "INSERT OR REPLACE INTO categories VALUES (?, ?)", (category.name, category.save_path)
    )


def forget_category(name: str) -> Write:
    """Forget a category."""
    return lambda connection: connection.execute("DELETE FROM categories WHERE name = ?", (name,))


def put_tag(name: str) -> Write:
    """Remember a tag."""
    return lambda connection: connection.execute("INSERT OR IGNORE INTO tags VALUES (?)", (name,))


def forget_tag(name: str) -> Write:
    """Forget a tag."""
    return lambda connection: connection.execute("DELETE FROM tags WHERE name = ?", (name,))


def keep(key: str, value: str) -> Write:
    """Remember a single value, such as the preferences that clients set."""
    return lambda connection: connection.execute(
        "INSERT OR REPLACE INTO kept VALUES (?, ?)", (key, value)
    )


def _remembered(connection: sqlite3.Connection) -> Remembered:
    torrent = msgspec.json.Decoder(Torrent)
    item = msgspec.json.Decoder(AccountItem)
    return Remembered(
        torrents=tuple(
            torrent.decode(row[0]) for row in connection.execute("SELECT record FROM torrents")
        ),
        items=tuple(
            item.decode(row[0])
            for row in connection.execute("SELECT record FROM account_items ORDER BY key")
        ),
        categories=tuple(
            Category(name, save_path)
            for name, save_path in connection.execute("SELECT * FROM categories ORDER BY name")
        ),
        tags=tuple(row[0] for row in connection.execute("SELECT name FROM tags ORDER BY name")),
        kept=dict(connection.execute("SELECT key, value FROM kept")),
    )


def _trouble(error: sqlite3.Error, path: Path) -> str:
    if "full" in str(error):
        return f"no room left on the disk of {path}; nothing was changed"
    return f"{path} could not be written ({error}); nothing was changed"
