"""Opening the database: one process only, numbered migrations, a copy before each."""

import sqlite3
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from bridge.errors import CannotStart


def migrations() -> list[str]:
    """The SQL of every migration, in order; the first makes version 1."""
    folder = files("bridge.store") / "migrations"
    scripts = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    return [script.read_text(encoding="utf-8") for script in scripts]


def open_database(path: Path, scripts: Sequence[str] | None = None) -> sqlite3.Connection:
    """Open and migrate the database; CannotStart with one sentence when that is not possible."""
    try:
        connection = _connect(path)
    except sqlite3.OperationalError as error:
        raise CannotStart(_sentence(path, error)) from error
    except sqlite3.DatabaseError as error:
        raise CannotStart(
            f"{path} is not a database of the bridge ({error}); restore a backup or move it away"
        ) from error
    try:
        _migrate(connection, path, migrations() if scripts is None else scripts)
    except sqlite3.Error as error:
        connection.close()
        raise CannotStart(_sentence(path, error)) from error
    except CannotStart:
        connection.close()
        raise
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=0.5, isolation_level=None, check_same_thread=False)
    try:
        # EXCLUSIVE before the first access: the lock is then held for the life of the process.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_size_limit=16777216")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, path: Path, scripts: Sequence[str]) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(scripts):
        raise CannotStart(
            f"{path} was written by a newer torbox-bridge (version {version}, this one knows"
            f" {len(scripts)}); update the bridge, or restore the copy made before that update"
        )
    if 0 < version < len(scripts):
        _copy(connection, path.with_name(f"{path.name}.before-{version + 1}"))
    for number, script in enumerate(scripts[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version={number}; COMMIT;")


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    target.unlink(missing_ok=True)
    connection.execute("VACUUM INTO ?", (str(target),))


def _sentence(path: Path, error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return f"{path} is in use: another torbox-bridge runs with this state folder; stop it first"
    if "full" in text:
        return f"no room left on the disk of {path}; free some and start again"
    if "readonly" in text or "unable to open" in text:
        return f"{path} cannot be written; check that its folder exists and belongs to the user"
    return f"{path} cannot be used: {text}"
