"""The CDN: presigned links, Range, and every way it was seen to fail (torbox-api.md §7)."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from math import inf, isfinite

from aiohttp import web

from . import replies, shapes, zipped
from .cdn_faults import Faults, Spoiled
from .cdn_weather import CdnWeather
from .gate import MOST_REMEMBERED, Sleep, silence
from .published import Published, TorrentFile
from .world import Link, World

CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_GARBLED = bytes(byte ^ 0xFF for byte in range(256))
ReadBytes = Callable[[int, int], bytes]  # start, length


@dataclass
class Fetch:
    """One request for a file, as it came in and was answered."""

    path: str  # below the torrent's root
    hash: str
    range: str | None
    at: float
    headers: dict[str, str]
    method: str = "GET"
    zip: bool = False  # a zip made on the fly: no ranges, size unknown (§7.7)
    status: int | None = None
    sent_bytes: int = 0
    ended: bool = False


@dataclass(frozen=True)
class Part:
    """What is to be sent: bytes `start` to `stop` of `size`; `partial` is a 206."""

    start: int
    stop: int
    size: int
    partial: bool


@dataclass
class Cdn(Faults):
    """The downloads, and what is known about them afterwards."""

    world: World = field(kw_only=True)
    sleep: Sleep = field(kw_only=True)
    fetches: list[Fetch] = field(default_factory=list)
    connections: int = 0  # open now
    most_connections: int = 0
    most_per_file: int = 0
    max_connections: int | None = 16  # each client address (§7.8); one more is answered 429
    head_status: int = 405  # 200: as in other months, without Content-Range
    expired_status: int = 400
    down: bool = False
    bytes_sent: int = 0
    weather: CdnWeather | None = None  # befalls what no fault is queued for
    _answers: Counter[str] = field(default_factory=Counter)
    _open: Counter[str] = field(default_factory=Counter)
    _open_by_address: Counter[str] = field(default_factory=Counter)
    _progress: asyncio.Condition = field(default_factory=asyncio.Condition)
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _banned_until: float = -inf

    @property
    def ranges_asked(self) -> list[tuple[str, str | None]]:
        """(path, Range header) of every GET, oldest first."""
        return [(fetch.path, fetch.range) for fetch in self.fetches if fetch.method == "GET"]

    def sent(self, path: str) -> int:
        """Bytes of a file sent so far, over all its responses."""
        return sum(fetch.sent_bytes for fetch in self.fetches if fetch.path == path)

    async def has_sent(self, path: str, count: int) -> None:
        """Wait until so many bytes of a file have been sent."""
        async with self._progress:
            await self._progress.wait_for(lambda: self.sent(path) >= count)

    def clear(self) -> None:
        """Nothing is spoiled any more."""
        super().clear()
        self.weather = None

    def release(self) -> None:
        """Stalled responses go on."""
        self._released.set()
        self._released = asyncio.Event()

    def ban(self, seconds: float) -> None:
        """429 for every request from now on, for so long (§7.8)."""
        self._banned_until = self.world.now + seconds

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET /dld/<uuid>?token=…"""
        link = self.world.links.get(request.match_info["uuid"])
        fetch = Fetch("", "", request.headers.get("Range"), self.world.now, _plain(request))
        fetch.method = request.method
        self.fetches.append(fetch)
        if len(self.fetches) > MOST_REMEMBERED:
            del self.fetches[: MOST_REMEMBERED // 2]
        if link is None:
            return self._page(fetch, self.expired_status, replies.EXPIRED_LINK)
        file = _file_of(link)
        fetch.path, fetch.hash, fetch.zip = file.path, link.item.hash, link.file_id is None
        refusal = self._refusal(request, link, fetch)
        if refusal is not None:
            return refusal
        link.item.used_at = self.world.now
        return await self._counted(request, link, file, fetch)

    def _refusal(self, request: web.Request, link: Link, fetch: Fetch) -> web.Response | None:
        now, address = self.world.settle(), request.remote or ""
        if request.method == "HEAD":
            return self._page(fetch, self.head_status, "")
        if self.down:
            return self._page(fetch, 502, replies.HTML_502)
        if link.token != request.query.get("token") or now >= link.good_until:
            return self._page(fetch, self.expired_status, replies.EXPIRED_LINK)
        if not link.item.exists(now) or not link.item.look(now).present:
            return self._page(fetch, 404, replies.EXPIRED_LINK)
        full = self.max_connections
        if now < self._banned_until or (full and self._open_by_address[address] >= full):
            response = self._page(fetch, 429, "Too many requests")
            wait = self._banned_until - now
            response.headers["Retry-After"] = str(int(wait) + 1 if 0 < wait < inf else 10)
            return response
        return None

    def _page(self, fetch: Fetch, status: int, text: str) -> web.Response:
        fetch.status, fetch.ended = status, True
        return web.Response(
            status=status, text=text, content_type="text/html", headers=self._headers()
        )

    def _headers(self) -> dict[str, str]:
        return {"Date": formatdate(self.world.now, usegmt=True), "Server": "TorBox CDN"}

    async def _counted(
        self, request: web.Request, link: Link, file: TorrentFile, fetch: Fetch
    ) -> web.StreamResponse:
        key, address = f"{fetch.hash}/{file.path}", request.remote or ""
        self._open[key] += 1
        self._open_by_address[address] += 1
        self.connections += 1
        self.most_connections = max(self.most_connections, self.connections)
        self.most_per_file = max(self.most_per_file, self._open[key])
        try:
            return await self._answered(request, link, file, fetch)
        finally:
            self.connections -= 1
            self._open[key] -= 1
            self._open_by_address[address] -= 1
            fetch.ended = True

    async def _answered(
        self, request: web.Request, link: Link, file: TorrentFile, fetch: Fetch
    ) -> web.StreamResponse:
        asked = _part(request, file.size)
        spoiled = self._spoiled(fetch, asked)
        if spoiled.redirect_to:
            fetch.status = 302
            return web.Response(status=302, headers={"Location": spoiled.redirect_to})
        if spoiled.html_bytes is not None or spoiled.status is not None:
            return self._spoiled_page(spoiled, fetch)
        if spoiled.ignore_range or fetch.zip:
            asked = Part(0, file.size, file.size, partial=False)
        if asked.start >= file.size > 0:
            fetch.status = 416
            return web.Response(status=416, headers={"Content-Range": f"bytes */{file.size}"})
        return await self._stream(request, _reader(link, file), asked, spoiled, fetch)

    def _spoiled(self, fetch: Fetch, asked: Part) -> Spoiled:
        key = f"{fetch.hash}/{fetch.path}"
        self._answers[key] += 1
        spoiled = self.draw(fetch.path, asked.start, asked.stop)
        if spoiled != Spoiled() or self.weather is None:
            return spoiled
        count = asked.stop - asked.start
        return self.weather.spoiled(key, self._answers[key], asked.start, count) or spoiled

    def _spoiled_page(self, spoiled: Spoiled, fetch: Fetch) -> web.Response:
        size = 200 if spoiled.html_bytes is None else spoiled.html_bytes
        text = ("<html><body>" + "Please wait. " * (size // 13 + 1))[:size]
        response = self._page(fetch, spoiled.status or 200, text)
        response.content_type = spoiled.page_type
        if spoiled.retry_after is not None:
            response.headers["Retry-After"] = str(spoiled.retry_after)
        return response

    async def _stream(
        self, request: web.Request, read: ReadBytes, part: Part, spoiled: Spoiled, fetch: Fetch
    ) -> web.StreamResponse:
        part = _shortened(_shifted(part, spoiled.shift_by), spoiled.part_bytes)
        length = max(0, part.stop - part.start + spoiled.length_by)
        response = web.StreamResponse(status=206 if part.partial else 200, headers=self._headers())
        response.content_type = shapes.mimetype(fetch.path)
        response.headers["Accept-Ranges"] = "bytes"
        if part.partial and not spoiled.unsaid_range:
            total = part.size + spoiled.length_by + spoiled.total_by
            last = part.start + length - 1
            response.headers["Content-Range"] = f"bytes {part.start}-{last}/{total}"
        response.headers.update(spoiled.headers)
        if spoiled.encoding is not None:
            response.headers["Content-Encoding"] = spoiled.encoding
        length = max(0, length + spoiled.body_by)
        if spoiled.no_length or fetch.zip:
            response.enable_chunked_encoding()
        else:
            response.content_length = length
        fetch.status = response.status
        await self._body(request, response, _chunks(read, part, length, spoiled), spoiled, fetch)
        return response

    async def _body(
        self,
        request: web.Request,
        response: web.StreamResponse,
        chunks: Iterator[bytes],
        spoiled: Spoiled,
        fetch: Fetch,
    ) -> None:
        """Send the chunks, up to where it is to be cut or to fall silent."""
        stop, stalls = _stop(spoiled), spoiled.stall_after is not None
        try:
            await response.prepare(request)
            for whole in chunks:
                chunk = whole
                while fetch.sent_bytes + len(chunk) >= stop:
                    before = int(stop) - fetch.sent_bytes
                    await self._write(response, chunk[:before], fetch)
                    chunk, stop = chunk[before:], inf
                    if not stalls or not await silence(request, self._released):
                        _close(request, reset=spoiled.reset)
                        return
                await self._write(response, chunk, fetch)
            await response.write_eof()
        except ConnectionError:
            return  # the client left; what it got is counted

    async def _write(self, response: web.StreamResponse, data: bytes, fetch: Fetch) -> None:
        pace = self.bytes_per_second
        step = CHUNK if pace == inf else max(1024, min(CHUNK, int(pace / 8)))
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            await response.write(piece)
            fetch.sent_bytes += len(piece)
            self.bytes_sent += len(piece)
            async with self._progress:
                self._progress.notify_all()
            if isfinite(pace):
                await self.sleep(len(piece) / pace)


def _close(request: web.Request, *, reset: bool) -> None:
    if request.transport is None:
        return
    if reset:
        request.transport.abort()
    else:
        request.transport.close()  # what was written still arrives


def _plain(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _file_of(link: Link) -> TorrentFile:
    """The file that a link leads to; a zip link leads to the zip of all."""
    if link.file_id is None:
        torrent = link.item.torrent
        return TorrentFile(0, f"{torrent.name}.zip", zipped.size(torrent))
    return next(file for file in shapes.listed_files(link.item) if file.id == link.file_id)


def _reader(link: Link, file: TorrentFile) -> ReadBytes:
    torrent: Published = link.item.torrent
    if link.file_id is None or shapes.is_zipped(link.item):
        whole = zipped.made(torrent)
        return lambda start, length: whole[start : start + length]
    return lambda start, length: torrent.read(file.path, start, length)


def _part(request: web.Request, size: int) -> Part:
    """The range asked for; anything but one plain range is answered with the whole."""
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    # There is no ETag or Last-Modified that an If-Range could match.
    if match is None or match[1] == match[2] == "" or "If-Range" in request.headers:
        return Part(0, size, size, partial=False)
    if match[1] == "":
        return Part(max(0, size - int(match[2])), size, size, partial=True)
    start = int(match[1])
    stop = min(size, int(match[2]) + 1) if match[2] else size
    if stop <= start < size:
        return Part(0, size, size, partial=False)
    return Part(start, stop, size, partial=True)


def _shifted(part: Part, by: int) -> Part:
    if not by:
        return part
    start = min(max(0, part.start + by), max(0, part.size - 1))
    return Part(start, max(start, part.stop), part.size, partial=True)


def _shortened(part: Part, most: int | None) -> Part:
    if most is None or not part.partial:
        return part
    return Part(part.start, min(part.stop, part.start + max(1, most)), part.size, partial=True)


def _stop(spoiled: Spoiled) -> float:
    """Bytes of the response after which nothing ordinary follows."""
    marks = [mark for mark in (spoiled.cut_after, spoiled.stall_after) if mark is not None]
    return min(marks) if marks else inf


def _chunks(read: ReadBytes, part: Part, length: int, spoiled: Spoiled) -> Iterator[bytes]:
    """`length` bytes from the start of the part; beyond the file's end, zeros."""
    at, stop = part.start, part.start + length
    while at < stop:
        room = min(CHUNK, stop - at)
        chunk = read(at, min(room, part.size - at)) if at < part.size else b""
        chunk += bytes(room - len(chunk))
        wrong = spoiled.wrong_at
        if wrong is not None and at <= wrong < at + len(chunk):
            index = wrong - at
            chunk = chunk[:index] + bytes([chunk[index] ^ 0xFF]) + chunk[index + 1 :]
        yield chunk.translate(_GARBLED) if spoiled.garbled else chunk
        at += len(chunk)
