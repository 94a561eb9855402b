"""Two arrs that want the same hash: each keeps its own claim, and neither takes the other's."""

import shutil
from pathlib import Path

import aiohttp
import pytest
from msgspec.structs import replace

from bridge.qbittorrent.session import TIMEOUT_SECONDS
from bridge.simulator import FetchedOver, MiB
from tests.conftest import Arr

HOUR = 3600.0
FILES = {"a.mkv": MiB, "a.nfo": 100}


@pytest.fixture
async def radarr(house, arr):
    """Or a second Sonarr: they are told from each other by their categories."""
    other = Arr(arr.url, category="radarr")
    assert await other.logs_in() == "Ok."
    yield other
    await other.close()


@pytest.fixture
async def both(torbox, arr, radarr):
    """Wanted by both, by Sonarr first."""
    grab = torbox.publish("Both", FILES, FetchedOver(60))
    assert await arr.grabs(grab) == "Ok."
    assert await radarr.grabs(grab) == "Ok."
    return grab


async def imports(arr, row: dict, *, moves: bool = True, into: str = "") -> None:
    """As an arr does after a poll (arr-contract.md §1.2): the files, the category, the removal."""
    video = Path(row["content_path"]) / "a.mkv"
    library = Path(row["save_path"]).parent.parent / f"library-{arr.category}"
    library.mkdir(exist_ok=True)
    (shutil.move if moves else shutil.copy)(video, library / "a.mkv")
    if moves:
        shutil.rmtree(row["content_path"])
    if into:
        await posts(arr, "setCategory", hashes=row["hash"], category=into)


async def posts(arr, action: str, **fields) -> None:
    assert (await arr.call("POST", f"torrents/{action}", data=fields))[0] == 200, action


async def comes_to(house, arr, grab, state: str = "pausedUP", jump: float = 5.0) -> dict:
    row: dict = {}

    async def seen() -> bool:
        nonlocal row
        row = await arr.sees(grab) or {}
        return row.get("state") == state

    await house.eventually(seen, jump=jump)
    return row


async def restarted(house, *arrs) -> None:
    """The bridge begins anew: no session is left, and the next call of each arr meets a 403."""
    await house.stops()
    first = await house.starts()
    for arr in arrs:
        arr.url = first.url


async def removes_unasked(arr, grab) -> None:
    """What an arr does with a cookie that has ended: it logs in and repeats the same call."""
    data = {"hashes": grab.hash, "deleteFiles": "true"}
    assert (await arr.call("POST", "torrents/delete", data=data))[0] == 403
    assert await arr.logs_in() == "Ok."
    await posts(arr, "delete", **data)


def whole(house, row: dict, grab) -> bool:
    return house.files_of(row) == {name: grab.content(name) for name in FILES}


# One after the other


async def test_the_second_sees_it_wait_until_the_first_is_done_and_then_gets_it(
    house, torbox, arr, radarr, both
):
    assert (await radarr.sees(both))["state"] == "queuedDL"
    first = await house.sees_state(both, "pausedUP", jump=5)
    row = await radarr.sees(both)
    assert (row["state"], row["content_path"]) == ("queuedDL", "")
    # Who goes by the figures does not take it for done.
    assert row["progress"] < 1
    assert row["completed"] + row["amount_left"] == row["size"] == first["size"]
    assert row["completion_on"] == 0
    assert len(await arr.json("torrents/info")) == 1
    told = await arr.json(f"../bridge/torrents/{both.hash}")
    assert told["next"] == "the arr imports it; then it is category radarr's turn"

    await imports(arr, first)
    await arr.removes(both)

    assert await arr.polls() == []
    row = await comes_to(house, radarr, both)
    assert row["category"] == "radarr"
    assert whole(house, row, both)
    await radarr.removes(both)
    await house.eventually(lambda: torbox.item_of(both.hash) is None)
    await house.eventually(lambda: not Path(row["content_path"]).exists())
    assert await radarr.json("torrents/info") == []


async def test_what_the_first_copied_is_the_seconds_at_once_and_not_fetched_again(
    house, torbox, arr, radarr, both
):
    first = await house.sees_state(both, "pausedUP", jump=5)
    await imports(arr, first, moves=False)
    await arr.removes(both)
    assert await arr.polls() == []
    row = await comes_to(house, radarr, both)
    assert row["content_path"] == first["content_path"]
    assert whole(house, row, both)
    assert len(torbox.calls_to("createtorrent")) == 1
    await imports(radarr, row)
    await radarr.removes(both)
    await house.eventually(lambda: torbox.item_of(both.hash) is None)
    await house.eventually(lambda: not Path(row["content_path"]).exists())


async def test_files_that_the_first_wants_kept_are_not_the_seconds(house, arr, radarr, both):
    first = await house.sees_state(both, "pausedUP", jump=5)
    await arr.removes(both, and_files=False)
    row = await comes_to(house, radarr, both)
    assert row["content_path"] != first["content_path"]
    assert row["save_path"].endswith("/radarr")
    await radarr.removes(both)
    await house.eventually(lambda: not Path(row["content_path"]).exists())
    assert whole(house, first, both)


