"""Apprise, for some hundred services; installed as `torbox-bridge[notify]`."""

import asyncio
import importlib
import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from bridge.errors import BadSettings, NotSent
from bridge.notify.message import Message

SECONDS = 60.0


class Apprise:
    """Opened with `async with`. BadSettings when it is not installed, or a URL is not one."""

    name = "Apprise"

    def __init__(self, urls: Sequence[str]) -> None:
        try:
            module = importlib.import_module("apprise")
        except ImportError:
            raise BadSettings(
                "notify.apprise needs a part that is not installed: pip install"
                " 'torbox-bridge[notify]'"
            ) from None
        # It logs URLs; ours alone says what went wrong, and how.
        logging.getLogger("apprise").disabled = True
        self._apprise: Any = module.Apprise()
        for number, url in enumerate(urls, 1):
            if not self._apprise.add(url):
                raise BadSettings(f"notify.apprise: URL number {number} is none of Apprise's")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing stays open."""

    async def send(self, message: Message) -> None:
        """NotSent unless every service took it."""
        try:
            async with asyncio.timeout(SECONDS):
                # It waits for sockets in its own way, which is no business of our loop.
                sent = await asyncio.to_thread(
                    self._apprise.notify, title=message.title, body=message.text
                )
        except TimeoutError:
            raise NotSent("Apprise did not end in time") from None
        if not sent:
            raise NotSent("Apprise could not reach all of its services")
