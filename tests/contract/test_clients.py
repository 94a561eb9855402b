"""The other clients of arr-contract.md §7.1: as they send it, read back as they read it."""

import json
import re

import aiohttp
import pytest
from qbittorrentapi import Version

from bridge.simulator import MiB

PASSWORD = "pass-word"
MAGNET = f"magnet:?xt=urn:btih:{'a' * 40}&dn=Some.Show.S01E01"
INTEGERS = """added_on amount_left completed completion_on dl_limit dlspeed downloaded
downloaded_session eta last_activity max_seeding_time num_complete num_incomplete num_leechs
num_seeds priority seeding_time seeding_time_limit seen_complete size time_active total_size
trackers_count up_limit uploaded uploaded_session upspeed reannounce"""
# Cleanuparr's library throws for the whole list at any other word.
STATES = """error missingFiles uploading pausedUP stoppedUP queuedUP stalledUP checkingUP forcedUP
allocating downloading metaDL forcedMetaDL pausedDL stoppedDL queuedDL stalledDL checkingDL forcedDL
checkingResumeData moving unknown"""


class Client:
    """One HTTP client with its own habits; keeps no cookie by itself."""

    def __init__(self, url: str, **headers: str) -> None:
        self.url = url
        self.session = aiohttp.ClientSession(
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=20),
        )

    async def ask(self, method: str, path: str, **options):
        async with self.session.request(method, f"{self.url}/{path}", **options) as answer:
            return answer.status, answer.headers, await answer.text()

    async def log_in(self) -> str:
        """The raw Set-Cookie, which is all that some of them keep."""
        data = {"username": "admin", "password": PASSWORD}
        status, headers, text = await self.ask("POST", "api/v2/auth/login", data=data)
        assert (status, text) == (200, "Ok.")
        return headers["Set-Cookie"]


@pytest.fixture(params=["4", "5"])
async def client(house, request):
    house.sets(qbittorrent={"dialect": request.param})
    await house.starts()
    client = Client(f"http://127.0.0.1:{house.port}")
    yield client
    await client.session.close()


async def test_autobrr_adds_waits_for_a_tracker_and_reannounces(client: Client) -> None:
    """Go: strict integers, and an add that must answer in text/plain."""
    cookie = {"Cookie": (await client.log_in()).split(";")[0]}
    fields = {
        "urls": MAGNET + "&tr=http://tracker.example/announce",
        "category": "tv",
        "tags": "autobrr",
        "paused": "false",
        "stopped": "false",
        "firstLastPiecePrio": "true",
        "autoTMM": "false",
        "ratioLimit": "1.50",
        "seedingTimeLimit": "60",
    }
    status, headers, text = await client.ask(
        "POST", "api/v2/torrents/add", data=fields, headers=cookie
    )
    assert (status, text) == (200, "Ok.")
    assert headers["Content-Type"].startswith("text/plain")
    _, _, text = await client.ask("GET", "api/v2/torrents/info?filter=all", headers=cookie)
    (row,) = json.loads(text)
    assert all(re.search(rf'"{name}":-?\d+[,}}]', text) for name in INTEGERS.split())
    path = f"api/v2/torrents/trackers?hash={row['hash']}"
    _, _, text = await client.ask("GET", path, headers=cookie)
    assert any(tracker["status"] == 2 for tracker in json.loads(text)[3:])
    hashes = {"hashes": row["hash"]}
    status, _, _ = await client.ask(
        "POST", "api/v2/torrents/reannounce", data=hashes, headers=cookie
    )
    assert status == 200
    _, _, text = await client.ask("GET", "api/v2/torrents/info?filter=downloading", headers=cookie)
    assert len(json.loads(text)) == 1
    _, _, text = await client.ask("GET", "api/v2/transfer/info", headers=cookie)
    assert {"dl_info_speed", "up_info_speed"} <= set(json.loads(text))
    status, _, _ = await client.ask("POST", "api/v2/torrents/topPrio", data=hashes, headers=cookie)
    assert status == 200


