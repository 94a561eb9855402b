"""A day of traffic on bad days of TorBox and its CDN leaves the process as it was.

In the suite it is some hours, in half a minute; with `BRIDGE_SOAK=1` (`make soak`) all of a day.
"""

import asyncio
import contextlib
import itertools
import os
import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import Struct

from bridge.clock import Clock
from bridge.simulator import (
    Cached,
    CdnWeather,
    Failing,
    FetchedOver,
    Published,
    QueuedThen,
    Script,
    Simulator,
    Stalled,
    Weather,
)
from bridge.simulator.cdn_weather import ALL

from .conftest import KEY, House, eventually

SOAK = bool(os.environ.get("BRIDGE_SOAK"))
FACTOR = 288.0  # a day in five minutes
FIRST_SECONDS = 60.0 if SOAK else 8.0  # real ones, until all that is made once was made
ALL_SECONDS = 300.0 if SOAK else 24.0
MOST_AT_ONCE = 30  # torrents
# The allocator keeps what the largest moment took, and moments differ. Over a day a leak of 1 KiB
# for each of a thousand torrents, or of one open file an hour, would be more than this.
MORE_MEMORY = 16 << 20
MORE_OPEN_FILES = 16  # connections that are kept for the next call or file
# Made when needed and then kept: four for the disk, two for each of three files at once, the one
# that proves, those of asyncio's own pool, the database's, and the main one.
MOST_THREADS = 4 + 2 * 3 + 1 + (os.cpu_count() or 1) + 4 + 1 + 1
ROWS_OF_THE_PAST = {"calls", "kept", "account_items", "pauses", "tellings", "replacements"}
FATES: tuple[Script, ...] = (
    Cached(),
    Cached(),
    FetchedOver(600),
    FetchedOver(3600, metadata_after=300),
    QueuedThen(1200, then=FetchedOver(600)),
    Failing(after=900),
    Stalled(at=0.5),
)


class Size(Struct, frozen=True):
    """How large the process is, and what it remembers."""

    memory: int
    open_files: int
    threads: int
    rows: dict[str, int]

    @classmethod
    def of(cls, house: House) -> "Size":
        proc = Path(f"/proc/{house.serve.process.pid}")
        told = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        return cls(
            int(told["VmRSS"].split()[0]) << 10,
            len(list((proc / "fd").iterdir())),
            int(told["Threads"]),
            rows_of(house.state),
        )


def rows_of(state: Path) -> dict[str, int]:
    """How many rows each table has, counted in a copy: the bridge has the database for itself."""
    with tempfile.TemporaryDirectory() as folder:
        for file in state.glob("*.db*"):
            shutil.copy(file, folder)
        (copy,) = Path(folder).glob("*.db")
        with contextlib.closing(sqlite3.connect(copy)) as store:
            names = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            counts = {name: f"SELECT count(*) FROM {name}" for (name,) in names}
            return {name: store.execute(count).fetchone()[0] for name, count in counts.items()}


class Day:
    """Grabs, polls and removals, as arrs do, and what befalls TorBox meanwhile."""

    def __init__(self, house: House, seed: str) -> None:
        self.house, self.torbox = house, house.torbox
        self.chance = random.Random(seed)
        self.numbers = itertools.count()
        self.living: dict[str, Published] = {}
        self.grabbed = self.completed = self.failed = 0

    async def passes(self, seconds: float) -> None:
        """So many real seconds of traffic."""
        self.torbox.weather = Weather(7, 0.05, outages_per_day=6)
        self.torbox.cdn.weather = CdnWeather(7, 0.2, tuple(ALL))
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if len(self.living) < MOST_AT_ONCE:
                await self._grabs()
            if self.chance.random() < 0.02:
                self.torbox.expire_links()
            await self._polls()
            await asyncio.sleep(0.1)

    async def _grabs(self) -> None:
        number = next(self.numbers)
        sizes = {
            f"e{n}.mkv": self.chance.randrange(1, 1 << 20)
            for n in range(self.chance.randrange(1, 5))
        }
        grab = self.torbox.publish(f"Show.{number}", sizes, self.chance.choice(FATES))
        said = await self.house.arr.grabs(grab, as_file=self.chance.random() < 0.7)
        if said == "Ok.":
            self.grabbed += 1
            self.living[grab.hash] = grab

    async def _polls(self) -> None:
        """Look, and take away what has ended, and now and then what has not."""
        rows = await self.house.arr.polls()
        await self.house.arr.json("sync/maindata")
        for row in rows:
            complete, failed = row["state"] == "pausedUP", row["state"] == "stalledDL"
            self.completed += complete
            self.failed += failed
            if complete:
                assert self._is_whole(row)
            if complete or failed or self.chance.random() < 0.002:
                await self.house.arr.removes(self.living.pop(row["hash"]))

    def _is_whole(self, row: dict) -> bool:
        grab = self.living[row["hash"]]
        return self.house.delivered(row) == {f.path: grab.content(f.path) for f in grab.files}

    async def rests(self) -> Size:
        """The weather clears, all is removed and cleaned up; what is left then."""
        self.torbox.faults.clear()
        self.torbox.cdn.clear()
        if self.living:
            await self.house.arr.removes(*self.living.values())
        self.living.clear()

        async def is_clean() -> bool:
            left = await self.house.arr.polls() or self.torbox.items or self.torbox.queue
            return not left and rows_of(self.house.state)["torrents"] == 0

        await eventually(is_clean)
        assert list((self.house.downloads / ".incomplete").iterdir()) == []
        await asyncio.sleep(1)  # connections that nobody needs are closed
        return Size.of(self.house)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    torbox = Simulator(clock=Clock(FACTOR).time, api_key=KEY, seed=1)
    torbox.gives_md5 = True  # or wrong bytes of a magnet could not be known
    async with torbox.serving() as url:
        one = House(tmp_path, torbox, url)
        one.environment |= {
            "BRIDGE_TIME_FACTOR": str(FACTOR),
            "BRIDGE_LOG__LEVEL": "warning",
            "BRIDGE_DOWNLOADS__PARALLEL_FILES": "3",
        }
        yield one
        await one.ends()


@pytest.mark.timeout(900 if SOAK else 180)
async def test_after_a_day_of_traffic_the_process_is_as_after_its_first_minute(house):
    await house.starts()
    day = Day(house, os.environ.get("BRIDGE_SEED", "1"))
    await day.passes(FIRST_SECONDS)
    first = await day.rests()
    await day.passes(ALL_SECONDS - FIRST_SECONDS)
    last = await day.rests()
    print(
        f"\n{day.grabbed} grabs, {day.completed} complete, {day.failed} failed"
        f"\nfirst {first}\nlast  {last}"
    )

    assert last.memory <= first.memory + MORE_MEMORY
    assert last.open_files <= first.open_files + MORE_OPEN_FILES
    assert last.threads <= MOST_THREADS
    of_torrents = {name: n for name, n in last.rows.items() if name not in ROWS_OF_THE_PAST}
    assert of_torrents == {name: n for name, n in first.rows.items() if name in of_torrents}
