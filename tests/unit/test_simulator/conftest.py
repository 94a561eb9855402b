import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import FormData
from yarl import URL

from bridge.simulator import Published, Simulator

KEY = "the-key"
START = 1_790_000_000.0
AGENT = {"User-Agent": "torbox-bridge-tests/1"}


@dataclass
class Time:
    """The simulator's clock; waiting moves it."""

    now: float = START
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def passes(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Answer:
    status: int
    headers: Any
    raw: bytes
    json: Any

    @property
    def data(self) -> Any:
        return self.json["data"]


class Caller:
    """A plain client of the API: it sends what it is told and judges nothing."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str = KEY) -> None:
        self.session, self.url, self.key = session, url, key

    async def __call__(self, method: str, path: str, **kwargs: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.key}"} | AGENT | kwargs.pop("headers", {})
        headers = {name: value for name, value in headers.items() if value is not None}
        skip = [] if "User-Agent" in headers else ["User-Agent"]
        async with self.session.request(
            method,
            f"{self.url}/v1/api/{path}",
            headers=headers,
            skip_auto_headers=skip,
            allow_redirects=False,
            **kwargs,
        ) as response:
            raw = await response.read()
            is_json = response.content_type == "application/json" and raw
            body = await response.json(loads=_loads) if is_json else None
            return Answer(response.status, response.headers, raw, body)

    async def create(self, made: Published | str, *, file: bool = False, **fields: str) -> Answer:
        form = FormData(default_to_multipart=True)
        if file:
            assert isinstance(made, Published)
            form.add_field(
                "file", made.torrent, filename="x.torrent", content_type="application/x-bittorrent"
            )
        else:
            form.add_field("magnet", made if isinstance(made, str) else made.magnet)
        for name, value in {"allow_zip": "false", "seed": "3", **fields}.items():
            form.add_field(name, value)
        return await self("POST", "torrents/createtorrent", data=form)

    async def mylist(self, **query: Any) -> Answer:
        query.setdefault("bypass_cache", "true")
        params = {name: str(value) for name, value in query.items() if value is not None}
        return await self("GET", "torrents/mylist", params=params)

    async def item(self, made: Published) -> dict[str, Any] | None:
        listed = (await self.mylist()).data
        return next((item for item in listed if item["hash"] == made.hash), None)

    async def queue(self) -> list[dict[str, Any]]:
        answer = await self("GET", "queued/getqueued", params={"bypass_cache": "true"})
        return list(answer.data)

    async def control(self, torrent_id: int, operation: str) -> Answer:
        body = {"operation": operation, "torrent_id": torrent_id}
        return await self("POST", "torrents/controltorrent", json=body)

    async def link(self, torrent_id: int, file_id: int | None, **query: Any) -> Answer:
        params = {"token": self.key, "torrent_id": torrent_id, "file_id": file_id, **query}
        params = {name: str(value) for name, value in params.items() if value is not None}
        headers = {"Authorization": None}
        return await self("GET", "torrents/requestdl", params=params, headers=headers)

    async def link_to(self, made: Published, path: str) -> str:
        item = await self.item(made)
        assert item is not None
        name = made.listed_path(made.file(path))
        file_id = next(file["id"] for file in item["files"] if file["name"] == name)
        return str((await self.link(item["id"], file_id)).data)

    def get(self, link: str, range_: str | None = None, **headers: str) -> Any:
        """A download, to be entered with `async with`."""
        if range_:
            headers["Range"] = range_
        return self.session.get(
            URL(link, encoded=True), headers=AGENT | headers, allow_redirects=False
        )


def _loads(text: str) -> Any:
    import json

    return json.loads(text, strict=False)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def torbox(time: Time) -> AsyncIterator[Simulator]:
    simulator = Simulator(time, KEY, sleep=time.sleep)
    async with simulator.serving():
        yield simulator


@pytest.fixture
async def call(torbox: Simulator) -> AsyncIterator[Caller]:
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Caller(session, torbox.url)
