"""What several unit tests share: time moved by hand, and a server that says what it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.clock import Clock
from bridge.config import TorBoxSettings
from bridge.torbox.client import TorBox
from bridge.torbox.limits import Limits
from tests.unit.torbox_words import KEY


class HandClock(Clock):
    """Time passes only when someone waits, or by `now`."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        super().__init__()
        self.now = now
        self.passed = 0.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.passed

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.passed += seconds

    async def sleep(self, seconds: float) -> None:
        self.advance(max(0.0, seconds))
        await asyncio.sleep(0)


class Asked:
    """A request as it arrived."""

    def __init__(self, request: web.Request, body: bytes) -> None:
        self.method = request.method
        self.path = request.path
        self.query = dict(request.query)
        self.headers = request.headers.copy()
        self.body = body


class Canned:
    """A server on a real socket with prepared answers, given in turn, the last one for ever."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._answers: list[Callable[[web.Request], Any]] = []

    def says(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> "Canned":
        """Text and bytes go out as they are, all else as JSON."""
        raw = body if isinstance(body, bytes | str) else json.dumps(body)
        raw = raw.encode() if isinstance(raw, str) else raw
        head = {"content-type": "application/json"}
        head |= {name.lower(): value for name, value in (headers or {}).items()}

        async def answer(_request: web.Request) -> web.Response:
            return web.Response(status=status, body=raw, headers=head)

        return self.does(answer)

    def does(self, answer: Callable[[web.Request], Any]) -> "Canned":
        self._answers.append(answer)
        return self

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(Asked(request, await request.read()))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return await answer(request)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app


@pytest.fixture
def hand_clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def canned() -> AsyncIterator[Canned]:
    canned = Canned()
    server = TestServer(canned.app())
    await server.start_server(access_log=None)  # it would log the key of `requestdl`
    try:
        canned.url = str(server.make_url("")).rstrip("/")
        yield canned
    finally:
        await server.close()


class Remembering:
    """A memory for `Limits` that outlives it within one test."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, float]] = []
        self.paused: dict[str, float] = {}

    async def calls_since(self, since: float) -> list[tuple[str, float]]:
        return [call for call in self.calls if call[1] > since]

    async def add_call(self, endpoint: str, at: float) -> None:
        await asyncio.sleep(0)  # others get their turn here, as with a real store
        self.calls.append((endpoint, at))

    async def remove_call(self, endpoint: str, at: float) -> None:
        self.calls = [call for call in self.calls if call != (endpoint, at)]

    async def set_pause(self, endpoint: str, until: float) -> None:
        self.paused[endpoint] = until

    async def pauses(self) -> dict[str, float]:
        return dict(self.paused)


@pytest.fixture
def memory() -> Remembering:
    return Remembering()


@pytest.fixture
async def torbox(canned: Canned, memory: Remembering) -> AsyncIterator[TorBox]:
    clock = Clock()
    settings = TorBoxSettings(api_key=KEY, api_url=canned.url + "/")
    async with TorBox(settings, Limits(clock, memory), clock, "torbox-bridge/test") as torbox:
        yield torbox
