"""The one place that touches the network on the way to TorBox's API.

The key, links and any URL with a query stay out of every message: an exception of aiohttp's carries
them, so ours are raised after its handler has ended, without it as their context.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import aiohttp
from yarl import URL

from bridge.clock import Clock
from bridge.config import TorBoxSettings
from bridge.errors import AccountTrouble, TorBoxBusy, TorBoxUnreached, TorBoxUnwell, Trouble
from bridge.torbox import verdicts
from bridge.torbox.envelope import Reply, answered_at, read, wait_asked
from bridge.torbox.limits import LIST, LONGEST_BACKOFF_SECONDS, Limits

CALL_SECONDS = 30.0
CONNECT_SECONDS = 10.0
LARGEST_BODY = 64 * 2**20
CHUNK = 2**18
UNREACHED = "no connection"
# A failed answer to one of these says that TorBox is ill, not only the thing that was asked for.
READS = frozenset({LIST, "getqueued", "me"})

# Told of a call: its endpoint, why it was not done ("" if it was), and how long the answer took.
Listener: TypeAlias = Callable[[str, str, float], None]


class Wire:
    """Sends calls within the limits, and remembers how TorBox is and what time it has."""

    def __init__(
        self, settings: TorBoxSettings, limits: Limits, clock: Clock, user_agent: str
    ) -> None:
        self._base = URL(settings.api_url.rstrip("/") + "/v1/api/")
        self._limits = limits
        self._clock = clock
        self._user_agent = user_agent
        self._key = settings.api_key.strip()
        self._session: aiohttp.ClientSession | None = None
        self._listeners: list[Listener] = []
        self._dated: tuple[float, float] | None = None  # its time, and ours (monotonic) then
        self.last_good_at: float | None = None
        self.unwell_since: float | None = None

    async def open(self) -> None:
        """Be ready to call."""
        self._session = aiohttp.ClientSession(
            headers={"User-Agent": self._user_agent, "Accept": "application/json, */*"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def use_key(self, api_key: str) -> None:
        """Use this key from the next call on."""
        self._key = api_key.strip()

    def server_time(self) -> float | None:
        """What time it is at TorBox, whatever the wall clock here does; None before any answer."""
        if self._dated is None:
            return None
        date, then = self._dated
        return date + self._clock.monotonic() - then

    def listen(self, listener: Listener) -> None:
        """Be told of every call once it has an answer, or none."""
        self._listeners.append(listener)

    async def call(
        self,
        method: str,
        service: str,
        endpoint: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        form: aiohttp.FormData | None = None,
        seconds: float = CALL_SECONDS,
        spare: bool = False,
        key_in_query: bool = False,
    ) -> Reply:
        """Send one call and read its answer, whatever it is; only "not now" and silence raise."""
        key = self._usable_key()
        query = {**(params or {}), **({"token": key} if key_in_query else {})}
        headers = {} if key_in_query else {"Authorization": f"Bearer {key}"}
        async with self._limits.call(endpoint, spare=spare) as sent_at:
            started = self._clock.monotonic()
            answer = await self._exchange(
                seconds,
                method,
                self._base / service / endpoint,
                params=query,
                headers=headers,
                json=body,
                data=form,
            )
            taken = self._clock.monotonic() - started
            if isinstance(answer, str):
                self._tell(endpoint, "no_answer", taken)
                self._is_unwell()
                kind = TorBoxUnreached if answer == UNREACHED else TorBoxUnwell
                raise kind(f"TorBox did not answer ({endpoint}): {answer}")
            status, answer_headers, content = answer
            reply = read(status, answer_headers, content, secret=key, sent_at=sent_at)
            self._tell(endpoint, _refusal(reply), taken)
            await self._heed(endpoint, reply)
        return reply

    def _tell(self, endpoint: str, refusal: str, seconds: float) -> None:
        for listener in self._listeners:
            listener(endpoint, refusal, seconds)

    def _usable_key(self) -> str:
        if not self._key:
            raise AccountTrouble(Trouble.KEY, "There is no TorBox API key in the settings")
        if not self._key.isascii() or not self._key.isprintable() or " " in self._key:
            raise AccountTrouble(Trouble.KEY, "The TorBox API key has characters that no key has")
        return self._key

    async def _exchange(
        self, seconds: float, method: str, url: URL, **request: Any
    ) -> tuple[int, Mapping[str, str], bytes] | str:
        """Status, headers and body, or in a word why there are none."""
        assert self._session is not None, "TorBox is used inside `async with` only"
        timeout = aiohttp.ClientTimeout(
            total=self._clock.socket_seconds(seconds),
            sock_connect=self._clock.socket_seconds(CONNECT_SECONDS),
        )
        try:
            async with self._session.request(
                method, url, allow_redirects=False, timeout=timeout, **request
            ) as response:
                content = bytearray()
                async for chunk in response.content.iter_chunked(CHUNK):
                    content += chunk
                    if len(content) > LARGEST_BODY:
                        return "the answer has no end"
                return response.status, response.headers, bytes(content)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return UNREACHED
        except TimeoutError:
            return "time-out"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return type(error).__name__

    async def _heed(self, endpoint: str, reply: Reply) -> None:
        """Take from an answer what it says about TorBox as a whole."""
        asked = wait_asked(reply, self.server_time() or self._clock.time())
        if verdicts.limited(reply):
            wait = await self._limits.refused(endpoint, asked, hourly="hour" in reply.says)
            raise TorBoxBusy("TorBox says that it was asked too often", wait)
        if reply.status == 503 and asked is not None:
            await self._limits.pause(endpoint, min(asked, LONGEST_BACKOFF_SECONDS))
        self._limits.worked(endpoint)
        if reply.parsed and (date := answered_at(reply)) is not None:
            # The header counts whole seconds: half of one is missing on the average.
            self._dated = (date + 0.5, self._clock.monotonic())
        failed = reply.status >= 500 and (reply.success is None or endpoint in READS)
        if (reply.parsed or reply.is_file) and not failed and reply.code != "AUTH_ERROR":
            self.last_good_at = self._clock.monotonic()
            self.unwell_since = None
        else:
            self._is_unwell()

    def _is_unwell(self) -> None:
        if self.unwell_since is None:
            self.unwell_since = self._clock.monotonic()


def _refusal(reply: Reply) -> str:
    """In a word why TorBox did not do it, for counting; "" if it did."""
    if verdicts.limited(reply):
        return "limited"
    return "" if reply.ok or reply.is_file or verdicts.empty_list(reply) else "refused"
