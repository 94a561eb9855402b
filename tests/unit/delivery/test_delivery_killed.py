"""kill -9, or a power cut, at any moment: the bytes are right, and few of them come twice.

The CDN is the simulator's, and it counts. With `BRIDGE_SOAK=1` (`make soak`) there are a hundred
kills of a larger pack, with the sizes of blocks and notes that the bridge really has.
"""

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from msgspec import Struct

from bridge.delivery.journal import Journal
from bridge.delivery.ranges import Range, Ranges
from bridge.simulator import Published, Simulator

SOAK = bool(os.environ.get("BRIDGE_SOAK"))
KILLS = 100 if SOAK else 12
PARALLEL = 4
HASH = "a1" * 20
KIB, MIB = 1 << 10, 1 << 20
PROGRAM = """
import asyncio, json, socket, sys
from bridge.clock import Clock
from bridge.config import DownloadsSettings
from bridge.delivery import Delivery, body, partfile, pipe, segments
from bridge.model import File

class SmallSocket(socket.socket):  # what the kernel holds was sent, but has not arrived
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)

socket.socket = SmallSocket

async def main(root, links, sizes, connections, parallel, boot, limits):
    if limits["block"]:
        body.LEAST_BLOCK_BYTES = body.MOST_BLOCK_BYTES = limits["block"]
        segments.LEAST_BYTES = partfile.NOTE_BYTES = limits["notes"]
        pipe.FLUSH_BYTES = limits["flush"]
    files = [File(path, size, torbox_id=at) for at, (path, size) in enumerate(sizes)]
    async def link(file):
        return links[file.torbox_id]
    settings = DownloadsSettings(
        path=root, parallel_files=parallel, connections_per_file=connections
    )
    async with Delivery(settings, Clock(60), user_agent="test", allow_http=True) as one:
        one._boot = boot
        await one.probe()
        await one.deliver("a1" * 20, "Pack", files, link)
        await one.place("a1" * 20, root, "Pack")

asyncio.run(main(**json.loads(sys.argv[1])))
"""


class Limits(Struct, frozen=True):
    """What may be lost of one file, as docs/delivery.md says it."""

    connections: int
    power_cuts: bool

    @property
    def block(self) -> int:
        return (2 * MIB if self.connections == 1 else MIB) if SOAK else 64 * KIB

    @property
    def notes(self) -> int:
        return 4 * MIB if SOAK else 256 * KIB

    @property
    def flush(self) -> int:
        return 64 * MIB if SOAK or not self.power_cuts else MIB

    @property
    def under_way(self) -> int:
        """One block comes while one is written, and the sockets and the CDN hold a little."""
        return self.connections * (2 * self.block + MIB)

    @property
    def most_of_a_file(self) -> int:
        if SOAK:
            return 160 * MIB if self.power_cuts else 40 * MIB
        return 4 * MIB * self.connections

    @property
    def pace(self) -> int:
        """How much comes between two kills: more where more is lost, or it would never end."""
        return 2 if not SOAK or self.again < 10 * MIB else 12

    @property
    def again(self) -> int:
        if self.power_cuts:  # the next stretch comes while one is flushed
            return self.under_way + 2 * self.flush
        return self.under_way + (self.notes if self.connections > 1 else 0)