async def test_autobrr_sends_files_under_a_random_name_and_strict_limits(
    client: Client, torbox, house
) -> None:
    """Go reads every row into int64 and float64, with a null for neither."""
    cookie = {"Cookie": (await client.log_in()).split(";")[0]}
    grab = torbox.publish("Show", {"Show.mkv": MiB})
    form = aiohttp.FormData()
    fields = {
        "paused": "true",
        "stopped": "true",
        "firstLastPiecePrio": "true",
        "savepath": f"{house.downloads}/elsewhere",
        "upLimit": "102400",
        "dlLimit": "204800",
        "rename": "Other",
        "root_folder": "true",
        "contentLayout": "Original",
    }
    for name, value in fields.items():
        form.add_field(name, value)
    form.add_field("torrents", grab.torrent, filename="aB3dE5gH7jK9mN1p")
    status, headers, text = await client.ask(
        "POST", "api/v2/torrents/add", data=form, headers=cookie
    )
    assert (status, text) == (200, "Ok.")
    assert headers["Content-Type"].startswith("text/plain")
    _, _, text = await client.ask("GET", "api/v2/torrents/info?filter=all", headers=cookie)
    (row,) = json.loads(text)
    assert (row["up_limit"], row["dl_limit"], row["name"]) == (102400, 204800, "Other")
    assert row["save_path"] == f"{house.downloads}/elsewhere"
    assert row["f_l_piece_prio"] is True
    _, _, text = await client.ask("GET", "api/v2/app/preferences", headers=cookie)
    assert json.loads(text)["queueing_enabled"] is True


async def test_cross_seed_posts_everything_and_sends_the_whole_cookie_back(
    client: Client, torbox
) -> None:
    headers = {"Cookie": await client.log_in()}

    async def post(path: str, **fields) -> str:
        # Without fields there is no body and no Content-Type.
        status, _, text = await client.ask(
            "POST", f"api/v2{path}", data=fields or None, headers=headers
        )
        assert status == 200, (path, text)
        return text

    assert re.fullmatch(r"v\d+\.\d+\.\d+", await post("/app/version"))
    assert json.loads(await post("/app/preferences"))["save_path"]
    await post("/torrents/createTags", tags="cross-seed")
    await post("/torrents/createCategory", category="cross-seed-link", savePath="")
    grab = torbox.publish("Show", {"Show.mkv": MiB})
    form = aiohttp.FormData()
    form.add_field("torrents", grab.torrent, filename="Show.cross-seed.torrent")
    more = {"category": "tv", "tags": "cross-seed", "autoTMM": "false", "contentLayout": "Original"}
    for name, value in more.items():
        form.add_field(name, value)
    for name in ("stopped", "paused"):
        form.add_field(name, "true")
    form.add_field("foo", "bar")
    status, _, text = await client.ask("POST", "api/v2/torrents/add", data=form, headers=headers)
    assert (status, text) == (200, "Ok.")
    query = {"hashes": grab.hash, "includeFiles": "true", "includeTrackers": "true"}
    (row,) = json.loads(await post("/torrents/info", **query))
    assert row["infohash_v1"] == grab.hash
    assert row["total_size"] == row["amount_left"] == MiB
    assert row["tags"].split(", ") == ["cross-seed"]
    (file,) = json.loads(await post("/torrents/files", hash=grab.hash))
    assert file["size"] == MiB
    assert json.loads(await post("/torrents/trackers", hash=grab.hash))
    assert "tv" in json.loads(await post("/torrents/categories"))
    await post("/torrents/recheck", hashes=grab.hash)
    await post("/torrents/resume", hashes=grab.hash)


async def test_decluttarr_reads_version_tags_privacy_and_the_status_line(client: Client) -> None:
    raw = await client.log_in()
    assert raw.startswith("SID=")
    headers = {"Cookie": raw.split(";")[0]}
    await client.ask(
        "POST", "api/v2/torrents/add", data={"urls": MAGNET, "stopped": "true"}, headers=headers
    )

    async def get(path: str):
        status, _, text = await client.ask("GET", f"api/v2/{path}", headers=headers)
        assert status == 200
        return text

    version = await get("app/version")
    assert version[0] == "v"
    assert [int(part) for part in version[1:].split(".")] >= [4, 3, 0]
    (row,) = json.loads(await get("torrents/info"))
    assert isinstance(row["tags"], str)
    assert "private" in row
    properties = json.loads(await get(f"torrents/properties?hash={row['hash']}"))
    assert properties["is_private"] is False
    limits = json.loads(await get("transfer/info"))
    assert isinstance(limits["dl_rate_limit"], int)
    assert isinstance(limits["dl_info_speed"], int)
    assert json.loads(await get(f"torrents/files?hash={row['hash']}")) == []
    assert row["completed"] == 0
    state = json.loads(await get("sync/maindata"))["server_state"]
    assert state["connection_status"] != "disconnected"
    protect = {"hashes": f"{row['hash']}|{'b' * 40}", "tags": "Keep"}
    await client.ask("POST", "api/v2/torrents/addTags", data=protect, headers=headers)
    assert json.loads(await get("torrents/tags")) == ["Keep"]
    chosen = {"json": json.dumps({"use_unwanted_folder": False})}
    status, _, _ = await client.ask(
        "POST", "api/v2/app/setPreferences", data=chosen, headers=headers
    )
    assert status == 200


