"""What follows an end: the arrs are told of failures and asked to import, beside the engine."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from bridge.arrs.arr import Arr
from bridge.clock import Clock
from bridge.config import ImportMode, NotifySettings, Settings
from bridge.core.accounts import Accounts
from bridge.core.attention import needs_a_person
from bridge.core.contacts import contacts_for
from bridge.core.importing import Importer
from bridge.core.ledger import Ledger
from bridge.core.notices import Notifier
from bridge.core.reached import Reached
from bridge.core.telling import Teller
from bridge.core.timeline import Timeline
from bridge.core.weather import Weather
from bridge.errors import StoreTrouble
from bridge.notify.apprise import Apprise
from bridge.notify.webhook import Webhook
from bridge.store.store import Store, keep

log = logging.getLogger(__name__)

SAVE_SECONDS = 60.0
KEPT = "reached"


class Aftercare:
    """The arrs' side of the house, built in one place."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        store: Store,
        timeline: Timeline,
        accounts: Accounts,
        weather: Weather,
        clock: Clock,
        user_agent: str,
        kept: Mapping[str, str],
    ) -> None:
        self.reached = Reached(settings.server.url_base)
        self.reached.load(kept.get(KEPT, ""))
        self._store = store
        self._clock = clock
        self._arrs = [Arr(one, clock, user_agent) for one in settings.arrs]
        contacts = contacts_for(self._arrs, self.reached, settings.server, clock)
        self.timeline = timeline
        note = timeline.note
        self._senders = _senders(settings.notify, clock, user_agent)
        self._notifier = Notifier(
            settings.notify,
            ledger,
            self._senders,
            lambda: needs_a_person(weather, accounts.account, contacts, clock.time()),
            clock,
        )
        replaced = self._notifier.replaced
        self._teller = Teller(ledger, store, contacts, settings.failures, clock, note, replaced)
        hardlink = settings.downloads.import_mode is ImportMode.HARDLINK
        self._importer = Importer(ledger, contacts, clock, note, hardlink=hardlink)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Everything it is made of, opened in order and closed in reverse."""
        async with AsyncExitStack() as stack:
            parts: list[AbstractAsyncContextManager[object]] = [
                self.timeline,
                *self._arrs,
                *self._senders,
                self._notifier,
                self._teller,
                self._importer,
            ]
            for part in parts:
                await stack.enter_async_context(part)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            saving = group.create_task(self._save_reached(), name="aftercare")
            stack.callback(saving.cancel)
            yield

    async def _save_reached(self) -> None:
        while True:
            await self._clock.sleep(SAVE_SECONDS)
            if self.reached.changed:
                await self._save()

    async def _save(self) -> None:
        try:
            await self._store.write(keep(KEPT, self.reached.dump()))
        except StoreTrouble as error:
            log.warning("%s", error)


def _senders(settings: NotifySettings, clock: Clock, user_agent: str) -> list[Webhook | Apprise]:
    senders: list[Webhook | Apprise] = []
    if settings.webhook:
        senders.append(Webhook(settings.webhook, clock, user_agent))
    if settings.apprise:
        senders.append(Apprise(settings.apprise))
    return senders
