"""What clients may do with torrents that are there, and how lists and differences are told."""

import asyncio
import json
import math

import aiohttp
import pytest
import qbittorrentapi

from bridge.core.board import Health
from bridge.core.exporting import EXPORT_SECONDS
from bridge.simulator import FetchedOver, MiB, Stalled


async def given(arr, *letters: str, **fields) -> list[str]:
    """Paused magnets with these letters as hashes."""
    hashes = [letter * 40 for letter in letters]
    data = {"urls": "\n".join(hashes), "stopped": "true"} | fields
    assert await arr.call("POST", "torrents/add", data=data) == (200, "Ok.")
    return hashes


async def row(arr, torrent_hash: str) -> dict:
    (found,) = await arr.json("torrents/info", hashes=torrent_hash)
    return found


async def does(arr, action: str, **fields) -> None:
    assert await arr.call("POST", f"torrents/{action}", data=fields) == (200, ""), action


async def refuses(arr, action: str, status: int, text: str, **fields) -> None:
    assert await arr.call("POST", f"torrents/{action}", data=fields) == (status, text)


# The list


async def test_the_list_is_chosen_by_category_tag_hash_and_state(arr) -> None:
    a, b, _ = await given(arr, "a", "b", "c")
    await does(arr, "createCategory", category="tv")
    await does(arr, "setCategory", hashes=f"{a}|{b}", category="tv")
    await does(arr, "addTags", hashes=a, tags="x, y")

    async def found(**query) -> set[str]:
        return {one["hash"][0] for one in await arr.json("torrents/info", **query)}

    assert await found(category="tv") == {"a", "b"}
    assert await found(category="") == {"c"}
    assert await found(category="missing") == set()
    assert await found(tag="y") == {"a"}
    assert await found(tag="") == {"b", "c"}
    assert await found(hashes=f"{b.upper()}|zz") == {"b"}
    assert await found(hashes="zz") == set()
    assert await found(hashes="") == {"a", "b", "c"}
    assert await found(filter="paused") == await found(filter="downloading") == {"a", "b", "c"}
    assert await found(filter="completed") == await found(filter="active") == set()
    assert await found(filter="stopped") == {"a", "b", "c"}, "the other version's word is no filter"
    assert await found(category="tv", tag="x", filter="inactive") == {"a"}


async def test_the_list_is_sorted_and_cut(arr) -> None:
    await given(arr, "b", "a", "c")

    async def order(**query) -> str:
        rows = await arr.json("torrents/info", **query)
        return "".join(one["hash"][0] for one in rows)

    assert await order(sort="hash") == "abc"
    assert await order(sort="hash", reverse="true") == "cba"
    assert await order(sort="hash", limit="2") == "ab"
    assert await order(sort="hash", offset="1", limit="1") == "b"
    assert await order(sort="hash", offset="-1") == "c"
    assert await order(sort="hash", offset="99") == "abc"
    assert await order(sort="hash", limit="abc") == "abc"
    assert await arr.call("GET", "torrents/info?sort=nope") == (400, "'sort' parameter is invalid")
    assert await arr.call("GET", "torrents/info?sort=nope&category=missing") == (200, "[]")


async def test_a_change_shows_in_the_very_next_answer(arr) -> None:
    (a,) = await given(arr, "a")
    for name in ("one", "two"):
        await does(arr, "rename", hash=a, name=f"  {name}\nname ")
        assert (await row(arr, a))["name"] == f"{name} name"
    await does(arr, "delete", hashes=a, deleteFiles="true")
    assert await arr.json("torrents/info") == []


async def test_who_begins_anew_is_told_all_that_changed_meanwhile(arr) -> None:
    """The whole picture is kept ready between two that ask for it, and must not be an old one."""

    async def whole() -> dict:
        answer = await arr.json("sync/maindata", rid=0)
        assert answer["full_update"] is True
        return answer

    (a,) = await given(arr, "a")
    assert set((await whole())["torrents"]) == {a}
    await does(arr, "createCategory", category="tv")
    assert set((await whole())["categories"]) == {"tv"}
    await does(arr, "createTags", tags="x")
    assert (await whole())["tags"] == ["x"]
    await arr.call("POST", "transfer/setDownloadLimit", data={"limit": "4096"})
    assert (await whole())["server_state"]["dl_rate_limit"] == 4096
    await does(arr, "addTrackers", hash=a, urls="http://tracker.example/announce")
    assert (await whole())["trackers"] == {"http://tracker.example/announce": [a]}
    await does(arr, "rename", hash=a, name="other")
    assert (await whole())["torrents"][a]["name"] == "other"
    await does(arr, "delete", hashes=a, deleteFiles="true")
    assert (await whole()).get("torrents", {}) == {}


