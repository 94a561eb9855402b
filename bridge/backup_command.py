"""`torbox-bridge backup`: the copy of a stopped bridge, or asked from the one that runs."""

import os
import shutil
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import BinaryIO

from bridge.backup import DATABASE, pack
from bridge.config import Settings
from bridge.errors import CannotStart
from bridge.password import FILE_NAME

FOLDER = "backups"  # below the state folder, unless another place is named
ANSWER_SECONDS = 120.0
FINE = 200


def back_up(settings: Settings, wanted: Path | None) -> Path:
    """Make the copy; gives the file. `wanted` is a folder that exists, or the file to make."""
    state = Path(settings.state.path)
    database = state / DATABASE
    if not database.exists():
        raise CannotStart(f"there is nothing to copy yet: {database} does not exist")
    target = _target(wanted, state)
    try:
        connection = _opened(database)
        if connection is None:
            with _from_the_running(settings, state) as copy:
                _keep(copy, target)
        else:
            with closing(connection), pack(connection, state) as copy:
                _keep(copy, target)
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise CannotStart(f"no copy could be made at {target}: {why or error}") from error
    return target


def _target(wanted: Path | None, state: Path) -> Path:
    if wanted is not None and not wanted.is_dir():
        return wanted
    folder = wanted or state / FOLDER
    if wanted is None:
        folder.mkdir(mode=0o700, exist_ok=True)
    now = datetime.now().astimezone()
    return folder / f"torbox-bridge-{now:%Y-%m-%d-%H%M%S}.tar"


def _opened(database: Path) -> sqlite3.Connection | None:
    """The database, None when a bridge holds it. Never migrated: it is copied as it is."""
    connection = sqlite3.connect(database, timeout=0.5)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            return None
        raise
    return connection


@contextmanager
def _from_the_running(settings: Settings, state: Path) -> Iterator[BinaryIO]:
    """Ask the bridge that runs with these settings."""
    server, qbittorrent = settings.server, settings.qbittorrent
    password = qbittorrent.password or (state / FILE_NAME).read_text("utf-8").strip()
    login = b64encode(f"{qbittorrent.username}:{password}".encode()).decode()
    connection = HTTPConnection(server.local_host, server.port, timeout=ANSWER_SECONDS)
    try:
        with closing(connection):
            path = f"{server.url_base}/api/bridge/backup"
            connection.request("POST", path, headers={"Authorization": f"Basic {login}"})
            answer = connection.getresponse()
            if answer.status != FINE:
                raise CannotStart(
                    f"the bridge runs and says no to a copy ({answer.status}): its log says why;"
                    " or stop it and try again"
                )
            yield answer
    except (ConnectionError, TimeoutError, HTTPException) as error:
        raise CannotStart(
            "a bridge runs with this state and does not answer on"
            f" {server.local_host}:{server.port}: stop it and try again"
        ) from error


def _keep(copy: BinaryIO, target: Path) -> None:
    """Write it for its owner only, whole or not at all; a file that is there stays as it is."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
        try:
            shutil.copyfileobj(copy, file)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            target.unlink()
            raise
