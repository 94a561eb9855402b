"""The image, as far as it can be shown without a Docker engine."""

import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.clock import Clock
from bridge.simulator import Published, Simulator
from tests.conftest import KEY, Arr
from tests.system.packages.conftest import READY, Container, Image, Starts, python_version, run

pytestmark = pytest.mark.timeout(400)  # on a busy machine

FACTOR = 20.0
MIB = 1 << 20


@pytest.fixture
async def torbox() -> AsyncIterator[tuple[Simulator, str]]:
    simulator = Simulator(clock=Clock(FACTOR).time, api_key=KEY, seed=1)
    async with simulator.serving() as url:
        yield simulator, url


@pytest.fixture
def service(service: dict, torbox: tuple[Simulator, str]) -> dict:
    """As in the compose example, but with a TorBox in miniature, a free port and faster time."""
    service["environment"] |= {
        "TORBOX_API_KEY": KEY,
        "PUID": 1234,
        "PGID": 4321,
        "BRIDGE_TORBOX__API_URL": torbox[1],
        "BRIDGE_SERVER__PORT": free_port(),
        "BRIDGE_TIME_FACTOR": FACTOR,
    }
    return service


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def owner(path: Path) -> tuple[int, int]:
    return path.stat().st_uid, path.stat().st_gid


async def grabs(container: Container, torbox: Simulator, name: str) -> tuple[Published, dict]:
    """With what the first start printed, as a person types it; gives the complete row."""
    ready = await container.says(READY)
    password = await container.says(r"^ +Password: +(\w+)$")
    grab = torbox.publish(name, files={f"{name}.mkv": MIB, "Subs/English.srt": 4_000})
    arr = Arr(f"http://127.0.0.1:{ready[1]}")
    try:
        assert await arr.logs_in(password=password[1]) == "Ok."
        await arr.call("POST", "torrents/createCategory", data={"category": "tv-sonarr"})
        assert await arr.grabs(grab) == "Ok."
        while (await arr.sees(grab))["state"] != "pausedUP":
            pass
        return grab, await arr.sees(grab)
    finally:
        await arr.close()


def whole(container: Container, grab: Published, row: dict) -> bool:
    folder = container.host(row["content_path"])
    return all((folder / file.path).read_bytes() == grab.content(file.path) for file in grab.files)


def test_the_clean_root_has_the_python_of_the_image(image: Image) -> None:
    said = run("chroot", image.root, "python", "-c", "import sys; print(sys.version_info[:2])")
    assert said.strip() == str(tuple(map(int, python_version().split("."))))


def test_what_runs_needs_neither_pip_nor_a_writable_python(image: Image) -> None:
    environment = image.root / "opt" / "torbox-bridge"
    assert not list(environment.rglob("pip"))
    sources = {path for path in environment.rglob("*.py") if "site-packages" in path.parts}
    compiled = {path.parent.parent / f"{path.name.split('.')[0]}.py"
                for path in environment.rglob("*.pyc")}  # fmt: skip
    assert sources - compiled == set()


async def test_the_compose_service_runs_read_only_as_puid_and_pgid(
    image: Image, service: dict, container: Starts, torbox: tuple[Simulator, str]
) -> None:
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    one = container(service)
    await one.starts()
    grab, row = await grabs(one, torbox[0], "Show.S01E01")
    assert row["content_path"] == "/data/torrents/tv-sonarr/Show.S01E01"
    assert whole(one, grab, row)
    everything = [one.host("/config"), *one.host("/config").iterdir()]
    everything += [one.host("/data/torrents"), *one.host("/data/torrents").rglob("*")]
    assert {owner(path) for path in everything} == {(1234, 4321)}
    # Its group may write: it is how Sonarr moves the files.
    assert all(path.stat().st_mode & 0o020 for path in one.host(row["content_path"]).rglob("*"))
    assert await one.executes(*image.healthcheck) == (0, "")
    assert await one.stops() == 0
    assert one.told == "" or "Traceback" not in one.told


async def test_who_is_sent_into_the_container_is_the_bridges_user_there(
    service: dict, container: Starts
) -> None:
    one = container(service)
    await one.starts()
    await one.says(READY)
    code, said = await one.executes("torbox-bridge", "check")
    assert "✓ settings" in said, said
    assert code == 0, said
    made = [one.host("/config"), *one.host("/config").iterdir(), one.host("/data/torrents")]
    assert {owner(path) for path in made} == {(1234, 4321)}


async def test_the_password_and_the_torrents_survive_a_new_container(
    service: dict, container: Starts, torbox: tuple[Simulator, str], tmp_path: Path
) -> None:
    one = container(service)
    await one.starts()
    await grabs(one, torbox[0], "Show.S01E02")
    assert await one.stops() == 0
    (tmp_path / "said").unlink()
    again = container(service)
    await again.starts()
    assert "1 torrents" in (await again.says(r"^torbox-bridge ready: .*$"))[0]
    assert "Password" not in again.said


async def test_a_plain_user_needs_no_right_at_all(
    service: dict, container: Starts, torbox: tuple[Simulator, str]
) -> None:
    service |= {"user": "2345:5432", "cap_add": []}
    one = container(service)
    for folder in (one.host("/config"), one.host("/data"), one.host("/data") / "torrents"):
        folder.mkdir()
        os.chown(folder, 2345, 5432)
    await one.starts()
    grab, row = await grabs(one, torbox[0], "Show.S01E03")
    assert whole(one, grab, row)
    assert owner(one.host(row["content_path"])) == (2345, 5432)
    assert await one.executes("torbox-bridge", "check", "--health") == (0, "")
    assert await one.stops() == 0


@pytest.mark.parametrize("folder", ["/config", "/data/torrents"])
async def test_a_folder_that_is_not_ours_is_one_line_with_the_command_that_mends_it(
    service: dict, container: Starts, folder: str
) -> None:
    service |= {"user": "2345:5432", "cap_add": []}
    one = container(service)
    for path in ("/config", "/data", "/data/torrents"):
        one.host(path).mkdir()
        os.chown(one.host(path), *(0, 0) if path == folder else (2345, 5432))
    await one.starts()
    assert await one.ends() == 1
    (line,) = one.told.splitlines()
    assert line.startswith("torbox-bridge: ")
    assert folder in line
    assert "chown -R 2345:5432" in line


async def test_without_a_place_for_downloads_it_says_so_and_ends(
    service: dict, container: Starts
) -> None:
    service["volumes"] = ["./config:/config"]
    one = container(service)
    await one.starts()
    assert await one.ends() == 1
    (line,) = one.told.splitlines()
    assert "/data" in line


async def test_the_check_of_its_health_fails_when_nobody_answers(
    image: Image, service: dict, container: Starts
) -> None:
    one = container(service)
    await one.starts("check", "--health")
    assert await one.ends() == 1
    assert one.told.count("\n") == 1