async def test_torrents_that_are_stopped_wake_nobody(arr, house, torbox) -> None:
    (a,) = await given(arr, "a")
    await house.calm()
    assert house.bridge.engine._next_round_at == math.inf
    await house.passes(1800)
    assert torbox.calls_to("createtorrent") == []
    await does(arr, "resume", hashes=a)
    await house.eventually(lambda: torbox.calls_to("createtorrent"))


# Categories and tags


async def test_categories_are_made_changed_and_forgotten(arr, house) -> None:
    await does(arr, "createCategory", category="tv")
    await does(arr, "createCategory", category="films", savePath="below/films")
    assert await arr.json("torrents/categories") == {
        "films": {"name": "films", "savePath": f"{house.downloads}/below/films"},
        "tv": {"name": "tv", "savePath": f"{house.downloads}/tv"},
    }
    await refuses(arr, "createCategory", 409, "Unable to create category", category="tv")
    await refuses(arr, "createCategory", 400, "Category cannot be empty", category="")
    for name in ("/a", "a/", "a//b", "a\\b", "//", "a/../b"):
        await refuses(arr, "createCategory", 409, "Incorrect category name", category=name)
    await refuses(
        arr, "editCategory", 409, "Unable to edit category", category="missing", savePath="x"
    )
    await refuses(arr, "editCategory", 400, "Bad Request", category="tv")
    await does(arr, "editCategory", category="tv", savePath="series")
    categories = await arr.json("torrents/categories")
    assert categories["tv"]["savePath"] == f"{house.downloads}/series"

    rid = (await arr.json("sync/maindata"))["rid"]
    await does(arr, "editCategory", category="tv", savePath="shows")
    told = await arr.json("sync/maindata", rid=rid)
    assert told["categories"] == {"tv": {"savePath": f"{house.downloads}/shows"}}

    (a,) = await given(arr, "a", category="tv")
    await refuses(arr, "setCategory", 409, "Incorrect category name", hashes=a, category="nope")
    await does(arr, "setCategory", hashes="0" * 40, category="nope")
    await does(arr, "removeCategories", categories="tv\nmissing")
    assert (await row(arr, a))["category"] == ""
    assert set(await arr.json("torrents/categories")) == {"films"}


@pytest.mark.parametrize("path", ["/etc", "../..", "a/../../.."])
async def test_a_category_cannot_lead_out_of_the_root(arr, path: str) -> None:
    status, _ = await arr.call(
        "POST", "torrents/createCategory", data={"category": "tv", "savePath": path}
    )
    assert status == 409
    assert await arr.json("torrents/categories") == {}


async def test_a_categorys_folder_is_there_soon(arr, house) -> None:
    await does(arr, "createCategory", category="tv")
    await house.eventually(lambda: (house.downloads / "tv").is_dir())


async def test_tags_are_made_given_taken_and_forgotten(arr) -> None:
    (a,) = await given(arr, "a")
    await does(arr, "createTags", tags=" beta ,alpha,,alpha")
    assert await arr.json("torrents/tags") == ["alpha", "beta"]
    await does(arr, "addTags", hashes=a, tags="x, y ,")
    assert (await row(arr, a))["tags"] == "x, y"
    await does(arr, "removeTags", hashes=a, tags="x")
    assert (await row(arr, a))["tags"] == "y"
    await does(arr, "removeTags", hashes=a)
    assert (await row(arr, a))["tags"] == ""
    await does(arr, "addTags", hashes=a, tags="x")
    await does(arr, "deleteTags", tags="x,y,missing")
    assert (await row(arr, a))["tags"] == ""
    assert await arr.json("torrents/tags") == ["alpha", "beta"]


async def test_tags_stay_where_no_tag_and_no_torrent_is_named(arr) -> None:
    (a,) = await given(arr, "a")
    await does(arr, "addTags", hashes=a, tags="x")
    for verb, tags in (("deleteTags", ""), ("deleteTags", " , "), ("removeTags", " ")):
        await does(arr, verb, hashes=a, tags=tags)
        assert (await row(arr, a))["tags"] == "x"
    await does(arr, "addTags", hashes="b" * 40, tags="y")
    assert await arr.json("torrents/tags") == ["x"]
    await does(arr, "removeTags", hashes=a, tags=",")
    assert (await row(arr, a))["tags"] == ""


