"""How often a connection wakes the loop: once for a few milliseconds, not for every packet."""

import socket
from contextlib import suppress
from typing import Protocol

SECONDS = 0.005  # of the line's bytes are to come at once,
MOST_BYTES = 256 << 10  # but no more than asyncio reads at once,
LEAST_BYTES = 64 << 10  # and on a slow line every packet counts
MARGIN_BYTES = 64 << 10  # may have been read and not been decrypted yet


class Socket(Protocol):
    """What is needed of one."""

    def setsockopt(self, level: int, option: int, value: int, /) -> None:
        """As of `socket.socket`."""


class Wakeups:
    """The socket says that there is something to read once a few milliseconds' bytes are there.

    The end of the stream, a cut included, wakes always; `left` sees to it that the last bytes of an
    answer do, too.
    """

    def __init__(self, connection: Socket | None) -> None:
        self._socket = connection
        self._wanted = 1
        self._set = 1

    def fit(self, count: int, seconds: float) -> None:
        """So many bytes came in so much time."""
        wanted = min(MOST_BYTES, int(count / max(seconds, 0.001) * SECONDS))
        self._wanted = wanted if wanted >= LEAST_BYTES else 1

    def left(self, count: int) -> None:
        """No more than so many bytes are still to come."""
        self._at(self._wanted if count >= self._wanted + MARGIN_BYTES else 1)

    def reset(self) -> None:
        """Whoever uses the connection next waits for a few bytes."""
        self._at(1)

    def _at(self, count: int) -> None:
        if self._socket is None or count == self._set:
            return
        self._set = count
        # Closed already, or a system that cannot do it: then it goes as it went before.
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)


def wakeups_of(transport: object) -> Wakeups:
    """Those of an open connection."""
    get = getattr(transport, "get_extra_info", None)
    return Wakeups(get("socket") if get else None)
