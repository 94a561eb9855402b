"""The claim of the README: from an empty folder to a green Test in Sonarr, by its own commands."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.simulator import Simulator
from tests.conftest import Arr

ROOT = Path(__file__).parent.parent.parent
KEY = "00000000-1111-4222-8333-444444444444"
FIVE_MINUTES = 300.0


def clone_to(folder: Path) -> None:
    """What a clone would hold, as it stands here; git itself is not asked to be there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def readme_commands(heading: str) -> str:
    """The commands below this heading, as a reader copies them."""
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.search(rf"^### {heading}$.*?^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"the README has no commands under {heading!r}"
    return found[1]


@pytest.fixture
async def torbox() -> AsyncIterator[Simulator]:
    one = Simulator(api_key=KEY)
    async with one.serving():
        yield one


class Started:
    """The commands, run by a shell, and what they said."""

    def __init__(self, folder: Path, commands: str, torbox: Simulator) -> None:
        self.said = folder / "said"
        kept = ("PATH", "LANG", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "NO_PROXY")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment |= {name: value for name, value in os.environ.items() if name[:4] == "PIP_"}
        # There is no account here, and port 8484 may be taken: nothing else is said beforehand.
        environment |= {
            "HOME": str(folder / "home"),
            "BRIDGE_TORBOX__API_URL": torbox.url,
            "BRIDGE_SERVER__PORT": "0",
        }
        (folder / "home").mkdir()
        with self.said.open("wb") as output:
            self.process = subprocess.Popen(
                ["sh", "-e", "-c", commands],
                cwd=folder / "clone",
                env=environment,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    async def says(self, pattern: str, until: float) -> str:
        while not (found := re.search(pattern, self.said.read_text(), re.MULTILINE)):
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < until, self.said.read_text()
            await asyncio.sleep(0.1)
        return found[1]

    def ends(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=30)


@pytest.mark.timeout(FIVE_MINUTES + 60)
async def test_five_minutes_from_an_empty_folder_to_a_green_test(
    tmp_path: Path, torbox: Simulator
) -> None:
    until = time.monotonic() + FIVE_MINUTES
    clone_to(tmp_path / "clone")
    commands = readme_commands("From a clone").replace("<your key>", KEY)
    assert KEY in commands
    started = Started(tmp_path, commands, torbox)
    try:
        url = await started.says(r"^torbox-bridge ready: (http://\S+)", until)
        typed = {
            name: await started.says(rf"^ +{name}: +(\S+)", until)
            for name in ("Username", "Password", "Category")
        }
        sonarr = Arr(url.replace("0.0.0.0", "127.0.0.1"), typed["Category"])
        try:
            await presses_test(sonarr, typed)
        finally:
            await sonarr.close()
    finally:
        started.ends()


async def presses_test(sonarr: Arr, typed: dict[str, str]) -> None:
    """What Sonarr's Test button asks, and what it goes by (arr-contract.md §1.2)."""
    status, _ = await sonarr.call("GET", "app/webapiVersion")
    assert status in (200, 403)  # both mean: this is a qBittorrent
    assert await sonarr.logs_in(typed["Username"], typed["Password"]) == "Ok."
    status, version = await sonarr.call("GET", "app/webapiVersion")
    assert (status, tuple(map(int, version.split("."))) >= (2, 8, 1)) == (200, True)
    preferences = await sonarr.json("app/preferences")
    assert not preferences["max_ratio_enabled"]
    if typed["Category"] not in await sonarr.json("torrents/categories"):
        await sonarr.call("POST", "torrents/createCategory", data={"category": typed["Category"]})
    assert typed["Category"] in await sonarr.json("torrents/categories")
    assert await sonarr.polls() == []
