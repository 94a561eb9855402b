"""Settings that change while the bridge runs: the TorBox key, the rules per category, the log.

They are read again on SIGHUP; the key also every ten minutes, because TorBox may rotate it.
"""

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from bridge.clock import Clock
from bridge.config import Settings
from bridge.core.accounts import Accounts
from bridge.core.commands import Commands
from bridge.core.engine import Engine
from bridge.errors import BadSettings
from bridge.torbox.client import TorBox

log = logging.getLogger(__name__)

RELOAD_SECONDS = 600.0


class Reloader:
    """Reads the settings again and uses what can be changed; the rest is named."""

    def __init__(
        self,
        read: Callable[[], Settings],
        settings: Settings,
        torbox: TorBox,
        accounts: Accounts,
        engine: Engine,
        commands: Commands,
        clock: Clock,
    ) -> None:
        self._read = read
        self._settings = settings
        self._torbox = torbox
        self._accounts = accounts
        self._engine = engine
        self._commands = commands
        self._clock = clock
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="reload")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def ask(self) -> None:
        """Read the settings now."""
        self._asked.set()

    async def _run(self) -> None:
        while True:
            await self._clock.wait(self._asked, RELOAD_SECONDS)
            told = self._asked.is_set()
            self._asked.clear()
            try:
                settings = await asyncio.to_thread(self._read)
            except BadSettings as error:
                log.warning("the settings were not read again: %s", error)
                continue
            self._take(settings, told=told)

    def _take(self, settings: Settings, *, told: bool) -> None:
        key = settings.torbox.api_key
        if key and key != self._settings.torbox.api_key:
            log.info("the TorBox key has changed; the new one is used from now on")
            self._torbox.use_key(key)
            self._accounts.use_key(key)
            self._engine.key_changed()
            self._settings = replace(
                self._settings, torbox=replace(self._settings.torbox, api_key=key)
            )
        if told:
            self._use(settings)

    def _use(self, settings: Settings) -> None:
        """Use the rules and the log level as they are now; say what only a restart changes."""
        before = self._settings
        now = replace(before, categories=settings.categories, log=settings.log)
        if now != before:
            logging.getLogger().setLevel(settings.log.level.upper())
            self._engine.use_settings(now)
            self._commands.use_settings(now)
            self._settings = now
            log.info("the rules per category and the log level are used as they are now")
        later = [
            name for name in now.__struct_fields__ if getattr(settings, name) != getattr(now, name)
        ]
        if later:
            log.warning("restart the bridge for what has changed in: %s", ", ".join(later))
