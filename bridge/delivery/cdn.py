"""The CDN on the wire: one GET per connection, and what of its answers is worth keeping.

The session carries no credentials. No error here names a link, nor does its cause.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from bridge.clock import Clock
from bridge.delivery.answers import check_answer, redirect_of
from bridge.delivery.body import Body
from bridge.delivery.links import safe_url
from bridge.delivery.wakeups import wakeups_of
from bridge.errors import CdnBusy, CdnUnwell, LinkRefused
from bridge.model import File

CONNECT_SECONDS = 15.0
SILENCE_SECONDS = 60.0
MOST_REDIRECTS = 5
READ_AHEAD_BYTES = 128 << 10  # for less, the socket is turned off and on with every read


class Cdn:
    """Opened once for all downloads."""

    def __init__(self, clock: Clock, *, user_agent: str, allow_http: bool) -> None:
        self._clock = clock
        self._user_agent = user_agent
        self._allow_http = allow_http
        self._session: aiohttp.ClientSession | None = None
        self._quiet_until: dict[str, float] = {}  # hosts that answered 429

    async def __aenter__(self) -> Self:
        # Made here, not at import, so that SSL_CERT_FILE of this process counts.
        context = await asyncio.to_thread(ssl.create_default_context)
        connector = aiohttp.TCPConnector(limit=0, ssl=context)
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=self._clock.socket_seconds(CONNECT_SECONDS),
            sock_read=self._clock.socket_seconds(SILENCE_SECONDS),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            read_bufsize=READ_AHEAD_BYTES,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    @asynccontextmanager
    async def body(self, link: str, file: File, start: int, stop: int) -> AsyncIterator[Body]:
        """The file's bytes from `start` to `stop`, or at least the first of them."""
        asked = f"bytes={start}-" if stop == file.size else f"bytes={start}-{stop - 1}"
        response = await self._answer(safe_url(link, allow_http=self._allow_http), asked)
        connection = response.connection
        wakeups = wakeups_of(connection.transport if connection else None)
        try:
            try:
                first, count, attested = check_answer(response, start, file)
            except CdnBusy as busy:
                self._keep_away_from(response.url, busy.wait_seconds)
                raise
            yield Body(
                response.content,
                self._clock,
                skip=start - first,
                count=min(first + count, stop) - start,
                attested=attested,
                more=first + count > stop,
                whole=response.status == 200,
                length=response.content_length,
                wakeups=wakeups,
            )
        finally:
            wakeups.reset()
            # Half-read connections are closed, whole ones were given back already.
            response.close()

    async def _answer(self, url: URL, asked: str) -> aiohttp.ClientResponse:
        """The first answer that is no redirect."""
        for _ in range(MOST_REDIRECTS + 1):
            self._check_host(url)
            response = await self._get(url, asked)
            target = redirect_of(response)
            if target is None:
                return response
            response.close()
            try:
                url = safe_url(str(url.join(target)), allow_http=self._allow_http)
            except ValueError:
                raise LinkRefused("the CDN redirects to something that is no link") from None
        raise LinkRefused("the CDN redirects in circles")

    async def _get(self, url: URL, asked: str) -> aiohttp.ClientResponse:
        assert self._session is not None
        try:
            return await self._session.get(url, headers={"Range": asked}, allow_redirects=False)
        except TimeoutError:
            raise CdnUnwell("the CDN does not answer") from None
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError):
            # The causes name the link, so they are not passed on.
            raise CdnUnwell("the CDN cannot be reached") from None

    def _check_host(self, url: URL) -> None:
        left = self._quiet_until.get(url.host or "", 0.0) - self._clock.monotonic()
        if left > 0:
            raise CdnBusy("the CDN asked us to wait", left)

    def _keep_away_from(self, url: URL, seconds: float) -> None:
        """A 429 is meant for our address, not for one file: nobody asks this host until then."""
        now = self._clock.monotonic()
        kept = {host: until for host, until in self._quiet_until.items() if until > now}
        self._quiet_until = kept | {url.host or "": now + seconds}
