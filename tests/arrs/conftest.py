"""The house with arrs whose own API the bridge may use."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from msgspec.structs import replace

from bridge.config import ArrSettings
from bridge.simulator import Published
from bridge.simulator.arr import ArrSimulator, Client, Release, Wanted

PASSWORD = "pass-word"


class Neighbourhood:
    """The house and the arrs beside it. `opens` them, then the house `starts`, then `meets`."""

    def __init__(self, house, stack: AsyncExitStack) -> None:
        self.house = house
        self.arrs: list[ArrSimulator] = []
        self._stack = stack

    async def opens(self, kind: str = "Sonarr", *, key: str = "", **options) -> ArrSimulator:
        """An arr, and its key in the bridge's settings."""
        arr = ArrSimulator(
            kind,
            now=self.house.clock.time,
            into=self.house.downloads.parent / f"library-{kind}",
            **options,
        )
        arr.into.mkdir(exist_ok=True)
        await self._stack.enter_async_context(arr.serving())
        self.arrs.append(arr)
        named = ArrSettings(name=kind, url=arr.url, api_key=key or arr.key)
        self.house.settings = replace(self.house.settings, arrs=(*self.house.settings.arrs, named))
        return arr

    async def starts(self) -> None:
        """The bridge, and itself as a download client in every arr."""
        await self.house.starts()
        for arr in self.arrs:
            self.meets(arr)

    def meets(self, arr: ArrSimulator, name: str = "TorBox", **fields) -> Client:
        """The bridge as a download client of this arr."""
        url = f"http://127.0.0.1:{self.house.port}"
        return arr.add_client(name, url, password=PASSWORD, **fields)

    async def told(self, grab: Published) -> dict:
        return await self.house.arr.json(f"../bridge/torrents/{grab.hash}")

    async def reason(self, grab: Published) -> str:
        return (await self.told(grab))["reason"]


def offered(*grabs: Published, as_file: bool = False) -> list[Release]:
    """What an indexer shows of these."""
    return [
        Release(grab.name, grab.hash, grab.magnet, grab.torrent if as_file else None)
        for grab in grabs
    ]


@pytest.fixture
async def street(house) -> AsyncIterator[Neighbourhood]:
    async with AsyncExitStack() as stack:
        street = Neighbourhood(house, stack)
        yield street
        await house.stops()
    for arr in street.arrs:
        marked = [call for call in arr.calls if "/history/failed/" in call.path]
        offered = {one.hash.upper() for wanted in arr.library.wanted for one in wanted.releases}
        assert {call.download_id for call in marked} <= offered
        for call in arr.deletes():
            # The rule above all: no call names a row that is not ours.
            assert call.client.startswith("TorBox"), call
            assert call.download_id, call


@pytest.fixture
def offers():
    return offered


@pytest.fixture
async def sonarr(street: Neighbourhood) -> ArrSimulator:
    """Sonarr 4, met, the house started."""
    arr = await street.opens()
    await street.starts()
    return arr


def is_over(wanted: Wanted) -> bool:
    return wanted.state in ("imported", "exhausted")
