"""Every endpoint with whatever may come: never a 5xx, never a traceback, state kept."""

import asyncio
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from bridge.model import Torrent

NAMES = """hash hashes id urls category categories savePath savepath tags name json priority limit
ratioLimit seedingTimeLimit inactiveSeedingTimeLimit value enable location path oldPath newPath
origUrl newUrl peers rid sort filter offset indexes mode cookies dirPath ruleName iface deleteFiles
last_known_id username password rename cookie"""
HASH = "a" * 40
CHOSEN = [
    HASH,
    "all",
    f"{HASH}|zz",
    "true",
    "-1",
    "0",
    "1e309",
    "nan",
    "9" * 30,
    "../../etc",
    "/etc",
]
CHOSEN += ["x", "", "\x00", "ü\u2028", "{", "[1]", '{"dht": false}', "|" * 50, "\n" * 50, "*"]
CHOSEN += [f"magnet:?xt=urn:btih:{HASH}", f"{HASH}/a", "x" * 70_000, "ü|" * 40_000]
VALUES = (
    st.sampled_from(CHOSEN)
    | st.text(max_size=30)
    | st.binary(max_size=30).map(lambda data: data.decode("latin-1"))
)
FORMS = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES.split(), VALUES))
KINDS = st.sampled_from(
    [
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=utf-16",
        "multipart/form-data; boundary=b",
        'multipart/form-data; boundary="b"',
        "multipart/form-data",
        "application/json",
        "x",
    ]
)
# What the engine changes in a torrent, whoever asks for what.
BY_ITSELF = """phase paused_at_torbox provisional recreated progress cached clocks completed_at
seen_complete_at changed_at cleaning told outlook imported_at handed_over"""
# Mostly what the endpoint takes; the rest are methods that it does not.
METHODS = st.sampled_from([""] * 8 + ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "BREW"])


def body_of(form: dict[str, str], kind: str, junk: bytes, cut: int) -> bytes:
    from urllib.parse import urlencode

    if kind.startswith("multipart"):
        parts = [
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode(
                "utf-8", "replace"
            )
            for name, value in form.items()
        ]
        parts.append(b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n')
        whole = b"".join(parts) + junk + b"\r\n--b--\r\n"
    else:
        whole = urlencode(form, errors="replace").encode() + b"&" + junk
    return whole[: len(whole) - cut] if cut else whole


async def ask(port: int, raw: bytes) -> tuple[int, bytes]:
    """The status, and the beginning of the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw)
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            empty = b"content-length: 0" in head or raw.startswith(b"HEAD")
            body = b"" if empty else await reader.read(6)
        return int(head.split()[1]), body
    finally:
        writer.close()


def test_what_goes_on_by_itself_is_part_of_a_torrent() -> None:
    assert set(Torrent.__struct_fields__) >= set(BY_ITSELF.split())


def state_of(house) -> tuple:
    """All that a client can change, without what goes on by itself once a torrent was resumed."""
    board, kept = house.bridge.board, house.bridge.commands.preferences
    torrents = {}
    for torrent in (entry.torrent for entry in board):
        wished = {
            name: one for name, one in asdict(torrent).items() if name not in BY_ITSELF.split()
        }
        torrents[torrent.hash] = wished | {"listed": torrent.listed}
    return torrents, dict(board.categories), board.tags, dict(kept)


@pytest.fixture(params=["4", "5"])
async def endpoints(house, request) -> list[tuple[str, str]]:
    house.sets(qbittorrent={"dialect": request.param})
    await house.starts()
    add = {"urls": HASH, "stopped": "true", "category": "tv"}
    assert await house.arr.call("POST", "torrents/add", data=add) == (200, "Ok.")
    # A shutdown or a logout would end the test, and the login is slowed on purpose.
    left_out = ("app/shutdown", "auth/login", "auth/logout")
    return sorted(
        (route.method, route.resource.canonical)
        for route in house.bridge.app.router.routes()
        if route.resource.canonical.startswith("/api/v2/")
        and not route.resource.canonical.endswith(left_out)
    )


async def test_whatever_comes_is_answered_in_time_and_without_a_5xx(
    house, endpoints, caplog
) -> None:
    sid = await a_session(house)
    loop = asyncio.get_running_loop()
    reached = set()

    async def once(endpoint, form, kind, junk, cut, other) -> None:
        method, path = endpoint
        method = other or method
        body = body_of(form, kind, junk, cut) if method == "POST" else b""
        query = "" if method == "POST" else "?" + body_of(form, "u", b"", 0).decode("latin-1")
        head = (
            f"{method} {path}{query} HTTP/1.1\r\nHost: nas\r\nCookie: SID={sid}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        before = state_of(house)
        status, said = await ask(house.port, head.encode("latin-1") + body)
        told = (method, path, form, kind, status, said)
        assert status < 500 or (status == 501 and method not in {"GET", "POST", "HEAD"}), told
        reached.add(path)
        if status >= 400 or said == b"Fails.":
            assert state_of(house) == before, told

    def examples(endpoint: tuple[str, str]) -> None:
        @settings(
            max_examples=8,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(FORMS, KINDS, st.binary(max_size=50), st.integers(0, 3), METHODS)
        def some(form, kind, junk, cut, other) -> None:
            asked = once(endpoint, form, kind, junk, cut, other)
            asyncio.run_coroutine_threadsafe(asked, loop).result(30)

        some()

    for endpoint in endpoints:
        await asyncio.to_thread(examples, endpoint)
    assert reached == {path for _, path in endpoints}
    ours = [record for record in caplog.records if record.name.startswith("bridge")]
    assert [record for record in ours if record.exc_info] == []
    assert not [record for record in ours if record.levelno >= logging.ERROR]
    # What must never change by what a client sends, or the arrs would be lost.
    preferences = await house.arr.json("app/preferences")
    assert (preferences["dht"], preferences["queueing_enabled"]) == (True, True)
    for row in await house.arr.json("torrents/info"):
        assert row["save_path"].startswith(str(house.downloads))


async def a_session(house) -> str:
    from bridge.qbittorrent.session import COOKIE

    cookies = house.arr._session.cookie_jar
    return next(cookie.value for cookie in cookies if cookie.key == COOKIE)
