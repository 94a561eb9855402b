"""The command from outside: what it prints, its exit codes, and how it starts and ends."""

import asyncio
import contextlib
import json
import re
import signal
import socket
import stat

import aiohttp
import pytest

from bridge.simulator import MiB
from tests.system.process.conftest import PASSWORD, READY, eventually


async def get(url: str, **options) -> tuple[int, str]:
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(url, **options) as answer,
    ):
        return answer.status, await answer.text()


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as tried:
        tried.bind(("::1", 0))
        return True
    return False


NEEDS_IPV6 = pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 here")


# --- the start


@pytest.mark.parametrize("command", [(), ("serve",)], ids=["no command", "serve"])
async def test_one_line_says_that_it_answers_and_where(machine, command) -> None:
    program = await machine.runs(*command, BRIDGE_TIME_FACTOR=None)
    port = (await program.says(READY))[1]
    assert program.stdout == (
        f"torbox-bridge ready: http://127.0.0.1:{port} qBittorrent v4.5.2 (2.8.19), 0 torrents,"
        f" state {machine.state}/bridge.db\n"
    )
    assert await get(f"http://127.0.0.1:{port}/health") == (200, "ok")
    assert await get(f"http://127.0.0.1:{port}/ready") == (200, "ready")


async def test_the_line_is_the_same_whatever_the_log_format_and_names_what_was_set(
    house, torbox
) -> None:
    arr = await house.starts()
    grab = torbox.publish("Show")
    await arr.grabs(grab, paused="True")
    assert await house.serve.stops() == 0
    arr = await house.starts(
        BRIDGE_LOG__FORMAT="json",
        BRIDGE_LOG__LEVEL="debug",
        BRIDGE_SERVER__URL_BASE="/bridge",
        BRIDGE_QBITTORRENT__DIALECT="5",
    )
    assert house.serve.stdout == (
        f"torbox-bridge ready: http://127.0.0.1:{house.port}/bridge qBittorrent v5.1.0 (2.11.4),"
        f" 1 torrents, state {house.state}/bridge.db TEST TIME x20\n"
    )
    await arr.call("POST", "torrents/start", data={"hashes": "all"})
    await house.sees(grab, "stoppedUP")
    assert await house.serve.stops() == 0
    assert house.serve.stderr
    assert all(json.loads(line)["message"] for line in house.serve.stderr.splitlines())


async def test_a_password_is_made_once_shown_once_and_kept_for_its_owner_only(machine) -> None:
    first = await machine.runs(BRIDGE_QBITTORRENT__PASSWORD=None)
    port = (await first.says(READY))[1]
    block, _, _ = first.stdout.partition("torbox-bridge ready")
    rows = dict(re.findall(r"^ {4}(\w+): +(\S.*)$", block, re.MULTILINE))
    assert list(rows) == ["Host", "Port", "Username", "Password", "Category"]
    password = rows["Password"]
    assert re.fullmatch(r"[A-Za-z0-9]{20}", password)
    kept = machine.state / "qbittorrent-password"
    assert kept.read_text().strip() == password
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    login = {"username": rows["Username"], "password": password}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{port}/api/v2/auth/login", data=login) as answer,
    ):
        assert await answer.text() == "Ok."
    assert await first.stops() == 0
    assert first.stdout.count(password) == 1
    assert password not in first.stderr

    second = await machine.runs(BRIDGE_QBITTORRENT__PASSWORD=None, BRIDGE_LOG__LEVEL="debug")
    await second.says(READY)
    assert await second.stops() == 0
    assert password not in second.stdout + second.stderr
    assert kept.read_text().strip() == password


async def test_a_second_process_on_the_same_state_ends_with_one_line(machine) -> None:
    first = await machine.runs()
    await first.says(READY)
    code, line = await machine.refuses()
    assert code == 1
    assert f"{machine.state}/bridge.db is in use" in line
    assert first.running


# --- the end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_asked_to_end_it_ends_well_with_a_download_half_way(house, torbox, number) -> None:
    arr = await house.starts()
    grab = torbox.publish("Show", {"a.mkv": 8 * MiB})
    torbox.cdn.slow(4 * MiB)
    await arr.grabs(grab)
    # What the CDN has sent may be on its way still.
    part = house.part(grab, "a.mkv")
    await eventually(lambda: part.exists() and part.stat().st_size >= MiB)
    assert await house.serve.stops(number) == 0
    held = part.stat().st_size
    assert MiB <= held < 8 * MiB

    torbox.cdn.clear()
    await house.starts()
    row = await house.sees(grab, "pausedUP")
    assert house.delivered(row) == {"a.mkv": grab.content("a.mkv")}
    assert torbox.cdn.ranges_asked[1:] == [("a.mkv", f"bytes={held}-")]


