import xml.etree.ElementTree as ET

import aiohttp
import pytest
from aiohttp import web

from bridge.simulator import FetchedOver


@pytest.fixture
async def dav(torbox, call):
    auth = aiohttp.encode_basic_auth("torbox", "the-key")

    async def ask(method: str, path: str = "", depth: str = "1", authorization: str = auth):
        headers = {"Authorization": authorization, "Depth": depth}
        url = f"{torbox.url}/webdav/{path}"
        async with call.session.request(method, url, headers=headers) as response:
            return response.status, await response.read()

    return ask


async def names(dav, path: str = "", depth: str = "1") -> set[str]:
    _, body = await dav("PROPFIND", path, depth)
    hrefs = ET.fromstring(body).iter("{DAV:}href")
    return {href.text.removeprefix("/webdav/") for href in hrefs}


@pytest.fixture
def made(torbox):
    made = torbox.publish("Show S01", {"a.mkv": 1000, "Subs/b.srt": 10})
    torbox.already_in_account(made)
    return made


async def test_finished_files_lie_below_their_roots(dav, torbox, made):
    torbox.already_in_account(torbox.publish("Later", None, FetchedOver(1e9)))
    assert await names(dav) == {"", "Show%20S01/"}
    assert await names(dav, "Show S01") == {
        "Show%20S01/",
        "Show%20S01/a.mkv",
        "Show%20S01/Subs/",
    }
    everything = await names(dav, depth="infinity")
    assert "Show%20S01/Subs/b.srt" in everything
    assert await names(dav, depth="0") == {""}


async def test_a_file_is_its_bytes(dav, made):
    assert await dav("GET", "Show S01/a.mkv") == (200, made.content("a.mkv"))
    assert (await dav("GET", "Show S01/none"))[0] == 404
    assert (await dav("PROPFIND", "none"))[0] == 404


async def test_the_listing_is_fifteen_minutes_old_unless_refreshed(dav, torbox, made, time):
    await names(dav)
    torbox.already_in_account(torbox.publish("New"))
    time.passes(899)
    assert "New/" not in await names(dav)
    assert (await dav("GET", "refresh"))[0] == 200
    assert "New/" in await names(dav)
    assert (await dav("GET", "refresh"))[0] == 429
    torbox.already_in_account(torbox.publish("Newer"))
    time.passes(901)
    assert "Newer/" in await names(dav)


async def test_a_flat_tree_has_no_folders(dav, torbox, made):
    torbox.webdav_flatten = True
    assert await names(dav) == {"", "a.mkv", "b.srt"}


async def test_it_is_read_only_and_asks_who_is_there(dav, made):
    assert (await dav("PUT", "x"))[0] == 405
    for wrong in ("", "Basic !!", "Bearer the-key", aiohttp.encode_basic_auth("torbox", "no")):
        assert (await dav("PROPFIND", authorization=wrong))[0] == 401


@pytest.mark.parametrize(
    ("era", "keys"),
    [("type", {"type", "timestamp", "data"}), ("event", {"event", "timestamp", "data"})],
)
async def test_webhooks_carry_a_title_a_message_and_nothing_else(torbox, aiohttp_server, era, keys):
    got = []

    async def receive(request: web.Request) -> web.Response:
        got.append(await request.json())
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hook", receive)
    server = await aiohttp_server(app)
    url = str(server.make_url("/hook"))
    assert await torbox.notify(url, "Download Ready", "Show has completed", era=era) == 204
    assert set(got[0]) == keys
    assert got[0]["data"] == {"title": "Download Ready", "message": "Show has completed"}
    assert got[0].get("type") in (None, "download.ready")
