"""The doctor: every check in its good and its bad case, from the command and from the page."""

import os
import socket
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from msgspec.structs import replace

from bridge.checks.check import Check
from bridge.checks.folders import folder_checks
from bridge.clock import Clock
from bridge.config import ArrSettings, DownloadsSettings
from bridge.doctor import doctor
from bridge.simulator import Answer

KEY = "00000000-1111-4222-8333-444444444444"


async def found(house) -> dict[str, Check]:
    """What the command says, by name."""
    lines: list[str] = []
    await doctor(house.settings, house.clock, lines.append)
    checks = {}
    for line in lines:
        first, _, fix = line.partition("\n    ")
        mark, _, rest = first.partition(" ")
        name, _, sentence = rest.partition(": ")
        checks[name] = Check(name, mark == "✓", sentence, fix)
    return checks


def bad(checks: dict[str, Check]) -> set[str]:
    return {name for name, check in checks.items() if not check.ok}


async def test_a_sound_house_passes_every_check(house) -> None:
    house.downloads.mkdir()
    checks = await found(house)
    assert bad(checks) == set()
    expected = {"TorBox", "key", "plan", "clock", "CDN", "downloads", "owner", "room"}
    expected |= {"hard links", "one disk", "state", "port", "arrs"}
    assert set(checks) == expected
    assert checks["plan"].sentence.startswith("Essential, 3 slots, until 20")


async def test_the_exit_code_is_one_as_soon_as_one_thing_is_bad(house, torbox) -> None:
    assert await doctor(house.settings, house.clock, lambda _line: None) == 0
    torbox.rotate_key()
    assert await doctor(house.settings, house.clock, lambda _line: None) == 1


async def test_a_check_makes_no_folder_that_is_not_there(house) -> None:
    checks = await found(house)
    assert checks["downloads"].sentence == f"{house.downloads} is not there yet and can be made"
    assert not house.downloads.exists()


async def test_a_wrong_key_is_told_with_where_to_get_the_right_one_and_never_shown(
    house, torbox
) -> None:
    torbox.rotate_key()
    checks = await found(house)
    assert bad(checks) == {"key"}
    assert "torbox.app/settings" in checks["key"].fix
    assert KEY not in str(checks)


async def test_the_free_plan_cannot_be_used(house, torbox) -> None:
    torbox.plan = 0
    assert "plan" in bad(await found(house))


async def test_a_plan_that_has_ended_is_told(house, torbox) -> None:
    me = {"id": 1, "plan": 2, "premium_expires_at": "2020-01-01T00:00:00Z"}
    torbox.next("user/me", Answer(200, {"success": True, "error": None, "detail": "", "data": me}))
    checks = await found(house)
    assert bad(checks) == {"plan"}
    assert checks["plan"].sentence == "Pro, 10 slots, ended on 2020-01-01"


async def test_a_clock_that_is_wrong_is_told(house, torbox) -> None:
    torbox.advance(600)
    checks = await found(house)
    assert bad(checks) == {"clock"}
    assert "600 s away" in checks["clock"].sentence or "599 s" in checks["clock"].sentence


async def test_torbox_down_is_one_line_and_nothing_else_is_guessed(house, torbox) -> None:
    torbox.stop("refuse")
    checks = await found(house)
    assert bad(checks) == {"TorBox"}
    assert "plan" not in checks


async def test_a_cdn_that_is_blocked_is_told_by_its_host(house, torbox) -> None:
    nodes = [{"url": "https://localhost:1/speedtest/x.bin", "closest": True}]
    answer = {"success": True, "error": None, "detail": "", "data": nodes}
    torbox.next("speedtest", Answer(200, answer))
    checks = await found(house)
    assert bad(checks) == {"CDN"}
    assert checks["CDN"].sentence.startswith("localhost cannot be reached")


async def test_a_page_instead_of_bytes_is_no_cdn(house, torbox) -> None:
    nodes = [{"url": f"{torbox.url}/dld/unknown?token=x", "closest": True}]
    answer = {"success": True, "error": None, "detail": "", "data": nodes}
    torbox.next("speedtest", Answer(200, answer))
    checks = await found(house)
    assert checks["CDN"].sentence == "127.0.0.1 answers with status 400"
    assert "token" not in str(checks)


async def test_a_port_that_another_program_has_is_told_and_our_own_is_fine(house) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        house.sets(server={"port": other.getsockname()[1]})
        assert bad(await found(house)) == {"port"}
    house.sets(server={"port": 0})
    await house.starts()
    house.sets(server={"port": house.port})
    checks = await found(house)
    assert checks["port"].sentence == f"the bridge runs on 127.0.0.1:{house.port}"


def test_a_file_in_the_place_of_the_download_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "torrents").write_text("")
    settings = DownloadsSettings(path=str(tmp_path / "torrents"))
    checks = {check.name: check for check in folder_checks(settings, tmp_path)}
    assert not checks["downloads"].ok
    assert str(tmp_path / "torrents") in checks["downloads"].sentence
    assert checks["state"].ok