# Verbs


async def test_pausing_and_resuming_work_in_both_versions_words(arr, torbox) -> None:
    grab = torbox.publish("Show", {"a.mkv": 1000}, script=Stalled())
    await arr.grabs(grab)
    for pause, resume in (("pause", "resume"), ("stop", "start")):
        await does(arr, pause, hashes=grab.hash)
        assert (await row(arr, grab.hash))["state"] == "pausedDL"
        await does(arr, resume, hashes="all")
        assert (await row(arr, grab.hash))["state"] != "pausedDL"


async def test_force_start_also_starts_what_was_paused(arr) -> None:
    (a,) = await given(arr, "a")
    await does(arr, "setForceStart", hashes=a, value="TRUE")
    shown = await row(arr, a)
    assert shown["force_start"] is True
    assert shown["state"] == "queuedDL"
    await does(arr, "setForceStart", hashes=a, value="garbage")
    assert (await row(arr, a))["force_start"] is False


async def queue_of(arr) -> str:
    rows = await arr.json("torrents/info", sort="priority")
    assert [one["priority"] for one in rows] == list(range(1, len(rows) + 1))
    return "".join(one["hash"][0] for one in rows)


async def test_the_queue_is_changed_by_the_four_verbs(arr) -> None:
    a, b, c, d = await given(arr, "a", "b", "c", "d")
    assert await queue_of(arr) == "abcd"
    await does(arr, "increasePrio", hashes=d)
    assert await queue_of(arr) == "abdc"
    await does(arr, "decreasePrio", hashes=a)
    assert await queue_of(arr) == "badc"
    await does(arr, "topPrio", hashes=c)
    assert await queue_of(arr) == "cbad"
    await does(arr, "bottomPrio", hashes=b)
    assert await queue_of(arr) == "cadb"
    await does(arr, "increasePrio", hashes=c)
    await does(arr, "decreasePrio", hashes=b)
    await does(arr, "topPrio", hashes="0" * 40)
    assert await queue_of(arr) == "cadb"


async def test_several_moved_at_once_keep_their_order(arr) -> None:
    a, b, _, d = await given(arr, "a", "b", "c", "d")
    await does(arr, "topPrio", hashes=f"{d}|{b}")
    assert await queue_of(arr) == "bdac"
    await does(arr, "decreasePrio", hashes=f"{b}|{d}")
    assert await queue_of(arr) == "abdc"
    await does(arr, "bottomPrio", hashes=f"{d}|{a}")
    assert await queue_of(arr) == "bcad"


async def test_what_is_added_later_goes_behind_what_was_moved_to_the_end(arr) -> None:
    a, _ = await given(arr, "a", "b")
    await does(arr, "bottomPrio", hashes=a)
    await given(arr, "c")
    assert await queue_of(arr) == "bac"


async def test_limits_are_kept_and_shown(arr) -> None:
    (a,) = await given(arr, "a")
    await does(arr, "setDownloadLimit", hashes=a, limit="12345")
    await does(arr, "setUploadLimit", hashes=a, limit="-1")
    shown = await row(arr, a)
    assert (shown["dl_limit"], shown["up_limit"]) == (12345, 0)
    unknown = "0" * 40
    _, text = await arr.call("POST", "torrents/downloadLimit", data={"hashes": f"{a}|{unknown}|X"})
    assert json.loads(text) == {a: 12345, unknown: -1, "X": -1}
    await does(arr, "setShareLimits", hashes=a, ratioLimit="abc", seedingTimeLimit="x")
    shown = await row(arr, a)
    assert (shown["ratio_limit"], shown["seeding_time_limit"]) == (0, 0)
    await does(arr, "toggleSequentialDownload", hashes=a)
    await does(arr, "toggleFirstLastPiecePrio", hashes=a)
    await does(arr, "setSuperSeeding", hashes=a, value="true")
    await does(arr, "setAutoManagement", hashes=a, enable="true")
    shown = await row(arr, a)
    assert (shown["seq_dl"], shown["f_l_piece_prio"], shown["super_seeding"]) == (True,) * 3
    assert shown["auto_tmm"] is False


