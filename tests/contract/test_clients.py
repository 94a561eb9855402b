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


async def test_qbit_manage_starts_with_head_and_knows_the_version(client: Client) -> None:
    status, _, _ = await client.ask("HEAD", "")
    assert status == 200
    headers = {"Cookie": (await client.log_in()).split(";")[0]}
    _, _, version = await client.ask("POST", "api/v2/app/version", headers=headers)
    assert Version.is_app_version_supported(version)
    _, _, text = await client.ask("POST", "api/v2/app/preferences", headers=headers)
    assert {"max_ratio_act", "max_ratio_enabled", "max_seeding_time"} <= set(json.loads(text))


async def test_homepage_logs_in_after_a_403_and_wants_exactly_ok(client: Client) -> None:
    status, _, _ = await client.ask("GET", "api/v2/torrents/info")
    assert status == 403
    cookie = (await client.log_in()).split(";")[0]
    _, _, text = await client.ask("GET", "api/v2/torrents/info", headers={"Cookie": cookie})
    assert json.loads(text) == []


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
