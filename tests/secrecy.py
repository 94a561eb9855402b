"""One check for the whole suite: whatever a test does, nobody is told a secret.

Heard are every line of the log at its finest, with tracebacks and before anything is hidden in it;
every error of ours, shown or not; every answer of a bridge under test (API, page, metrics); and
what such a bridge leaves in its state folder.
"""

import gzip
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web

from bridge.errors import BridgeError

TORBOX_KEY = "00000000-1111-4222-8333-444444444444"
# Every link of the simulator's CDN has this in its path.
LINK = "/dld/"
SECRETS = (TORBOX_KEY, LINK)


class Ears:
    """What was heard in a test that nobody should hear."""

    def __init__(self, secrets: tuple[str, ...] = SECRETS) -> None:
        self._secrets = secrets
        self.leaks: list[str] = []

    def hear(self, where: str, text: str) -> None:
        """Remember the place of each secret in this text."""
        for secret in self._secrets:
            at = text.find(secret)
            if at >= 0:
                self.leaks.append(f"{where}: …{text[max(0, at - 200) : at + 100]}…")

    async def answer(self, request: web.Request | None, response: web.StreamResponse) -> None:
        """Hear an answer; a signal of aiohttp's."""
        body = response.body if isinstance(response, web.Response) else None
        if not isinstance(body, bytes | bytearray):
            return
        if response.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        told = body.decode("utf-8", "replace")
        self.hear(f"answer to {request and request.path}", f"{dict(response.headers)} {told}")

    def files(self, folder: Path) -> None:
        """Hear what lies in a folder."""
        for file in folder.rglob("*"):
            if file.is_file():
                self.hear(file.name, file.read_bytes().decode("latin-1"))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear the log and our errors meanwhile; the log's levels are put back as they were."""
        handler, root, bridge = _Listener(self), logging.getLogger(), logging.getLogger("bridge")
        root_level, level, made = root.level, bridge.level, BridgeError.__init__
        root.addHandler(handler)
        bridge.setLevel(logging.DEBUG)
        BridgeError.__init__ = _heard(self, made)  # type: ignore[method-assign]
        try:
            yield
        finally:
            BridgeError.__init__ = made  # type: ignore[method-assign]
            bridge.setLevel(level)
            root.setLevel(root_level)
            root.removeHandler(handler)


class _Listener(logging.Handler):
    def __init__(self, ears: Ears) -> None:
        super().__init__(logging.DEBUG)
        self._ears = ears

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "aiohttp.access":  # of a CDN that a test plays; the bridge keeps none
            return
        self._ears.hear(f"log of {record.name}", self.format(record))


def _heard(ears: Ears, made: Callable[..., None]) -> Callable[..., None]:
    def init(error: BridgeError, *told: object, **more: object) -> None:
        ears.hear(f"error {type(error).__name__}", " ".join(map(str, told)))
        made(error, *told, **more)

    return init