async def test_cleanuparr_finds_the_api_and_can_read_every_row(client: Client) -> None:
    status, _, _ = await client.ask("GET", "version/api")
    assert status == 404
    headers = {"Cookie": (await client.log_in()).split(";")[0]}
    await client.ask("POST", "api/v2/torrents/add", data={"urls": MAGNET}, headers=headers)
    status, _, version = await client.ask("GET", "api/v2/app/webapiVersion", headers=headers)
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    path = "api/v2/torrents/info?filter=all&reverse=false"
    _, _, text = await client.ask("GET", path, headers=headers)
    for row in json.loads(text):
        assert row["state"] in STATES.split()
        for name in ("dlspeed", "upspeed", "num_seeds", "num_leechs", "num_complete", "priority"):
            assert -(2**31) <= row[name] < 2**31
    _, _, text = await client.ask("GET", "api/v2/transfer/speedLimitsMode", headers=headers)
    assert text == "0"


async def test_cleanuparr_looks_closely_and_deselects_files(client: Client, torbox) -> None:
    headers = {"Cookie": (await client.log_in()).split(";")[0]}

    async def get(path: str):
        status, _, text = await client.ask("GET", f"api/v2/{path}", headers=headers)
        assert status == 200, path
        return json.loads(text)

    async def post(path: str, **data: str) -> None:
        status, _, text = await client.ask("POST", f"api/v2/{path}", data=data, headers=headers)
        assert status == 200, (path, text)

    grab = torbox.publish("Show", {"Show.mkv": MiB, "virus.lnk": 10})
    form = aiohttp.FormData({"stopped": "true", "paused": "true"})
    form.add_field("torrents", grab.torrent, filename="Show.torrent")
    await client.ask("POST", "api/v2/torrents/add", data=form, headers=headers)
    (row,) = await get(f"torrents/info?filter=all&reverse=false&hashes={grab.hash.upper()}")
    assert row["state"] in STATES.split()
    assert (await get(f"torrents/properties?hash={grab.hash}"))["is_private"] is False
    assert isinstance(await get(f"torrents/trackers?hash={grab.hash}"), list)
    files = await get(f"torrents/files?hash={grab.hash}")
    (bad,) = [one["index"] for one in files if one["name"].endswith("virus.lnk")]
    assert {one["priority"] for one in files} == {1}
    await post("torrents/filePrio", hash=grab.hash, id=str(bad), priority="0")
    files = await get(f"torrents/files?hash={grab.hash}")
    assert [one["index"] for one in files if one["priority"] == 0] == [bad]
    await post("torrents/createCategory", category="cleanuparr-unlinked")
    await post("torrents/setCategory", hashes=grab.hash, category="cleanuparr-unlinked")
    await post("torrents/addTags", hashes=grab.hash, tags="cleanuparr")
    (row,) = await get("torrents/info?filter=all&reverse=false&category=cleanuparr-unlinked")
    assert row["tags"] == "cleanuparr"
    assert "savePath" in (await get("torrents/categories"))["cleanuparr-unlinked"]
    await post("app/setPreferences", json=json.dumps({"excluded_file_names": "*.lnk"}))
    assert (await get("app/preferences"))["excluded_file_names"] == "*.lnk"
    await post("torrents/delete", hashes=grab.hash, deleteFiles="true")
    assert await get("torrents/info?filter=all&reverse=false") == []


async def test_qbit_manage_starts_with_head_and_knows_the_version(client: Client) -> None:
    status, _, _ = await client.ask("HEAD", "")
    assert status == 200
    headers = {"Cookie": (await client.log_in()).split(";")[0]}
    _, _, version = await client.ask("POST", "api/v2/app/version", headers=headers)
    assert Version.is_app_version_supported(version)
    _, _, text = await client.ask("POST", "api/v2/app/preferences", headers=headers)
    assert {"max_ratio_act", "max_ratio_enabled", "max_seeding_time"} <= set(json.loads(text))


