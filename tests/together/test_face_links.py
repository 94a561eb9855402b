"""`torrents/add` with http(s) links: what they lead to, and what sites may do to the bridge."""

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from bridge.qbittorrent.fetching import (
    FETCH_SECONDS,
    FETCHES_AT_ONCE,
    MOST_FETCHED_BYTES,
    MOST_FETCHES,
    may_know,
)
from bridge.simulator import MiB

MAGNET = f"magnet:?xt=urn:btih:{'ab' * 20}&dn=Show"
PASSKEY = "0123456789abcdef0123456789abcdef"


async def add(arr, *urls: str, **fields: str) -> str:
    data = {"urls": "\n".join(urls), "stopped": "true"} | fields
    status, text = await arr.call("POST", "torrents/add", data=data)
    assert status == 200
    return text


async def listed(arr) -> list[str]:
    return [row["name"] for row in await arr.json("torrents/info")]


class Site:
    """A web site with .torrents, on a real socket."""

    def __init__(self, server: TestServer) -> None:
        self.server = server
        self.asked: list[web.Request] = []
        self.slow = 0

    def url(self, path: str) -> str:
        return f"{self.server.make_url('')}".rstrip("/") + path

    @property
    def elsewhere(self) -> str:
        """The same site under another name."""
        return f"http://localhost:{self.server.port}/t/x.torrent"

    @property
    def socket(self) -> str:
        """The same site in another scheme that is HTTP underneath."""
        return self.url("/t/x.torrent").replace("http", "ws")


@pytest.fixture
async def site(torbox) -> AsyncIterator[Site]:
    grab = torbox.publish("Fetched", {"a.mkv": 1000})
    app = web.Application()
    never = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        found.slow += 1
        await never.wait()
        raise web.HTTPNotFound

    def answers(path: str, make: Callable[[], web.StreamResponse]) -> None:
        async def handler(request: web.Request) -> web.StreamResponse:
            found.asked.append(request)
            return make()

        app.router.add_get(path, handler)

    answers("/t/x.torrent", lambda: web.Response(body=grab.torrent))
    answers("/missing", lambda: web.Response(status=404, body=grab.torrent))
    answers("/page", lambda: web.Response(text="<html>", content_type="text/html"))
    answers("/large", lambda: web.Response(body=b"d" * (10 * MiB + 1)))
    answers("/magnet", lambda: web.Response(status=302, headers={"Location": grab.magnet}))
    answers("/loop", lambda: web.Response(status=302, headers={"Location": "/loop"}))
    answers("/file", lambda: web.Response(status=302, headers={"Location": "file:///etc/passwd"}))
    answers("/nowhere", lambda: web.Response(status=302))
    answers("/elsewhere", lambda: web.Response(status=302, headers={"Location": found.elsewhere}))
    answers("/odd", lambda: web.Response(status=302, headers={"Location": "http://[broken"}))
    answers("/socket", lambda: web.Response(status=302, headers={"Location": found.socket}))
    answers("/text", lambda: web.Response(text=grab.magnet))
    answers("/t/ü%2F x.torrent", lambda: web.Response(body=grab.torrent))
    answers("/packed", lambda: packed(grab.torrent))
    answers("/cut", lambda: web.Response(body=grab.torrent[:-10]))
    app.router.add_get("/slow", slow)
    for step in range(5):
        target = f"/hop{step + 1}" if step < 4 else "/t/x.torrent"
        answers(f"/hop{step}", lambda to=target: web.Response(status=307, headers={"Location": to}))
    answers("/one-too-many", lambda: web.Response(status=302, headers={"Location": "/hop0"}))
    server = TestServer(app)
    await server.start_server(access_log=None)  # a site's own log may name what was asked of it
    found = Site(server)
    try:
        yield found
    finally:
        never.set()
        await server.close()


