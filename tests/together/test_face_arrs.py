"""Every call of arr-contract.md §1.1 (A1 to A17), as Sonarr 4, Sonarr 5 and Radarr send it."""

import base64
import json
import re

import aiohttp
import pytest

from bridge.simulator import MiB

PASSWORD = "pass-word"


def urlencoded(fields: list[tuple[str, str]]) -> tuple[bytes, str]:
    """Values are escaped, names are raw (RB:150-242)."""
    from urllib.parse import quote

    body = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in fields)
    return body.encode(), "application/x-www-form-urlencoded"


def multipart(fields: list[tuple[str, str]], file: tuple[str, bytes] | None = None):
    """No Content-Type on text parts, a raw UTF-8 file name, an unquoted boundary of 29 dashes."""
    boundary = "-----------------------------" + "0123456789abcdef"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    if file:
        name, data = file
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="torrents"; filename="{name}"'
            "\r\nContent-Type: application/octet-stream\r\n\r\n".encode()
            + data
            + b"\r\n"
        )
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), (
        f"multipart/form-data; boundary={boundary}"
    )


class Sender:
    """An arr's HTTP client: `Connection: close`, no redirects, the cookie kept until a 403."""

    def __init__(self, base: str, agent: str, authorization: str | None) -> None:
        self.base, self.cookie = base, ""
        self.headers = {"User-Agent": agent, "Connection": "close", "Accept-Encoding": "gzip, br"}
        if authorization:
            self.headers["Authorization"] = authorization
        self.logins = 0

    async def send(self, method: str, path: str, body: bytes = b"", kind: str = ""):
        headers = dict(self.headers)
        if self.cookie:
            headers["Cookie"] = self.cookie
        if kind:
            headers["Content-Type"] = kind
        # Their own client would give up after 100 s; ours are answered in no time.
        timeout = aiohttp.ClientTimeout(total=10)
        async with (
            aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(
                method,
                f"{self.base}/api/v2/{path}",
                data=body or None,
                headers=headers,
                allow_redirects=False,
            ) as answer,
        ):
            return answer.status, await answer.text(), answer.headers.getall("Set-Cookie", [])

    async def log_in(self, username: str = "admin", password: str = PASSWORD) -> str:
        self.logins += 1
        fields = [("username", username), ("password", password)]
        status, text, cookies = await self.send("POST", "auth/login", *urlencoded(fields))
        assert status == 200
        if cookies:
            # Sonarr keeps the first name=value of all Set-Cookie headers joined with ";".
            found = re.match(r"^(.*?)=(.*?)(?:;|$)", ";".join(cookies))
            self.cookie = f"{found[1]}={found[2]}"
            assert found[1] == "SID"
        return text

    async def get(self, path: str) -> str:
        """A call after login: one login and one retry on a 403."""
        status, text, _ = await self.send("GET", path)
        if status == 403 and "Bearer" not in self.headers.get("Authorization", ""):
            await self.log_in()
            status, text, _ = await self.send("GET", path)
        assert status == 200, (path, status, text)
        return text

    async def post(self, path: str, fields: list[tuple[str, str]], file=None) -> str:
        long = any(len(value) > 1024 for _, value in fields)
        body, kind = multipart(fields, file) if file or long else urlencoded(fields)
        status, text, _ = await self.send("POST", path, body, kind)
        assert status == 200, (path, status, text)
        return text

    async def polls(self) -> list[dict]:
        """A3, A4, A5."""
        await self.get("app/webapiVersion")
        assert json.loads(await self.get("app/preferences"))["dht"] is True
        return json.loads(await self.get("torrents/info?category=tv-sonarr"))


