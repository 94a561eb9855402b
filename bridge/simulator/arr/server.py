"""An arr as tests and benchmarks use it: its library, its clients, its faults, and its API."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from . import shown
from .client import Client, Unreachable, host_and_port
from .library import Library, Release, Wanted
from .tracking import Downloads, Tracked

KEY = "0123456789abcdef0123456789abcdef"
POLL_SECONDS = (60.0, 90.0)  # arr-contract.md §1.2
AFTER_GRAB_SECONDS = 5.0

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Call:
    """A call to the API, as it came."""

    method: str
    path: str
    query: dict[str, str]
    # What a delete of a row, or a grab to be marked as failed, was about; "" for no such thing.
    download_id: str = ""
    client: str = ""


@dataclass
class ArrSimulator:
    """Sonarr unless told otherwise. Faults: `down`, `slow`, and `cuts`, what the next deletes do.

    A cut is "before" (nothing is done), "removed" (only the client was told) or "after" (all is
    done); in each the connection breaks instead of an answer.
    """

    kind: str = "Sonarr"
    apis: Sequence[str] = ("v3",)
    version: str = "4.0.19.2979"
    key: str = KEY
    now: Callable[[], float] = time.time
    into: Path | None = None
    strict_history: bool = False  # Sonarr 5: 400 where there is no grab to be marked as failed
    searches_again: bool = True  # "Redownload Failed"
    root_folders: list[str] = field(default_factory=list)
    mounts: list[str] = field(default_factory=lambda: ["/"])
    sees: Callable[[str], bool] = lambda path: Path(path).is_dir()
    down: bool = False
    slow: float = 0.0
    cuts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.library = Library()
        self.downloads = Downloads(self.library, self.now, self.into)
        self.clients: list[Client] = []
        self.calls: list[Call] = []
        self.url = ""
        self.refreshes = 0
        self.answering = 0  # calls that are not answered yet
        self.pending: list[Wanted] = []  # no client took it; tried again with the next poll
        self.went_wrong: list[str] = []  # in what was begun beside an answer
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def agent(self) -> str:
        """How it calls itself to download clients."""
        return f"{self.kind}/{self.version} (debian 12)"

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        """Answer on a socket; gives the URL."""
        from .api import routes

        app = web.Application()
        app.add_routes(routes(self))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            self.url = f"http://127.0.0.1:{site.port}"
            yield self.url
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            assert not self.went_wrong, self.went_wrong
            for client in self.clients:
                await client.close()
            await runner.cleanup()

    # What people do in it

    def add_client(self, name: str, url: str, *, category: str = "", **fields: object) -> Client:
        """A qBittorrent under Settings, Download Clients."""
        host, port, base = host_and_port(url)
        usual = {"Radarr": "radarr", "Lidarr": "lidarr", "Readarr": "readarr"}
        client = Client(
            len(self.clients) + 1,
            name,
            host,
            port,
            category or usual.get(self.kind, "tv-sonarr"),
            base,
            agent=self.agent,
            **fields,  # type: ignore[arg-type]
        )
        self.clients.append(client)
        return client

    async def grab(self, wanted: Wanted, client: Client | None = None) -> bool:
        """Search: hand the best release that is left to a client; False when none is left."""
        release = self.library.next_release(wanted)
        if release is None:
            wanted.state = "exhausted"
            return False
        try:
            taken = await self.downloads.grab(client or self.clients[0], wanted, release)
        except Unreachable:
            taken = False
        if not taken:
            self.pending.append(wanted)
        return taken

    async def wants(
        self, releases: Sequence[Release], *, title: int = 1, episodes: int = 1
    ) -> Wanted:
        """Want something with these releases, and grab the first of them."""
        wanted = self.library.want(title, list(releases), episodes)
        assert await self.grab(wanted)
        return wanted

    async def polls(self) -> None:
        """Look at all clients now."""
        pending, self.pending = self.pending, []
        for wanted in pending:
            await self.grab(wanted)
        await self.downloads.poll(self.clients)

    async def runs(self, sleep: Sleep, seed: int = 1) -> None:
        """Poll every 60 to 90 seconds, for ever."""
        dice = random.Random(seed)
        while True:
            await self.polls()
            await sleep(dice.uniform(*POLL_SECONDS))

    # What its API does

    def begin(self, work: Awaitable[object]) -> None:
        """Do this beside the answer."""

        async def doing() -> None:
            try:
                await work
            except (AssertionError, KeyError, OSError, Unreachable) as error:
                if not self.down:
                    self.went_wrong.append(repr(error))

        task = asyncio.create_task(doing())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Until everything begun is done."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    @property
    def busy(self) -> bool:
        """Whether anything is under way here."""
        return bool(self._tasks) or self.answering > 0

    def find_row(self, row_id: int, api: str) -> Tracked | None:
        """The download behind a row of the queue."""
        for one in self.downloads.shown():
            if row_id in shown.row_ids(one, api):
                return one
        return None

    async def remove(
        self, one: Tracked, *, from_client: bool, blocklist: bool, search: bool, cut: str
    ) -> str:
        """Delete a row: the client first, then the blocklist (§4.5); "" or what goes wrong."""
        if cut == "before":
            return "cut"
        if from_client:
            try:
                await one.client.remove(one.download_id)
            except Unreachable as error:
                return str(error)
        if cut == "removed":
            return "cut"
        if blocklist and not self.mark_failed(one.download_id, search=search):
            return "no history"
        self.downloads.stop(one)
        return "cut" if cut == "after" else ""

    def mark_failed(self, download_id: str, *, search: bool = True) -> bool:
        """Blocklist it and search again; False where that is an error, without any grab."""
        grab = self.library.grab_of(download_id)
        if grab is None:
            return not self.strict_history
        self.library.note("downloadFailed", grab.wanted, grab.release, self.now())
        self.library.blocklist.append(grab.release.hash)
        grab.wanted.state = "wanted"
        if search and self.searches_again:
            self.begin(self._search(grab.wanted))
        return True

    async def _search(self, wanted: Wanted) -> None:
        await self.grab(wanted)

    def deletes(self) -> list[Call]:
        """Every delete of a queue row that was asked for."""
        return [call for call in self.calls if call.method == "DELETE"]