async def test_asked_to_end_it_ends_well_while_torbox_and_clients_keep_it_waiting(
    house, torbox
) -> None:
    arr = await house.starts(BRIDGE_TIME_FACTOR=None)
    torbox.stop("hang")
    for number in range(3):
        await arr.grabs(torbox.publish(f"Show.{number}"))
    await eventually(lambda: torbox.calls)
    _, idle = await asyncio.open_connection("127.0.0.1", house.port)
    _, half = await asyncio.open_connection("127.0.0.1", house.port)
    half.write(b"POST /api/v2/torrents/add HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nurls")
    await half.drain()
    assert await house.serve.stops() == 0
    idle.close()
    half.close()


async def test_asked_twice_it_still_ends_well(house, torbox) -> None:
    arr = await house.starts()
    torbox.stop("hang")
    await arr.grabs(torbox.publish("Show"))
    house.serve.hears(signal.SIGTERM)
    assert await house.serve.stops(signal.SIGTERM) == 0
    await house.starts()
    assert len(await house.arr.polls()) == 1


# --- the other commands


async def test_check_says_a_line_for_everything_and_makes_nothing(machine) -> None:
    program = await machine.runs("check")
    assert await program.ends() == 1  # there is no TorBox here
    lines = program.stdout.splitlines()
    assert lines[0] == "✓ settings: can be used"
    assert [line[:9] for line in lines if line.startswith("✗")] == ["✗ TorBox:"]
    assert len(lines) > 4
    code, line = await machine.refuses("check", TORBOX_API_KEY=None)
    assert code == 2
    assert "torbox.api_key" in line
    assert not machine.state.exists()
    assert not machine.downloads.exists()


async def test_check_health_asks_the_running_bridge(machine) -> None:
    program = await machine.runs(BRIDGE_SERVER__URL_BASE="/bridge")
    port = (await program.says(READY))[1]
    here = {"BRIDGE_SERVER__PORT": port, "BRIDGE_SERVER__URL_BASE": "/bridge"}
    healthy = await machine.runs("check", "--health", **here)
    assert await healthy.ends() == 0
    assert await program.stops() == 0
    code, line = await machine.refuses("check", "--health", **here)
    assert code == 1
    assert line.startswith("torbox-bridge: the bridge does not answer")


@pytest.mark.parametrize(
    "host", ["0.0.0.0", pytest.param("::", marks=NEEDS_IPV6), pytest.param("::1", marks=NEEDS_IPV6)]
)
async def test_check_health_finds_the_bridge_wherever_it_listens(machine, host) -> None:
    program = await machine.runs(BRIDGE_SERVER__HOST=host)
    port = (await program.says(READY))[1]
    here = {"BRIDGE_SERVER__HOST": host, "BRIDGE_SERVER__PORT": port}
    assert await (await machine.runs("check", "--health", **here)).ends() == 0
    for address in {"0.0.0.0": ["127.0.0.1"], "::": ["127.0.0.1", "[::1]"], "::1": ["[::1]"]}[host]:
        assert await get(f"http://{address}:{port}/health") == (200, "ok")


async def test_clients_read_the_last_lines_of_the_log_and_no_secret_in_them(machine) -> None:
    bridge = await machine.runs()
    port = (await bridge.says(READY))[1]
    base, jar = f"http://127.0.0.1:{port}/api/v2/", aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(base, cookie_jar=jar) as session:
        await session.post("auth/login", data={"username": "admin", "password": PASSWORD})
        magnet = f"magnet:?xt=urn:btih:{'a1' * 20}&dn=Show.and.{PASSWORD}.S01"
        await session.post("torrents/add", data={"urls": magnet})
        async with session.get("log/main") as answer:
            lines = await answer.json()
        line = next(line for line in lines if "Show.and." in line["message"])
        assert line["message"] == "Show.and.<secret>.S01: accepted from Python"
        assert line["type"] == 1
        known = lines[-1]["id"]  # TorBox cannot be reached, and that may be told meanwhile
        async with session.get(f"log/main?last_known_id={known}") as answer:
            assert all(line["id"] > known for line in await answer.json())
    assert await bridge.stops() == 0