def test_nothing_of_a_check_stays_in_the_folders(tmp_path: Path) -> None:
    root, state = tmp_path / "torrents", tmp_path / "state"
    root.mkdir()
    state.mkdir()
    folder_checks(DownloadsSettings(path=str(root)), state)
    assert [path.name for path in root.rglob("*")] == [".incomplete"]
    assert list(state.iterdir()) == []


async def test_a_disk_that_hangs_ends_the_checks_with_a_sentence(house) -> None:
    marker = Path(house.settings.state.path) / ".check"
    os.mkfifo(marker)  # whoever opens it to write waits for a reader
    lines: list[str] = []
    try:
        await doctor(house.settings, Clock(60), lines.append)
    finally:
        os.close(os.open(marker, os.O_RDONLY | os.O_NONBLOCK))
    assert any(line.startswith("✗ folders: no answer") for line in lines)


# --- the arrs


class StandIn:
    """As much of Sonarr as the checks ask."""

    def __init__(self, root: Path) -> None:
        self.root, self.sees = root, str(root)
        self.roots, self.mappings = ["/media/tv"], []

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/api/v3/system/status", self.status),
                web.get("/api/v3/filesystem", self.filesystem),
                web.get("/api/v3/rootfolder", self.rootfolder),
                web.get("/api/v3/remotepathmapping", self.mapping),
            ]
        )
        return app

    async def status(self, request: web.Request) -> web.Response:
        if request.headers.get("X-Api-Key") != "arr-key-1":
            return web.json_response({"error": "Unauthorized"}, status=401)
        return web.json_response({"appName": "Sonarr", "version": "4.0.19.2979"})

    async def filesystem(self, request: web.Request) -> web.Response:
        folders = []
        if request.query["path"] == f"{self.sees}/":
            folders = [{"name": one.name, "type": "folder"} for one in self.root.iterdir()]
        return web.json_response({"parent": "/", "directories": folders, "files": []})

    async def rootfolder(self, _request: web.Request) -> web.Response:
        return web.json_response([{"id": 1, "path": path} for path in self.roots])

    async def mapping(self, _request: web.Request) -> web.Response:
        return web.json_response(self.mappings)


@pytest.fixture
async def sonarr(house, aiohttp_server) -> StandIn:
    house.downloads.mkdir()
    one = StandIn(house.downloads)
    server = await aiohttp_server(one.app())
    arr = ArrSettings(name="sonarr", url=str(server.make_url("")), api_key="arr-key-1")
    house.settings = replace(house.settings, arrs=(arr,))
    return one


async def test_an_arr_that_sees_the_same_folder_is_fine(house, sonarr: StandIn) -> None:
    checks = await found(house)
    assert bad(checks) == set()
    assert checks["sonarr"].sentence == "Sonarr 4.0.19.2979 answers"
    assert "the same folder" in checks["sonarr folder"].sentence


async def test_an_arr_that_sees_another_folder_is_told(house, sonarr: StandIn) -> None:
    sonarr.sees = "/elsewhere"
    checks = await found(house)
    assert bad(checks) == {"sonarr folder"}
    assert str(house.downloads) in checks["sonarr folder"].fix


async def test_a_remote_path_mapping_is_followed(house, sonarr: StandIn) -> None:
    sonarr.sees = "/mnt/there/torrents"
    sonarr.mappings = [{"remotePath": f"{house.downloads.parent}/", "localPath": "/mnt/there/"}]
    assert bad(await found(house)) == set()


async def test_a_library_around_the_downloads_is_told(house, sonarr: StandIn) -> None:
    sonarr.roots = [str(house.downloads.parent)]
    assert bad(await found(house)) == {"sonarr library"}


async def test_a_wrong_key_of_an_arr_is_told_and_not_shown(house, sonarr: StandIn) -> None:
    wrong = replace(house.settings.arrs[0], api_key="another-key")
    house.settings = replace(house.settings, arrs=(wrong,))
    checks = await found(house)
    assert bad(checks) == {"sonarr"}
    assert "another-key" not in str(checks)


# --- the same on the page


async def test_the_page_gets_the_same_checks_from_the_running_bridge(house, arr) -> None:
    answer = await (await arr._session.get(f"{arr.url}/api/bridge/checks")).json()
    names = [check["name"] for check in answer["checks"]]
    assert set(names) == set(await found(house))
    assert all(check["ok"] for check in answer["checks"])


async def test_impatient_people_share_one_run(house, torbox, arr) -> None:
    url = f"{arr.url}/api/bridge/checks"
    for _ in range(3):
        assert (await arr._session.get(url)).status == 200
    assert len(torbox.calls_to("user/me")) == 1
    house.clock.jump(11)
    assert (await arr._session.get(url)).status == 200
    assert len(torbox.calls_to("user/me")) == 2


async def test_the_checks_want_a_login(house, arr) -> None:
    async with aiohttp.ClientSession() as session:
        assert (await session.get(f"{arr.url}/api/bridge/checks")).status == 403