async def test_qbit_manage_sorts_tags_and_limits_what_it_posts_for(client: Client, torbox) -> None:
    headers = {"Cookie": (await client.log_in()).split(";")[0]}

    async def post(path: str, **data: str) -> str:
        status, _, text = await client.ask(
            "POST", f"api/v2/{path}", data=data or None, headers=headers
        )
        assert status == 200, (path, text)
        return text

    grab = torbox.publish("Show", {"Show.mkv": MiB})
    form = aiohttp.FormData({"stopped": "True", "paused": "True"})
    form.add_field("Show.torrent", grab.torrent, filename="Show.torrent")
    await client.ask("POST", "api/v2/torrents/add", data=form, headers=headers)
    (row,) = json.loads(await post("torrents/info", sort="added_on"))
    for name in ("auto_tmm", "seeding_time", "ratio", "num_complete", "download_path", "private",
                 "last_activity", "seeding_time_limit", "ratio_limit", "up_limit"):  # fmt: skip
        assert name in row
    hashes = {"hashes": grab.hash}
    await post("torrents/createCategory", category="movies", savePath="")
    await post("torrents/setCategory", category="movies", **hashes)
    await post("torrents/addTags", tags="noHL", **hashes)
    limits = {"ratioLimit": "2.0", "seedingTimeLimit": "1440", "inactiveSeedingTimeLimit": "-2"}
    await post("torrents/setShareLimits", **limits, **hashes)
    await post("torrents/setUploadLimit", limit="102400", **hashes)
    await post("torrents/setAutoManagement", enable="False", **hashes)
    (row,) = json.loads(await post("torrents/info", sort="added_on"))
    assert (row["category"], row["tags"], row["up_limit"]) == ("movies", "noHL", 102400)
    assert (row["ratio_limit"], row["seeding_time_limit"]) == (2, 1440)
    await post("torrents/removeTags", tags="noHL", **hashes)
    await post("torrents/deleteTags", tags="noHL")
    assert json.loads(await post("torrents/tags")) == []
    data = {"hash": grab.hash}
    async with client.session.post(
        f"{client.url}/api/v2/torrents/export", data=data, headers=headers
    ) as answer:
        assert await answer.read() == grab.torrent


async def test_homepage_logs_in_after_a_403_and_wants_exactly_ok(client: Client) -> None:
    status, _, _ = await client.ask("GET", "api/v2/torrents/info")
    assert status == 403
    cookie = (await client.log_in()).split(";")[0]
    headers = {"Cookie": cookie}
    await client.ask("POST", "api/v2/torrents/add", data={"urls": MAGNET}, headers=headers)
    _, _, text = await client.ask("GET", "api/v2/torrents/info", headers=headers)
    (row,) = json.loads(text)
    assert isinstance(row["state"], str)
    assert isinstance(row["name"], str)
    for name in ("dlspeed", "upspeed", "progress", "eta", "size", "amount_left"):
        assert isinstance(row[name], int | float)
    assert row["progress"] != 1  # it counts whatever is exactly 1 as done


async def test_vuetorrent_follows_differences_from_its_own_origin(client: Client) -> None:
    origin = {"Origin": client.url, "Referer": f"{client.url}/"}
    headers = {"Cookie": (await client.log_in()).split(";")[0]} | origin
    for path in ("app/version", "app/buildInfo", "app/preferences", "transfer/info", "log/main",
                 "rss/items", "rss/rules", "search/plugins", "torrents/tags"):  # fmt: skip
        status, _, _ = await client.ask("GET", f"api/v2/{path}", headers=headers)
        assert status == 200, path
    _, _, text = await client.ask("GET", "api/v2/sync/maindata?rid=0", headers=headers)
    whole = json.loads(text)
    assert whole["full_update"] is True
    assert "server_state" in whole
    _, _, text = await client.ask(
        "GET", f"api/v2/sync/maindata?rid={whole['rid']}", headers=headers
    )
    assert "full_update" not in json.loads(text)
    rid = json.loads(text)["rid"]

    async def differs(path: str, **data: str) -> dict:
        nonlocal rid
        status, _, text = await client.ask("POST", f"api/v2/{path}", data=data, headers=headers)
        assert status == 200, (path, text)
        _, _, text = await client.ask("GET", f"api/v2/sync/maindata?rid={rid}", headers=headers)
        told = json.loads(text)
        assert "full_update" not in told
        rid = told["rid"]
        return told

    told = await differs("torrents/add", urls=MAGNET, stopped="true")
    assert told["torrents"]["a" * 40]["name"] == "Some.Show.S01E01"
    told = await differs("torrents/setDownloadLimit", hashes="a" * 40, limit="1000")
    assert told["torrents"]["a" * 40]["dl_limit"] == 1000
    assert "name" not in told["torrents"]["a" * 40]
    told = await differs("torrents/addTags", hashes="a" * 40, tags="x")
    assert (told["tags"], told["torrents"]["a" * 40]["tags"]) == (["x"], "x")
    told = await differs("transfer/toggleSpeedLimitsMode")
    assert told["server_state"]["use_alt_speed_limits"] is True
    told = await differs("torrents/delete", hashes="a" * 40, deleteFiles="true")
    assert told["torrents_removed"] == ["a" * 40]
