"""A server that is measured, and a client that costs next to nothing."""

import re
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.contract.real import PASSWORD

MOST_ANSWER_BYTES = 16 << 20

_HEAD = re.compile(rb"HTTP/1.1 200 .*?\r\ncontent-length: (\d+)(?=\r\n).*?\r\n\r\n", re.I | re.S)
_COOKIE = re.compile(rb"\r\nset-cookie: (SID=[^;]+)", re.I)


@dataclass
class Server:
    """One that is measured."""

    name: str
    port: int
    pid: int

    @property
    def cpu_seconds(self) -> float:
        """Of all its threads, since they began."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    @property
    def rss_mib(self) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


class Line:
    """A logged-in client with one connection that it keeps.

    Costs as little as it can, so that the server is what is measured: an answer is read into one
    buffer that is kept, and nothing of it is looked at but its status and its length.
    """

    def __init__(self, port: int, *, packed: bool = True) -> None:
        self._port = port
        # As the arrs, browsers and most libraries do.
        accepts = "Accept-Encoding: gzip\r\n" if packed else ""
        self._head = f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: polling/1.0\r\n{accepts}"
        self._buffer = memoryview(bytearray(MOST_ANSWER_BYTES))
        self._connect()
        self.post("auth/login", username="admin", password=PASSWORD)
        if cookie := _COOKIE.search(bytes(self._buffer[:4096])):
            self._head += f"Cookie: {cookie[1].decode()}\r\n"

    def _connect(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The time limit is the kernel's: one call then waits for all of a long answer.
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 60, 0))
        self._used_at = time.monotonic()

    def get(self, path: str) -> memoryview:
        """The answer's body, which is there until the next question."""
        return self.ask(self.question(path))

    def post(self, path: str, **fields: str) -> bytes:
        body = urlencode(fields).encode()
        head = f"POST /api/v2/{path}{self._head}Content-Length: {len(body)}\r\n"
        head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        return bytes(self.ask(head.encode() + body))

    def question(self, path: str) -> bytes:
        """The request, to be put often."""
        return f"GET /api/v2/{path}{self._head}\r\n".encode()

    def ask(self, question: bytes) -> memoryview:
        if time.monotonic() - self._used_at > 4:  # the real one hangs up after seven
            self._socket.close()
            self._connect()
        self._socket.sendall(question)
        filled = self._socket.recv_into(self._buffer)
        while not (head := _HEAD.match(self._buffer[: min(filled, 8192)])):
            assert filled < 8192, bytes(self._buffer[:filled])
            filled += self._more(filled)
        end = head.end() + int(head[1])
        while filled < end:
            filled += self._more(filled, end - filled)
        self._used_at = time.monotonic()
        return self._buffer[head.end() : end]

    def _more(self, filled: int, at_least: int = 0) -> int:
        wait = socket.MSG_WAITALL if at_least else 0
        got = self._socket.recv_into(self._buffer[filled:], at_least, wait)
        assert got, "the connection was closed"
        return got
