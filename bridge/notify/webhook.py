"""A JSON POST. The URL is a secret: whoever has it can write to whoever reads there."""

from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from bridge.clock import Clock
from bridge.errors import NotSent
from bridge.notify.message import Message

SECONDS = 20.0


class Webhook:
    """Opened with `async with`."""

    name = "webhook"

    def __init__(self, url: str, clock: Clock, user_agent: str) -> None:
        self._url = URL(url)
        self._clock = clock
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"User-Agent": self._user_agent}, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def send(self, message: Message) -> None:
        """NotSent unless it was taken."""
        status = await self._status(message)
        if isinstance(status, str) or status >= 300:
            raise NotSent(f"the webhook answered {status}")

    async def _status(self, message: Message) -> int | str:
        # Outside of the handler nothing is raised with aiohttp's error, which repeats the URL.
        assert self._session is not None
        timeout = aiohttp.ClientTimeout(total=self._clock.socket_seconds(SECONDS))
        try:
            async with self._session.post(
                self._url, json=message.json(), timeout=timeout, allow_redirects=False
            ) as response:
                return response.status
        except TimeoutError:
            return "not in time"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"not at all ({type(error).__name__})"
