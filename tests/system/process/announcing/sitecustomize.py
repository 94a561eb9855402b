"""Loaded by the bridge's own interpreter in a test: it announces its points, and dies at one.

A point is a commit (before it, and the instant it is done) or a change of the download folder
(before it), named after what it is about. `ANNOUNCE_TO` is where names are written, each once;
`KILL_AT` is the name at which the process gets its kill -9.
"""

import json
import os
import re
import signal
import sqlite3
import sys
import threading

DISK_EVENTS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}
TORRENT = re.compile(r"INTO torrents VALUES\s*\('\w+', ?x'([0-9a-f]+)'", re.IGNORECASE)
ITEM = re.compile(r"INTO account_items VALUES\s*\('[\w:]+', ?'\w+', ?x'([0-9a-f]+)'", re.IGNORECASE)


class Points:
    """The points passed so far."""

    def __init__(self, told: str, kill_at: str) -> None:
        self._told = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._kill_at = kill_at
        self._passed: set[str] = set()

    def point(self, name: str) -> None:
        if name in self._passed:
            return
        self._passed.add(name)
        os.write(self._told, f"{name}\n".encode())
        if name == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()  # nothing more is done by this thread

    def kills_after(self, name: str) -> bool:
        return self._kill_at == name


class Transactions:
    """What the transactions of one connection are about."""

    def __init__(self, connection: sqlite3.Connection, points: Points) -> None:
        self._connection, self._points = connection, points
        self._about: list[str] = []

    def statement(self, sql: str) -> None:
        if sql.startswith("BEGIN"):
            self._about = []
        elif sql == "COMMIT" and self._about:
            about = ", ".join(dict.fromkeys(self._about))
            about = about.replace("delete account_items, ", "")  # they are written anew
            self._points.point(f"before commit: {about}")
            self._afterwards(f"after commit: {about}")
        else:
            self._about += filter(None, [_about(sql)])

    def _afterwards(self, name: str) -> None:
        if not self._points.kills_after(name):
            self._points.point(name)
            return

        def wait() -> None:
            while self._connection.in_transaction:
                pass
            self._points.point(name)

        threading.Thread(target=wait, daemon=True).start()


def _about(sql: str) -> str:
    """A statement in a word or two; "" for one that only reads."""
    if found := TORRENT.search(sql):
        phase = json.loads(bytes.fromhex(found[1]))["phase"]
        return "placing" if phase.get("placing") else str(phase["type"])
    if found := ITEM.search(sql):
        item = json.loads(bytes.fromhex(found[1]))
        return "item" if item.get("torrent_id") or item.get("queued_id") else "intent"
    found = re.match(r"(INSERT|DELETE)\b.*?\b(?:INTO|FROM) (\w+)", sql)
    return f"{found[1].lower()} {found[2]}" if found else ""


def _install() -> None:
    points = Points(os.environ["ANNOUNCE_TO"], os.environ.get("KILL_AT", ""))
    folder = os.environ["BRIDGE_DOWNLOADS__PATH"]

    def heard(event: str, arguments: tuple[object, ...]) -> None:
        if event in DISK_EVENTS and str(arguments[0]).startswith(f"{folder}/"):
            place = str(arguments[0]).removeprefix(f"{folder}/")
            points.point(f"before {event}: {re.sub('[0-9a-f]{40}', 'HASH', place)}")

    connect = sqlite3.connect

    def connected(*arguments: object, **options: object) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_trace_callback(Transactions(connection, points).statement)
        return connection

    sqlite3.connect = connected
    sys.addaudithook(heard)


if "ANNOUNCE_TO" in os.environ:
    _install()