async def test_file_priorities_are_checked_in_the_real_servers_order(arr, torbox) -> None:
    grab = torbox.publish("Show", {"a.mkv": 1000, "b.mkv": 10})
    await arr.grabs(grab, as_file=True, stopped="True")
    no = "0" * 40
    await refuses(
        arr, "filePrio", 400, "Priority must be an integer", hash=no, id="x", priority="x"
    )
    await refuses(arr, "filePrio", 400, "Priority is not valid", hash=no, id="x", priority="3")
    await refuses(arr, "filePrio", 404, "Not Found", hash=no, id="0", priority="0")
    await refuses(
        arr, "filePrio", 400, "File IDs must be integers", hash=grab.hash, id="x", priority="0"
    )
    await refuses(
        arr, "filePrio", 409, "File ID is not valid", hash=grab.hash, id="9", priority="0"
    )
    await does(arr, "filePrio", hash=grab.hash, id="1", priority="0")
    files = await arr.json("torrents/files", hash=grab.hash)
    assert [file["priority"] for file in files] == [1, 0]
    assert (await row(arr, grab.hash))["size"] == 1000
    assert [
        file["index"] for file in await arr.json("torrents/files", hash=grab.hash, indexes="1")
    ] == [1]
    path = f"torrents/files?hash={grab.hash}&indexes="
    assert await arr.call("GET", path + "9") == (409, "Index 9 is out of bounds.")
    assert await arr.call("GET", path + "x") == (409, '"x" is not a valid file index.')
    (a,) = await given(arr, "a")
    words = "Torrent's metadata has not yet downloaded"
    await refuses(arr, "filePrio", 409, words, hash=a, id="0", priority="0")


async def test_the_torrent_that_was_given_is_given_back(arr, torbox) -> None:
    grab = torbox.publish("Show", {"a.mkv": 100_000})
    await arr.grabs(grab, as_file=True)
    async with arr._session.get(f"{arr.url}/api/v2/torrents/export?hash={grab.hash}") as answer:
        assert await answer.read() == grab.torrent
        assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    hashes = await arr.json("torrents/pieceHashes", hash=grab.hash)
    states = await arr.json("torrents/pieceStates", hash=grab.hash)
    assert len(hashes) == len(states) > 0
    (a,) = await given(arr, "a")
    words = "Unable to export torrent file. Error: Missing metadata"
    assert await arr.call("GET", f"torrents/export?hash={a}") == (409, words)
    assert await arr.json("torrents/pieceHashes", hash=a) == []


async def test_web_seeds_are_those_that_the_torrent_names(arr, torbox) -> None:
    grab = torbox.publish("Show", {"a.mkv": 1000})
    form = aiohttp.FormData()
    data = grab.torrent[:-1] + b"8:url-list18:http://w.example/xe"
    form.add_field("torrents", data, filename="a.torrent")
    assert await arr.call("POST", "torrents/add", data=form) == (200, "Ok.")
    seeds = await arr.json("torrents/webseeds", hash=grab.hash)
    assert seeds == [{"url": "http://w.example/x"}]
    (a,) = await given(arr, "a")
    assert await arr.json("torrents/webseeds", hash=a) == []


async def exported(arr, torrent_hash: str) -> tuple[int, bytes]:
    path = f"{arr.url}/api/v2/torrents/export?hash={torrent_hash}"
    async with arr._session.get(path) as answer:
        return answer.status, await answer.read()


async def test_a_magnets_torrent_comes_from_torbox_once_and_is_kept(arr, house, torbox) -> None:
    grab = torbox.publish("Show", {"a.mkv": 100_000}, script=FetchedOver(900))
    await arr.grabs(grab)
    await house.sees_state(grab, "downloading")
    assert await exported(arr, grab.hash) == (200, grab.torrent)
    assert await exported(arr, grab.hash) == (200, grab.torrent)
    assert len(torbox.calls_to("exportdata")) == 1
    assert await arr.json("torrents/pieceHashes", hash=grab.hash) != []


async def test_what_torbox_had_in_its_cache_cannot_be_exported_and_waits_for_nothing(
    arr, house, torbox
) -> None:
    grab = torbox.publish("Show", {"a.mkv": 100_000})
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP")
    words = b"Unable to export torrent file. Error: Missing metadata"
    assert await exported(arr, grab.hash) == (409, words)
    torbox.stop("hang")
    assert await exported(arr, grab.hash) == (409, words)


