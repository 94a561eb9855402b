"""The face on the wire: headers, methods, bodies, origins and logins (qbittorrent.md §1)."""

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

PASSWORD = "pass-word"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Wire:
    """Raw requests, and answers as they came, header for header."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def send(self, raw: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            async with asyncio.timeout(10):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = [tuple(line.split(": ", 1)) for line in lines]
                length = int({name.lower(): value for name, value in headers}["content-length"])
                body = b"" if raw.startswith(b"HEAD") else await reader.readexactly(length)
        finally:
            writer.close()
        return int(first.split()[1]), headers, body

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str):
        named = {"Host": f"127.0.0.1:{self.port}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        if body:
            named["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        return await self.send(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)

    async def log_in(self, base: str = "") -> str:
        _, headers, _ = await self.ask(
            "POST",
            f"{base}/api/v2/auth/login",
            f"username=admin&password={PASSWORD}".encode(),
            **FORM,
        )
        return dict(headers)["set-cookie"].split(";")[0]


@pytest.fixture
async def wire(house) -> Wire:
    await house.starts()
    return Wire(house.port)


@pytest.fixture
async def wire5(house) -> Wire:
    house.sets(qbittorrent={"dialect": "5"})
    await house.starts()
    return Wire(house.port)


POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; script-src 'self' "
    "'unsafe-inline'; object-src 'none'; form-action 'self'; frame-ancestors 'self';"
)


async def test_headers_are_the_real_servers_in_its_order_and_spelling(wire: Wire) -> None:
    status, headers, body = await wire.ask(
        "POST", "/api/v2/auth/login", f"username=admin&password={PASSWORD}".encode(), **FORM
    )
    assert (status, body) == (200, b"Ok.")
    named = dict(headers)
    sid, _, attributes = named.pop("set-cookie").partition("; ")
    assert len(sid.removeprefix("SID=")) == 32
    assert attributes == "HttpOnly; path=/; SameSite=Strict"
    assert named.pop("date")
    assert list(named.items()) == [
        ("connection", "keep-alive"),
        ("content-length", "3"),
        ("content-security-policy", POLICY),
        ("content-type", "text/plain; charset=UTF-8"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "SAMEORIGIN"),
        ("x-xss-protection", "1; mode=block"),
    ]


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/api/v2/app/version", 403, b"Forbidden"),
        ("GET", "/api/v2/nope/nope", 403, b"Forbidden"),
        ("GET", "/api/v2/torrents/nope", 403, b"Forbidden"),
        ("GET", "/api/v2/nope", 404, b"Not Found"),
        ("GET", "/api/v2/torrents/info/", 404, b"Not Found"),
        ("GET", "//api/v2/app/version", 404, b"Not Found"),
        ("GET", "/version/api", 404, b"Not Found"),
        ("GET", "/nope.html", 404, b"Not Found"),
        ("GET", "/api/v2/auth/login", 405, b"Method Not Allowed"),
        ("POST", "/api/v2/auth/logout", 403, b"Forbidden"),
    ],
)
async def test_without_a_session_nothing_is_told(wire: Wire, method, path, status, body) -> None:
    answer = await wire.ask(method, path)
    assert (answer[0], answer[2]) == (status, body)
    assert "server" not in dict(answer[1])
    assert "content-security-policy" in dict(answer[1])


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/api/v2/app/version", 200, b"v4.5.2"),
        ("POST", "/api/v2/app/version", 200, b"v4.5.2"),
        ("GET", "/api/v2/nope/nope", 404, b"Not Found"),
        ("GET", "/api/v2/app/nope", 404, b"Not Found"),
        ("GET", "/api/v2/torrents/INFO", 404, b"Not Found"),
        ("GET", "/api/v2/torrents/delete?hashes=all", 405, b"Method Not Allowed"),
        ("HEAD", "/api/v2/app/version", 405, b""),
        ("POST", "/api/v2/torrents/pause", 400, b"Bad Request"),
        ("GET", "/api/v2/torrents/properties?hash=zz", 404, b"Not Found"),
        ("GET", "/api/v2/torrents/properties", 400, b"Bad Request"),
        ("GET", "/api/v2/auth/logout", 405, b"Method Not Allowed"),
    ],
)
async def test_with_a_session_errors_are_the_real_servers(
    wire: Wire, method, path, status, body
) -> None:
    answer = await wire.ask(method, path, Cookie=await wire.log_in())
    assert (answer[0], answer[2]) == (status, body)
    assert dict(answer[1])["content-type"] == "text/plain; charset=UTF-8"


async def test_five_has_its_own_cookie_headers_and_head(wire5: Wire) -> None:
    cookie = await wire5.log_in()
    status, headers, _ = await wire5.ask("HEAD", "/api/v2/app/version", Cookie=cookie)
    named = dict(headers)
    assert status == 200
    assert named["content-length"] == "6"
    assert named["cross-origin-opener-policy"] == "same-origin"
    assert "frame-src 'self' blob:;" in named["content-security-policy"]
    _, headers, _ = await wire5.ask(
        "POST", "/api/v2/auth/login", f"username=admin&password={PASSWORD}".encode(), **FORM
    )
    assert dict(headers)["set-cookie"].endswith("; HttpOnly; SameSite=Strict; path=/")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_other_methods_get_three_headers_and_a_closed_connection(
    wire: Wire, method: str
) -> None:
    status, headers, body = await wire.ask(method, "/api/v2/app/version")
    assert (status, body) == (400, b"")
    assert [name for name, _ in headers] == ["connection", "content-length", "date"]
    assert dict(headers)["connection"] == "close"


async def test_other_methods_are_not_implemented_in_five(wire5: Wire) -> None:
    assert (await wire5.ask("PUT", "/api/v2/app/version"))[0] == 501


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("text/plain", b"username=admin"),
        ("application/x-bittorrent", b"d4:infoe"),
        ("multipart/form-data", b"abc"),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken"),
    ],
)
async def test_a_body_that_is_no_form_is_refused_with_nothing_more(
    wire: Wire, kind: str, body: bytes
) -> None:
    cookie = await wire.log_in()
    answer = await wire.ask("POST", "/api/v2/torrents/add", body, Cookie=cookie, Content_Type=kind)
    assert (answer[0], answer[2]) == (400, b"")
    assert [name for name, _ in answer[1]] == ["connection", "content-length", "date"]


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(wire: Wire) -> None:
    status, _, _ = await wire.send(
        b"POST /api/v2/torrents/add HTTP/1.1\r\nHost: nas\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 70000000\r\n\r\n"
    )
    assert status == 400


async def test_before_the_login_little_is_read_however_it_is_sent(wire: Wire) -> None:
    head = (
        b"POST /api/v2/auth/login HTTP/1.1\r\nHost: nas\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n"
    )
    body = b"username=" + b"a" * 100_000
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    packed = gzip.compress(b"username=" + b"a" * 10_000_000)
    said = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(packed), packed)
    for rest in (b"Content-Length: %d\r\n\r\n%s" % (len(body), body), chunked, said):
        status, _, answer = await wire.send(head + rest)
        assert (status, answer) == (400, b"")


async def test_a_post_ignores_its_query_and_needs_no_content_type_when_empty(wire: Wire) -> None:
    cookie = await wire.log_in()
    answer = await wire.ask(
        "POST",
        f"/api/v2/auth/login?username=admin&password={PASSWORD}",
        Content_Length="0",
    )
    assert answer[2] == b"Fails."
    answer = await wire.ask(
        "POST", "/api/v2/torrents/info?sort=nope", Cookie=cookie, Content_Length="0"
    )
    assert (answer[0], answer[2]) == (200, b"[]")


NOISE = {
    "no request line": b"GET\r\n\r\n",
    "a word": b"hello\r\n\r\n",
    "lower-case method": b"get /api/v2/app/version HTTP/1.1\r\nHost: nas\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a length that is none": b"POST / HTTP/1.1\r\nHost: nas\r\nContent-Length: abc\r\n\r\n",
    "two lengths": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: nas\r\nnonsense\r\n\r\n",
    "a name with a NUL": b"GET / HTTP/1.1\r\nHo\0st: nas\r\n\r\n",
    "a line without an end": b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\n\r\n",
    "a chunk that is none": (
        b"POST /api/v2/auth/login HTTP/1.1\r\nHost: nas\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\nzz\r\n"
    ),
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
async def test_what_is_no_request_gets_three_headers_and_no_line_in_the_log(
    wire: Wire, noise: bytes, caplog
) -> None:
    caplog.set_level("DEBUG")
    status, headers, body = await wire.send(noise)
    assert (status, body) == (400, b"")
    assert [name for name, _ in headers] == ["connection", "content-length", "date"]
    assert dict(headers)["connection"] == "close"
    assert [record for record in caplog.records if record.exc_info] == []
    assert [one for one in caplog.records if one.levelname not in {"DEBUG", "INFO"}] == []
    assert (await wire.ask("GET", "/health"))[0] == 200


async def test_a_query_of_ten_thousand_hashes_is_read(wire: Wire) -> None:
    hashes = "%7C".join(f"{number:040x}" for number in range(10_000))
    path = f"/api/v2/torrents/info?hashes={hashes}"
    status, _, body = await wire.ask("GET", path, Cookie=await wire.log_in())
    assert (status, body) == (200, b"[]")


async def test_cookies_of_everything_else_on_this_host_do_not_shut_a_browser_out(
    wire: Wire,
) -> None:
    cookie = f"{await wire.log_in()}; other={'x' * 60_000}"
    status, _, body = await wire.ask("GET", "/api/v2/app/version", Cookie=cookie)
    assert (status, body) == (200, b"v4.5.2")


async def test_large_answers_are_packed_where_the_client_takes_that(wire: Wire) -> None:
    cookie = await wire.log_in()
    packed = await wire.ask(
        "GET", "/api/v2/app/preferences", Cookie=cookie, Accept_Encoding="gzip, br"
    )
    plain = await wire.ask("GET", "/api/v2/app/preferences", Cookie=cookie)
    assert dict(packed[1])["content-encoding"] == "gzip"
    assert len(packed[2]) < len(plain[2]) / 2
    assert json.loads(plain[2])["dht"] is True
    small = await wire.ask("GET", "/api/v2/app/version", Cookie=cookie, Accept_Encoding="gzip")
    assert "content-encoding" not in dict(small[1])


@pytest.mark.parametrize("dialect", ["4", "5"])
async def test_all_maindata_is_the_same_packed_and_as_it_is(house, dialect: str) -> None:
    house.sets(qbittorrent={"dialect": dialect})
    await house.starts()
    wire = Wire(house.port)
    cookie = await wire.log_in()
    for number in range(1, 4):
        magnet = (
            f"urls=magnet:?xt=urn:btih:{number:040x}%26tr=http://t.example/&stopped=true".encode()
        )
        await wire.ask("POST", "/api/v2/torrents/add", magnet, Cookie=cookie, **FORM)
        answers = []
        for coding in ("identity", "gzip", "gzip"):
            status, headers, body = await wire.ask(
                "GET", "/api/v2/sync/maindata?rid=0", Cookie=cookie, Accept_Encoding=coding
            )
            assert status == 200
            packed = dict(headers).get("content-encoding") == "gzip"
            assert packed is (coding == "gzip")
            answers.append(json.loads(gzip.decompress(body) if packed else body))
        # Later versions count on when a client begins anew, so that no two answers are equal.
        rids = [answer.pop("rid") for answer in answers]
        assert len(set(rids)) == (3 if dialect == "5" else 1)
        assert answers[0] == answers[1] == answers[2]
        assert len(answers[0]["torrents"]) == number


async def test_a_page_from_elsewhere_is_refused_before_anything_else(wire: Wire) -> None:
    cookie = await wire.log_in()
    for headers in ({"Origin": "http://evil.example"}, {"Referer": "http://evil.example/x"}):
        for path in ("/api/v2/app/version", "/api/v2/auth/login", "/api/v2/torrents/info"):
            status, _, body = await wire.ask("GET", path, Cookie=cookie, **headers)
            assert (status, body) == (401, b"Unauthorized")
    here = f"http://127.0.0.1:{wire.port}"
    assert (await wire.ask("GET", "/api/v2/app/version", Cookie=cookie, Origin=here))[0] == 200


@pytest.mark.parametrize("base", ["", "/qbit"])
async def test_the_page_may_be_linked_to_from_elsewhere_and_holds_no_data(house, base) -> None:
    house.sets(server={"url_base": base})
    await house.starts()
    wire = Wire(house.port)
    link = {"Referer": "http://dashboard.example/", "Cookie": await wire.log_in(base)}
    for path in ("/", "/static/app.js"):
        status, headers, _ = await wire.ask("GET", base + path, **link)
        assert status == 200
        assert dict(headers)["x-frame-options"] == "DENY"
    for path in ("/api/bridge/status", "/metrics", "/api/v2/app/version", "/static/../metrics"):
        assert (await wire.ask("GET", base + path, **link))[0] in {401, 404}, path
    assert (await wire.ask("POST", f"{base}/", **link))[0] == 401


async def test_who_sends_two_hosts_is_no_client(wire: Wire) -> None:
    status, _, _ = await wire.send(
        b"GET /api/v2/app/version HTTP/1.1\r\nHost: nas\r\nHost: evil.example\r\n\r\n"
    )
    assert status == 400


async def test_a_client_cannot_speak_for_itself_through_a_trusted_proxy(house) -> None:
    house.sets(
        qbittorrent={"trusted_networks": ("192.168.1.0/24",)},
        server={"trusted_proxies": ("127.0.0.0/8",)},
    )
    await house.starts()
    wire = Wire(house.port)
    lines = b"".join(b"X-Forwarded-For: %s\r\n" % one for one in (b"192.168.1.10", b"1.2.3.4"))
    head = b"GET /api/v2/app/version HTTP/1.1\r\nHost: nas\r\n"
    assert (await wire.send(head + lines + b"\r\n"))[0] == 403
    assert (await wire.ask("GET", "/api/v2/app/version", X_Forwarded_For="192.168.1.10"))[0] == 200


async def test_logging_out_ends_the_session_and_takes_the_cookie_back(wire: Wire) -> None:
    cookie = await wire.log_in()
    status, headers, body = await wire.ask(
        "POST", "/api/v2/auth/logout", Cookie=cookie, Content_Length="0"
    )
    assert (status, body) == (200, b"")
    assert dict(headers)["set-cookie"].startswith("SID=; expires=")
    assert (await wire.ask("GET", "/api/v2/app/version", Cookie=cookie))[0] == 403


async def test_a_second_login_with_a_valid_cookie_succeeds_without_another(wire: Wire) -> None:
    cookie = await wire.log_in()
    status, headers, body = await wire.ask(
        "POST", "/api/v2/auth/login", b"username=x&password=y", Cookie=cookie, **FORM
    )
    assert (status, body) == (200, b"Ok.")
    assert "set-cookie" not in dict(headers)


async def test_a_wrong_key_is_refused_even_with_a_valid_cookie(house) -> None:
    house.sets(qbittorrent={"api_key": "the-key"})
    await house.starts()
    wire = Wire(house.port)
    cookie = await wire.log_in()
    right, wrong = "bearer the-key", "Bearer other"
    ask = wire.ask
    assert (await ask("GET", "/api/v2/app/version", Authorization=right))[0] == 200
    assert (await ask("GET", "/api/v2/app/version", Authorization=wrong, Cookie=cookie))[0] == 403
    # A key cannot come from a page, so where the page is from does not matter.
    origin = "http://evil.example"
    assert (await ask("GET", "/api/v2/app/version", Authorization=right, Origin=origin))[0] == 200


@pytest.mark.parametrize("dialect", ["4", "5"])
async def test_a_key_and_right_basic_credentials_open_without_a_cookie(house, dialect) -> None:
    house.sets(qbittorrent={"api_key": "the-key", "dialect": dialect})
    await house.starts()
    wire = Wire(house.port)

    def basic(password: str) -> str:
        return "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()

    for right in ("Bearer the-key", basic(PASSWORD)):
        status, headers, body = await wire.ask("GET", "/api/v2/torrents/info", Authorization=right)
        assert (status, body) == (200, b"[]")
        assert "set-cookie" not in dict(headers)
    assert (await wire.ask("GET", "/api/v2/torrents/info", Authorization=basic("no")))[0] == 403
    # A proxy's own credentials do no harm to a session.
    foreign = {"Authorization": basic("no"), "Cookie": await wire.log_in()}
    assert (await wire.ask("GET", "/api/v2/torrents/info", **foreign))[0] == 200


async def test_a_key_means_nothing_where_none_was_set(wire: Wire) -> None:
    cookie = await wire.log_in()
    for key in ("Bearer x", "Bearer "):
        answer = await wire.ask("GET", "/api/v2/app/version", Authorization=key, Cookie=cookie)
        assert answer[0] == 200
        assert (await wire.ask("GET", "/api/v2/app/version", Authorization=key))[0] == 403


async def test_a_trusted_network_is_given_a_session(house) -> None:
    house.sets(qbittorrent={"trusted_networks": ("127.0.0.0/8",)})
    await house.starts()
    wire = Wire(house.port)
    status, headers, _ = await wire.ask("GET", "/api/v2/app/version")
    assert status == 200
    cookie = dict(headers)["set-cookie"].split(";")[0]
    status, headers, _ = await wire.ask("GET", "/api/v2/app/version", Cookie=cookie)
    assert "set-cookie" not in dict(headers)
    _, headers, body = await wire.ask("POST", "/api/v2/auth/login", b"username=x", **FORM)
    assert body == b"Ok."
    assert "set-cookie" in dict(headers)
    rebound = await wire.ask("GET", "/api/v2/app/version", Host="evil.example")
    assert rebound[0] == 403
    forwarded = await wire.ask("GET", "/api/v2/app/version", X_Forwarded_For="127.0.0.1")
    assert forwarded[0] == 403


async def test_all_is_below_url_base_and_nothing_beside_it(house) -> None:
    house.sets(server={"url_base": "/qbit"})
    await house.starts()
    wire = Wire(house.port)
    status, _, body = await wire.ask("GET", "/qbit/api/v2/app/version")
    assert (status, body) == (403, b"Forbidden")
    assert await house.arr.polls() == []
    for path in ("/api/v2/app/version", "/qbit/api/v2/nope", "/qbitx/api/v2/app/version"):
        assert (await wire.ask("GET", path))[0] == 404
    assert (await wire.ask("GET", "/health"))[0] == 200


async def test_an_unknown_host_is_refused_where_hosts_are_listed(house) -> None:
    house.sets(server={"allowed_hosts": ("home.example",)})
    await house.starts()
    wire = Wire(house.port)
    for host, status in (("evil.example", 401), ("home.example:1", 403), ("nas", 403)):
        assert (await wire.ask("GET", "/api/v2/app/version", Host=host))[0] == status


@pytest.fixture
async def sessions(house) -> AsyncIterator[aiohttp.ClientSession]:
    await house.starts()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


async def test_wrong_passwords_are_slowed_and_a_right_one_is_never_refused(
    house, sessions: aiohttp.ClientSession
) -> None:
    url = f"http://127.0.0.1:{house.port}/api/v2/auth/login"

    async def tries(password: str) -> str:
        data = {"username": "admin", "password": password}
        async with sessions.post(url, data=data) as answer:
            assert answer.status == 200
            return await answer.text()

    assert await tries("wrong") == "Fails."
    async with asyncio.TaskGroup() as group:
        flood = [group.create_task(tries(f"wrong {at}")) for at in range(30)]
        for _ in range(5):  # answered meanwhile, and each of them later than it came
            async with sessions.get(f"http://127.0.0.1:{house.port}/health") as answer:
                assert answer.status == 200
        assert await tries(PASSWORD) == "Ok."
        assert not all(one.done() for one in flood)
        await house.eventually(lambda: all(one.done() for one in flood), jump=0.5)
    assert {one.result() for one in flood} == {"Fails."}


async def test_no_path_tells_faster_than_another_that_a_key_is_wrong(house) -> None:
    house.sets(qbittorrent={"api_key": "the-key"})
    await house.starts()
    wire = Wire(house.port)
    elsewhere = "http://evil.example"
    for path in ("/api/v2/app/version", "/", "/api/bridge/status", "/nope"):
        wrong = {"Authorization": f"Bearer wrong {path}", "Origin": elsewhere}
        right = {"Authorization": "Bearer the-key", "Origin": elsewhere}
        await wire.ask("GET", path, **wrong)
        others = asyncio.gather(*(wire.ask("GET", path, **wrong) for _ in range(10)))
        for _ in range(3):
            assert (await wire.ask("GET", path, **right))[0] in {200, 404}
        assert not others.done()
        await house.eventually(others.done, jump=0.5)
        assert {status for status, _, _ in others.result()} == {200 if path == "/" else 401}
        house.clock.jump(60)


async def test_a_cookie_is_kept_as_far_as_it_is_one(house) -> None:
    house.sets(qbittorrent={"dialect": "5"})
    arr = await house.starts()
    deep = "[" * 600 + '"\\ud800"' + "]" * 600
    given = f'[{{"name": "sid", "value": {deep}, "expirationDate": 1e999, "domain": "t.example"}}]'
    status, _ = await arr.call("POST", "app/setCookies", data={"cookies": given})
    assert status == 200
    assert await arr.json("app/cookies") == [{"domain": "t.example", "name": "sid"}]
