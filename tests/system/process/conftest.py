"""The real process: `python -m bridge …` with nothing but its environment, beside a simulator."""

import asyncio
import contextlib
import inspect
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bridge.clock import Clock
from bridge.simulator import Published, Simulator
from tests.conftest import Arr

ROOT = Path(__file__).parents[3]
KEY, PASSWORD = "00000000-1111-4222-8333-444444444444", "pass-word"
FACTOR = 20.0  # BRIDGE_TIME_FACTOR, and how fast the simulator's time runs
PATIENCE_SECONDS = 40.0  # of real time, for anything that is awaited
STOP_SECONDS = 8.0  # SIGTERM: exit 0 within this (design §6)
READY = r"^torbox-bridge ready: http://[^/ ]+:(\d+)(\S*) qBittorrent "


async def eventually(condition: Callable[[], object], within: float = PATIENCE_SECONDS):
    """Look until the condition, which may be a coroutine function, is true; gives what it gave."""
    async with asyncio.timeout(within):
        while True:
            met = condition()
            if inspect.isawaitable(met):
                met = await met
            if met:
                return met
            await asyncio.sleep(0.02)


class Program:
    """A started command, and everything it said. Output goes to files, so it never waits for us."""

    def __init__(self, process: asyncio.subprocess.Process, said: Path, told: Path) -> None:
        self.process, self._said, self._told = process, said, told

    @property
    def stdout(self) -> str:
        return self._said.read_text("utf-8", "replace")

    @property
    def stderr(self) -> str:
        return self._told.read_text("utf-8", "replace")

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    async def ends(self, within: float = PATIENCE_SECONDS) -> int:
        """Its exit code."""
        async with asyncio.timeout(within):
            return await self.process.wait()

    def hears(self, number: int) -> None:
        """Send it a signal, if it has not just ended."""
        # Not by the process object, which would take its exit code from whoever waits for it.
        with contextlib.suppress(ProcessLookupError):
            if self.running:
                os.kill(self.process.pid, number)

    async def stops(self, number: int = signal.SIGTERM) -> int:
        """Asked to stop; its exit code, which has to come in time."""
        self.hears(number)
        return await self.ends(STOP_SECONDS)

    async def killed(self) -> None:
        """kill -9, now."""
        self.hears(signal.SIGKILL)
        assert await self.ends() == -signal.SIGKILL

    async def says(self, pattern: str) -> re.Match[str]:
        """Wait for a line on standard output."""

        def found() -> re.Match[str] | None:
            match = re.search(pattern, self.stdout, re.MULTILINE)
            assert match or self.running, f"it ended: {self.stdout}{self.stderr}"
            return match

        return await eventually(found)


class Machine:
    """A computer with a state folder, a download folder and an environment."""

    def __init__(self, folder: Path) -> None:
        self.state, self.downloads = folder / "state", folder / "some" / "where" / "torrents"
        self.working = folder / "working"
        self.working.mkdir(mode=0o755)
        self._output = folder / "output"
        self._output.mkdir()
        self.programs: list[Program] = []
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.working),
            "TMPDIR": str(self.working),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TORBOX_API_KEY": KEY,
            "BRIDGE_TORBOX__API_URL": "http://127.0.0.1:9",  # nobody is there
            "BRIDGE_QBITTORRENT__PASSWORD": PASSWORD,
            "BRIDGE_SERVER__HOST": "127.0.0.1",
            "BRIDGE_SERVER__PORT": "0",
            "BRIDGE_STATE__PATH": str(self.state),
            "BRIDGE_DOWNLOADS__PATH": str(self.downloads),
            "BRIDGE_TIME_FACTOR": str(FACTOR),
        }

    async def runs(
        self, *arguments: str, through: tuple[str, ...] = (), **changes: str | None
    ) -> Program:
        """Start the command; `changes` to the environment, None takes a variable away.

        `through` is put before the command line, as a wrapper is.
        """
        environment = self.environment | changes
        number = len(self.programs)
        said, told = self._output / f"{number}.out", self._output / f"{number}.err"
        with said.open("wb") as out, told.open("wb") as err:
            process = await asyncio.create_subprocess_exec(
                *through,
                sys.executable,
                "-m",
                "bridge",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={name: value for name, value in environment.items() if value is not None},
                cwd=self.working,
            )
        program = Program(process, said, told)
        self.programs.append(program)
        return program

    async def refuses(self, *arguments: str, **changes: str | None) -> tuple[int, str]:
        """Run a command that cannot start; its exit code, and the one line it says of it."""
        program = await self.runs(*arguments, **changes)
        code = await program.ends()
        (line,) = program.stderr.splitlines()
        assert "ready" not in program.stdout
        return code, line

    async def ends(self) -> None:
        """Nothing is left running, and nobody said what nobody should ever read."""
        for program in self.programs:
            if program.running:
                await program.killed()
            told = program.stderr
            assert "Traceback" not in told, told
            for secret in (KEY, PASSWORD, "/dld/"):
                assert secret not in told
                assert secret not in program.stdout


class House(Machine):
    """The machine and the simulated TorBox that its bridge talks to."""

    def __init__(self, folder: Path, torbox: Simulator, url: str) -> None:
        super().__init__(folder)
        self.torbox = torbox
        self.environment |= {"BRIDGE_TORBOX__API_URL": url, "BRIDGE_LOG__LEVEL": "debug"}
        self.serve: Program
        self.arr: Arr | None = None
        self.port = 0

    async def starts(self, **changes: str | None) -> Arr:
        """Start the bridge and log in as Sonarr."""
        await self._leave()
        self.serve = await self.runs("serve", **changes)
        ready = await self.serve.says(READY)
        self.port = int(ready[1])
        self.arr = Arr(f"http://127.0.0.1:{self.port}{ready[2]}")
        assert await self.arr.logs_in() == "Ok."
        return self.arr

    async def dies(self) -> None:
        """kill -9 to the bridge."""
        await self._leave()
        await self.serve.killed()

    async def starts_again(self) -> Arr:
        """kill -9, and a new start."""
        await self.dies()
        return await self.starts()

    async def sees(self, grab: Published, *states: str) -> dict:
        """Poll until the arr sees one of these states; gives the row."""

        async def seen() -> dict | None:
            row = await self.arr.sees(grab)
            return row if row and row["state"] in states else None

        return await eventually(seen)

    async def told(self, grab: Published) -> dict:
        """What the bridge itself says of a torrent."""
        return await self.arr.json(f"../bridge/torrents/{grab.hash}")

    def part(self, grab: Published, path: str) -> Path:
        """Where a file lies until its torrent is complete."""
        return self.downloads / ".incomplete" / grab.hash / grab.name / path

    def delivered(self, row: dict) -> dict[str, bytes]:
        """What lies in the folder that an arr is pointed at, by path."""
        folder = Path(row["content_path"])
        found = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in found}

    async def ends(self) -> None:
        await self._leave()
        await super().ends()
        assert list(self.working.iterdir()) == []
        assert list(self.downloads.parent.iterdir()) == [self.downloads]

    async def _leave(self) -> None:
        if self.arr is not None:
            await self.arr.close()
            self.arr = None


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    one = Machine(tmp_path)
    yield one
    await one.ends()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    torbox = Simulator(clock=Clock(FACTOR).time, api_key=KEY, seed=1)
    async with torbox.serving() as url:
        one = House(tmp_path, torbox, url)
        yield one
        await one.ends()


@pytest.fixture
def torbox(house: House) -> Simulator:
    return house.torbox


@pytest.fixture
async def arr(house: House) -> Arr:
    return await house.starts()