async def test_an_export_waits_ten_seconds_for_torbox_and_no_longer(arr, house, torbox) -> None:
    grab, other = (torbox.publish(one, {"a.mkv": 100_000}, FetchedOver(900)) for one in ("A", "B"))
    for one in (grab, other):
        await arr.grabs(one)
        await house.sees_state(one, "downloading")
    torbox.stop("hang")
    asked = len(torbox.calls_to("exportdata"))
    exporting = [asyncio.ensure_future(exported(arr, one.hash)) for one in (grab, other)]
    await house.eventually(lambda: len(torbox.calls_to("exportdata")) > asked, jump=0)
    house.clock.jump(EXPORT_SECONDS - 1)
    assert len(await arr.polls()) == 2
    assert not any(one.done() for one in exporting)
    await house.eventually(lambda: all(one.done() for one in exporting), jump=1)
    words = b"Unable to export torrent file. Error: Missing metadata"
    assert await asyncio.gather(*exporting) == [(409, words)] * 2


async def test_who_made_a_torrent_and_when_is_shown(arr, torbox) -> None:
    grab = torbox.publish("Show", {"a.mkv": 100_000})
    made = b"d10:created by9:some tool13:creation datei1700000000e" + grab.torrent[1:]
    form = aiohttp.FormData()
    form.add_field("stopped", "true")
    form.add_field("torrents", made, filename="a.torrent")
    assert await arr.call("POST", "torrents/add", data=form) == (200, "Ok.")
    shown = await arr.json("torrents/properties", hash=grab.hash)
    assert (shown["created_by"], shown["creation_date"]) == ("some tool", 1700000000)


async def test_preferences_keep_what_is_set_except_what_the_bridge_decides(arr, house) -> None:
    before = await arr.json("app/preferences")
    changes = {
        "max_ratio_enabled": True,
        "max_ratio_act": 1,
        "dht": False,
        "queueing_enabled": False,
        "save_path": "/etc",
        "web_ui_username": "other",
        "web_ui_password": "other",
        "bypass_local_auth": True,
        "nope": 1,
        "max_active_downloads": 7,
        "excluded_file_names": "*.exe",
        "connection_speed": "a text",
    }
    for text in (json.dumps(changes), "", "no json", "[]", "{" * 5000, '{"dl_limit": NaN}'):
        status, _ = await arr.call("POST", "app/setPreferences", data={"json": text})
        assert status == 200
    kept = {"max_active_downloads": 7, "excluded_file_names": "*.exe"}
    assert await arr.json("app/preferences") == before | kept
    arr = await house.restarts()
    assert await arr.json("app/preferences") == before | kept
    assert await arr.call("POST", "app/setPreferences") == (400, "Bad Request")


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [(1.5, "1.5"), (2, "2"), (2.0, "2"), (-1.0, "-1"), (1e300, "-1"), (True, "-1"), ("2", "-1")],
)
async def test_a_ratio_may_be_a_fraction_and_is_written_as_the_real_server_does(
    house, arr, ratio: object, shown: str
) -> None:
    whole = {"json": json.dumps({"max_ratio": ratio, "max_active_downloads": 4.0, "dl_limit": 1.5})}
    assert await arr.call("POST", "app/setPreferences", data=whole) == (200, "")
    arr = await house.restarts()
    _, text = await arr.call("GET", "app/preferences")
    assert f'"max_ratio":{shown},' in text
    assert '"max_active_downloads":4,' in text
    assert '"dl_limit":0,' in text


async def test_the_limits_that_count_are_the_usual_or_the_alternative_ones(arr) -> None:
    async def post(path: str, **fields) -> tuple[int, str]:
        return await arr.call("POST", f"transfer/{path}", data=fields)

    assert await post("setDownloadLimit", limit="1023") == (200, "")
    assert await arr.call("GET", "transfer/downloadLimit") == (200, "1024")
    assert await post("toggleSpeedLimitsMode") == (200, "")
    assert await arr.call("GET", "transfer/speedLimitsMode") == (200, "1")
    assert (await arr.json("transfer/info"))["dl_rate_limit"] == 10240
    assert await post("setSpeedLimitsMode", mode="0") == (200, "")
    assert await post("setSpeedLimitsMode", mode="x") == (400, "'mode': invalid argument")
    assert (await arr.json("transfer/info"))["dl_rate_limit"] == 1024
    assert (await arr.json("app/preferences"))["dl_limit"] == 1024
    await arr.call("POST", "app/setPreferences", data={"json": '{"dl_limit": 5000}'})
    assert (await arr.json("transfer/info"))["dl_rate_limit"] == 4096


