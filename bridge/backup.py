"""A copy of what the bridge remembers, as one .tar: its database and the password it made.

Whoever has the copy has the magnets, with their trackers' passkeys, and the password.
"""

import asyncio
import logging
import os
import shutil
import sqlite3
import tarfile
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from bridge.errors import StoreTrouble
from bridge.password import FILE_NAME
from bridge.store.store import Store

log = logging.getLogger(__name__)

DATABASE = "bridge.db"
WORKSHOP = ".backup"  # below the state folder; what a crash leaves there goes with the next copy


def pack(connection: sqlite3.Connection, state: Path) -> BinaryIO:
    """The copy as an open file without a name, at its start. Blocks; OSError or sqlite3.Error."""
    workshop = state / WORKSHOP
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir(mode=0o700)
    try:
        copy = sqlite3.connect(workshop / DATABASE)
        try:
            connection.backup(copy)
        finally:
            copy.close()
        return _packed(workshop, state)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _packed(workshop: Path, state: Path) -> BinaryIO:
    place = workshop / "backup.tar"
    with tarfile.open(place, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(workshop / DATABASE, DATABASE, filter=_private)
        if (state / FILE_NAME).is_file():
            archive.add(state / FILE_NAME, FILE_NAME, filter=_private)
    return place.open("rb")


def _private(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mode = 0o600
    return entry


class BackupApi:
    """`POST /api/bridge/backup`: the copy, made by the process that holds the database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._one_at_a_time = asyncio.Lock()

    def routes(self, base: str) -> list[web.RouteDef]:
        """The endpoint; POST, as it works and as no link may start it."""
        return [web.post(f"{base}/api/bridge/backup", self.backup)]

    async def backup(self, _request: web.Request) -> web.Response:
        """Answers with the .tar."""
        state = self._store.path.parent
        async with self._one_at_a_time:
            try:
                file = await self._store.ask(lambda connection: pack(connection, state))
            except (OSError, sqlite3.Error) as error:
                raise StoreTrouble(f"no copy could be made in {state}: {error}") from error
        size = await asyncio.to_thread(lambda: os.fstat(file.fileno()).st_size)
        log.info("a copy of the state was handed out, %d bytes", size)
        return web.Response(
            body=file,
            content_type="application/x-tar",
            headers={"Content-Disposition": 'attachment; filename="torbox-bridge.tar"'},
        )