def authorization(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


SENDERS = {
    "Sonarr 4": ("Sonarr/4.0.19.2979 (debian 12)", authorization("admin", PASSWORD)),
    "Sonarr 4 before 4.0.17": ("Sonarr/4.0.15.2941 (debian 12)", authorization("", "")),
    "Sonarr 5 with a key": ("Sonarr/5.0.0.1 (debian 12)", "Bearer the-api-key"),
    "Radarr behind a proxy": ("Radarr/6.1.0 (alpine 3.22)", authorization("proxy", "secret")),
}


@pytest.fixture(params=["4", "5"])
async def dialect(house, request) -> str:
    house.sets(qbittorrent={"api_key": "the-api-key", "dialect": request.param})
    await house.starts()
    return request.param


@pytest.fixture(params=list(SENDERS))
def sender(dialect, house, request) -> Sender:
    return Sender(house.arr.url, *SENDERS[request.param])


async def test_the_test_button_is_satisfied(sender: Sender) -> None:
    with_key = sender.headers["Authorization"].startswith("Bearer")
    status, _, _ = await sender.send("GET", "app/webapiVersion")  # A1, without a cookie
    # 403 means "supported"; 404 would be version 1 of the API, and 401 a failure.
    known = with_key or sender.headers["Authorization"] == authorization("admin", PASSWORD)
    assert status == (200 if known else 403)
    if not with_key:
        assert await sender.log_in() == "Ok."  # A2

    version = await sender.get("app/webapiVersion")  # A3
    assert [int(part) for part in version.split(".")] >= [2, 8, 1]
    assert version.count(".") == 2
    preferences = json.loads(await sender.get("app/preferences"))  # A4
    assert preferences["save_path"].startswith("/")
    assert preferences["queueing_enabled"] is True
    assert preferences["max_ratio_enabled"] is False
    assert preferences["max_ratio_act"] == 0

    assert json.loads(await sender.get("torrents/categories")) == {}  # A6
    assert await sender.post("torrents/createCategory", [("category", "tv-sonarr")]) == ""  # A7
    (category,) = json.loads(await sender.get("torrents/categories")).values()
    assert category["name"] == "tv-sonarr"
    assert category["savePath"] == f"{preferences['save_path']}/tv-sonarr"
    assert json.loads(await sender.get("torrents/info?category=tv-sonarr")) == []  # A5


async def ready(sender: Sender) -> None:
    if not sender.headers["Authorization"].startswith("Bearer"):
        assert await sender.log_in() == "Ok."


async def test_the_walk_from_grab_to_removal(sender: Sender, house, torbox, dialect) -> None:
    await ready(sender)
    grab = torbox.publish("Show.S01E01", {"Show.S01E01.mkv": MiB, "Subs/en.srt": 1000})
    pause = "stopped" if dialect == "5" else "paused"
    options = [
        ("category", "tv-sonarr"),
        (pause, "False"),
        ("sequentialDownload", "True"),
        ("firstLastPiecePrio", "True"),
        ("contentLayout", "Original"),
        ("ratioLimit", "1.5"),
        ("seedingTimeLimit", "1440"),
    ]
    file = ("Show.S01E01 «ü».torrent", grab.torrent)
    assert await sender.post("torrents/add", options, file) == "Ok."  # A9
    (row,) = await sender.polls()
    assert row["hash"] == grab.hash
    assert row["category"] == "tv-sonarr"
    assert (row["seq_dl"], row["f_l_piece_prio"]) == (True, True)
    assert (row["ratio_limit"], row["seeding_time_limit"]) == (1.5, 1440)

    async def finished() -> bool:
        (row,) = await sender.polls()
        return row["state"] in {"pausedUP", "stoppedUP"}

    await house.eventually(finished)
    (row,) = await sender.polls()
    assert row["ratio"] >= row["ratio_limit"] == 0
    assert row["content_path"].startswith(row["save_path"] + "/")
    assert house.files_of(row)["Show.S01E01.mkv"] == grab.content("Show.S01E01.mkv")

    # The import fallback (A10, A11) finds the same folder.
    files = json.loads(await sender.get(f"torrents/files?hash={grab.hash}"))
    properties = json.loads(await sender.get(f"torrents/properties?hash={grab.hash}"))
    folder = files[0]["name"].split("/")[0]
    assert f"{properties['save_path']}/{folder}" == row["content_path"]

    await sender.post("torrents/createCategory", [("category", "imported")])
    await sender.post("torrents/setCategory", [("hashes", grab.hash), ("category", "imported")])
    assert await sender.polls() == []  # A16, scenario 35
    delete = [("hashes", grab.hash), ("deleteFiles", "true")]
    assert await sender.post("torrents/delete", delete) == ""  # A17
    assert json.loads(await sender.get("torrents/info")) == []


@pytest.mark.parametrize("length", [0, 1500])
async def test_a_magnet_arrives_however_long_it_is(sender: Sender, torbox, length: int) -> None:
    """Over 1,024 bytes it comes as multipart (scenario 14)."""
    await ready(sender)
    grab = torbox.publish("Show.S01E02", {"a.mkv": 1000})
    magnet = grab.magnet + f"&tr=http://tracker.example/{'x' * length}" * bool(length)
    options = [("urls", magnet), ("category", "tv-sonarr"), ("paused", "False")]
    assert await sender.post("torrents/add", options) == "Ok."  # A8
    (row,) = await sender.polls()
    assert row["hash"] == grab.hash
    assert await sender.post("torrents/add", options) == "Ok."  # scenario 19
    assert len(await sender.polls()) == 1


async def test_base32_and_hybrid_sources_show_the_hash_that_arrs_look_for(
    sender: Sender, dialect
) -> None:
    await ready(sender)
    base32, v1 = "GMZTGMZTGMZTGMZTGMZTGMZTGMZTGMZT", "33" * 20
    hybrid = f"magnet:?xt=urn:btmh:1220{'ab' * 32}&xt=urn:btih:{'CD' * 20}&dn=Hybrid"
    for magnet in (f"magnet:?xt=urn:btih:{base32}&dn=x", hybrid):
        options = [("urls", magnet), ("category", "tv-sonarr"), ("stopped", "True")]
        assert await sender.post("torrents/add", options) == "Ok."
    rows = {row["hash"]: row for row in await sender.polls()}
    assert set(rows) == {v1, "cd" * 20}
    assert rows["cd" * 20]["infohash_v2"] == "ab" * 32
    paused = "stoppedDL" if dialect == "5" else "pausedDL"
    assert {row["state"] for row in rows.values()} == {paused}


async def test_priority_force_start_tags_and_share_limits_are_taken(sender: Sender, torbox) -> None:
    await ready(sender)
    grab = torbox.publish("Show.S01E03", {"a.mkv": 1000})
    # "Force Started" sends neither `paused` nor `stopped` (scenario 20).
    await sender.post("torrents/add", [("urls", grab.magnet), ("category", "tv-sonarr")])
    assert json.loads(await sender.get(f"torrents/properties?hash={grab.hash}"))  # A10
    hashes = ("hashes", grab.hash)
    assert await sender.post("torrents/topPrio", [hashes]) == ""  # A13
    assert await sender.post("torrents/setForceStart", [hashes, ("value", "true")]) == ""  # A14
    assert await sender.post("torrents/addTags", [hashes, ("tags", "a show,b")]) == ""  # A15
    limits = [hashes, ("ratioLimit", "2"), ("seedingTimeLimit", "-2")]  # A12
    limits.append(("inactiveSeedingTimeLimit", "-2"))
    assert await sender.post("torrents/setShareLimits", limits) == ""
    (row,) = await sender.polls()
    assert row["force_start"] is True
    assert row["tags"] == "a show, b"
    assert row["ratio_limit"] == 2


async def test_a_lost_session_costs_one_login_and_one_retry(house, dialect) -> None:
    radarr = Sender(house.arr.url, *SENDERS["Radarr behind a proxy"])
    await radarr.log_in()
    await house.restarts()
    radarr.base = house.arr.url
    assert await radarr.polls() == []
    assert radarr.logins == 2


async def test_a_wrong_password_is_told_with_status_200(sender: Sender) -> None:
    assert await sender.log_in(password="wrong") == "Fails."
    assert sender.cookie == ""


async def test_a_delete_without_delete_files_keeps_them(sender: Sender, house, torbox) -> None:
    await ready(sender)
    grab = torbox.publish("Show.S01E04", {"a.mkv": 1000})
    await sender.post("torrents/add", [("urls", grab.magnet), ("category", "tv-sonarr")])

    async def finished() -> bool:
        return (await sender.polls())[0]["progress"] == 1

    await house.eventually(finished)
    (row,) = await sender.polls()
    await sender.post("torrents/delete", [("hashes", grab.hash)])
    assert await sender.polls() == []
    await house.calm()
    assert house.files_of(row) == {"a.mkv": grab.content("a.mkv")}