async def test_a_client_can_stop_the_bridge(machine) -> None:
    bridge = await machine.runs()
    port = (await bridge.says(READY))[1]
    base, jar = f"http://127.0.0.1:{port}/api/v2/", aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(base, cookie_jar=jar) as session:
        await session.post("auth/login", data={"username": "admin", "password": PASSWORD})
        async with session.post("app/shutdown") as answer:
            assert answer.status == 200
    assert await bridge.ends() == 0


async def test_version_is_one_line(machine) -> None:
    program = await machine.runs("version")
    assert await program.ends() == 0
    assert re.fullmatch(r"torbox-bridge \d+\.\d+\.\d+\n", program.stdout)


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("serve", "--nonsense"), ("simulator", "--port", "70000")]
)
async def test_wrong_arguments_are_one_line(machine, arguments) -> None:
    code, line = await machine.refuses(*arguments)
    assert code == 2
    assert arguments[-1] in line


async def test_the_simulator_alone_can_be_played_with(machine) -> None:
    program = await machine.runs("simulator", "--port", "0")
    url, key = (await program.says(r"simulator ready: (\S+) key (\S+)$")).groups()
    magnet = (await program.says(r"^  (magnet:\S+)$"))[1]
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        form = aiohttp.FormData()
        form.add_field("magnet", magnet)
        async with session.post(f"{url}/v1/api/torrents/createtorrent", data=form) as answer:
            created = await answer.json()
        assert created["success"] is True
        async with session.get(f"{url}/v1/api/torrents/mylist") as answer:
            (item,) = (await answer.json())["data"]
        wanted = {"token": key, "torrent_id": item["id"], "file_id": item["files"][0]["id"]}
        async with session.get(f"{url}/v1/api/torrents/requestdl", params=wanted) as answer:
            link = (await answer.json())["data"]
        async with session.get(link) as answer:
            assert len(await answer.read()) == item["files"][0]["size"]

    code, line = await machine.refuses("simulator", "--port", url.rpartition(":")[2])
    assert code == 1
    assert "cannot listen on 127.0.0.1" in line
    assert await program.stops() == 0


async def test_the_bridge_and_the_simulator_work_together_as_two_processes(machine) -> None:
    simulator = await machine.runs("simulator", "--port", "0")
    url, key = (await simulator.says(r"simulator ready: (\S+) key (\S+)$")).groups()
    magnet = (await simulator.says(r"^  (magnet:\S+)$"))[1]
    bridge = await machine.runs(BRIDGE_TORBOX__API_URL=url, TORBOX_API_KEY=key)
    port = (await bridge.says(READY))[1]
    jar = aiohttp.CookieJar(unsafe=True)
    base = f"http://127.0.0.1:{port}/api/v2/"
    async with aiohttp.ClientSession(base, cookie_jar=jar) as session:
        login = {"username": "admin", "password": PASSWORD}
        await session.post("auth/login", data=login)
        await session.post("torrents/add", data={"urls": magnet})

        async def is_complete() -> bool:
            async with session.get("torrents/info") as answer:
                (row,) = await answer.json()
            return row["state"] == "pausedUP"

        await eventually(is_complete)
    assert await bridge.stops() == 0
    assert await simulator.stops() == 0


async def test_the_demo_ends_well_and_with_stay_serves_until_it_is_stopped(machine) -> None:
    demo, staying = await machine.runs("demo"), await machine.runs("demo", "--stay")
    assert await demo.ends(within=100) == 0
    lines = demo.stdout.splitlines()
    assert lines[-1] == "demo: ok"
    assert sum(line.startswith("grabbed ") and line.endswith(": Ok.") for line in lines) == 3
    assert sum(line.startswith("whole  ") for line in lines) == 3
    assert "no seeds" in demo.stdout

    await staying.says(r"^Still serving")
    port = (await staying.says(r"^    Port +(\d+)$"))[1]
    assert await get(f"http://127.0.0.1:{port}/health") == (200, "ok")
    assert await staying.stops(signal.SIGINT) == 0
    assert staying.stdout.splitlines()[-1] == "demo: ok"
