"""Links lead to public places over https, through every redirect, and are never shown."""

import asyncio
import logging
import ssl
import traceback
from pathlib import Path

import pytest
from aiohttp import web

from bridge.delivery import Delivery
from bridge.delivery.cdn import Cdn
from bridge.delivery.links import safe_url
from bridge.errors import CdnUnwell, LinkRefused
from bridge.model import File

HASH = "a1" * 20


@pytest.mark.parametrize(
    "link",
    [
        "https://store-079.wnam.tb-cdn.io/dld/0?token=a%2Fb",
        "https://nexus-114.japn.tb-cdn.pw:8443/dld/0",
        "https://8.8.8.8/x",
        "https://[2606:4700::1111]/x",
        "https://cdn.example.com./x",
    ],
)
def test_public_https_links_are_taken_as_they_are(link):
    assert str(safe_url(link, allow_http=False)) == link


@pytest.mark.parametrize(
    "link",
    [
        "",
        "nonsense",
        "/dld/x",
        "ftp://tb-cdn.io/x",
        "file:///etc/passwd",
        "http://tb-cdn.io/x",
        "https://",
        "https://127.0.0.1/x",
        "https://127.1/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://0x7f000001/x",
        "https://017700000001/x",
        "https://localhost/x",
        "https://localhost./x",
        "https://a.localhost/x",
        "https://LOCALHOST/x",
        "https://router.local/x",
        "https://sonarr/x",
        "https://10.0.0.1/x",
        "https://192.168.1.1/x",
        "https://172.16.0.1/x",
        "https://100.64.0.1/x",
        "https://169.254.169.254/latest",
        "https://metadata.google.internal/x",
        "https://0.0.0.0/x",
        "https://[::1]/x",
        "https://[::]/x",
        "https://[fe80::1]/x",
        "https://[fd00::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://user@127.0.0.1/x",
        "https://tb-cdn.io:99999/x",
        "https://[broken/x",
    ],
)
def test_other_links_are_refused(link):
    with pytest.raises(LinkRefused) as caught:
        safe_url(link, allow_http=False)

    assert not link or link not in str(caught.value)


@pytest.mark.parametrize("link", ["", "no link", "ftp://127.0.0.1/x", "file:///etc/passwd"])
def test_beside_a_local_torbox_only_the_kind_of_link_matters(link):
    assert safe_url("http://127.0.0.1:8080/x", allow_http=True).port == 8080
    with pytest.raises(LinkRefused):
        safe_url(link, allow_http=True)


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


def redirects_to(target):
    async def answer(cdn, request, content, start):
        return web.Response(status=302, headers={"Location": target.format(url=cdn.url)})

    return answer


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:1/x", "file:///etc/passwd", "//[", "http://[x", "http:///x"]
)
async def test_a_redirect_to_a_bad_place_is_not_followed(target, cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 10)
    cdn.will(file, redirects_to(target))

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


LOOPBACK = Path(__file__).with_name("loopback.pem")  # for 127.0.0.1, good for a hundred years


@pytest.fixture
async def secure_cdn(aiohttp_server):
    async def whole(request: web.Request) -> web.Response:
        return web.Response(body=b"0123456789")

    app = web.Application()
    app.router.add_get("/", whole)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(LOOPBACK)
    server = await aiohttp_server(app, ssl=context)
    return str(server.make_url("/"))


async def test_a_certificate_from_ssl_cert_file_is_trusted(
    secure_cdn, settings, clock, incomplete, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(LOOPBACK))

    async def link(file: File) -> str:
        return secure_cdn

    async with Delivery(settings, clock, user_agent="test", allow_http=True) as delivery:
        await delivery.probe()
        await delivery.deliver(HASH, "Show", [File("a.mkv", 10)], link)

    assert (incomplete / "a.mkv").read_bytes() == b"0123456789"


async def test_a_certificate_that_nobody_vouches_for_is_refused(secure_cdn, clock):
    async with Cdn(clock, user_agent="test", allow_http=True) as cdn:
        with pytest.raises(CdnUnwell):
            async with cdn.body(secure_cdn, File("a.mkv", 10), 0, 10):
                pass


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:1/dld/secret?token=secret",
        "http://secret.invalid/dld/secret",
        "ftp://secret/secret",
        "http://[secret",
        "{cdn}/dld/1/secret?token=secret",
    ],
)
async def test_no_error_shows_a_link(link, cdn, delivery, caplog, clock):
    caplog.set_level(logging.DEBUG, "bridge")
    link = link.format(cdn=cdn.url)
    async with Cdn(clock, user_agent="test", allow_http=True) as wire:
        with pytest.raises((CdnUnwell, LinkRefused)) as caught:
            async with wire.body(link, File("a.mkv", 10), 0, 10):
                pass

    async def give(file: File) -> str:
        return link

    task = asyncio.create_task(delivery.deliver(HASH, "Show", [File("a.mkv", 10)], give))
    await until(lambda: delivery.leg(HASH) and delivery.leg(HASH).waits_for)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert "secret" not in "".join(traceback.format_exception(caught.value))
    said = [record.getMessage() for record in caplog.records if record.name != "aiohttp.access"]
    assert "secret" not in "\n".join(said)
    assert "secret" not in delivery.leg(HASH).waits_for
    assert HASH in caplog.text
