"""Connections that answer what is no HTTP as the real server does: 400, three headers, goodbye."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from functools import partial
from typing import Any

from aiohttp import web

# The real servers read a query of any length, and helpers put the hash of all that waits into one:
# this is enough for 12,000.
MOST_LINE_BYTES = 512 * 1024
MOST_FIELD_BYTES = 128 * 1024  # the cookies of everything else that lives on the same host
# aiohttp would keep a silent connection for an hour; the real server does for eight seconds, which
# programs that keep one between two polls trip over.
IDLE_SECONDS = 75.0
NO = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: {}\r\n\r\n"


class Connection(web.RequestHandler):
    """A client's connection. A stranger's noise is answered, and not worth a line of the log."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Say no in one packet; aiohttp's own answer names itself and carries a sentence."""
        if isinstance(exc, Refused):
            raise exc
        if status >= 500:
            return super().handle_error(request, status, exc, message)  # a mistake of ours
        if self.transport is not None and request.writer.output_size == 0:
            self.transport.write(NO.format(formatdate(usegmt=True)).encode())
        raise Refused("this was no request")


class Refused(ConnectionError):
    """The answer is sent; of a ConnectionError aiohttp makes nothing but the end."""


@asynccontextmanager
async def accepting(
    runner: web.AppRunner, host: str, port: int, *, idle_seconds: float = IDLE_SECONDS
) -> AsyncIterator[int]:
    """Accept connections for an app that is set up; gives the port. OSError if it is taken.

    One that brings no whole request head within `idle_seconds` is closed.
    """
    manager, loop = runner.server, asyncio.get_running_loop()
    assert manager is not None
    options: dict[str, Any] = {
        "access_log": None,
        "keepalive_timeout": idle_seconds,
        "max_line_size": MOST_LINE_BYTES,
        "max_field_size": MOST_FIELD_BYTES,
    }
    connection = partial(Connection, manager, loop=loop, **options)
    if host == "::":
        # asyncio would serve IPv6 alone here; everywhere else this name means both.
        both = socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True)
        server = await loop.create_server(connection, sock=both)
    else:
        server = await loop.create_server(connection, host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
