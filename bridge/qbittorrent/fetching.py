"""http(s) links in `torrents/add`: fetched while the client waits, within number, size and time.

Links are followed wherever they lead, private addresses included: that is where Prowlarr and
Jackett are. Nothing but a torrent comes back from there, and no word of it is shown to anybody.
"""

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress

import aiohttp
from yarl import URL

from bridge.clock import Clock
from bridge.errors import NotATorrent
from bridge.model import Source
from bridge.names import display_name
from bridge.torrentfile import read_source, read_torrent

MOST_FETCHED_BYTES = 10 * 1024 * 1024
FETCH_SECONDS = 15.0
MOST_REDIRECTS = 5
FETCHES_AT_ONCE = 5
MOST_FETCHES = 50
# What is smaller is read in no time; reading the largest takes seconds.
READ_IN_LOOP = 64 * 1024
AGENT = "Mozilla/5.0 torbox-bridge"

log = logging.getLogger(__name__)


async def fetch(links: Collection[str], cookie: str, clock: Clock) -> dict[str, Source]:
    """What these links lead to, as far as it comes in time; the log names the others."""
    if not links:
        return {}
    turn = asyncio.Semaphore(FETCHES_AT_ONCE)
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None),  # one patience for all of them, below
        headers={"User-Agent": AGENT},
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        fetches = {
            link: asyncio.ensure_future(_fetched(session, link, cookie, turn)) for link in links
        }
        await _wait(fetches.values(), clock)
    for link, one in fetches.items():
        if one.cancelled():
            _tell(link, f"it did not come within {FETCH_SECONDS:g} seconds")
    done = {link: one.result() for link, one in fetches.items() if not one.cancelled()}
    return {link: source for link, source in done.items() if source is not None}


async def read_data(data: bytes) -> Source:
    """The torrent in a file; some sites send the text of a magnet link instead."""
    if data[:7].lower() == b"magnet:" and len(data) <= READ_IN_LOOP:
        return read_source(data.decode(errors="replace"))
    if len(data) <= READ_IN_LOOP:
        return read_torrent(data)
    return await asyncio.to_thread(read_torrent, data)


async def _wait(fetches: Collection[asyncio.Future[Source | None]], clock: Clock) -> None:
    """Wait until all are done or the time is over, and end those that are not."""
    try:
        with suppress(TimeoutError):  # whoever adds waits for the answer
            await clock.within(FETCH_SECONDS, asyncio.wait(fetches))
    finally:
        for one in fetches:
            one.cancel()
        await asyncio.wait(fetches)


async def _fetched(
    session: aiohttp.ClientSession, link: str, cookie: str, turn: asyncio.Semaphore
) -> Source | None:
    try:
        async with turn:
            return await _follow(session, link, cookie)
    except NotATorrent as error:
        why = str(error)
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
        # Their own words may repeat the link, and links hold passkeys.
        why = f"it cannot be fetched ({type(error).__name__})"
    _tell(link, why)
    return None


async def _follow(session: aiohttp.ClientSession, link: str, cookie: str) -> Source:
    first = url = _url(link)
    for _ in range(MOST_REDIRECTS + 1):
        headers = {}
        if may_know(first, url):
            headers = {"Referer": str(first.with_user(None))}
            if cookie:
                headers["Cookie"] = cookie
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status not in {301, 302, 303, 307, 308}:
                if response.status != 200:
                    raise NotATorrent(f"it answers {response.status}")
                return await read_data(await _bounded(response))
            target = response.headers.get("Location", "")
        if target[:7].lower() == "magnet:":
            return read_source(target)
        url = url.join(_url(target))
        if url.scheme not in {"http", "https"}:
            raise NotATorrent("it leads to what is neither http nor https")
    raise NotATorrent(f"it leads on more than {MOST_REDIRECTS} times")


def _url(text: str) -> URL:
    """A link as it is, so that signed ones stay as they were signed, if it can be sent so."""
    return URL(text, encoded=text.isascii() and text.isprintable() and " " not in text)


def may_know(first: URL, url: URL) -> bool:
    """Whether what came with the link, and the link itself, may be told to this address."""
    return url.host == first.host and (url.scheme == "https" or first.scheme == "http")


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    too_much = (response.content_length or 0) > MOST_FETCHED_BYTES
    while not too_much and (chunk := await response.content.readany()):
        data += chunk
        too_much = len(data) > MOST_FETCHED_BYTES  # unpacked, whatever its length was said to be
    if too_much:
        raise NotATorrent("it leads to more than 10 MiB")
    return bytes(data)


def _tell(link: str, why: str) -> None:
    try:
        host = _url(link).host
    except ValueError:
        host = None
    log.warning("no torrent from a link to %s: %s", display_name(host or "nowhere"), why)
