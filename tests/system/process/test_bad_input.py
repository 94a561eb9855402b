"""Bad input to the real process: one clear line, or qBittorrent's exact answer, and no harm."""

import asyncio
import contextlib
import hashlib
import io
import socket
import sys
from pathlib import Path

import aiohttp
import pytest

from bridge.simulator import MiB
from tests.system.process.conftest import READY, eventually

# Whoever runs the tests as root is not stopped by permissions, unless it gives up that right.
POWERS = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
DROP_BOUND = 24  # PR_CAPBSET_DROP
POWERLESS = (
    sys.executable,
    "-c",
    "import ctypes, os, sys\n"
    f"drop = lambda power: ctypes.CDLL(None).prctl({DROP_BOUND}, power, 0, 0, 0)\n"
    f"os.getuid() == 0 and [drop(power) for power in {POWERS}]\n"
    "os.execv(sys.argv[1], sys.argv[1:])",
)


# --- what keeps it from starting


async def test_without_a_key_it_says_where_to_get_one(machine) -> None:
    for command, key in (("serve", None), ("serve", " "), ("check", None)):
        code, line = await machine.refuses(command, TORBOX_API_KEY=key)
        assert code == 2
        assert line.startswith("torbox-bridge: the TorBox API key is missing")
        assert "https://torbox.app/settings" in line


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("BRIDGE_SERVER__PROT", "1", "BRIDGE_SERVER__PROT: there is no such setting; did you mean"),
        ("BRIDGE_SERVER__PORT", "http", "server.port: expected a whole number, got 'http'"),
        ("BRIDGE_SERVER__PORT", "70000", "server.port: expected"),
        ("BRIDGE_TORBOX__API_URL", "ftp://x", "torbox.api_url: expected a URL"),
        ("BRIDGE_QBITTORRENT__TRUSTED_NETWORKS", "home", "qbittorrent.trusted_networks: 'home'"),
        ("BRIDGE_DOWNLOADS__PARALLEL_FILES", "0", "downloads.parallel_files: expected 1 to"),
        ("TORBOX_API_KEY_FILE", "/nowhere/key", "TORBOX_API_KEY"),
        ("BRIDGE_CONFIG", "/nowhere/config.yaml", "/nowhere/config.yaml: there is no such"),
    ],
)
async def test_a_wrong_variable_is_named(machine, variable, value, words) -> None:
    code, line = await machine.refuses("serve", **{variable: value})
    assert code == 2
    assert line.startswith(f"torbox-bridge: {words}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("servr: {port: 1}", "servr: there is no such setting; did you mean server?"),
        ("server:\n  port: [1]", "server.port: expected a whole number, got a list"),
        ("server: 8484", "server: expected settings below it"),
        ("- server", "expected settings (name: value) at the top"),
        ("server: {port: 1", "line 2"),
        ("log: {level: loud}", "log.level: expected one of"),
        ("\x00", "config.yaml"),
    ],
)
async def test_a_wrong_line_of_the_settings_file_is_named(machine, text, words) -> None:
    file = machine.working / "config.yaml"
    file.write_text(f"\n{text}")
    code, line = await machine.refuses("serve", "--config", str(file))
    assert code == 2
    assert line.startswith("torbox-bridge: ")
    assert words in line
    assert str(file) in line


