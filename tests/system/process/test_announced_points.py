"""kill -9 at every point that the real process announces, and each time the same ending.

The points are its commits and its changes of the download folder; announcing/sitecustomize.py, in
the process itself, names them and pulls the trigger.
"""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import aiohttp
import pytest

from bridge.simulator import Cached, FetchedOver, Published, QueuedThen, Script
from tests.system.process.conftest import ROOT, House, eventually

ANNOUNCING = Path(__file__).parent / "announcing"
NAME = "Show.S01E01"
STORY_SECONDS = 240.0
pytestmark = pytest.mark.timeout(600)


class Story:
    """Grab, complete, remove, gone; each step goes on where a kill interrupted it."""

    def __init__(self, house: House, grab: Published) -> None:
        self.house, self.grab = house, grab
        self.done = 0

    async def plays(self) -> None:
        for step in (self.grabs, self.completes, self.removes, self.is_gone)[self.done :]:
            await step()
            self.done += 1

    async def grabs(self) -> None:
        assert await self.house.arr.grabs(self.grab) == "Ok."

    async def completes(self) -> None:
        row = await self.house.sees(self.grab, "pausedUP")
        whole = {file.path: self.grab.content(file.path) for file in self.grab.files}
        assert self.house.delivered(row) == whole

    async def removes(self) -> None:
        await self.house.arr.removes(self.grab)

    async def is_gone(self) -> None:
        torbox, downloads = self.house.torbox, self.house.downloads
        await eventually(lambda: torbox.item_of(self.grab.hash) is None)
        await eventually(lambda: not (downloads / "tv-sonarr" / self.grab.name).exists())
        assert list((downloads / ".incomplete").iterdir()) == []

    async def is_killed(self) -> bool:
        """Play until the process dies of it; False if it lived to the story's end."""
        playing = asyncio.create_task(self.plays())
        ending = asyncio.create_task(self.house.serve.ends(within=STORY_SECONDS))
        await asyncio.wait({playing, ending}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done() and playing.exception() is None:
            self.house.serve.hears(signal.SIGTERM)  # the point may come even now
        ended = await ending
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError, aiohttp.ClientError):
            await playing
        assert ended in (0, -signal.SIGKILL)
        await self.house.arr.close()
        return ended != 0


async def announced(house: House, told: Path, script: Script) -> list[str]:
    """The points of an undisturbed life, from the first grab to the end, in their order."""
    await house.starts(ANNOUNCE_TO=str(told))
    # A start and a new category are stories of their own.
    await house.arr.call("POST", "torrents/createCategory", data={"category": "tv-sonarr"})
    await eventually((house.downloads / "tv-sonarr").exists)
    told.write_text("")
    await Story(house, published(house, script)).plays()
    assert await house.serve.stops() == 0
    return told.read_text().splitlines()


def published(house: House, script: Script) -> Published:
    number = len(house.torbox.world.torrents)
    return house.torbox.publish(NAME, {"a.mkv": 40_000 + number, "b/c.srt": 100}, script)


ONLY_IN_A_SOAK = pytest.mark.skipif("BRIDGE_SOAK" not in os.environ, reason="make soak runs it")


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(Cached(), id="cached"),
        pytest.param(FetchedOver(20), id="fetched", marks=ONLY_IN_A_SOAK),
        pytest.param(QueuedThen(10, then=FetchedOver(10)), id="queued", marks=ONLY_IN_A_SOAK),
    ],
)
async def test_killed_at_each_announced_point_it_ends_the_same(house, torbox, tmp_path, script):
    house.environment["PYTHONPATH"] = f"{ANNOUNCING}:{ROOT}"
    told = tmp_path / "told"
    torbox.foreign(2)
    points = await announced(house, told, script)
    assert "before commit: submitting, intent" in points
    assert {"after commit: fetching, item", "after commit: queued, item"} & {*points}
    assert any(point.startswith("before os.rename") for point in points)
    missed = []
    for point in points:
        story = Story(house, published(house, script))
        await house.starts(ANNOUNCE_TO=str(told), KILL_AT=point)
        if not await story.is_killed():
            missed.append(point)
            continue
        await house.starts()
        listed = await house.arr.sees(story.grab) is not None
        assert listed or story.done != 1, f"lost at {point}"
        await story.plays()
        assert await house.serve.stops() == 0
        await house.arr.close()
        assert creates(torbox, story.grab) == 1, point
    assert len(torbox.items) == 2
    # Which looks fall between two steps of TorBox's is a matter of chance, here and there.
    assert len(missed) <= len(points) / 5, missed


def creates(torbox, grab: Published) -> int:
    calls = torbox.calls_to("createtorrent")
    return sum(grab.hash in str(call.params.get("magnet")) for call in calls)
