"""Two arrs that want the same hash: each keeps its own claim, and neither takes the other's."""

import pytest

from bridge.simulator import FetchedOver, MiB
from tests.conftest import Arr


@pytest.fixture
async def radarr(house, arr):
    other = Arr(arr.url, category="radarr")
    assert await other.logs_in() == "Ok."
    yield other
    await other.close()


async def test_the_second_sees_it_wait_until_the_first_is_done_and_then_gets_it(
    house, torbox, arr, radarr
):
    grab = torbox.publish("Both", {"a.mkv": MiB}, FetchedOver(60))
    assert await arr.grabs(grab) == "Ok."
    assert await radarr.grabs(grab) == "Ok."
    assert (await radarr.sees(grab))["state"] == "queuedDL"
    first = await house.sees_state(grab, "pausedUP", jump=5)
    assert (await radarr.sees(grab))["state"] == "queuedDL"
    assert len(await arr.json("torrents/info")) == 1

    await arr.removes(grab)

    assert await arr.polls() == []

    async def radarrs():
        return (await radarr.sees(grab))["state"] == "pausedUP"

    await house.eventually(radarrs, jump=5)
    row = await radarr.sees(grab)
    assert row["category"] == "radarr"
    assert row["save_path"].endswith("/radarr")
    assert house.files_of(row) == {"a.mkv": grab.content("a.mkv")}
    assert not house.files_of(first)
    await radarr.removes(grab)
    await house.eventually(lambda: torbox.item_of(grab.hash) is None)


async def test_the_second_gives_up_only_its_own_claim(house, torbox, arr, radarr):
    grab = torbox.publish("Both", {"a.mkv": MiB}, FetchedOver(60))
    await arr.grabs(grab)
    await radarr.grabs(grab)
    assert await radarr.sees(grab)
    await radarr.removes(grab)
    assert await radarr.sees(grab) is None
    row = await house.sees_state(grab, "pausedUP", jump=5)
    assert house.files_of(row) == {"a.mkv": grab.content("a.mkv")}