async def test_the_second_gets_what_its_own_rules_take(house, torbox):
    small = replace(house.settings.category("tv-sonarr"), exclude=("*.nfo",))
    house.sets(categories={**house.settings.categories, "tv-sonarr": small})
    arr = await house.starts()
    radarr = Arr(arr.url, category="radarr")
    await radarr.logs_in()
    grab = torbox.publish("Both", FILES)
    await arr.grabs(grab)
    await radarr.grabs(grab)
    first = await house.sees_state(grab, "pausedUP")
    assert set(house.files_of(first)) == {"a.mkv"}
    await arr.removes(grab)
    row = await comes_to(house, radarr, grab)
    assert whole(house, row, grab)
    await radarr.close()


async def test_removed_on_the_way_it_is_the_seconds_from_the_start(house, arr, radarr, both):
    await house.sees_state(both, "downloading")
    await arr.removes(both)
    assert await arr.polls() == []
    row = await comes_to(house, radarr, both)
    assert row["save_path"].endswith("/radarr")
    assert whole(house, row, both)


async def test_the_second_gives_up_only_its_own_claim(house, arr, radarr, both):
    assert await radarr.sees(both)
    await radarr.removes(both)
    assert await radarr.sees(both) is None
    row = await house.sees_state(both, "pausedUP", jump=5)
    assert whole(house, row, both)
    await arr.removes(both)
    assert await arr.json("torrents/info") == []


# The post-import category (arr-contract.md §6, 35)


async def test_the_first_moves_it_sets_its_category_and_removes_it(
    house, torbox, arr, radarr, both
):
    await posts(arr, "createCategory", category="tv-imported")
    first = await house.sees_state(both, "pausedUP", jump=5)
    await imports(arr, first, into="tv-imported")
    await arr.removes(both)
    row = await comes_to(house, radarr, both)
    assert whole(house, row, both)
    await arr.removes(both)
    assert await radarr.sees(both), "the first was done with it before"
    await radarr.removes(both)
    await house.eventually(lambda: torbox.item_of(both.hash) is None)


async def test_the_first_copies_it_and_only_sets_its_category(house, torbox, arr, radarr, both):
    await posts(arr, "createCategory", category="tv-imported")
    first = await house.sees_state(both, "pausedUP", jump=5)
    await imports(arr, first, moves=False, into="tv-imported")
    assert await arr.polls() == []
    row = await comes_to(house, radarr, both)
    assert whole(house, row, both)
    assert len(torbox.calls_to("createtorrent")) == 1
    await imports(radarr, row, into="tv-imported")
    await radarr.removes(both)
    assert await arr.json("torrents/info") == []
    await house.eventually(lambda: torbox.item_of(both.hash) is None)


async def test_the_second_changes_the_category_of_its_own_claim_only(house, arr, radarr, both):
    await posts(arr, "createCategory", category="elsewhere")
    assert await radarr.sees(both)
    await posts(radarr, "setCategory", hashes=both.hash, category="elsewhere")
    assert await radarr.sees(both) is None
    row = await house.sees_state(both, "pausedUP", jump=5)
    assert row["category"] == "tv-sonarr"


async def test_the_first_changes_the_category_on_the_way_and_the_second_goes_on(
    house, torbox, arr, radarr, both
):
    await posts(arr, "createCategory", category="elsewhere")
    await house.sees_state(both, "downloading")
    await posts(arr, "setCategory", hashes=both.hash, category="elsewhere")
    row = await comes_to(house, radarr, both)
    assert whole(house, row, both)
    assert len(torbox.calls_to("createtorrent")) == 1


async def test_a_category_that_is_forgotten_leaves_it_to_the_second(house, arr, radarr, both):
    await house.sees_state(both, "pausedUP", jump=5)
    await posts(arr, "removeCategories", categories="tv-sonarr")
    await comes_to(house, radarr, both)


# A first that is in no hurry


async def test_after_an_hour_the_second_may_copy_what_the_first_keeps(house, arr, radarr, both):
    first = await house.sees_state(both, "pausedUP", jump=5)
    await house.passes(0.9 * HOUR)
    assert (await radarr.sees(both))["state"] == "queuedDL"
    row = await comes_to(house, radarr, both, "stalledUP", jump=20)
    assert (row["progress"], row["ratio_limit"]) == (1, -1), "copied, and neither moved nor removed"
    assert row["content_path"] == first["content_path"]
    await imports(radarr, row, moves=False, into="")
    assert (await arr.sees(both))["state"] == "pausedUP"
    await arr.removes(both)
    row = await comes_to(house, radarr, both)
    assert row["ratio_limit"] == 0
    await radarr.removes(both)
    await house.eventually(lambda: not Path(first["content_path"]).exists())


async def test_a_second_that_comes_when_it_is_complete_takes_nothing_from_the_first(
    house, torbox, arr, radarr
):
    grab = torbox.publish("Both", FILES)
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP")
    assert await radarr.grabs(grab) == "Ok."
    await house.calm()
    assert (await arr.sees(grab))["state"] == "pausedUP"
    assert (await radarr.sees(grab))["state"] == "queuedDL"
    await arr.removes(grab)
    await comes_to(house, radarr, grab)


