"""One whole walk by plain HTTP as each arr sends it, read as each arr reads it (arr-contract.md).

The numbers in brackets are the scenarios of arr-contract.md §6.
"""

import asyncio
import base64
import gzip
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from bridge.simulator import FetchedOver, MiB, Stalled
from tests.system.process.conftest import PASSWORD, eventually

API_KEY = "the-api-key"
LARGEST_FORM_VALUE = 1024  # a longer one makes the form multipart (RB:162)
BOUNDARY = "-" * 29 + "8dd3f1c2a4b5e60"
STATES = {
    "queued": {"queuedDL", "checkingDL", "checkingUP", "metaDL"},
    "downloading": {"downloading", "forcedDL", "moving"},
    "paused": {"pausedDL", "stoppedDL"},
    "completed": {"pausedUP", "stoppedUP", "uploading", "stalledUP", "queuedUP", "forcedUP"},
    "warning": {"error", "stalledDL", "missingFiles"},
}


def basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


class Sender:
    """An arr's HTTP client, on a bare socket, and what it makes of the answers.

    `known_at_once`: its Authorization header alone opens everything.
    """

    def __init__(
        self, agent: str, authorization: str, category: str, pause: str, *, known_at_once: bool
    ) -> None:
        self.category, self.pause, self.known_at_once = category, pause, known_at_once
        self.with_key = authorization.startswith("Bearer")
        self.cookie, self.port, self.logins = "", 0, 0
        self._fixed = {
            "User-Agent": agent,
            "Accept-Encoding": "gzip, br",
            "Connection": "close",
            "Authorization": authorization,
        }

    async def send(
        self, method: str, path: str, body: bytes | None = None, kind: str = ""
    ) -> SimpleNamespace:
        headers = {"Host": f"127.0.0.1:{self.port}"} | self._fixed
        if self.cookie:
            headers["Cookie"] = self.cookie
        if body is not None:
            headers |= {"Content-Type": kind, "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{method} /api/v2/{path} HTTP/1.1\r\n{lines}\r\n".encode() + (body or b""))
        async with asyncio.timeout(20):
            whole = await reader.read()  # the end of the connection is the end of the answer
        writer.close()
        return answer_in(whole)

    async def asks(self, path: str) -> str:
        """GET; after a 403 one login and one retry (PX:410-425)."""
        answer = await self.send("GET", path)
        if answer.status == 403 and not self.with_key:
            assert await self.logs_in() == "Ok."
            answer = await self.send("GET", path)
        assert answer.status == 200, (path, answer)
        return answer.text

    async def tells(
        self, path: str, fields: dict[str, str], file: tuple[str, bytes] | None = None
    ) -> str:
        longest = max(len(value) for value in fields.values())
        if file or longest > LARGEST_FORM_VALUE:
            body, kind = multipart(fields, file), f"multipart/form-data; boundary={BOUNDARY}"
        else:
            pairs = (f"{name}={quote(value, safe='-_.~')}" for name, value in fields.items())
            body, kind = "&".join(pairs).encode(), "application/x-www-form-urlencoded"
        answer = await self.send("POST", path, body, kind)
        assert answer.status == 200, (path, answer)
        return answer.text

    async def logs_in(self, password: str = PASSWORD) -> str:
        self.logins += 1
        body = f"username=admin&password={quote(password)}".encode()
        answer = await self.send("POST", "auth/login", body, "application/x-www-form-urlencoded")
        assert answer.status == 200
        assert len(answer.cookies) == (answer.text == "Ok.")
        if answer.cookies:
            # The first name=value of all Set-Cookie headers (RESP:105, 164-178).
            found = re.match(r"^(.*?)=(.*?)(?:;|$)", ";".join(answer.cookies))
            self.cookie = f"{found[1]}={found[2]}"
        return answer.text

    async def polls(self, category: str | None = None) -> dict[str, SimpleNamespace]:
        """A3, A4, A5: what the queue would show, by hash."""
        await self.asks("app/webapiVersion")
        preferences = json.loads(await self.asks("app/preferences"))
        rows = json.loads(await self.asks(f"torrents/info?category={category or self.category}"))
        return {row["hash"]: shown(row, preferences) for row in rows}

    async def sees(self, grab, met) -> SimpleNamespace:
        """Poll until the queue shows this of a torrent."""

        async def seen() -> SimpleNamespace | None:
            item = (await self.polls())[grab.hash]
            return item if met(item) else None

        return await eventually(seen)

    async def grabs(self, what: str | tuple[str, bytes], **options: str) -> None:
        """A8 or A9; block P comes in the arrs' order, booleans as .NET writes them."""
        common = {"category": self.category, self.pause: "False"} | options
        if isinstance(what, str):
            assert await self.tells("torrents/add", {"urls": what} | common) == "Ok."
        else:
            assert await self.tells("torrents/add", common, what) == "Ok."


def answer_in(whole: bytes) -> SimpleNamespace:
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = [line.split(": ", 1) for line in lines]
    named = {name.lower(): value for name, value in headers}
    if named.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    cookies = [value for name, value in headers if name.lower() == "set-cookie"]
    return SimpleNamespace(status=int(first.split()[1]), text=body.decode(), cookies=cookies)


