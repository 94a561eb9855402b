"""`GET /api/bridge/changes`: what changed since the page last asked. Never waits."""

import asyncio
import secrets
from collections.abc import Sequence

from aiohttp import web
from msgspec import Struct

from bridge.core.board import Board, Entry
from bridge.dashboard.answer import answer
from bridge.dashboard.rows import Row, row
from bridge.dashboard.status import Status, StatusOf

MOST_IN_LOOP = 500  # more rows are written in a thread


class Changes(Struct, frozen=True):
    """A difference, or with `whole` everything there is."""

    run: str  # revisions of another run of the bridge mean nothing
    revision: int
    whole: bool
    torrents: Sequence[Row]
    removed: Sequence[str]
    status: Status


class ChangesApi:
    """The endpoint that the page asks every two seconds."""

    def __init__(self, board: Board, status: StatusOf) -> None:
        self._board = board
        self._status = status
        self._run = secrets.token_hex(4)

    async def changes(self, request: web.Request) -> web.Response:
        """The difference to `run` and `since`; the whole list to who knows neither."""
        since = _number(request.query.get("since", ""))
        known = request.query.get("run") == self._run and 0 <= since <= self._board.revision
        removed = self._board.removed_since(since) if known else []
        # Of very many removals the board has forgotten the first.
        whole = not known or len(removed) >= Board.MOST_REMOVED
        entries = list(self._board) if whole else self._board.changed_since(since)
        revision, status = self._board.revision, self._status()

        def written() -> web.Response:
            rows = _rows(entries)
            gone = [] if whole else removed
            return answer(Changes(self._run, revision, whole, rows, gone, status))

        return written() if len(entries) <= MOST_IN_LOOP else await asyncio.to_thread(written)


def _rows(entries: Sequence[Entry]) -> list[Row]:
    return [row(entry) for entry in entries]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