async def test_the_status_line_says_disconnected_while_torbox_is_away(house, arr) -> None:
    assert (await arr.json("transfer/info"))["connection_status"] == "connected"
    house.bridge.board.health = Health(connected=False, sentence="TorBox does not answer")
    assert (await arr.json("transfer/info"))["connection_status"] == "disconnected"
    state = (await arr.json("sync/maindata"))["server_state"]
    assert state["connection_status"] == "disconnected"


# Differences


class Syncing:
    """A client that keeps the whole picture from answers that tell only what changed."""

    def __init__(self, arr) -> None:
        self.arr, self.rid = arr, 0
        self.torrents: dict[str, dict] = {}
        self.categories: dict[str, dict] = {}
        self.tags: set[str] = set()
        self.state: dict = {}

    async def sync(self, *, lose: bool = False) -> dict:
        answer = await self.arr.json("sync/maindata", rid=self.rid)
        if lose:
            return answer
        self.rid = answer["rid"]
        if answer.get("full_update"):
            self.torrents, self.categories, self.tags, self.state = {}, {}, set(), {}
        for torrent_hash, changes in answer.get("torrents", {}).items():
            self.torrents.setdefault(torrent_hash, {}).update(changes)
        for torrent_hash in answer.get("torrents_removed", ()):
            del self.torrents[torrent_hash]
        for name, changes in answer.get("categories", {}).items():
            self.categories.setdefault(name, {}).update(changes)
        for name in answer.get("categories_removed", ()):
            del self.categories[name]
        self.tags |= set(answer.get("tags", ()))
        self.tags -= set(answer.get("tags_removed", ()))
        self.state |= answer.get("server_state", {})
        return answer

    async def agrees(self) -> None:
        rows = {one.pop("hash"): one for one in await self.arr.json("torrents/info")}
        assert self.torrents == rows
        assert self.categories == await self.arr.json("torrents/categories")
        assert self.tags == set(await self.arr.json("torrents/tags"))


async def test_differences_add_up_to_the_whole_whatever_is_lost(arr) -> None:
    client = Syncing(arr)
    assert (await client.sync())["full_update"] is True
    assert await client.sync() == {"rid": 2}
    a, b = await given(arr, "a", "b", category="tv", tags="x")
    assert set((await client.sync(lose=True))["torrents"]) == {a, b}
    await does(arr, "rename", hash=a, name="Another name")
    await client.sync()
    await client.agrees()

    await does(arr, "setCategory", hashes=a, category="")
    answer = await client.sync()
    assert answer["torrents"] == {a: {"category": ""}}, "only what changed"
    await does(arr, "removeCategories", categories="tv")
    await does(arr, "deleteTags", tags="x")
    await does(arr, "delete", hashes=b, deleteFiles="false")
    answer = await client.sync()
    assert answer["torrents_removed"] == [b]
    assert answer["categories_removed"] == ["tv"]
    assert answer["tags_removed"] == ["x"]
    await client.agrees()

    await given(arr, "b")
    await client.sync()
    await client.agrees()


async def test_a_rid_that_was_never_given_gets_everything(arr) -> None:
    await given(arr, "a")
    for rid in (999999, -5, "abc", 0):
        assert (await arr.json("sync/maindata", rid=rid))["full_update"] is True


async def test_each_session_is_told_its_own_differences(house, arr) -> None:
    first, second = Syncing(arr), Syncing(type(arr)(arr.url))
    try:
        assert await second.arr.logs_in() == "Ok."
        await first.sync()
        await second.sync()
        await given(arr, "a")
        assert "torrents" in await first.sync()
        assert "torrents" in await second.sync()
        assert "torrents" not in await first.sync()
    finally:
        await second.arr.close()


