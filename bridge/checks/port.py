"""Whether the port is ours or free."""

import asyncio
import contextlib
import socket

from bridge.checks.check import Check, bad, fine
from bridge.config import ServerSettings

ANSWER_SECONDS = 3.0


async def port_checks(server: ServerSettings) -> list[Check]:
    """Try to listen; if somebody does already, ask whether it is the bridge."""
    where = f"{server.host}:{server.port}"
    why = "" if server.port == 0 else _tried(server)
    if not why:
        return [fine("port", f"{where} is free")]
    if await _is_us(server):
        return [fine("port", f"the bridge runs on {where}")]
    fix = "end the other program, or set server.port (and the port in Sonarr and Radarr)"
    return [bad("port", f"cannot listen on {where}: {why}", fix)]


def _tried(server: ServerSettings) -> str:
    """Why nobody can listen there now, "" if one can."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((server.host, server.port))
            tried.listen()
        except OSError as error:
            return error.strerror or "it cannot be used"
    return ""


async def _is_us(server: ServerSettings) -> bool:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(server.local_host, server.port)
            try:
                writer.write(
                    b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                )
                answer = await reader.read(4096)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"\r\n\r\nok")
