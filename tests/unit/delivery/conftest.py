"""A CDN that follows a script, and a delivery in a temporary folder that talks to it."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from bridge.clock import Clock
from bridge.config import DownloadsSettings
from bridge.delivery import Delivery, Proof
from bridge.model import File

HASH = "a1" * 20
FASTER = 300  # how much faster the clock of these tests runs

Answer = Callable[["ScriptedCdn", web.Request, bytes, int], Awaitable[web.StreamResponse]]


def content_of(name: str, size: int) -> bytes:
    return random.Random(name).randbytes(size)


class ScriptedCdn:
    """Serves files honestly, except where the script of a file says otherwise.

    A script is a list of answers; each is given once, in order, then honesty returns.
    """

    def __init__(self) -> None:
        self.url = ""
        self.over = asyncio.Event()
        self.contents: dict[str, bytes] = {}
        self.scripts: dict[str, list[Answer]] = {}
        self.asked: list[tuple[str, str, str]] = []  # file, Range, token
        self.headers: list[dict[str, str]] = []
        self.links_given: list[str] = []
        self.refused_tokens: set[str] = set()
        self.connections = 0
        self.most_connections = 0
        self.waits_for: asyncio.Event | None = None
        self.reached = asyncio.Event()

    def holds(self, path: str, size: int, *, md5: bool = False) -> File:
        """Put a file there; what the bridge knows of it."""
        content = content_of(path, size)
        self.contents[path] = content
        checksum = hashlib.md5(content).hexdigest() if md5 else None
        return File(path, size, torbox_id=len(self.contents), md5=checksum)

    def proof(self, piece_length: int, *, padding: int = 0) -> Proof:
        """The .torrent's word on the files held, with so much padding after each."""
        layout: list[tuple[str | None, int]] = []
        whole = bytearray()
        for path, content in self.contents.items():
            layout += [(path, len(content)), (None, padding)]
            whole += content + bytes(padding)
        pieces = [whole[at : at + piece_length] for at in range(0, len(whole), piece_length)]
        hashes = b"".join(hashlib.sha1(piece).digest() for piece in pieces)
        return Proof(piece_length, hashes, tuple(layout))

    def will(self, file: File, *answers: Answer) -> None:
        self.scripts.setdefault(file.path, []).extend(answers)

    def ranges(self, file: File) -> list[str]:
        return [asked for path, asked, _ in self.asked if path == file.path]

    async def link(self, file: File) -> str:
        """As TorBox's requestdl: another link every time."""
        self.links_given.append(file.path)
        return f"{self.url}/dld/{file.torbox_id}?token=t{len(self.links_given)}%2F"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = list(self.contents)[int(request.match_info["id"]) - 1]
        token = request.rel_url.raw_query_string.partition("=")[2]
        self.asked.append((path, request.headers.get("Range", ""), token))
        self.headers.append(dict(request.headers))
        start = int(request.headers["Range"].removeprefix("bytes=").partition("-")[0])
        script = self.scripts.get(path)
        say = script.pop(0) if script else honest
        self.connections += 1
        self.most_connections = max(self.most_connections, self.connections)
        try:
            return await say(self, request, self.contents[path], start)
        finally:
            self.connections -= 1


async def honest(
    cdn: ScriptedCdn, request: web.Request, content: bytes, start: int
) -> web.StreamResponse:
    if cdn.waits_for is not None:
        await cdn.waits_for.wait()
    end = request.headers["Range"].partition("-")[2]
    stop = int(end) + 1 if end else len(content)
    headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
    body = content[start:stop]
    return web.Response(
        status=206, body=body, headers=headers, content_type="application/octet-stream"
    )


class SkippingClock(Clock):
    """A fast clock that can also jump ahead."""

    skipped = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped

    def skip(self, seconds: float) -> None:
        self.skipped += seconds


@pytest.fixture
def clock() -> SkippingClock:
    return SkippingClock(FASTER)


@pytest.fixture
async def cdn(aiohttp_server) -> AsyncIterator[ScriptedCdn]:
    scripted = ScriptedCdn()
    app = web.Application()
    app.router.add_get("/dld/{id}", scripted.answer)
    server = await aiohttp_server(app)
    scripted.url = str(server.make_url("")).rstrip("/")
    yield scripted
    scripted.over.set()


@pytest.fixture
def settings(tmp_path: Path) -> DownloadsSettings:
    return DownloadsSettings(path=str(tmp_path / "downloads"), parallel_files=4)


@pytest.fixture
async def delivery(settings: DownloadsSettings, clock: Clock) -> AsyncIterator[Delivery]:
    async with Delivery(settings, clock, user_agent="test", allow_http=True) as made:
        await made.probe()
        yield made


@pytest.fixture
def incomplete(settings: DownloadsSettings) -> Path:
    return Path(settings.path) / ".incomplete" / HASH / "Show"
