"""Numbered differences of docs/qbittorrent-api.md that no other test holds, in both dialects."""

import asyncio
import json

import pytest

from bridge.simulator import FetchedOver, MiB, Stalled
from tests.conftest import Arr

DAY = 86400.0
HASH = "ab" * 20
MAGNET = f"magnet:?xt=urn:btih:{HASH}&dn=Show"
PAUSED = {"4": "pausedDL", "5": "stoppedDL"}


@pytest.fixture(params=["4", "5"])
def dialect(request) -> str:
    return request.param


@pytest.fixture
async def arr(house, dialect: str):
    house.sets(qbittorrent={"dialect": dialect})
    return await house.starts()


async def adds(arr, **fields: str) -> dict:
    """Add one; gives its row."""
    answer = await arr.call(
        "POST", "torrents/add", data={"urls": MAGNET, "stopped": "true"} | fields
    )
    assert answer == (200, "Ok.")
    (row,) = await arr.json("torrents/info")
    return row


# 3


async def test_a_torrent_of_version_two_has_its_whole_hash(arr) -> None:
    row = await adds(arr, urls=f"magnet:?xt=urn:btmh:1220{'cd' * 32}&dn=Second")
    assert row["hash"] == row["infohash_v2"] == "cd" * 32
    assert row["infohash_v1"] == ""
    assert [one["hash"] for one in await arr.json("torrents/info", hashes="cd" * 32)] == ["cd" * 32]


# 4


async def test_both_versions_verbs_and_words_work_in_both_dialects(
    arr, dialect: str, torbox
) -> None:
    grab = torbox.publish("Show", {"a.mkv": MiB}, Stalled())

    async def state() -> str:
        (row,) = await arr.json("torrents/info", hashes=grab.hash)
        return row["state"]

    for word in ("paused", "stopped"):
        data = {"urls": grab.magnet, word: "true"}
        assert await arr.call("POST", "torrents/add", data=data) == (200, "Ok.")
        assert await state() == PAUSED[dialect]
        await arr.call("POST", "torrents/delete", data={"hashes": grab.hash, "deleteFiles": "true"})
    assert await arr.call("POST", "torrents/add", data={"urls": grab.magnet}) == (200, "Ok.")
    for pause, resume in (("pause", "resume"), ("stop", "start")):
        hashes = {"hashes": grab.hash}
        assert await arr.call("POST", f"torrents/{pause}", data=hashes) == (200, "")
        assert await state() == PAUSED[dialect]
        assert await arr.call("POST", f"torrents/{resume}", data=hashes) == (200, "")
        assert await state() != PAUSED[dialect]


# 5


async def test_limits_that_came_with_the_grab_are_reached_and_later_ones_when_their_time_is_over(
    arr, house, torbox
) -> None:
    grab = torbox.publish("Show", {"a.mkv": MiB})
    assert await arr.grabs(grab, ratioLimit="2", seedingTimeLimit="60") == "Ok."
    await house.eventually(lambda: finished(arr, grab))
    row = await arr.sees(grab)
    assert (row["ratio_limit"], row["ratio"], row["seeding_time_limit"]) == (0, 0, 0)
    assert row["seeding_time"] < 60, "none that was not"
    house.clock.jump(5)
    late = {"hashes": grab.hash, "ratioLimit": "-1", "seedingTimeLimit": "14400"}
    late["inactiveSeedingTimeLimit"] = "-2"
    assert await arr.call("POST", "torrents/setShareLimits", data=late) == (200, "")

    async def seeding_time() -> int:
        return (await arr.sees(grab))["seeding_time"]

    assert await seeding_time() < 60
    await house.passes(9 * DAY, step=DAY)
    assert await seeding_time() < 10 * DAY
    await house.passes(DAY, step=DAY / 8)

    async def over() -> bool:
        return await seeding_time() == 10 * DAY

    await house.eventually(over)