async def test_a_port_in_use_is_one_line(machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, line = await machine.refuses(BRIDGE_SERVER__PORT=str(port))
    assert code == 1
    assert line == f"torbox-bridge: cannot listen on 127.0.0.1:{port}: Address already in use"
    code, line = await machine.refuses(BRIDGE_SERVER__HOST="203.0.113.1")
    assert code == 1
    assert line.endswith("cannot listen on 203.0.113.1:0: Cannot assign requested address")


@pytest.mark.parametrize("folder", ["state", "downloads"])
@pytest.mark.parametrize("case", ["forbidden", "below a forbidden one", "below a file", "a file"])
async def test_a_folder_that_cannot_be_used_is_one_line(machine, folder, case) -> None:
    place = Path(getattr(machine, folder))
    place.parent.mkdir(parents=True, exist_ok=True)
    if case in {"forbidden", "below a forbidden one"}:
        place.mkdir()
        place.chmod(0o555)
    else:
        place.write_text("not a folder")
    below = place / "below" if case.startswith("below") else place
    variable = f"BRIDGE_{folder.upper()}__PATH"
    code, line = await machine.refuses(through=POWERLESS, **{variable: str(below)})
    assert code == 1
    assert line.startswith("torbox-bridge: ")
    assert str(place) in line
    place.chmod(0o755)
    if place.is_dir():
        assert list(place.iterdir()) == []


# --- what strangers send


async def add(arr, *files: tuple[str, bytes], **fields: str) -> tuple[int, str]:
    form = aiohttp.FormData(default_to_multipart=bool(files), quote_fields=False)
    for name, value in fields.items():
        form.add_field(name, value)
    for name, data in files:
        form.add_field("torrents", io.BytesIO(data), filename=name)
    return await arr.call("POST", "torrents/add", data=form)


async def test_files_that_are_no_torrents_are_answered_as_qbittorrent_does(
    house, torbox, arr
) -> None:
    good = torbox.publish("Good", {"a.mkv": 1000})
    assert await add(arr, ("good.torrent", good.torrent), paused="True") == (200, "Ok.")
    bad = {
        "empty": b"",
        "truncated": good.torrent[:-20],
        "cut early": good.torrent[:30],
        "a page": b"<html><body>Log in",
        "a bomb of lists": b"l" * MiB,
        "a bomb of dictionaries": b"d4:info" + b"d1:a" * 250_000,
        "a length that lies": b"d4:info99999999999999999999:x",
        "a number without end": b"d4:infod6:lengthi" + b"9" * MiB + b"e4:name1:aee",
    }
    for name, data in bad.items():
        words = f"Error: '{name}' is not a valid torrent file."
        assert await add(arr, (name, data)) == (415, words)
    assert [row["hash"] for row in await arr.json("torrents/info")] == [good.hash]
    assert house.serve.running


@pytest.mark.parametrize("start", [b"d", b"d4:info", b"x"], ids=["d", "d4:info", "x"])
async def test_sixty_mebibytes_are_refused_while_polls_go_on(house, arr, start) -> None:
    upload = asyncio.create_task(add(arr, ("big.torrent", start + b"0:0:" * (15 * MiB))))
    polls = 0
    while not upload.done():
        assert await arr.polls() == []
        polls += 1
    assert await upload == (415, "Error: 'big.torrent' is not a valid torrent file.")
    assert polls > 3


async def test_a_body_without_end_is_refused(house, arr) -> None:
    """More than anything may have is not read to its end."""

    async def endless():
        yield b"urls="
        while True:
            yield b"x" * MiB

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        status, _ = await arr.call("POST", "torrents/add", data=endless(), headers=headers)
    except aiohttp.ClientError:
        status = 413  # the connection was closed on us, which says the same
    assert status in {400, 413}
    assert await arr.polls() == []


async def test_garbage_for_magnets_fails_and_leaves_nothing(arr) -> None:
    for urls in (
        "",
        "garbage",
        "magnet:",
        "magnet:?xt=urn:btih:" + "z" * 40,
        "magnet:?xt=urn:btih:" + "a" * 39,
        "magnet:?xt=urn:sha1:" + "a" * 40,
        "magnet:?" + "&" * 100_000,
        "/etc/passwd",
        "file:///etc/passwd",
        "\x00",
        "\ud7ff" * 1000,
    ):
        assert await add(arr, urls=urls) == (200, "Fails.")
    assert await arr.json("torrents/info") == []


async def test_unknown_hashes_are_answered_as_qbittorrent_does(arr) -> None:
    for unknown in ("0" * 40, "x", "..", "%00", ""):
        for path in ("properties", "files", "trackers", "webseeds", "pieceStates"):
            answer = await arr.call("GET", f"torrents/{path}", params={"hash": unknown})
            assert answer == (404, "Not Found"), (path, unknown)
        for path in ("delete", "pause", "resume", "recheck", "topPrio", "setCategory"):
            data = {"hashes": unknown, "deleteFiles": "true", "category": ""}
            assert await arr.call("POST", f"torrents/{path}", data=data) == (200, ""), path
        assert await arr.json("torrents/info", hashes=unknown or "x") == []
    assert await arr.call("GET", "torrents/properties") == (400, "Bad Request")


HOSTILE = [
    "../../x",
    "/etc/passwd",
    "..",
    ".",
    "x" * 300,
    "ü" * 150,
    "a\x00b",
    "con",
    "tv-sonarr",
    ".incomplete",
    "a/../../../b",
    "a\\..\\..\\b",
    "line\nbreak",
    "\u202etxt.exe",
    " ",
]


async def test_hostile_names_are_delivered_whole_and_never_outside(
    house, torbox, arr, tmp_path
) -> None:
    everything_before = below(tmp_path, but=[house.downloads, house.state])
    passwd = Path("/etc/passwd").read_bytes()
    grabs = [
        torbox.publish(name, {name: 1000 + number, f"folder/{name}": 2000 + number, "plain": 10})
        for number, name in enumerate(HOSTILE)
    ]
    for number, grab in enumerate(grabs):
        file = (f"{number}.torrent", grab.torrent)
        given = {"urls": grab.magnet} if number % 2 else {}
        answer = await add(arr, *([] if given else [file]), category="tv-sonarr", **given)
        assert answer == (200, "Ok."), grab.name
    for grab in grabs:
        row = await house.sees(grab, "pausedUP")
        folder = Path(row["content_path"])
        assert folder.parent == house.downloads / "tv-sonarr"
        assert row["save_path"] == str(folder.parent)
        assert sorted(digests(house.delivered(row).values())) == sorted(
            grab.sha256(file.path) for file in grab.files
        ), grab.name
    folders = list((house.downloads / "tv-sonarr").iterdir())
    assert len(folders) == len(grabs)
    assert sorted(path.name for path in house.downloads.iterdir()) == [".incomplete", "tv-sonarr"]
    assert below(tmp_path, but=[house.downloads, house.state]) == everything_before
    assert Path("/etc/passwd").read_bytes() == passwd

    await arr.removes(*grabs)
    await eventually(lambda: not any((house.downloads / "tv-sonarr").iterdir()))
    await eventually(lambda: not torbox.items)


def below(folder: Path, but: list[Path]) -> set[Path]:
    """Everything in the folder, but for what lies in some of its folders."""
    return {
        path
        for path in folder.rglob("*")
        if not any(path.is_relative_to(one) for one in but) and path.suffix not in {".out", ".err"}
    }


def digests(contents) -> list[str]:
    return [hashlib.sha256(content).hexdigest() for content in contents]


async def test_categories_that_lead_out_are_refused_and_make_nothing(house, arr, tmp_path) -> None:
    before = below(tmp_path, but=[house.downloads, house.state])
    for name in ("../x", "/etc", "a/../../b", "..", "a\x00b", "a//b"):
        data = {"category": name, "savePath": ""}
        status, _ = await arr.call("POST", "torrents/createCategory", data=data)
        assert status == 409, name
    for path in ("/etc", "../../x", str(tmp_path / "elsewhere")):
        data = {"category": "fine", "savePath": path}
        status, _ = await arr.call("POST", "torrents/createCategory", data=data)
        assert status == 409, path
        magnet = f"magnet:?xt=urn:btih:{'a' * 40}"
        assert await add(arr, urls=magnet, savepath=path) == (200, "Fails.")
    assert await arr.json("torrents/categories") == {}
    assert await arr.json("torrents/info") == []
    assert below(tmp_path, but=[house.downloads, house.state]) == before


async def test_noise_on_the_socket_harms_nobody(machine) -> None:
    program = await machine.runs()
    port = int((await program.says(READY))[1])
    for noise in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01",  # somebody tries https
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"POST /api/v2/torrents/add HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v2/torrents/add HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
        b"A" * MiB,
        b"",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(noise)
        with contextlib.suppress(OSError):  # it has hung up already
            writer.write_eof()
        async with asyncio.timeout(20):
            with_answer = await read_all(reader)
        assert b" 500 " not in with_answer.split(b"\r\n")[0]
        writer.close()
    assert program.running
    assert await program.stops() == 0


async def read_all(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""