def multipart(fields: dict[str, str], file: tuple[str, bytes] | None) -> bytes:
    """Text parts have no file name and no type; a file's name is raw UTF-8 (RB:150-242)."""
    start = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    parts = [f'{start}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    if file:
        head = f'{start}"torrents"; filename="{file[0]}"\r\nContent-Type: application/octet-stream'
        parts.append(head.encode() + b"\r\n\r\n" + file[1] + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def shown(row: dict, preferences: dict) -> SimpleNamespace:
    """A torrent as the arr's queue shows it (QB:258-353, 642-765)."""
    (status,) = [status for status, states in STATES.items() if row["state"] in states]
    assert row["state"] != "metaDL" or preferences["dht"]
    if status == "completed":
        assert row["content_path"] != row["save_path"]  # else it warns, and imports nothing
    eta = row["eta"]
    limited = row["ratio_limit"] >= 0 and row["ratio_limit"] - row["ratio"] <= 0.001
    return SimpleNamespace(
        row=row,
        status=status,
        remaining=int(row["size"] * (1 - row["progress"])),
        seconds_left=None if eta < 0 or eta > 31_536_000 or eta == 8_640_000 else eta,
        removable=row["state"] in {"pausedUP", "stoppedUP"} and limited,
    )


SENDERS = {
    "Sonarr 4": lambda: Sender(
        "Sonarr/4.0.19.2979 (debian 12)",
        basic(f"admin:{PASSWORD}"),
        "tv-sonarr",
        "paused",
        known_at_once=True,
    ),
    "Sonarr 5": lambda: Sender(
        "Sonarr/5.0.0.1 (debian 12)",
        f"Bearer {API_KEY}",
        "tv-sonarr",
        "stopped",
        known_at_once=True,
    ),
    "Radarr": lambda: Sender(
        "Radarr/6.1.0.10293 (alpine 3.22)", "Basic Og==", "radarr", "paused", known_at_once=False
    ),
}


@pytest.mark.parametrize("name", list(SENDERS))
async def test_the_whole_walk(house, torbox, tmp_path, name) -> None:
    sender = SENDERS[name]()
    await starts(house, sender)
    await presses_the_test_button(house, sender)
    await grabs_and_follows_a_magnet(torbox, sender)
    dead = await grabs_a_dead_one(torbox, sender)
    grabs = await grabs_in_every_other_way(torbox, sender)
    await survives_a_restart(house, sender)
    imported = await imports_and_removes(house, torbox, sender, grabs, tmp_path / "library")
    await keeps_one_under_another_category(torbox, sender)

    assert (await sender.polls())[dead.hash].status == "warning"  # [25] it never leaves by itself
    assert imported == {grab.name for grab in grabs}
    assert len(torbox.calls_to("createtorrent")) == len(grabs) + 3
    assert torbox.refusals.total() == 0


async def starts(house, sender: Sender, port: int = 0) -> None:
    await house.starts(
        BRIDGE_SERVER__PORT=str(port),
        BRIDGE_QBITTORRENT__API_KEY=API_KEY,
        BRIDGE_QBITTORRENT__DIALECT="5" if sender.pause == "stopped" else "4",
        BRIDGE_TORBOX__POLL_SECONDS="10",
    )
    sender.port = house.port


async def presses_the_test_button(house, sender: Sender) -> None:
    """The Test button: 2, 4, 5, 8, 9 and 10."""
    probe = await sender.send("GET", "app/webapiVersion")
    assert probe.status == (200 if sender.known_at_once else 403)  # [2] both mean "supported"
    if not sender.with_key:
        assert await sender.logs_in("wrong") == "Fails."  # [5]
        assert await sender.logs_in() == "Ok."  # [4]
    version = tuple(map(int, (await sender.asks("app/webapiVersion")).split(".")))  # [8] [9]
    assert len(version) == 3
    assert (version >= (2, 11, 0)) == (sender.pause == "stopped")
    assert version >= (2, 8, 1)
    preferences = json.loads(await sender.asks("app/preferences"))
    assert preferences["dht"] is True
    assert preferences["queueing_enabled"] is True
    assert (preferences["max_ratio_enabled"], preferences["max_ratio_act"]) == (False, 0)

    assert json.loads(await sender.asks("torrents/categories")) == {}  # [10]
    await sender.tells("torrents/createCategory", {"category": sender.category})
    category = json.loads(await sender.asks("torrents/categories"))[sender.category]
    assert category["savePath"] == f"{preferences['save_path']}/{sender.category}"
    await eventually(Path(category["savePath"]).is_dir)  # the arr looks whether it is there
    assert await sender.polls() == {}


async def grabs_and_follows_a_magnet(torbox, sender: Sender) -> None:
    """Urlencoded; its life as the queue shows it: 17, 19, 22, 23 and 24."""
    script = FetchedOver(60, metadata_after=30)
    grab = torbox.publish("Followed.S01E01", {"Followed.mkv": MiB}, script)
    assert len(grab.magnet) < LARGEST_FORM_VALUE
    await sender.grabs(grab.magnet)
    item = (await sender.polls())[grab.hash]  # [17]
    assert (item.status, item.seconds_left) == ("queued", None)  # [23]
    await sender.grabs(grab.magnet)  # [19]
    item = await sender.sees(grab, lambda item: item.row["state"] == "metaDL")
    assert item.status == "queued"  # [24]
    item = await sender.sees(grab, lambda item: item.seconds_left is not None)
    assert item.status == "downloading"  # [22]
    assert 0 < item.remaining < MiB
    await sender.sees(grab, lambda item: item.status == "completed")


async def grabs_a_dead_one(torbox, sender: Sender):
    dead = torbox.publish("Dead.S01E01", {"Dead.mkv": MiB}, Stalled(at=0.2))
    await sender.grabs(dead.magnet)
    await sender.sees(dead, lambda item: item.row["state"] == "stalledDL")
    return dead


async def grabs_in_every_other_way(torbox, sender: Sender) -> list:
    """14, 15, 16, 19, 20 and 21."""
    names = ("Long.S01E02", "Hybrid.S01E03", "File.S01E04", "Forced.S01E05")
    long, hybrid, file, forced = (
        torbox.publish(name, {f"{name}.mkv": 300_000, "Subs/en.srt": 1000}) for name in names
    )
    base32 = base64.b32encode(bytes.fromhex(long.hash)).decode()
    trackers = "".join(f"&tr=udp%3A%2F%2Ftracker{n}.example%3A1337" for n in range(40))
    await sender.grabs(f"magnet:?xt=urn:btih:{base32}&dn=Long{trackers}")  # [14] [15]
    await sender.grabs(f"{hybrid.magnet}&xt=urn:btmh:1220{'ab' * 32}")  # [16]
    upload = ("File S01E04 - «Ü».torrent", file.torrent)
    await sender.grabs(upload, ratioLimit="1.5", seedingTimeLimit="1440")  # [21]
    await sender.grabs(upload, ratioLimit="1.5", seedingTimeLimit="1440")  # [19]
    await forces(sender, forced)
    rows = await sender.polls()
    assert {long.hash, hybrid.hash, file.hash, forced.hash} < set(rows)
    limited = rows[file.hash].row
    assert (limited["ratio_limit"], limited["seeding_time_limit"]) == (1.5, 1440)
    assert rows[forced.hash].row["force_start"] is True
    return [long, hybrid, file, forced]


async def forces(sender: Sender, grab) -> None:
    """[20] "Force Started": neither `paused` nor `stopped`, and a look before the wish."""
    fields = {"urls": grab.magnet, "category": sender.category}
    assert await sender.tells("torrents/add", fields) == "Ok."
    assert json.loads(await sender.asks(f"torrents/properties?hash={grab.hash}"))
    force = {"hashes": grab.hash, "value": "true"}
    assert await sender.tells("torrents/setForceStart", force) == ""
    if sender.pause == "stopped":
        tags = {"hashes": grab.hash, "tags": "a-show"}
        assert await sender.tells("torrents/addTags", tags) == ""


async def survives_a_restart(house, sender: Sender) -> None:
    """[7] Sessions end with it: where one was needed, one login and one retry."""
    before, logins = set(await sender.polls()), sender.logins
    assert await house.serve.stops() == 0
    await starts(house, sender, house.port)
    assert set(await sender.polls()) == before
    assert sender.logins == logins + (not sender.known_at_once)


async def imports_and_removes(house, torbox, sender: Sender, grabs, library: Path) -> set[str]:
    """[32] Complete and at its limit: files are moved away, then everything is removed at once."""
    library.mkdir()
    for grab in grabs:
        item = await sender.sees(grab, lambda item: item.status == "completed")
        assert item.removable
        assert item.remaining == 0
        folder = Path(item.row["content_path"])
        (video,) = folder.glob("*.mkv")
        shutil.move(video, library / grab.name)
        assert (library / grab.name).read_bytes() == grab.content(video.name)
        removed = {"hashes": grab.hash, "deleteFiles": "true"}
        assert await sender.tells("torrents/delete", removed) == ""
        assert grab.hash not in await sender.polls()
        await eventually(lambda folder=folder: not folder.exists())
        await eventually(lambda grab=grab: torbox.item_of(grab.hash) is None)
    return {path.name for path in library.iterdir()}


async def keeps_one_under_another_category(torbox, sender: Sender) -> None:
    """[35] With a post-import category it leaves the arr's own list, and stays."""
    kept = torbox.publish("Kept.S01E06", {"Kept.mkv": 1000})
    await sender.grabs(kept.magnet)
    await sender.sees(kept, lambda item: item.status == "completed")
    await sender.tells("torrents/createCategory", {"category": "imported"})
    moved = {"hashes": kept.hash, "category": "imported"}
    assert await sender.tells("torrents/setCategory", moved) == ""
    assert kept.hash not in await sender.polls()
    assert set(await sender.polls("imported")) == {kept.hash}
    assert torbox.item_of(kept.hash) is not None