async def test_limits_that_are_set_while_it_is_fetched_count_from_the_completion_on(
    arr, house, torbox
) -> None:
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(60))
    assert await arr.grabs(grab) == "Ok."
    await house.sees_state(grab, "downloading")
    early = {"hashes": grab.hash, "ratioLimit": "2", "seedingTimeLimit": "14400"}
    early["inactiveSeedingTimeLimit"] = "-2"
    assert await arr.call("POST", "torrents/setShareLimits", data=early) == (200, "")
    await house.eventually(lambda: finished(arr, grab))
    row = await arr.sees(grab)
    assert (row["ratio_limit"], row["seeding_time_limit"]) == (2, 14400)
    assert row["ratio"] == 0
    assert row["seeding_time"] < DAY


# 6 and 7


@pytest.mark.parametrize("layout", ["Original", "Subfolder", "NoSubfolder"])
async def test_a_torrent_has_its_own_folder_whatever_layout_is_asked_for(
    arr, house, torbox, layout: str
) -> None:
    grab = torbox.publish("Show.S01E01.mkv", {"Show.S01E01.mkv": MiB})
    fields = {"contentLayout": layout, "root_folder": "false"}
    assert await arr.grabs(grab, as_file=True, **fields) == "Ok."
    await house.eventually(lambda: finished(arr, grab))
    row = await arr.sees(grab)
    assert row["content_path"] == f"{house.downloads}/tv-sonarr/Show.S01E01.mkv"
    (file,) = await arr.json("torrents/files", hash=grab.hash)
    assert file["name"] == "Show.S01E01.mkv/Show.S01E01.mkv"
    assert set(house.files_of(row)) == {"Show.S01E01.mkv"}


async def finished(arr, grab) -> bool:
    return (await arr.sees(grab))["progress"] == 1


async def test_a_categorys_path_counts_without_automatic_management(arr, house) -> None:
    category = {"category": "tv", "savePath": "below/series"}
    assert (await arr.call("POST", "torrents/createCategory", data=category))[0] == 200
    row = await adds(arr, category="tv", autoTMM="false")
    assert row["save_path"] == f"{house.downloads}/below/series"
    assert row["auto_tmm"] is False
    preferences = await arr.json("app/preferences")
    assert preferences["use_category_paths_in_manual_mode"] is True
    assert preferences["auto_tmm_enabled"] is False


# 8


@pytest.mark.parametrize("name", ["con", "a:b", "a?", "trailing. ", "a\x01b"])
async def test_a_name_that_is_not_safe_on_every_disk_is_refused(
    arr, house, torbox, name: str
) -> None:
    grab = torbox.publish("Show", {"a.mkv": MiB, "b.mkv": MiB})
    await arr.grabs(grab, as_file=True, stopped="true")
    before = await arr.json("torrents/files", hash=grab.hash)
    for action, old in (("renameFile", "Show/a.mkv"), ("renameFolder", "Show")):
        new = f"Show/{name}" if action == "renameFile" else name
        data = {"hash": grab.hash, "oldPath": old, "newPath": new}
        assert (await arr.call("POST", f"torrents/{action}", data=data))[0] == 409
    assert await arr.json("torrents/files", hash=grab.hash) == before


# 13 and 14


async def test_no_preference_opens_a_door_or_turns_off_what_arrs_need(arr) -> None:
    before = await arr.json("app/preferences")
    assert (before["dht"], before["queueing_enabled"]) == (True, True)
    changes = {
        "bypass_auth_subnet_whitelist_enabled": True,
        "bypass_auth_subnet_whitelist": "0.0.0.0/0",
        "bypass_local_auth": True,
        "dht": False,
        "queueing_enabled": False,
        "web_ui_csrf_protection_enabled": False,
        "web_ui_custom_http_headers": "X-Mine: 1",
        "web_ui_domain_list": "elsewhere.example",
        "web_ui_password": "other",
        "web_ui_session_timeout": 1,
        "web_ui_use_custom_http_headers_enabled": True,
        "web_ui_username": "other",
    }
    assert set(changes) - {"web_ui_password"} <= set(before)
    data = {"json": json.dumps(changes)}
    assert await arr.call("POST", "app/setPreferences", data=data) == (200, "")
    assert await arr.json("app/preferences") == before
    another = Arr(arr.url)
    try:
        assert await another.logs_in("other", "other") == "Fails."
    finally:
        await another.close()


# 15