async def test_after_an_hour_the_complete_torrent_is_who_grabs_its(house, torbox, arr, radarr):
    grab = torbox.publish("Both", FILES)
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP")
    await house.passes(1.1 * HOUR)
    assert await radarr.logs_in() == "Ok."
    assert await radarr.grabs(grab) == "Ok."
    row = await comes_to(house, radarr, grab)
    assert whole(house, row, grab)
    assert await arr.polls() == []


# Who asks, after a restart and without a word


@pytest.mark.parametrize("complete", [False, True])
async def test_removed_by_the_first_right_after_a_restart_it_is_the_seconds(
    house, arr, radarr, both, complete
):
    if complete:
        await house.sees_state(both, "pausedUP", jump=5)
    await restarted(house, arr, radarr)
    sonarr = Arr(arr.url)
    await removes_unasked(sonarr, both)
    await sonarr.close()
    assert whole(house, await comes_to(house, radarr, both), both)


async def test_removed_by_the_second_right_after_a_restart_it_stays_the_firsts(
    house, arr, radarr, both
):
    await restarted(house, arr, radarr)
    other = Arr(arr.url, category="radarr", agent="Radarr/6.1.0 (alpine 3.22)")
    await removes_unasked(other, both)
    await other.close()
    assert await radarr.sees(both) is None
    assert await house.arr.sees(both)


async def test_the_category_set_right_after_a_restart_leaves_it_to_the_second(
    house, arr, radarr, both
):
    await posts(arr, "createCategory", category="tv-imported")
    first = await house.sees_state(both, "pausedUP", jump=5)
    await restarted(house, arr, radarr)
    sonarr = Arr(arr.url)
    await sonarr.logs_in()
    await imports(sonarr, first, moves=False, into="tv-imported")
    await sonarr.close()
    assert whole(house, await comes_to(house, radarr, both), both)


async def test_an_arr_with_two_entries_here_gives_up_the_one_whose_turn_it_is(
    house, arr, radarr, both
):
    """They share a cookie, and either may have been polled last (arr-contract.md §1.3)."""
    for category in ("tv-sonarr", "radarr"):
        await arr.json("torrents/info", category=category)
    await arr.removes(both)
    assert (await radarr.sees(both))["category"] == "radarr"
    await arr.removes(both)
    assert await radarr.sees(both) is None


async def test_who_polls_no_category_removes_it_for_everyone(house, arr, radarr, both):
    other = Arr(arr.url)
    await other.logs_in()
    assert len(await other.json("torrents/info")) == 1
    await other.removes(both)
    await other.close()
    assert await radarr.json("torrents/info") == []


async def test_a_person_removes_it_for_everyone(house, arr, radarr, both):
    person = Arr(arr.url, agent="Mozilla/5.0")
    await person.logs_in()
    await person.removes(both)
    await person.close()
    assert await arr.json("torrents/info") == []
    await restarted(house, arr, radarr)
    assert await radarr.polls() == await house.arr.json("torrents/info") == []


async def test_grabbed_again_it_is_the_firsts_once_more(house, torbox, arr, radarr, both):
    await arr.removes(both)
    assert await arr.grabs(both) == "Ok."
    assert (await arr.sees(both))["state"] == "queuedDL"
    await comes_to(house, radarr, both)
    await radarr.removes(both)
    row = await comes_to(house, arr, both)
    await arr.removes(both)
    assert await arr.json("torrents/info") == []
    await house.eventually(lambda: not Path(row["content_path"]).exists())


# Two that look alike


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


async def test_a_second_that_comes_when_the_files_are_gone_gets_it_for_itself(
    house, torbox, arr, radarr
):
    grab = torbox.publish("Both", FILES)
    await arr.grabs(grab)
    await imports(arr, await house.sees_state(grab, "pausedUP"))
    assert await radarr.grabs(grab) == "Ok."
    row = await comes_to(house, radarr, grab)
    assert whole(house, row, grab)
    assert await arr.polls() == []


@pytest.mark.parametrize("how", ["setCategory", "removeCategories", "delete"])
async def test_what_failed_for_the_first_begins_anew_for_the_second(house, torbox, how):
    never = replace(house.settings.category("tv-sonarr"), include=("*.avi",))
    house.sets(categories={"*": house.settings.category("*"), "tv-sonarr": never})
    arr = await house.starts()
    radarr = Arr(arr.url, category="radarr")
    await radarr.logs_in()
    grab = torbox.publish("Both", FILES, FetchedOver(3600))
    await arr.grabs(grab)
    await radarr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    await house.calm()
    grab.script = FetchedOver(5)
    if how == "setCategory":
        await posts(arr, "setCategory", hashes=grab.hash, category="")
    elif how == "removeCategories":
        await posts(arr, "removeCategories", categories="tv-sonarr")
    else:
        await arr.removes(grab)
    row = await comes_to(house, radarr, grab)
    assert whole(house, row, grab)
    assert house.bridge.ledger.torrents[grab.hash].attempt == 2
    await radarr.close()