class Pack:
    """A pack at the CDN, and the bridge that fetches it again and again."""

    def __init__(self, folder: Path, torbox: Simulator, made: Published, limits: Limits) -> None:
        self.folder, self.torbox, self.made, self.limits = folder, torbox, made, limits
        self.boot = "boot 0"
        item = torbox.already_in_account(made)
        links = [torbox.world.link(torbox.account, item, f.id, torbox.now()) for f in made.files]
        self.links = [f"/dld/{link.uuid}?token={link.token}" for link in links]
        self.sent = {file.path: Ranges() for file in made.files}  # before the bridge ran last

    async def starts(self) -> asyncio.subprocess.Process:
        told = {
            "root": str(self.folder),
            "links": [self.torbox.url + link for link in self.links],
            "sizes": [(file.path, file.size) for file in self.made.files],
            "connections": self.limits.connections,
            "parallel": PARALLEL,
            "boot": self.boot,
            "limits": {
                "block": 0 if SOAK else self.limits.block,
                "notes": self.limits.notes,
                "flush": self.limits.flush,
            },
        }
        return await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, json.dumps(told))

    async def is_killed(self, after: int) -> bool:
        """Run the bridge until the CDN has sent so much; whether that came before its end."""
        stop_at = self.torbox.cdn.bytes_sent + after
        bridge = await self.starts()
        ended = asyncio.create_task(bridge.wait())
        while not ended.done() and self.torbox.cdn.bytes_sent < stop_at:
            await asyncio.sleep(0.001)
        if not ended.done():
            # Not by the process object: that would take its exit code from who waits for it.
            with contextlib.suppress(ProcessLookupError):
                os.kill(bridge.pid, signal.SIGKILL)
        code = await ended
        assert code in (0, -signal.SIGKILL)
        while self.torbox.cdn.connections:
            await asyncio.sleep(0.001)
        return code != 0

    def loses_power(self, chance: random.Random) -> None:
        """What was not flushed is garbage, and each file is as long as chance has it."""
        journal = Journal(self.folder / ".incomplete" / HASH, "the boot after")
        self.boot += "+"
        for file in self.made.files:
            place = self.folder / ".incomplete" / HASH / "Pack" / file.path
            if not place.exists():
                continue
            flushed = journal.flushed(file.path, place.stat().st_size)
            with place.open("r+b") as lost:
                for start, stop in flushed.missing(file.size):
                    lost.seek(start)
                    lost.write(chance.randbytes(chance.randint(0, stop - start)))

    def sent_again(self) -> dict[str, int]:
        """How many bytes of each file the last run was sent that an earlier one was, too."""
        again = dict.fromkeys(self.sent, 0)
        now = {path: Ranges(ranges) for path, ranges in self.sent.items()}
        for fetch in self.torbox.cdn.fetches:
            start = int(fetch.range.removeprefix("bytes=").partition("-")[0])
            part = (start, start + fetch.sent_bytes)
            again[fetch.path] += common(self.sent[fetch.path], part)
            now[fetch.path].add(*part)
        self.sent = now
        self.torbox.cdn.fetches.clear()
        return {path: count for path, count in again.items() if count}

    def is_whole(self) -> None:
        files = self.made.files
        here = {file.path: (self.folder / "Pack" / file.path).read_bytes() for file in files}
        assert [path for path in here if here[path] != self.made.content(path)] == []
        assert list((self.folder / ".incomplete").iterdir()) == []

    def begins_again(self) -> None:
        shutil.rmtree(self.folder / "Pack")
        self.sent = {file.path: Ranges() for file in self.made.files}
        self.torbox.cdn.fetches.clear()


def common(ranges: Ranges, part: Range) -> int:
    start, stop = part
    return sum(max(0, min(stop, last) - max(start, first)) for first, last in ranges)


@asynccontextmanager
async def a_pack(folder: Path, limits: Limits, chance: random.Random) -> AsyncIterator[Pack]:
    torbox = Simulator()
    torbox.cdn.max_connections = None
    torbox.link_seconds = 1e9
    most = limits.most_of_a_file
    sizes = {f"{number}/{number}.mkv": chance.randrange(most) for number in range(24)}
    made = torbox.publish("Pack", sizes)
    runner = web.AppRunner(torbox.app(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # Connections inherit it: what waits in the kernel counts as sent.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * KIB)
        await web.SockSite(runner, listening).start()
        torbox.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            yield Pack(folder, torbox, made, limits)
        finally:
            await runner.cleanup()


@pytest.mark.timeout(3600 if SOAK else 120)
@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("power_cuts", [False, True], ids=["kills", "power cuts"])
async def test_a_pack_is_whole_however_often_the_bridge_is_killed(
    connections, power_cuts, tmp_path
):
    chance = random.Random(os.environ.get("BRIDGE_SEED", "6"))
    limits = Limits(connections, power_cuts)
    kills, again, most = 0, 0, 0
    async with a_pack(tmp_path, limits, chance) as pack:
        while kills < KILLS:
            if not await pack.is_killed(chance.randrange(pack.made.size * limits.pace // KILLS)):
                pack.is_whole()
                pack.begins_again()
                continue
            kills += 1
            lost = pack.sent_again()
            assert all(count <= limits.again for count in lost.values()), lost
            again, most = again + sum(lost.values()), max([most, *lost.values()])
            if power_cuts:
                pack.loses_power(chance)
        assert await (await pack.starts()).wait() == 0
        pack.is_whole()
    assert again <= kills * PARALLEL * limits.again
    print(
        f"\n{kills} kills, {connections} connections, pack of {pack.made.size:,} bytes: "
        f"{again:,} sent again, at most {most:,} of a file, allowed {limits.again:,}"
    )
