"""One arr's own API, one method for each thing that is asked of it (arr-contract.md §4.5)."""

from types import TracebackType
from typing import Self

from msgspec import Struct

from bridge.arrs import replies
from bridge.arrs.replies import Entry, Event, Row
from bridge.arrs.wire import Wire
from bridge.clock import Clock
from bridge.config import ArrSettings
from bridge.errors import ArrGone, ArrRefused, ArrUnwell

APIS = ("v3", "v1", "v5")  # Sonarr 5 has v3 and v5; a later one may have v5 alone
KINDS = ("Sonarr", "Radarr", "Lidarr", "Readarr", "Whisparr")
PAGE, MOST_PAGES = 1000, 20
EVENTS = 250
# The arr calls us back before it answers, and blocklists and begins a search besides.
REMOVE_SECONDS = 100.0
UNKNOWN_TOO = {
    f"includeUnknown{title}Items": "true" for title in ("Series", "Movie", "Artist", "Author")
}


class App(Struct, frozen=True):
    """Which arr it is, found by asking."""

    name: str  # Sonarr, Radarr …
    version: str
    api: str  # v1, v3 or v5


class Arr:
    """Sonarr, Radarr or one of their kin. Opened with `async with`."""

    def __init__(self, settings: ArrSettings, clock: Clock, user_agent: str) -> None:
        self.name = settings.name
        self.client_name = settings.client
        self.wire = Wire(settings, clock, user_agent)
        self._app: App | None = None

    async def __aenter__(self) -> Self:
        await self.wire.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.wire.close()

    async def app(self) -> App:
        """Which arr and which API; asked once, and again after an answer that did not fit."""
        if self._app is None:
            self._app = await self._ask_app()
        return self._app

    async def path(self, rest: str) -> str:
        """The path of an endpoint in the API that this arr has."""
        return f"api/{(await self.app()).api}/{rest}"

    async def entries(self) -> tuple[Entry, ...]:
        """The qBittorrents among its download clients."""
        reply = await self.wire.call("GET", await self.path("downloadclient"))
        return tuple(replies.entries(reply.body))

    async def queue(self) -> tuple[Row, ...]:
        """Everything in its queue that some download client has."""
        found: list[Row] = []
        for page in range(1, MOST_PAGES + 1):
            params = {"page": str(page), "pageSize": str(PAGE), **UNKNOWN_TOO}
            reply = await self.wire.call("GET", await self.path("queue"), params=params)
            found += replies.rows(reply.body)
            if page * PAGE >= replies.total(reply.body):
                break
        return tuple(dict.fromkeys(found))

    async def events(self, download_id: str) -> tuple[Event, ...]:
        """What its history has of this download, newest first."""
        params = {
            "page": "1",
            "pageSize": str(EVENTS),
            "sortKey": "date",
            "sortDirection": "descending",
            "downloadId": download_id.upper(),
        }
        reply = await self.wire.call("GET", await self.path("history"), params=params)
        # An arr that does not know the filter would answer with everybody's.
        own = [one for one in replies.events(reply.body) if one.download_id == download_id.upper()]
        return tuple(sorted(own, key=lambda one: one.id, reverse=True))

    async def remove(self, row: Row, *, search: bool, reason: str) -> None:
        """Have the torrent of this row removed and blocklisted, and another one searched for.

        The arr calls our `torrents/delete` while this call is open: nothing may be locked.
        """
        params = {
            "removeFromClient": "true",
            "blocklist": "true",
            "skipRedownload": "false" if search else "true",
            "changeCategory": "false",
        }
        if (await self.app()).api == "v5":
            params["message"] = reason
        path = await self.path(f"queue/{row.id}")
        await self.wire.call("DELETE", path, params=params, seconds=REMOVE_SECONDS)

    async def mark_failed(self, grab: Event) -> None:
        """Have a grab blocklisted and searched anew that is in no queue any more."""
        await self.wire.call("POST", await self.path(f"history/failed/{grab.id}"))

    async def refresh(self) -> None:
        """Have it look at its download clients now, and import what is complete."""
        path, body = await self.path("command"), {"name": "RefreshMonitoredDownloads"}
        await self.wire.call("POST", path, body=body)

    async def _ask_app(self) -> App:
        for api in APIS:
            try:
                reply = await self.wire.call("GET", f"api/{api}/system/status")
            except ArrGone:
                continue
            said = reply.body if isinstance(reply.body, dict) else {}
            name = str(said.get("appName", ""))
            if name not in KINDS:
                raise ArrRefused(
                    f"{self.name} is {name or 'something else'}, not one of {', '.join(KINDS)}"
                )
            return App(name, str(said.get("version", "")), api)
        raise ArrUnwell(f"{self.name} answers, but not as an arr does: check its URL")
