"""What `torrents/add` is given: links, and uploaded files; http(s) links are fetched here."""

import asyncio
from collections.abc import Iterable

import aiohttp
from msgspec import Struct
from yarl import URL

from bridge.clock import Clock
from bridge.errors import NotATorrent
from bridge.model import Source
from bridge.qbittorrent.forms import Upload
from bridge.torrentfile import read_source, read_torrent

MOST_FETCHED_BYTES = 10 * 1024 * 1024
FETCH_SECONDS = 15.0
MOST_REDIRECTS = 5
FETCHES_AT_ONCE = 5
MOST_FETCHES = 50
# What is smaller is read in no time; reading the largest takes seconds.
READ_IN_LOOP = 64 * 1024
AGENT = "Mozilla/5.0 torbox-bridge"


class BadUpload(NotATorrent):
    """An uploaded file that is no .torrent."""


class Given(Struct, frozen=True):
    """What could be read of an add, and how much could not."""

    sources: list[Source]
    failures: int


async def read_upload(upload: Upload) -> Source:
    """The torrent in an uploaded file."""
    try:
        return await _read(upload.data)
    except NotATorrent as error:
        raise BadUpload(f"Error: '{upload.filename}' is not a valid torrent file.") from error


async def read_links(lines: Iterable[str], cookie: str, clock: Clock) -> Given:
    """The torrents that these lines name. A line that names none is counted and passed over."""
    fetched = [line for line in lines if line]
    web_links = [line for line in fetched if _is_web(line)][:MOST_FETCHES]
    turn = asyncio.Semaphore(FETCHES_AT_ONCE)
    fetches = {
        line: asyncio.ensure_future(_fetched(line, cookie, clock, turn)) for line in web_links
    }
    if fetches:
        # One patience for all of them: whoever adds waits for the answer.
        await asyncio.wait(fetches.values(), timeout=clock.socket_seconds(FETCH_SECONDS))
    found = {line: fetch.result() for line, fetch in fetches.items() if fetch.done()}
    for fetch in fetches.values():
        fetch.cancel()
    read = [found.get(line) if _is_web(line) else _named(line) for line in fetched]
    sources = [source for source in read if source is not None]
    return Given(sources, len(read) - len(sources))


def _named(line: str) -> Source | None:
    # file: links and paths of this machine are no links for us: they end here, too.
    try:
        return read_source(line)
    except NotATorrent:
        return None


def _is_web(line: str) -> bool:
    return line[:8].lower().startswith(("http://", "https://"))


async def _fetched(line: str, cookie: str, clock: Clock, turn: asyncio.Semaphore) -> Source | None:
    seconds = clock.socket_seconds(FETCH_SECONDS)
    try:
        async with (
            turn,
            asyncio.timeout(seconds),
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=seconds),
                headers={"User-Agent": AGENT},
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as session,
        ):
            return await _follow(session, line, cookie)
    except (aiohttp.ClientError, TimeoutError, NotATorrent, ValueError, OSError):
        return None


async def _follow(session: aiohttp.ClientSession, line: str, cookie: str) -> Source | None:
    url = URL(line, encoded=True)
    first = url.host
    for _ in range(MOST_REDIRECTS + 1):
        headers = {"Referer": line}
        if cookie and url.host == first:
            headers["Cookie"] = cookie
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status in {301, 302, 303, 307, 308}:
                target = response.headers.get("Location", "")
                if target[:7].lower() == "magnet:":
                    return read_source(target)
                url = url.join(URL(target, encoded=True))
                if url.scheme not in {"http", "https"}:
                    return None
                continue
            if response.status != 200:
                return None
            return await _read(await _bounded(response))
    return None


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        data += chunk
        if len(data) > MOST_FETCHED_BYTES:
            raise NotATorrent("the link leads to more than 10 MiB")
    return bytes(data)


async def _read(data: bytes) -> Source:
    if data[:7].lower() == b"magnet:" and len(data) <= READ_IN_LOOP:
        return read_source(data.decode(errors="replace"))
    if len(data) <= READ_IN_LOOP:
        return read_torrent(data)
    return await asyncio.to_thread(read_torrent, data)
