"""Who is let in: sessions, credentials, addresses, hosts and origins."""

import asyncio
import base64

import pytest
from multidict import CIMultiDict

from bridge.clock import Clock
from bridge.qbittorrent.credentials import (
    MOST_ADDRESSES,
    MOST_HELD,
    MOST_HELD_OF_ONE,
    MOST_KNOWN,
    MOST_SECONDS_HELD,
    Credentials,
)
from bridge.qbittorrent.forms import MOST_FIELDS, UnreadableBody, read_body
from bridge.qbittorrent.origin import Caller, Origins, split_host
from bridge.qbittorrent.session import MOST_SESSIONS, TIMEOUT_SECONDS, Sessions, sids_in

HERE = "192.168.1.10"


def asked(host: str = "nas", remote: str = HERE, **headers: str) -> Caller:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Caller(remote, CIMultiDict({"Host": host} | named if host else named))


def basic(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def credentials(clock: Clock) -> Credentials:
    return Credentials(clock, "admin", "right", "key")


# Sessions


def test_a_session_lives_an_hour_after_its_last_request(hand_clock) -> None:
    sessions = Sessions(hand_clock)
    session = sessions.open()
    hand_clock.advance(TIMEOUT_SECONDS - 1)
    assert sessions.find([session.sid]) is session
    hand_clock.advance(TIMEOUT_SECONDS - 1)
    assert sessions.find([session.sid]) is session
    hand_clock.advance(TIMEOUT_SECONDS)
    assert sessions.find([session.sid]) is None


def test_the_session_unused_for_longest_makes_room(hand_clock) -> None:
    sessions = Sessions(hand_clock)
    first, second = sessions.open(), sessions.open()
    for _ in range(MOST_SESSIONS - 1):
        sessions.find([first.sid])
        sessions.open()
    assert sessions.find([first.sid]) is first
    assert sessions.find([second.sid]) is None


def test_a_caller_without_cookie_keeps_its_session(hand_clock) -> None:
    sessions = Sessions(hand_clock)
    session = sessions.of_caller("bearer a")
    assert sessions.of_caller("bearer a") is session
    assert sessions.of_caller("bearer b") is not session
    sessions.close(session)
    assert sessions.of_caller("bearer a") is not session


def test_a_session_id_is_32_characters_that_survive_in_a_cookie(hand_clock) -> None:
    for _ in range(100):
        sid = Sessions(hand_clock).open().sid
        assert len(sid) == 32
        assert sid.replace("-", "a").replace("_", "a").isalnum()


@pytest.mark.parametrize(
    ("cookie", "found"),
    [
        ("SID=abc", ["abc"]),
        ('SID="abc"', ["abc"]),
        ("SID=abc; HttpOnly; path=/", ["abc"]),
        ("other=1; SID=a/b+c=; SIDE=2", ["a/b+c="]),
        ("SID=foreign; SID=ours", ["foreign", "ours"]),
        ("QBT_SID_8080=x", []),
        ("", []),
    ],
)
def test_session_ids_are_found_however_clients_send_them(cookie: str, found: list[str]) -> None:
    assert list(sids_in([cookie])) == found


# Guessing


async def test_wrong_passwords_from_one_address_are_slowed_to_one_a_second(hand_clock) -> None:
    door = credentials(hand_clock)
    for _ in range(10):
        assert not await door.login(HERE, "admin", "wrong")
    assert 9 <= hand_clock.passed < 10
    assert await door.login(HERE, "admin", "right")


async def test_another_address_does_not_wait(hand_clock) -> None:
    door = credentials(hand_clock)
    assert not await door.login(HERE, "admin", "wrong")
    assert await door.login("192.168.1.11", "admin", "right")
    assert hand_clock.passed == 0


class SharedClock(Clock):
    """Time that stands still while anyone can act, for tasks that wait beside each other."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.sleepers: list[tuple[float, asyncio.Event]] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self.sleepers.append((self.now + seconds, woken))
        await woken.wait()

    async def run(self, until: float) -> None:
        while True:
            for _ in range(50):
                await asyncio.sleep(0)
            due = min((at for at, _ in self.sleepers), default=until)
            if due >= until:
                return
            self.now = due
            for at, woken in self.sleepers:
                if at <= due:
                    woken.set()
            self.sleepers = [(at, woken) for at, woken in self.sleepers if at > due]


async def test_answers_to_guesses_side_by_side_go_out_one_a_second() -> None:
    clock = SharedClock()
    door = credentials(clock)
    async with asyncio.TaskGroup() as group:
        guesses = [group.create_task(door.login(HERE, "admin", f"no {at}")) for at in range(8)]
        await clock.run(until=3.5)
        assert sum(guess.done() for guess in guesses) == 4
        right = group.create_task(door.login(HERE, "admin", "right"))
        await clock.run(until=3.5)
        assert right.done()
        assert right.result() is True
        await clock.run(until=60)
    assert not any(guess.result() for guess in guesses)
    assert clock.now == 7


async def test_a_right_password_is_let_in_at_once_whatever_a_flood_from_its_address_does() -> None:
    clock = SharedClock()
    door = credentials(clock)
    async with asyncio.TaskGroup() as group:
        for at in range(2000):
            group.create_task(door.login(HERE, "admin", f"no {at}"))
        for at in range(2000):
            group.create_task(door.basic(HERE, basic("admin", f"no {at}")))
        await clock.run(until=0.5)
        assert await door.login(HERE, "admin", "right")
        assert await door.basic(HERE, basic("admin", "right"))
        assert await door.bearer(HERE, "key")
        assert clock.now == 0
        await clock.run(until=60)
    assert clock.now == MOST_SECONDS_HELD


async def test_a_flood_holds_so_many_answers_and_no_more() -> None:
    clock = SharedClock()
    door = credentials(clock)
    async with asyncio.TaskGroup() as group:
        flood = [group.create_task(door.login(HERE, "admin", f"no {at}")) for at in range(1000)]
        await clock.run(until=0.5)
        assert sum(not one.done() for one in flood) == MOST_HELD_OF_ONE
        for at in range(40 * MOST_HELD_OF_ONE):
            flood.append(group.create_task(door.login(f"10.0.0.{at % 40}", "admin", f"no {at}")))
        await clock.run(until=0.5)
        assert sum(not one.done() for one in flood) == MOST_HELD
        await clock.run(until=60)
        # When it is over, guesses are slowed as before.
        again = [group.create_task(door.login(HERE, "admin", f"no {at}")) for at in range(3)]
        await clock.run(until=60)
    assert not any(one.result() for one in flood + again)
    assert clock.now == MOST_SECONDS_HELD + 2


async def test_addresses_without_number_take_no_memory_without_bound(hand_clock) -> None:
    door = credentials(hand_clock)
    for at in range(2 * MOST_ADDRESSES):
        assert not await door.login(f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}", "admin", "no")
    assert len(door._gates) == MOST_ADDRESSES
    for at in range(2 * MOST_KNOWN):
        assert not await door.basic(HERE, basic("admin", f"no {at}"))
    assert len(door._foreign) == MOST_KNOWN


async def test_a_network_of_ipv6_is_one_guesser(hand_clock) -> None:
    door = credentials(hand_clock)
    for at in range(10):
        assert not await door.login(f"2001:db8::{at}", "admin", f"no {at}")
    assert 9 <= hand_clock.passed < 10
    assert not await door.login("2001:db8:0:1::1", "admin", "no")
    assert hand_clock.passed < 10


async def test_guessing_the_key_is_slowed_like_logging_in(hand_clock) -> None:
    door = credentials(hand_clock)
    for at in range(5):
        assert not await door.bearer(HERE, f"no {at}")
        assert not await door.login(HERE, "admin", f"no {at}")
    assert 9 <= hand_clock.passed < 10


async def test_whoever_guesses_is_in_the_log_in_few_lines(hand_clock, caplog) -> None:
    door = credentials(hand_clock)
    for at in range(120):
        assert not await door.login(HERE, "admin", f"no {at}")
    assert [record.getMessage() for record in caplog.records] == [
        f"wrong user name, password or key from {HERE}",
        f"wrong user name, password or key from {HERE}, 10 so far",
        f"wrong user name, password or key from {HERE}, 100 so far",
    ]


async def test_a_foreign_basic_header_is_a_guess_once_and_then_ignored(hand_clock) -> None:
    door = credentials(hand_clock)
    for header in (basic("", ""), basic("proxy", "secret"), "no base64", basic("ü", "ß")):
        for _ in range(5):
            assert not await door.basic(HERE, header)
    assert hand_clock.passed <= 3
    assert await door.basic(HERE, basic("admin", "right"))


async def test_guessing_by_basic_is_slowed_like_logging_in(hand_clock) -> None:
    door = credentials(hand_clock)
    for at in range(10):
        assert not await door.basic(HERE, basic("admin", f"wrong {at}"))
    assert 9 <= hand_clock.passed < 10


async def test_names_and_passwords_count_as_they_are_written(hand_clock) -> None:
    door = Credentials(hand_clock, "admin", "pä:ss\nword", "")
    assert await door.login(HERE, "admin", "pä:ss\nword")
    assert await door.basic(HERE, basic("admin", "pä:ss\nword"))
    assert not await door.login(HERE, "Admin", "pä:ss\nword")
    assert not await door.login(HERE, "admin\npä:ss", "word")
    assert not await door.login(HERE, "", "")


async def test_a_key_opens_only_where_one_was_set(hand_clock) -> None:
    assert await credentials(hand_clock).bearer(HERE, "key")
    assert not await credentials(hand_clock).bearer(HERE, "other")
    assert credentials(hand_clock).has_api_key
    assert not Credentials(hand_clock, "admin", "right", "").has_api_key


# Addresses


def origins(**settings) -> Origins:
    plain = {"allowed_hosts": (), "trusted_proxies": ("10.0.0.0/8",), "trusted": ()}
    return Origins(**(plain | settings))


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        (HERE, None, HERE),
        (HERE, "1.2.3.4", HERE),  # nobody's word counts but a trusted proxy's
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "9.9.9.9, 1.2.3.4", "1.2.3.4"),  # the first may be invented
        ("10.0.0.1", "1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1", "1.2.3.4, unknown", ""),
        ("10.0.0.1", "", ""),
        ("10.0.0.1", "9.9.9.9,1.2.3.4:5678", "1.2.3.4"),
        ("10.0.0.1", "[2001:db8::1]:5678", "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "::ffff:1.2.3.4", "1.2.3.4"),
    ],
)
def test_the_clients_own_address_is_found_behind_trusted_proxies(
    remote: str, forwarded: str | None, address: str
) -> None:
    headers = {} if forwarded is None else {"X_Forwarded_For": forwarded}
    assert origins().address(asked(remote=remote, **headers)) == address


def test_a_proxys_own_line_counts_and_not_the_one_that_the_client_sent() -> None:
    """Some proxies leave the client's header as it is, and add another one."""
    ours = origins(trusted=("192.168.1.0/24",))
    caller = asked(remote="10.0.0.1", X_Forwarded_For=HERE)
    assert ours.trusts(caller)
    caller.headers.add("X-Forwarded-For", "1.2.3.4")
    assert ours.address(caller) == "1.2.3.4"
    assert not ours.trusts(caller)


@pytest.mark.parametrize(
    ("caller", "trusted"),
    [
        (asked(), True),
        (asked(host="192.168.1.5:8484"), True),
        (asked(host="localhost"), True),
        (asked(host="[::1]:8484"), True),
        (asked(host="evil.example"), False),  # DNS rebinding
        (asked(host="home.example:443"), True),
        (asked(remote="192.168.2.10"), False),
        (asked(X_Forwarded_For=HERE), False),  # from one who is no trusted proxy
        (asked(X_Real_IP=HERE), False),
        (asked(Forwarded=f"for={HERE}"), False),
        (asked(Via="1.1 proxy"), False),
        (asked(CF_Connecting_IP=HERE), False),
        (asked(remote="10.0.0.1", X_Forwarded_For=HERE), True),
        (asked(remote="10.0.0.1", X_Forwarded_For="1.2.3.4"), False),
        (asked(remote="10.0.0.1", X_Forwarded_For=f"{HERE}, 1.2.3.4"), False),
        (asked(remote=""), False),
    ],
)
def test_trust_needs_the_clients_own_address_and_a_host_of_ours(caller, trusted: bool) -> None:
    ours = origins(trusted=("192.168.1.0/24",), allowed_hosts=("home.example",))
    assert ours.trusts(caller) is trusted


def test_without_trusted_networks_nobody_is_trusted() -> None:
    assert not origins().trusts(asked())


def test_a_list_of_hosts_is_the_list_of_hosts() -> None:
    listed = origins(allowed_hosts=("home.example",))
    for host in ("home.example", "HOME.example:1", "1.2.3.4", "localhost:80", "nas", "[::1]", ""):
        assert listed.takes(asked(host=host)), host
    assert not listed.takes(asked(host="evil.example"))
    assert not listed.takes(asked(host="home.example.evil.example"))
    assert origins().takes(asked(host="any.example"))


@pytest.mark.parametrize(
    ("headers", "fine"),
    [
        ({}, True),
        ({"Origin": "http://nas:8484"}, True),
        ({"Origin": "https://nas:8484"}, True),
        ({"Origin": "http://nas"}, True),  # ports count only if both name one
        ({"Origin": "http://nas:1"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://[broken"}, False),
        ({"Referer": "http://nas:8484/page?x"}, True),
        ({"Referer": "http://evil.example/"}, False),
        ({"Origin": "http://nas:8484", "Referer": "http://evil.example/"}, True),
        ({"Origin": "https://home.example"}, True),
        ({"Origin": "http://proxied", "X_Forwarded_Host": "proxied"}, False),
        ({"Origin": "http://NAS."}, True),
        ({"Origin": "http://home.example.:1"}, True),
        ({"Origin": "http://home.example.evil.example"}, False),
        ({"Origin": "http://nas@evil.example"}, False),
        ({"Origin": "http://evil.example#nas"}, False),
        ({"Origin": "http://xn--bcher-kva.example"}, True),
        ({"Origin": "nas:8484"}, False),
        ({"Origin": "file://"}, False),
        ({"Origin": ""}, True),
    ],
)
def test_a_page_from_elsewhere_cannot_ask(headers: dict[str, str], fine: bool) -> None:
    ours = origins(allowed_hosts=("home.example", "b\u00fccher.example"))
    assert ours.same_site(asked(host="nas:8484", **headers)) is fine


@pytest.mark.parametrize("host", ["xn--bcher-kva.example", "[::1]:8484"])
def test_a_page_from_here_may_ask_whatever_here_is_called(host: str) -> None:
    assert origins().same_site(asked(host=host, Origin=f"http://{host}"))
    listed = origins(allowed_hosts=("b\u00fccher.example",))
    assert listed.takes(asked(host=host))


def test_a_trusted_proxy_may_say_which_host_was_asked() -> None:
    asked_by = asked(remote="10.0.0.1", Origin="http://proxied", X_Forwarded_Host="proxied")
    assert origins().same_site(asked_by)


@pytest.mark.parametrize(
    ("host", "name", "port"),
    [
        ("NAS:8484", "nas", 8484),
        ("nas.", "nas", None),
        ("[::1]:80", "::1", 80),
        ("::1", "::1", None),
        ("", "", None),
    ],
)
def test_a_host_header_has_a_name_and_perhaps_a_port(host, name, port) -> None:
    assert split_host(host) == (name, port)


# Forms

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = 'multipart/form-data; boundary="b"'


def test_a_urlencoded_form_is_read_as_qt_reads_it() -> None:
    form = read_body(b"a=1&a=2+3&%C3%BC=%26&=nameless&bare&b=", f"{URLENCODED}; charset=UTF-8")
    assert form.fields == {"a": "2 3", "ü": "&", "b": ""}


def test_a_multipart_form_has_fields_and_files_of_any_name() -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="urls"\r\n\r\nmagnet:?x\r\n'
        b'--b\r\ncontent-disposition: form-data; name="any"; filename="\xc3\xbc.torrent"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\nd\r\n--\r\ne\r\n--b--\r\n"
    )
    form = read_body(body, MULTIPART)
    assert form.fields == {"urls": "magnet:?x"}
    assert [(one.filename, one.data) for one in form.uploads] == [("ü.torrent", b"d\r\n--\r\ne")]


def part(head: str, content: bytes = b"x") -> bytes:
    return b"--b\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"


@pytest.mark.parametrize(
    ("named", "filename"),
    [
        ('filename="a.torrent"', "a.torrent"),
        ("filename=a.torrent", "a.torrent"),
        ('filename=""', ""),
        ("filename*=UTF-8''%C3%BC.torrent", "ü.torrent"),
        ("filename*=iso-8859-1'en'%FC.torrent", "ü.torrent"),
        ("filename=\"u.torrent\"; filename*=utf-8''%C3%BC.torrent", "ü.torrent"),
        ("filename*=utf-99''%C3.torrent", "utf-99''%C3.torrent"),
        ("filename*=a.torrent", "a.torrent"),
        ('FILENAME="a;b c.torrent"; x=y', "a;b c.torrent"),
    ],
)
def test_an_upload_has_a_name_however_it_is_written(named: str, filename: str) -> None:
    body = part(f'Content-Disposition: form-data; name="torrents"; {named}') + b"--b--\r\n"
    form = read_body(body, MULTIPART)
    assert [(one.filename, one.data) for one in form.uploads] == [(filename, b"x")]
    assert form.fields == {}


@pytest.mark.parametrize(
    ("head", "fields"),
    [
        ("", {}),
        ("Content-Type: text/plain", {}),
        ("Content-Disposition: form-data", {}),
        ("Content-Disposition: form-data; filenames=a; name=urls", {"urls": "x"}),
        ('Content-Disposition: form-data; name=""', {}),
        ("content-DISPOSITION:form-data;name=urls", {"urls": "x"}),
        ('X: 1\r\nContent-Disposition: form-data; name="urls"\r\nY: 2', {"urls": "x"}),
        # Nothing in a part says how it is to be read: it is UTF-8, and not taken apart.
        ('Content-Disposition: form-data; name="a"\r\nContent-Type: x; charset=utf-16', {"a": "x"}),
        (
            'Content-Disposition: form-data; name="a"\r\n'
            "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ny\r\n--c--",
            {"a": "--c\r\n\r\ny\r\n--c--\r\n\r\nx"},
        ),
    ],
)
def test_a_part_is_a_field_by_its_name_and_nothing_without_one(head: str, fields) -> None:
    form = read_body(part(head) + b"--b--", MULTIPART)
    assert form.uploads == []
    assert form.fields == fields


def test_what_comes_before_and_after_a_multipart_form_is_passed_over() -> None:
    one = part("Content-Disposition: form-data; name=a")
    assert read_body(b"preamble\r\n" + one + b"--b--\r\nepilogue", MULTIPART).fields == {"a": "x"}
    assert read_body(b"--b--", MULTIPART).fields == {}
    other = "multipart/form-data; xboundary=c; boundary=b; charset=utf-8"
    assert read_body(one + b"--b--", other).fields == {"a": "x"}


def test_a_multipart_form_has_so_many_parts_and_no_more() -> None:
    one = part("Content-Disposition: form-data; name=a; filename=f")
    form = read_body(one * MOST_FIELDS + b"--b--", MULTIPART)
    assert len(form.uploads) == MOST_FIELDS
    with pytest.raises(UnreadableBody):
        read_body(one * (MOST_FIELDS + 1) + b"--b--", MULTIPART)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{}", "application/json"),
        (b"a=1", ""),
        (b"a=1", "text/plain"),
        (b"abc", "multipart/form-data"),
        (b"abc", MULTIPART),
        (b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\ncut", MULTIPART),
        (b"--b\r\nno end of head\r\n--b--", MULTIPART),
        (b"--b\r\nX: 1\r\n\r\nno end\r\n--bc", MULTIPART),
        (b"--b\nContent-Disposition: form-data; name=a\n\nx\n--b--\n", MULTIPART),
        (b"--c\r\n\r\nx\r\n--c--", MULTIPART),
        (b"--b--", "multipart/form-data; boundary="),
        (b"--b--", "multipart/mixed; boundary=b"),
        (b"a=1&" * 20_001, URLENCODED),
    ],
)
def test_what_is_no_form_is_refused_as_a_whole(body: bytes, content_type: str) -> None:
    with pytest.raises(UnreadableBody):
        read_body(body, content_type)


def test_values_that_cannot_be_read_count_as_not_given() -> None:
    form = read_body(
        b"t=True&f=FALSE&one=1&n=12&x=1e3&nan=nan&big=99999999999&l= a ||b", URLENCODED
    )
    assert [form.flag(name, default=True) for name in "tf"] == [True, False]
    assert form.flag("one", default=True) is True
    assert form.flag("one") is False
    assert [form.integer(name, -2) for name in ("n", "t", "big", "missing")] == [12, -2, -2, -2]
    assert [form.decimal(name, -2) for name in ("x", "nan", "t")] == [1000, -2, -2]
    assert form.pieces("l", "|") == ["a", "b"]
