"""Two arrs that want the same hash: each keeps its own claim, and neither takes the other's."""

import aiohttp
import pytest

from bridge.qbittorrent.session import TIMEOUT_SECONDS
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


async def test_an_arr_that_files_what_it_imported_elsewhere_gives_up_its_own_claim_too(
    house, torbox, arr, radarr
):
    grab = torbox.publish("Both", {"a.mkv": MiB}, FetchedOver(60))
    await arr.grabs(grab)
    await radarr.grabs(grab)
    await house.sees_state(grab, "pausedUP", jump=5)
    await arr.call("POST", "torrents/createCategory", data={"category": "tv-imported"})
    data = {"hashes": grab.hash, "category": "tv-imported"}
    assert await arr.call("POST", "torrents/setCategory", data=data) == (200, "")
    assert await arr.sees(grab) is None
    await arr.removes(grab)
    assert (await radarr.sees(grab))["category"] == "radarr"
    assert len(await arr.json("torrents/info")) == 1


async def test_a_person_who_polls_no_category_removes_the_whole_torrent(house, torbox, arr, radarr):
    grab = torbox.publish("Both", {"a.mkv": MiB}, FetchedOver(60))
    await arr.grabs(grab)
    await radarr.grabs(grab)
    person = Arr(arr.url)
    try:
        assert await person.logs_in() == "Ok."
        assert len(await person.json("torrents/info")) == 1
        await person.removes(grab)
        assert await person.json("torrents/info") == []
    finally:
        await person.close()
    assert await radarr.sees(grab) is None


class Twin(Arr):
    """A Sonarr with an API key: no login, no cookie, and it looks like the other one."""

    def __init__(self, url: str, category: str) -> None:
        super().__init__(url, category)
        self._session.headers["Authorization"] = "Bearer the-key"
        self._session._cookie_jar = aiohttp.DummyCookieJar()


@pytest.fixture
async def twins(house):
    house.sets(qbittorrent={"api_key": "the-key"})
    await house.starts()
    first, second = (Twin(house.arr.url, category) for category in ("tv-sonarr", "tv-4k"))
    yield first, second
    await first.close()
    await second.close()


@pytest.mark.parametrize("last", [0, 1], ids=["the first", "the second"])
async def test_of_two_that_look_alike_the_one_that_has_it_gives_it_up_whoever_polled_last(
    house, torbox, twins, last: int
):
    grab = torbox.publish("Both", {"a.mkv": MiB}, FetchedOver(60))
    for twin in twins:
        assert await twin.grabs(grab) == "Ok."
        assert await twin.sees(grab)
    await house.sees_state(grab, "pausedUP", jump=5)
    for twin in (twins[1 - last], twins[last]):
        assert await twin.sees(grab)

    await twins[0].removes(grab)

    assert await twins[0].polls() == []

    async def the_second_has_it():
        return (await twins[1].sees(grab))["state"] == "pausedUP"

    await house.eventually(the_second_has_it, jump=5)
    row = await twins[1].sees(grab)
    assert row["category"] == "tv-4k"
    assert house.files_of(row) == {"a.mkv": grab.content("a.mkv")}
    await twins[1].removes(grab)
    assert await twins[1].polls() == []


async def test_one_that_looks_alike_but_has_been_gone_for_an_hour_is_not_the_one_that_deletes(
    house, torbox, twins
):
    grab = torbox.publish("Both", {"a.mkv": MiB})
    for twin in twins:
        await twin.grabs(grab, paused="True")
        assert await twin.sees(grab)
    house.clock.jump(TIMEOUT_SECONDS - 1)
    assert await twins[1].sees(grab)
    house.clock.jump(1)
    await twins[1].removes(grab)
    assert await twins[1].polls() == []
    assert (await twins[0].sees(grab))["category"] == "tv-sonarr"