@pytest.mark.parametrize("dialect", ["4", "5"])
async def test_clients_without_cookies_that_look_alike_are_told_what_each_has_missed(
    house, dialect: str
) -> None:
    house.sets(qbittorrent={"dialect": dialect, "api_key": "the-key"})
    arr = await house.starts()
    key = {"Authorization": "Bearer the-key"}
    async with aiohttp.ClientSession(headers=key, cookie_jar=aiohttp.DummyCookieJar()) as keyed:
        one = type(arr)(arr.url)
        await one.close()
        one._session = keyed
        first, second = Syncing(one), Syncing(one)
        await first.sync()
        (a,) = await given(arr, "a")
        await second.sync()
        await does(arr, "rename", hash=a, name="Another name")
        assert set((await first.sync())["torrents"]) == {a}
        await first.agrees()
        assert set((await second.sync())["torrents"]) == {a}
        await second.agrees()
        # Each is told only what changed, however they take turns.
        for client in (first, second, second, first):
            answer = await client.sync()
            assert set(answer) <= {"rid", "server_state"}
        # A rid from before a restart is nobody's.
        await house.restarts()
        one.url = house.arr.url
        before, second.rid = second.rid, 0
        for _ in range(60):
            await second.sync()
            assert second.rid != before
        second.rid = before
        assert (await second.sync())["full_update"] is True


async def test_trackers_are_told_with_their_torrents(arr) -> None:
    magnet = f"magnet:?xt=urn:btih:{'a' * 40}&tr=http://t.example/a&tr=udp://u.example:1"
    await given(arr, "b")
    await arr.call("POST", "torrents/add", data={"urls": magnet, "stopped": "true"})
    whole = await arr.json("sync/maindata")
    assert whole["trackers"] == {"http://t.example/a": ["a" * 40], "udp://u.example:1": ["a" * 40]}
    await does(arr, "addTrackers", hash="a" * 40, urls="http://v.example")
    added = await arr.json("sync/maindata", rid=whole["rid"])
    assert added["trackers"] == {"http://v.example": ["a" * 40]}
    await does(arr, "delete", hashes="a" * 40, deleteFiles="true")
    answer = await arr.json("sync/maindata", rid=added["rid"])
    assert set(answer["trackers_removed"]) == {*whole["trackers"], "http://v.example"}


# A client library


def walk(url: str, dialect: str, torrent: bytes, torrent_hash: str) -> None:
    """The public surface of qbittorrent-api, as far as it applies, with its results checked."""
    client = qbittorrentapi.Client(
        host=url, username="admin", password="pass-word", REQUESTS_ARGS={"timeout": 10}
    )
    client.auth_log_in()
    assert client.is_logged_in
    assert client.app.version == {"4": "v4.5.2", "5": "v5.1.0"}[dialect]
    assert client.app.preferences.dht is True
    client.app.set_preferences({"max_active_downloads": 4})
    assert client.app.preferences.max_active_downloads == 4
    assert client.app.default_save_path.startswith("/")
    assert client.transfer.info.connection_status == "connected"

    assert (
        client.torrents_add(torrent_files=torrent, category="tv", tags=["a", "b"], is_paused=True)
        == "Ok."
    )
    magnet = f"magnet:?xt=urn:btih:{'c' * 40}&dn=Magnet"
    assert client.torrents_add(urls=magnet, is_stopped=True) == "Ok."
    assert client.torrents_add(urls="nonsense") == "Fails."
    (one,) = client.torrents_info(category="tv", sort="added_on")
    assert one.hash == torrent_hash
    assert one.state_enum.is_paused or one.state_enum.is_stopped
    assert one.tags == "a, b"
    assert [file.name.split("/")[0] for file in one.files] == ["Show", "Show"]
    assert one.properties.save_path == one.save_path
    assert len(one.trackers) >= 3
    assert one.export() == torrent
    one.add_tags("c")
    one.remove_tags("a")
    one.set_download_limit(1000)
    assert client.torrents_download_limit(torrent_hashes=one.hash) == {one.hash: 1000}
    one.set_share_limits(ratio_limit=1.5, seeding_time_limit=60, inactive_seeding_time_limit=-2)
    one.rename(new_name="Renamed")
    one.file_priority(file_ids=1, priority=0)
    one.top_priority()
    one.set_force_start(enable=True)
    one.reannounce()
    one.recheck()
    client.torrents_create_category(name="films")
    one.set_category("films")
    (one,) = client.torrents_info(torrent_hashes=one.hash)
    assert (one.name, one.category, one.tags) == ("Renamed", "films", "b, c")
    assert one.ratio_limit == 1.5
    with pytest.raises(qbittorrentapi.Conflict409Error):
        one.set_category("missing")
    with pytest.raises(qbittorrentapi.NotFound404Error):
        client.torrents_properties(torrent_hash="0" * 40)
    client.torrents_edit_category(name="films", save_path="movies")
    assert client.torrent_categories.categories["films"]["savePath"].endswith("/movies")
    assert set(client.torrents_tags()) == {"a", "b", "c"}
    whole = client.sync_maindata(rid=0)
    assert set(whole.torrents) == {one.hash, "c" * 40}
    client.torrents_delete(delete_files=True, torrent_hashes="all")
    assert client.sync_maindata(rid=whole.rid).torrents_removed
    assert client.torrents_info() == []
    client.log_main()
    client.auth_log_out()
    assert not client.is_logged_in


