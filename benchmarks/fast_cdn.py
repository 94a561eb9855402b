"""A CDN over TLS that is as fast as this machine: one thread for each connection, and a line.

Asyncio would be the bottleneck of what is measured. Answers as TorBox's CDN does: 206 for a range.
"""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

CHUNK = 256 * 1024
CERTIFICATE = Path(__file__).parent.parent / "tests/unit/delivery/loopback.pem"
_RANGE = re.compile(rb"\r\nrange: *bytes=(\d+)-(\d*)", re.IGNORECASE)

Read = Callable[[int, int], bytes]  # start, length
Find = Callable[[str], tuple[int, Read]]  # path → size and bytes; KeyError: 404


class Line:
    """So many bytes a second go over it, whoever sends them; 0 is no limit."""

    def __init__(self, bytes_per_second: float) -> None:
        self._rate = bytes_per_second
        self._free_at = 0.0
        self._lock = threading.Lock()

    def send(self, count: int) -> None:
        """Wait until it has taken so many bytes."""
        if not self._rate:
            return
        with self._lock:
            # Half a millisecond is what the system's clock may be late: that is made up for.
            self._free_at = max(self._free_at, time.monotonic() - 0.005) + count / self._rate
            wait = self._free_at - time.monotonic()
        if wait > 0:
            time.sleep(wait)


@dataclass
class FastCdn:
    """Serves until it is closed; speeds in bytes a second, 0 for as fast as can be."""

    find: Find
    line_speed: float = 0
    connection_speed: float = 0
    first_asked_at: float = 0.0  # on the monotonic clock, since `reset`
    last_sent_at: float = 0.0
    sent: int = 0
    asked: int = 0
    most_connections: int = 0
    _open: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(CERTIFICATE)
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._socket.getsockname()[1]
        self._line = Line(self.line_speed)
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self, *, line_speed: float = 0, connection_speed: float = 0) -> None:
        """Begin another measurement."""
        self.line_speed, self.connection_speed = line_speed, connection_speed
        self._line = Line(line_speed)
        self.first_asked_at = self.last_sent_at = 0.0
        self.sent = self.asked = self.most_connections = 0

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=[plain], daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with self._lock:
            self._open += 1
            self.most_connections = max(self.most_connections, self._open)
        try:
            with self._context.wrap_socket(plain, server_side=True) as secure:
                while self._answer(secure):
                    continue
        except OSError:
            pass  # whoever has enough closes the connection
        finally:
            with self._lock:
                self._open -= 1

    def _answer(self, secure: ssl.SSLSocket) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            received = secure.recv(65536)
            if not received:
                return False
            head += received
        self.asked += 1
        self.first_asked_at = self.first_asked_at or time.monotonic()
        size, read = self.find(head.split(b" ", 2)[1].decode())
        asked = _RANGE.search(head)
        start = int(asked[1]) if asked else 0
        stop = int(asked[2]) + 1 if asked and asked[2] else size
        part = f"Content-Range: bytes {start}-{stop - 1}/{size}\r\n" if asked else ""
        secure.sendall(
            f"HTTP/1.1 {'206 Partial Content' if asked else '200 OK'}\r\n{part}"
            f"Content-Length: {stop - start}\r\nContent-Type: video/x-matroska\r\n"
            "Accept-Ranges: bytes\r\n\r\n".encode()
        )
        own = Line(self.connection_speed)
        for at in range(start, stop, CHUNK):
            chunk = read(at, min(CHUNK, stop - at))
            self._line.send(len(chunk))
            own.send(len(chunk))
            secure.sendall(chunk)
            self.sent += len(chunk)
        self.last_sent_at = time.monotonic()
        return True
