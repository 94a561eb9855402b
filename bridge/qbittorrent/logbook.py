"""`log/main`: the last lines of our log, as qBittorrent numbers and marks them."""

import logging
from collections import deque

from aiohttp import web
from msgspec import Struct

from bridge.qbittorrent import answers
from bridge.qbittorrent.forms import Form, form_of

MOST_LINES = 2000
NORMAL, INFORMATION, WARNING, CRITICAL = 1, 2, 4, 8


class Line(Struct, frozen=True):
    """An element of `log/main`; `timestamp` in seconds."""

    id: int
    message: str
    timestamp: int
    type: int


class Logbook(logging.Handler):
    """Keeps the last lines. Its formatter removes secrets, like that of every other handler."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[Line] = deque(maxlen=MOST_LINES)
        self._next_id = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep this line."""
        kind, message = _kind(record.levelno), self.format(record)
        self._lines.append(Line(self._next_id, message, int(record.created), kind))
        self._next_id += 1

    async def main(self, request: web.Request) -> web.Response:
        """The lines of the kinds that are wanted, after the last one that the client knows."""
        form = await form_of(request)
        wanted = _wanted(form)
        last = form.integer("last_known_id", -1)
        # A line may arrive from another thread meanwhile.
        lines = list(self._lines)
        return answers.json([line for line in lines if line.type in wanted and line.id > last])


def _wanted(form: Form) -> set[int]:
    kinds = {"normal": NORMAL, "info": INFORMATION, "warning": WARNING, "critical": CRITICAL}
    return {kind for name, kind in kinds.items() if form.flag(name, default=True)}


def _kind(level: int) -> int:
    if level >= logging.ERROR:
        return CRITICAL
    return WARNING if level >= logging.WARNING else NORMAL
