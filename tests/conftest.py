"""The whole house for tests: a simulated TorBox, the bridge, an arr, and a clock moved by hand."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from msgspec.structs import replace

from bridge.app import Bridge, bridge, listening
from bridge.clock import Clock
from bridge.config import DownloadsSettings, ServerSettings, Settings, StateSettings, TorBoxSettings
from bridge.logs import Redactor, SentenceFormatter
from bridge.qbittorrent.logbook import Logbook
from bridge.simulator import Published, Simulator
from tests.secrecy import TORBOX_KEY, Ears

KEY, PASSWORD = TORBOX_KEY, "pass-word"
PATIENCE_SECONDS = 20.0  # of real time, for anything that is awaited


class JumpClock(Clock):
    """Real time that can be put forward; whoever waits for that moment wakes up."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead = 0.0
        self._born = time.time()
        self._sleepers: dict[asyncio.Event, float] = {}

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    def time(self) -> float:
        return self._born + self.monotonic()

    def jump(self, seconds: float) -> None:
        self._ahead += seconds
        for event in list(self._sleepers):
            event.set()

    async def sleep(self, seconds: float) -> None:
        await self.wait(asyncio.Event(), seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        until = self.monotonic() + seconds
        jumped = asyncio.Event()
        self._sleepers[jumped] = until
        try:
            while not event.is_set() and (left := until - self.monotonic()) > 0:
                jumped.clear()
                waits = [asyncio.ensure_future(one.wait()) for one in (event, jumped)]
                try:
                    await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for wait in waits:
                        wait.cancel()
            return event.is_set()
        finally:
            del self._sleepers[jumped]


class Arr:
    """Speaks to the bridge as Sonarr 4 does: cookie, urlencoded or multipart, capital booleans."""

    def __init__(
        self,
        url: str,
        category: str = "tv-sonarr",
        agent: str = "Sonarr/4.0.19.2979 (debian 12)",
    ) -> None:
        self.url, self.category = url, category
        self._session = aiohttp.ClientSession(
            headers={"User-Agent": agent},
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=10),
        )

    async def call(self, method: str, path: str, **options) -> tuple[int, str]:
        async with self._session.request(method, f"{self.url}/api/v2/{path}", **options) as answer:
            return answer.status, await answer.text(errors="replace")

    async def json(self, path: str, **params):
        """Read; after a 403 log in once and repeat, as every arr does."""
        for again in (True, False):
            async with self._session.get(f"{self.url}/api/v2/{path}", params=params) as answer:
                if answer.status == 403 and again:
                    await self.logs_in()
                    continue
                assert answer.status == 200, await answer.text()
                return await answer.json()
        return None

    async def logs_in(self, username: str = "admin", password: str = PASSWORD) -> str:
        _, text = await self.call(
            "POST", "auth/login", data={"username": username, "password": password}
        )
        return text

    async def grabs(self, grab: Published | str, *, as_file: bool = False, **fields) -> str:
        """Add by magnet or .torrent; gives the answer's text."""
        data = {"category": self.category, "paused": "False"} | fields
        if as_file:
            form = aiohttp.FormData()
            for name, value in data.items():
                form.add_field(name, value)
            form.add_field(
                "torrents",
                grab.torrent,
                filename=f"{grab.name}.torrent",
                content_type="application/octet-stream",
            )
            return (await self.call("POST", "torrents/add", data=form))[1]
        data["urls"] = grab if isinstance(grab, str) else grab.magnet
        return (await self.call("POST", "torrents/add", data=data))[1]

    async def polls(self) -> list[dict]:
        return await self.json("torrents/info", category=self.category)

    async def sees(self, grab: Published) -> dict | None:
        rows = [row for row in await self.polls() if row["hash"] == grab.hash]
        return rows[0] if rows else None

    async def removes(self, *grabs: Published, and_files: bool = True) -> None:
        data = {"hashes": "|".join(grab.hash for grab in grabs)}
        if and_files:
            data["deleteFiles"] = "true"
        status, _ = await self.call("POST", "torrents/delete", data=data)
        assert status == 200

    async def close(self) -> None:
        await self._session.close()