def packed(data: bytes) -> web.Response:
    return web.Response(body=gzip.compress(data, 6), headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize(
    "path", ["/t/x.torrent", "/magnet", "/hop0", "/text", "/packed", "/t/ü%2F x.torrent"]
)
async def test_a_web_link_is_fetched_and_followed(arr, site: Site, path: str) -> None:
    assert await add(arr, site.url(path), cookie="uid=1") == "Ok."
    assert await listed(arr) == ["Fetched"]
    assert site.asked[0].headers["Cookie"] == "uid=1"
    assert URL(site.asked[0].headers["Referer"]) == URL(site.url(path))


NO_TORRENT = "missing page large loop file socket one-too-many nowhere odd cut"


@pytest.mark.parametrize("path", NO_TORRENT.split())
async def test_a_web_link_that_leads_to_no_torrent_fails_and_the_log_names_its_host(
    arr, site: Site, path: str, caplog
) -> None:
    link = site.url(f"/{path}?passkey={PASSKEY}")
    assert await add(arr, link) == "Fails."
    assert await listed(arr) == []
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told.startswith("no torrent from a link to 127.0.0.1: ")
    assert PASSKEY not in caplog.text


@pytest.mark.parametrize(
    "link",
    ["http://127.0.0.1:1/x", "http:///x", "http://[broken/x", "http://nas:99999/x", "http://?x"],
)
async def test_a_web_link_to_nowhere_fails_and_is_not_repeated(arr, link: str, caplog) -> None:
    assert await add(arr, f"{link}&passkey={PASSKEY}") == "Fails."
    assert "no torrent from a link to " in caplog.text
    assert PASSKEY not in caplog.text


async def test_what_came_with_a_link_is_told_to_its_own_host_only(arr, site: Site) -> None:
    link = site.url("/elsewhere").replace("http://", "http://me:secret@")
    assert await add(arr, link, cookie="uid=1") == "Ok."
    first, second = (request.headers for request in site.asked)
    assert (first["Cookie"], first["Referer"]) == ("uid=1", site.url("/elsewhere"))
    assert "Authorization" in first
    assert not {"Cookie", "Referer", "Authorization"} & set(second)


@pytest.mark.parametrize(
    ("link", "target", "may"),
    [
        ("http://t.example/a", "http://t.example:81/b", True),
        ("http://t.example/a", "https://t.example/b", True),
        ("https://t.example/a", "http://t.example/b", False),  # anybody could listen
        ("https://t.example/a", "https://cdn.t.example/b", False),
    ],
)
def test_an_encrypted_link_is_told_to_nobody_in_the_clear(link, target, may: bool) -> None:
    assert may_know(URL(link), URL(target)) is may


async def says(head: bytes, body: bytes) -> tuple[asyncio.Server, str]:
    """A site that says this whatever it is asked, and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x.torrent"


async def test_a_link_cannot_write_headers_of_its_own(arr) -> None:
    asked = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        link = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x HTTP/1.1\rX-Mine: 1"
        assert await add(arr, link) == "Fails."
    for head in asked:
        assert b"\r" not in head.replace(b"\r\n", b"")
        assert head.startswith(b"GET /x%20HTTP/1.1X-Mine:%201 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("length", "taken"),
    [(0, True), (10, False), (-10, False), (1 << 40, False), (10**30, False)],
    ids=["right", "too long", "too short", "huge", "absurd"],
)
async def test_a_length_that_lies_gives_no_torrent(
    arr, torbox, length: int, taken: bool, caplog
) -> None:
    torrent = torbox.publish("Fetched", {"a.mkv": 1000}).torrent
    head = b"Content-Length: %d\r\n" % (len(torrent) + length)
    server, link = await says(head, torrent)
    async with server:
        assert await add(arr, link) == ("Ok." if taken else "Fails.")
    # What is said to be too much is not waited for.
    assert ("it leads to more than 10 MiB" in caplog.text) is (length == 1 << 40)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Encoding: gzip\r\n",
        b"Content-Encoding: br\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"X: " + b"a" * 100_000 + b"\r\n",
        b"Content-Length: abc\r\n",
        b"no header\r\n",
    ],
)
async def test_an_answer_that_cannot_be_read_fails(arr, head: bytes) -> None:
    server, link = await says(head, b"d4:infoe")
    async with server:
        assert await add(arr, link) == "Fails."


async def test_a_bomb_takes_no_more_memory_than_the_largest_torrent(arr) -> None:
    bomb = gzip.compress(b"d" * (200 * MiB))
    head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(bomb)
    server, link = await says(head, bomb)
    async with server:
        tracemalloc.start()
        try:
            assert await add(arr, link) == "Fails."
            assert tracemalloc.get_traced_memory()[1] < 4 * MOST_FETCHED_BYTES
        finally:
            tracemalloc.stop()


# Patience


async def test_all_links_share_one_patience_and_what_came_in_time_is_taken(
    house, arr, site: Site, caplog
) -> None:
    links = [site.url("/t/x.torrent"), *(site.url(f"/slow?{at}") for at in range(12))]
    adding = asyncio.ensure_future(add(arr, *links))
    await house.eventually(lambda: site.slow == FETCHES_AT_ONCE, jump=0)
    house.clock.jump(FETCH_SECONDS - 1)
    assert await listed(arr) == []
    assert not adding.done()
    house.clock.jump(1)
    assert await adding == "Ok."
    assert await listed(arr) == ["Fetched"]
    told = "no torrent from a link to 127.0.0.1: it did not come within 15 seconds"
    assert [record.getMessage() for record in caplog.records].count(told) == 12


async def test_a_site_that_says_nothing_fails_when_the_time_is_over(house, arr, site: Site) -> None:
    adding = asyncio.ensure_future(add(arr, site.url("/slow")))
    await house.eventually(lambda: site.slow == 1, jump=0)
    house.clock.jump(FETCH_SECONDS)
    assert await adding == "Fails."


async def test_fifty_links_are_fetched_and_more_are_refused_as_a_whole(arr, site, caplog) -> None:
    links = [site.url(f"/t/x.torrent?{at}") for at in range(MOST_FETCHES)]
    one_more = site.url("/t/x.torrent?more")
    assert await add(arr, MAGNET, *links, one_more) == "Fails."
    assert await listed(arr) == []
    assert site.asked == []
    assert "more than 50 web links came at once" in caplog.text
    assert await add(arr, *links, *links) == "Ok."
    assert len(site.asked) == MOST_FETCHES
    assert await listed(arr) == ["Fetched"]


async def test_nothing_is_fetched_for_an_add_that_is_refused(arr, site: Site) -> None:
    assert await add(arr, site.url("/t/x.torrent"), skip_checking="true") == "Fails."
    assert site.asked == []