async def test_a_category_has_no_download_path_of_its_own(arr, house) -> None:
    own = {"downloadPathEnabled": "true", "downloadPath": f"{house.downloads}/elsewhere"}
    data = {"category": "tv", "savePath": ""} | own
    assert (await arr.call("POST", "torrents/createCategory", data=data))[0] == 200
    data = {"category": "tv", "savePath": "series"} | own
    assert (await arr.call("POST", "torrents/editCategory", data=data))[0] == 200
    assert await arr.json("torrents/categories") == {
        "tv": {"name": "tv", "savePath": f"{house.downloads}/series"}
    }
    row = await adds(arr, category="tv", stopped="false")
    assert row["download_path"] in {"", f"{house.downloads}/.incomplete/{HASH}"}


# 16


async def raw(house, request: bytes) -> bytes:
    """All that comes until the bridge hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


async def test_a_request_without_host_is_refused(arr, house) -> None:
    answer = await raw(house, b"GET /api/v2/app/version HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_chunked_bodies_are_understood_and_connection_close_is_heeded(arr, house) -> None:
    body = b"username=admin&password=pass-word"
    answer = await raw(
        house,
        b"POST /api/v2/auth/login HTTP/1.1\r\nHost: nas\r\nConnection: close\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
    )
    head, _, said = answer.partition(b"\r\n\r\n")
    assert said == b"Ok."
    assert b"\r\nconnection: close\r\n" in head.lower()


async def test_a_method_that_does_not_exist_is_400(arr, house) -> None:
    answer = await raw(house, b"get /api/v2/app/version HTTP/1.1\r\nHost: nas\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


# 18


async def test_what_would_be_kept_for_nothing_is_refused(arr, dialect: str) -> None:
    row = await adds(arr)
    web_seed = {"hash": row["hash"].upper(), "urls": "http://seed.example/"}
    refused = {
        "rss/addFolder": {"path": "x"},
        "rss/addFeed": {"path": "x", "url": "http://feed.example/"},
        "rss/setRule": {"ruleName": "x", "ruleDef": "{}"},
        "rss/removeItem": {"path": "{0}{path}"},
        "search/installPlugin": {"sources": "x"},
    }
    if dialect == "5":
        refused |= {
            "torrents/addWebSeeds": web_seed,
            "torrentcreator/addTask": {"sourcePath": "/etc"},
            "search/downloadTorrent": {"torrentUrl": "x", "pluginName": "y"},
        }
    for path, data in refused.items():
        status, said = await arr.call("POST", path, data=data)
        assert status == 409, path
        assert said != "Conflict"
    assert await arr.json("rss/items") == await arr.json("rss/rules") == {}
    assert await arr.json("search/plugins") == []
    assert await arr.json("torrents/info") == [row]


# 19


async def test_a_forced_torrent_keeps_the_word_for_what_happens_to_it(arr) -> None:
    row = await adds(arr)
    data = {"hashes": row["hash"], "value": "true"}
    assert await arr.call("POST", "torrents/setForceStart", data=data) == (200, "")
    (row,) = await arr.json("torrents/info")
    assert row["force_start"] is True
    assert not row["state"].startswith("forced")


# 20


async def test_peers_and_trackers_are_torboxs(arr) -> None:
    row = await adds(arr)
    data = {"hashes": row["hash"], "peers": "1.2.3.4:5|[::1]:80|host:80"}
    _, text = await arr.call("POST", "torrents/addPeers", data=data)
    assert json.loads(text)[row["hash"]] == {"added": 0, "failed": 2}
    urls = "http://a.example/x\nnonsense\nudp://b.example:1"
    data = {"hash": row["hash"], "urls": urls}
    assert await arr.call("POST", "torrents/addTrackers", data=data) == (200, "")
    shown = (await arr.json("torrents/trackers", hash=row["hash"]))[3:]
    assert [(one["url"], one["tier"], one["status"]) for one in shown] == [
        ("http://a.example/x", 0, 2),
        ("udp://b.example:1", 1, 2),
    ]


# 21


async def test_names_and_tags_are_tidied(arr) -> None:
    row = await adds(arr, tags=" a , b", rename="two\nlines")
    assert row["name"] == "two lines"
    assert row["tags"] == "a, b"