class House:
    """A simulated TorBox and a bridge that can be started, stopped and started again."""

    def __init__(self, folder: Path, clock: JumpClock, torbox: Simulator, url: str) -> None:
        self.clock, self.torbox = clock, torbox
        self.ears = Ears()
        self.downloads = folder / "torrents"
        self.settings = Settings(
            torbox=TorBoxSettings(api_key=KEY, api_url=url),
            server=ServerSettings(host="127.0.0.1", port=0),
            downloads=DownloadsSettings(path=str(self.downloads)),
            state=StateSettings(path=str(folder / "state")),
        )
        (folder / "state").mkdir(parents=True, exist_ok=True)
        self.bridge: Bridge
        self.arr: Arr
        self.port = 0
        self._running: AsyncExitStack | None = None

    def sets(self, **sections) -> None:
        """Change settings before the start, `sets(torbox={"poll_seconds": 5})`."""
        for name, fields in sections.items():
            if name == "categories":
                section = fields
            else:
                section = replace(getattr(self.settings, name), **fields)
            self.settings = replace(self.settings, **{name: section})

    async def starts(self, **options) -> Arr:
        stack = AsyncExitStack()
        logbook = Logbook()
        logbook.setFormatter(SentenceFormatter(Redactor([TORBOX_KEY, PASSWORD])))
        log = logging.getLogger("bridge")
        log.addHandler(logbook)
        stack.callback(log.removeHandler, logbook)
        self.bridge = await stack.enter_async_context(
            bridge(self.settings, self.clock, PASSWORD, logbook=logbook, **options)
        )
        self.bridge.app.on_response_prepare.append(self.ears.answer)
        self.port = await stack.enter_async_context(listening(self.bridge.app, "127.0.0.1", 0))
        self._running = stack
        self.arr = Arr(f"http://127.0.0.1:{self.port}{self.settings.server.url_base}")
        stack.push_async_callback(self.arr.close)
        assert await self.arr.logs_in() == "Ok."
        return self.arr

    async def stops(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            await running.aclose()
            self.ears.files(Path(self.settings.state.path))
            assert self.ears.leaks == []

    @property
    def running(self) -> bool:
        return self._running is not None

    async def restarts(self) -> Arr:
        await self.stops()
        return await self.starts()

    async def calm(self) -> None:
        """Until nothing is under way and the engine waits for a moment still to come."""
        engine = self.bridge.engine
        await self.eventually(lambda: not engine.busy, jump=0)

    async def has_begun(self, name: str) -> None:
        """Until bytes of a file of this name lie on the disk: the CDN sends ahead of that."""

        def begun() -> bool:
            return any(file.stat().st_size for file in self.downloads.rglob(name))

        await self.eventually(begun, jump=0)

    async def passes(self, seconds: float, step: float = 30.0) -> None:
        """Let time go by, in steps, with everything done that is due at each."""
        while seconds > 0:
            self.clock.jump(min(step, seconds))
            seconds -= step
            await self.calm()

    async def eventually(
        self,
        condition: Callable[[], object],
        *,
        jump: float = 1.0,
        within: float = PATIENCE_SECONDS,
    ) -> None:
        """Until this is true; time is put forward a little at every look."""
        until = time.monotonic() + within
        while True:
            met = condition()
            if asyncio.iscoroutine(met):
                met = await met
            if met:
                return
            assert time.monotonic() < until, "it never came true"
            if jump:
                self.clock.jump(jump)
            await asyncio.sleep(0.005)

    async def sees_state(self, grab: Published, *states: str, jump: float = 1.0) -> dict:
        """Poll until the arr sees one of these states; gives the row."""
        row: dict = {}

        async def seen() -> bool:
            nonlocal row
            row = await self.arr.sees(grab) or {}
            return row.get("state") in states

        await self.eventually(seen, jump=jump)
        return row

    def files_of(self, row: dict) -> dict[str, bytes]:
        """What lies in the folder that an arr is pointed at, by path."""
        folder = Path(row["content_path"])
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture(autouse=True)
def ears() -> Iterator[Ears]:
    """What anybody says in any test."""
    ears = Ears()
    with ears.listening():
        yield ears
    assert ears.leaks == []


@pytest.fixture
def clock() -> JumpClock:
    return JumpClock()


@asynccontextmanager
async def a_house(folder: Path, clock: JumpClock, **options) -> AsyncIterator[House]:
    torbox = Simulator(clock=clock.time, api_key=KEY, seed=1, **options)
    async with torbox.serving() as url:
        house = House(folder, clock, torbox, url)
        try:
            yield house
        finally:
            await house.stops()


@pytest.fixture
async def house(tmp_path: Path, clock: JumpClock) -> AsyncIterator[House]:
    async with a_house(tmp_path, clock) as one:
        yield one


@pytest.fixture
def torbox(house: House) -> Simulator:
    return house.torbox


@pytest.fixture
async def arr(house: House) -> Arr:
    return await house.starts()