@pytest.mark.parametrize("dialect", ["4", "5"])
async def test_a_client_library_is_at_home_here(house, torbox, dialect: str) -> None:
    house.sets(qbittorrent={"dialect": dialect})
    await house.starts()
    grab = torbox.publish("Show", {"a.mkv": MiB, "b.srt": 100})
    await asyncio.to_thread(walk, house.arr.url, dialect, grab.torrent, grab.hash)


async def test_a_client_library_is_told_of_a_wrong_password(house) -> None:
    await house.starts()
    client = qbittorrentapi.Client(host=house.arr.url, username="admin", password="wrong")
    with pytest.raises(qbittorrentapi.LoginFailed):
        await asyncio.to_thread(client.auth_log_in)


async def test_a_number_that_clients_cannot_read_is_no_preference(arr) -> None:
    for value in ("1" + "0" * 30, "1" + "0" * 400, "-5", "99999999999"):
        changes = f'{{"dl_limit": {value}, "max_active_downloads": 7}}'
        await arr.call("POST", "app/setPreferences", data={"json": changes})
        assert (await arr.json("transfer/info"))["dl_rate_limit"] == 0
    assert (await arr.json("app/preferences"))["max_active_downloads"] == 7
    data = {"json": '{"max_active_downloads": 99999999999}'}
    await arr.call("POST", "app/setPreferences", data=data)
    assert (await arr.json("app/preferences"))["max_active_downloads"] == 7


async def test_limits_beyond_what_clients_read_are_the_nearest_they_do(arr) -> None:
    (a,) = await given(arr, "a")
    await does(arr, "setDownloadLimit", hashes=a, limit="3000000000")
    await does(arr, "setShareLimits", hashes=a, ratioLimit="-7", seedingTimeLimit="-9")
    shown = await row(arr, a)
    assert shown["dl_limit"] == 2**31 - 1
    assert (shown["ratio_limit"], shown["seeding_time_limit"]) == (-1, -1)
    await does(arr, "setShareLimits", hashes=a, ratioLimit="10000", seedingTimeLimit="525601")
    shown = await row(arr, a)
    assert (shown["ratio_limit"], shown["seeding_time_limit"]) == (9999, 525600)
    await arr.call("POST", "transfer/setDownloadLimit", data={"limit": "3000000000"})
    assert (await arr.json("transfer/info"))["dl_rate_limit"] == 2**31 - 1024


async def test_all_means_everyone_only_as_it_is_written_and_only_to_verbs(arr) -> None:
    (a,) = await given(arr, "a")
    for hashes in ("ALL", f"{a}x|all", f" {a}"):
        await does(arr, "addTags", hashes=hashes, tags="no")
    assert (await row(arr, a))["tags"] == ""
    await does(arr, "addTags", hashes="all", tags="yes")
    assert (await row(arr, a))["tags"] == "yes"
    assert await arr.json("torrents/info", hashes="all") == []
    assert len(await arr.json("torrents/info", hashes="|")) == 1


async def test_a_refused_add_makes_neither_category_nor_tag(arr) -> None:
    data = {"urls": "a" * 40, "savepath": "/etc", "category": "new", "tags": "fresh"}
    assert await arr.call("POST", "torrents/add", data=data) == (200, "Fails.")
    assert "new" not in await arr.json("torrents/categories")
    assert await arr.json("torrents/tags") == []


async def test_a_category_that_is_removed_or_set_is_no_claim_any_more(arr) -> None:
    for category in ("tv", "films"):
        data = {"urls": "a" * 40, "category": category, "stopped": "true"}
        await arr.call("POST", "torrents/add", data=data)
    assert [one["hash"][0] for one in await arr.json("torrents/info", category="films")] == ["a"]
    await does(arr, "removeCategories", categories="films")
    assert await arr.json("torrents/info", category="films") == []
    assert [one["category"] for one in await arr.json("torrents/info")] == ["tv"]
