"""The one place that touches the network on the way to an arr.

The key travels in a header, and no message of ours repeats a header, a URL with a query, or what
aiohttp says of either.
"""

import json
from collections.abc import Mapping
from typing import Any

import aiohttp
from msgspec import Struct
from yarl import URL

from bridge.clock import Clock
from bridge.config import ArrSettings
from bridge.errors import ArrGone, ArrRefused, ArrUnwell
from bridge.names import display_name

CALL_SECONDS = 30.0
CONNECT_SECONDS = 10.0
LARGEST_BODY = 64 * 2**20
MOST_WORDS = 200
PASSING = frozenset({408, 425, 429})  # of a proxy in between: no word of the arr's


class Reply(Struct, frozen=True):
    """A status below 400, and what the JSON of the answer says (None for none)."""

    status: int
    body: Any


class Wire:
    """Sends calls to one arr. Raises ArrUnwell, ArrRefused and ArrGone, and nothing else."""

    def __init__(self, settings: ArrSettings, clock: Clock, user_agent: str) -> None:
        self.name = settings.name
        self._base = URL(settings.url.rstrip("/") + "/")
        self._key = settings.api_key
        self._clock = clock
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Be ready to call."""
        self._session = aiohttp.ClientSession(
            headers={
                "X-Api-Key": self._key,
                "User-Agent": self._user_agent,
                "Accept": "application/json",
            },
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        seconds: float = CALL_SECONDS,
    ) -> Reply:
        """One call and its answer. `seconds` bound it as a whole."""
        answer = await self._exchange(method, path, params, body, seconds)
        if isinstance(answer, str):
            raise ArrUnwell(f"{self.name} does not answer ({answer})")
        status, content = answer
        said = _parsed(content)
        if status in (401, 403):
            raise ArrRefused(f"{self.name} does not accept the API key in the settings", key=True)
        if status == 404:
            raise ArrGone(f"{self.name} knows no such thing")
        if 300 <= status < 400:
            raise ArrRefused(f"{self.name} redirects: the URL in the settings lacks its URL base")
        if 400 <= status < 500 and status not in PASSING:
            raise ArrRefused(
                f"{self.name} says: {words(said) or status}", only_warnings=_only_warnings(said)
            )
        if status >= 400 or (content.strip() and said is None):
            raise ArrUnwell(
                f"{self.name} is not well (status {status}): {words(said) or 'no JSON'}"
            )
        return Reply(status, said)

    async def _exchange(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: object,
        seconds: float,
    ) -> tuple[int, bytes] | str:
        """Status and body, or in a word why there are none."""
        assert self._session is not None, "an arr is used inside `async with` only"
        timeout = aiohttp.ClientTimeout(
            total=self._clock.socket_seconds(seconds),
            sock_connect=self._clock.socket_seconds(CONNECT_SECONDS),
        )
        try:
            async with self._session.request(
                method,
                self._base / path,
                params=params,
                json=body,
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                content = bytearray()
                async for chunk in response.content.iter_chunked(2**18):
                    content += chunk
                    if len(content) > LARGEST_BODY:
                        return "the answer has no end"
                return response.status, bytes(content)
        except TimeoutError:
            return "time-out"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return type(error).__name__


def words(said: object) -> str:
    """What an arr says went wrong, on one line: a message, or the failures of a validation."""
    if isinstance(said, list):
        return "; ".join(filter(None, (words(one) for one in said[:5])))
    if not isinstance(said, dict):
        return ""
    for key in ("errorMessage", "message", "title"):
        text = said.get(key)
        if isinstance(text, str) and text:
            return display_name(text)[:MOST_WORDS]
    return ""


def _only_warnings(said: object) -> bool:
    failures = said if isinstance(said, list) else []
    return bool(failures) and all(
        isinstance(one, dict) and (one.get("severity") == "warning" or one.get("isWarning") is True)
        for one in failures
    )


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8", "replace"), strict=False)
    except ValueError:
        return None
