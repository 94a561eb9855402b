"""From an empty folder to a green Test in Sonarr, by nothing but the README's commands."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import yaml

from bridge.simulator import Simulator
from bridge.simulator.arr import ArrSimulator
from tests.conftest import KEY
from tests.system.packages.conftest import READY, Container, Image, Starts, commands, run, typed
from tests.system.packages.test_image import free_port

pytestmark = pytest.mark.timeout(400)  # on a busy machine

BLOCK = "Add a qBittorrent download client in Sonarr and Radarr with:\n"
MOST_SECONDS = 300.0  # the claim


@pytest.fixture
async def torbox_url() -> AsyncIterator[str]:
    async with Simulator(api_key=KEY).serving() as url:
        yield url


@pytest.fixture
async def sonarr() -> AsyncIterator[ArrSimulator]:
    arr = ArrSimulator()
    async with arr.serving():
        yield arr


def printed(said: str) -> dict[str, str]:
    """What the first start told a person to type in."""
    block = said.partition(BLOCK)[2]
    return dict(re.findall(r"^    (\w+): +(.+)$", block, re.MULTILINE))


async def presses_test(sonarr: ArrSimulator, fields: dict[str, str]) -> int:
    """Settings → Download Clients → + → qBittorrent → Test; 200 is green."""
    headers = {"X-Api-Key": sonarr.key}
    async with aiohttp.ClientSession(sonarr.url, headers=headers) as session:
        async with session.get("/api/v3/downloadclient/schema") as answer:
            (entry,) = [
                one for one in await answer.json() if one["implementation"] == "QBittorrent"
            ]
        entry["name"] = "TorBox"
        for field in entry["fields"]:
            field["value"] = fields.get(field["name"], field["value"])
        async with session.post("/api/v3/downloadclient/test", json=entry) as answer:
            return answer.status


async def is_green(sonarr: ArrSimulator, said: str) -> bool:
    values = printed(said)
    fields = {
        "host": "127.0.0.1",
        "port": values["Port"],
        "username": values["Username"],
        "password": values["Password"],
        "tvCategory": values["Category"].partition(" in Sonarr")[0],
    }
    assert fields["tvCategory"] == "tv-sonarr"
    assert await presses_test(sonarr, fields | {"password": "wrong"}) == 400
    return await presses_test(sonarr, fields) == 200


async def test_from_a_clone(
    cloned: None, sonarr: ArrSimulator, torbox_url: str, tmp_path: Path
) -> None:
    started = time.monotonic()
    lines = [typed(line, KEY) for line in commands("README.md", "From a clone")]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PIP_CACHE_DIR": str(Path.home() / ".cache" / "pip"),
        "BRIDGE_TORBOX__API_URL": torbox_url,
        "BRIDGE_SERVER__PORT": str(free_port()),  # as the usual one may be taken here
    }
    said = tmp_path / "said"
    with said.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            "sh",
            "-ec",
            "\n".join(lines),
            cwd=tmp_path,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(MOST_SECONDS):
            while not re.search(READY, said.read_text(), re.MULTILINE):
                assert process.returncode is None, said.read_text()
                await asyncio.sleep(0.1)
        assert await is_green(sonarr, said.read_text())
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
            await process.wait()
    print(f"from an empty folder to a green Test: {time.monotonic() - started:.0f} s")


async def test_with_docker(
    cloned: None,
    image: Image,
    container: Starts,
    sonarr: ArrSimulator,
    torbox_url: str,
    tmp_path: Path,
) -> None:
    """The commands that are not Docker's are carried out; `up` starts what the files say."""
    folder, one, shown = tmp_path, None, ""
    for line in [typed(line, KEY) for line in commands("README.md", "With Docker")]:
        if line.startswith("cd "):
            folder = folder / line.removeprefix("cd ")
        elif line == "docker compose up -d":
            give_to(folder, 1000)  # in real life they belong to whoever typed all this
            one = container(composed(folder, torbox_url), folder)
            await one.starts()
        elif line == "docker compose logs torbox-bridge":
            await one.says(READY)
            shown = one.said
        else:
            assert not line.startswith("docker"), line
            run("sh", "-ec", line, cwd=folder)
    assert await is_green(sonarr, shown)
    check_what_sonarr_needs(one)


def composed(folder: Path, torbox_url: str) -> dict:
    """The service as compose reads it: variables from .env, ${NAME:?…} must be set."""
    variables = dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines())
    text = (folder / "compose.yaml").read_text()
    text = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: variables[found[1]], text)
    service = yaml.safe_load(text)["services"]["torbox-bridge"]
    assert service["build"] == "."
    service["environment"] |= {
        "BRIDGE_TORBOX__API_URL": torbox_url,
        "BRIDGE_SERVER__PORT": free_port(),
    }
    return service


def give_to(folder: Path, user: int) -> None:
    run("chown", "-R", f"{user}:{user}", folder)


def check_what_sonarr_needs(one: Container) -> None:
    """The user that Sonarr runs as in the same file can move files, also before the first grab."""
    for path in ("/data/torrents", "/data/media/tv", "/data/media/movies"):
        assert one.host(path).stat().st_uid == 1000, path
    category = one.host("/data/torrents/tv-sonarr")
    assert not category.exists() or category.stat().st_mode & 0o070 == 0o070


def test_the_fields_are_those_of_the_readme() -> None:
    """The table says the same as what the start prints."""
    text = (Path(__file__).parents[3] / "README.md").read_text()
    table = dict(re.findall(r"^\| ([A-Z][\w ]+) \| (.+?) \|$", text, re.MULTILINE))
    assert table["Port"] == "`8484`"
    assert table["Username"] == "`admin`"
    assert table["Category"].startswith("`tv-sonarr` in Sonarr, `radarr` in Radarr")


def test_what_the_compose_example_makes_is_neither_in_the_repository_nor_added_to_it(
    cloned: None, tmp_path: Path
) -> None:
    root = Path(__file__).parents[3]
    services = yaml.safe_load((root / "compose.example.yaml").read_text())["services"]
    mounts = {mount.split(":")[0] for one in services.values() for mount in one["volumes"]}
    kept = set(run("git", "ls-files", cwd=root).split("\n"))
    for mount in mounts:
        name = mount.removeprefix("./")
        assert not [path for path in kept if path.startswith(f"{name}/")], mount
        run("git", "check-ignore", "--quiet", f"{name}/x", cwd=root)
    for name in (".env", "compose.yaml"):
        run("git", "check-ignore", "--quiet", name, cwd=root)
    assert len({tuple(one["volumes"][-1:]) for one in services.values()}) == 1, "one data folder"
