"""How fast clients are answered: the real qBittorrent and the bridge, side by side, in one run.

    python -m benchmarks.polling [--chroot FOLDER] [--sizes 1,100,1000,5000] [--seconds 1.5]
                                 [--only TEXT]

Needs `qbittorrent-nox` (Debian's is 4.5.2); a chroot of a later Debian adds a later one:
`mmdebstrap --variant=apt --include=qbittorrent-nox trixie FOLDER`. Both list the same stopped
magnets and get the same calls, one after the other on one connection that stays open, in turns.
"moving": twenty torrents change every second, and every ten seconds one is added and one removed.

A third server, `benchmarks.empty`, is aiohttp and nothing else: it gives back as many bytes as the
bridge did. No answer can come sooner from a server on aiohttp, so its figures say what can be hoped
for. What is printed is meant as ratios; the figures themselves are this machine's.
"""

import argparse
import asyncio
import gzip
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from benchmarks.line import Line, Server
from bridge.simulator import Simulator
from tests.contract.real import PASSWORD, a_free_port, command, real_server

KEY = "00000000-1111-4222-8333-444444444444"
ADDED_AT_ONCE = 500
CHANGING = 20
FEWEST_CALLS = 3
TURNS = 3
TELLINGS = 40
CALM_SECONDS = 3.0
UNPACKED = ", unpacked"
QUESTIONS = (
    "by category",
    f"by category{UNPACKED}",
    "unfiltered",
    "one hash",
    "maindata full",
    f"maindata full{UNPACKED}",
    "maindata delta",
)


@dataclass(frozen=True)
class Servers:
    """The three, side by side."""

    real: Server
    bridge: Server
    empty: Server


def magnet(number: int) -> str:
    name = f"Some.Show.S{number // 20:03}E{number % 20:02}.1080p.WEB-DL.DDP5.1.H.264-GROUP"
    return f"magnet:?xt=urn:btih:{number:040x}&dn={quote(name)}"


def hash_of(number: int) -> str:
    return f"{number:040x}"


def add(line: Line, numbers: range) -> None:
    for start in range(numbers.start, numbers.stop, ADDED_AT_ONCE):
        urls = "\n".join(map(magnet, range(start, min(start + ADDED_AT_ONCE, numbers.stop))))
        stopped = {"paused": "true", "stopped": "true", "category": "bench"}
        assert line.post("torrents/add", urls=urls, **stopped) == b"Ok."


def check(server: Server, size: int) -> None:
    """It lists all of them, and a change shows in the next answer."""
    line = Line(server.port, packed=False)
    rows = json.loads(bytes(line.get("torrents/info?category=bench")))
    assert {row["hash"] for row in rows} == {hash_of(number) for number in range(1, size + 1)}
    assert len(json.loads(bytes(line.get("sync/maindata")))["torrents"]) == size
    for limit in (1024, 4096):
        line.post("torrents/setDownloadLimit", hashes=hash_of(1), limit=str(limit))
        (row,) = json.loads(bytes(line.get(f"torrents/info?hashes={hash_of(1)}")))
        if row["dl_limit"] != limit:
            print(f"    {server.name}: a change did not show in the next answer", file=sys.stderr)


class Churn:
    """Twenty change every second; every ten seconds one comes and one goes."""

    def __init__(self, server: Server, size: int) -> None:
        self._line = Line(server.port)
        self._changing = changed_hashes(size)
        self._next = self._oldest = size + 1
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.rounds = 0

    def _run(self) -> None:
        while not self._over.wait(1.0 if self.rounds else 0):
            limit = str(1024 * (10 + self.rounds % 100))
            self._line.post("torrents/setDownloadLimit", hashes=self._changing, limit=limit)
            if self.rounds % 10 == 0:
                add(self._line, range(self._next, self._next + 1))
                self._next += 1
            if self.rounds % 10 == 5:
                self._remove()
            self.rounds += 1

    def _remove(self) -> None:
        if self._oldest < self._next:
            self._line.post("torrents/delete", hashes=hash_of(self._oldest), deleteFiles="true")
            self._oldest += 1

    def __enter__(self) -> "Churn":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        while self._oldest < self._next:
            self._remove()


@dataclass
class Cell:
    """How one question was answered."""

    calls: int
    seconds: float
    cpu_seconds: float
    bytes: int
    took: list[float] = field(repr=False)

    @property
    def rate(self) -> float:
        return self.calls / self.seconds

    @property
    def median_ms(self) -> float:
        return statistics.median(self.took) * 1000

    @property
    def p99_ms(self) -> float:
        return sorted(self.took)[min(len(self.took) - 1, int(len(self.took) * 0.99))] * 1000

    @property
    def cpu_ms(self) -> float:
        return self.cpu_seconds / self.calls * 1000


def asker(line: Line, what: str) -> Callable[[], int]:
    """What is asked over and over; gives the bytes of each answer."""
    rid = 0

    def delta() -> int:
        nonlocal rid
        answer = bytes(line.get(f"sync/maindata?rid={rid}"))
        plain = gzip.decompress(answer) if answer[:2] == b"\x1f\x8b" else answer
        rid = int(plain.rpartition(b'"rid":')[2].split(b",")[0].rstrip(b"}"))
        return len(answer)

    paths = {
        "by category": "torrents/info?category=bench",
        "unfiltered": "torrents/info",
        "one hash": f"torrents/info?hashes={hash_of(1)}",
        "maindata full": "sync/maindata?rid=0",
    }
    if what == "maindata delta":
        delta()
        return delta
    question = line.question(paths.get(what, what))
    return lambda: len(line.ask(question))


class Asking:
    """A question put to one server, over and over, in several turns."""

    def __init__(self, server: Server, question: str) -> None:
        self._server = server
        line = Line(server.port, packed=not question.endswith(UNPACKED))
        self._ask = asker(line, question.removesuffix(UNPACKED))
        self.size = self._ask()
        self._bytes = 0
        self._took: list[float] = []
        self._cpu = self._seconds = 0.0

    def turn(self, seconds: float) -> None:
        calls, cpu, began = 0, self._server.cpu_seconds, time.perf_counter()
        while calls < FEWEST_CALLS or time.perf_counter() - began < seconds:
            at = time.perf_counter()
            self._bytes += self._ask()
            self._took.append(time.perf_counter() - at)
            calls += 1
        self._seconds += time.perf_counter() - began
        self._cpu += self._server.cpu_seconds - cpu

    @property
    def cell(self) -> Cell:
        calls = len(self._took)
        return Cell(calls, self._seconds, self._cpu, round(self._bytes / calls), self._took)


def measured(servers: Servers, question: str, seconds: float) -> list[Cell]:
    """In turns, so that whatever else the machine does hits all alike."""
    asking = [Asking(server, question) for server in (servers.real, servers.bridge)]
    asking.append(Asking(servers.empty, f"empty?{asking[1].size}"))
    for _ in range(TURNS):
        for one in asking:
            one.turn(seconds / TURNS)
    return [one.cell for one in asking]


def telling(server: Server, size: int) -> Cell:
    """The deltas that tell of twenty changes, asked for once these are made."""
    line = Line(server.port)
    delta, changing = asker(line, "maindata delta"), changed_hashes(size)
    took, told, cpu = [], 0, 0.0
    for number in range(TELLINGS):
        line.post("torrents/setDownloadLimit", hashes=changing, limit=str(1024 * (500 + number)))
        time.sleep(0.05)  # what else the change causes is not the delta's
        before, at = server.cpu_seconds, time.perf_counter()
        told += delta()
        took.append(time.perf_counter() - at)
        cpu += server.cpu_seconds - before
    return Cell(TELLINGS, sum(took), cpu, round(told / TELLINGS), took)


def spaced(server: Server, size: int) -> Cell:
    """So many bytes, asked for as seldom as the deltas that tell something."""
    ask, took, cpu = asker(Line(server.port), f"empty?{size}"), [], 0.0
    for _ in range(TELLINGS):
        time.sleep(0.05)
        before, at = server.cpu_seconds, time.perf_counter()
        ask()
        took.append(time.perf_counter() - at)
        cpu += server.cpu_seconds - before
    return Cell(TELLINGS, sum(took), cpu, size, took)


def changed_hashes(size: int) -> str:
    return "|".join(map(hash_of, range(1, min(CHANGING, size) + 1)))


Found = dict[tuple[str, str], list[Cell]]


def answers(servers: Servers, size: int, seconds: float, only: str) -> Found:
    """Every question, idle and moving, or those that contain this text."""
    found: Found = {}
    for state, longer in (("idle", 1), ("moving", 2)):
        with ExitStack() as stack:
            for server in (servers.real, servers.bridge) if state == "moving" else ():
                stack.enter_context(Churn(server, size))
            for question in (one for one in QUESTIONS if only in one):
                found[state, question] = measured(servers, question, seconds * longer)
    told = [telling(server, size) for server in (servers.real, servers.bridge)]
    found["idle", "delta of twenty changes"] = [*told, spaced(servers.empty, told[1].bytes)]
    return found


@asynccontextmanager
async def a_process(name: str, *arguments: str, **more: str) -> AsyncIterator[Server]:
    """A module as a process of its own; `port` is the last of its arguments or in its settings."""
    port = int(more.get("BRIDGE_SERVER__PORT") or arguments[-1])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | more,
    )  # fmt: skip
    try:
        await answering(port)
        yield Server(name, port, process.pid)
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def a_bridge(dialect: str) -> AsyncIterator[Server]:
    """The bridge, with a simulated TorBox that has nothing to do."""
    torbox = Simulator(api_key=KEY, seed=1)
    async with torbox.serving() as url:
        with tempfile.TemporaryDirectory() as folder:
            wanted = settings(folder, url, a_free_port(), dialect)
            async with a_process("bridge", "bridge", "serve", **wanted) as server:
                yield server


def settings(folder: str, url: str, port: int, dialect: str) -> dict[str, str]:
    return {
        "TORBOX_API_KEY": KEY,
        "BRIDGE_TORBOX__API_URL": url,
        "BRIDGE_QBITTORRENT__PASSWORD": PASSWORD,
        "BRIDGE_QBITTORRENT__DIALECT": dialect,
        "BRIDGE_SERVER__HOST": "127.0.0.1",
        "BRIDGE_SERVER__PORT": str(port),
        "BRIDGE_DOWNLOADS__PATH": f"{folder}/downloads",
        "BRIDGE_STATE__PATH": folder,
        "BRIDGE_LOG__LEVEL": "warning",
    }


async def answering(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return


async def compared(
    chroot: str, dialect: str, sizes: list[int], seconds: float, only: str
) -> AsyncIterator[tuple[Servers, int, Found]]:
    async with AsyncExitStack() as stack:
        real = await stack.enter_async_context(real_server(chroot))
        servers = Servers(
            Server(real.version, real.port, real.pid),
            await stack.enter_async_context(a_bridge(dialect)),
            await stack.enter_async_context(
                a_process("empty", "benchmarks.empty", str(a_free_port()))
            ),
        )
        last = 0
        for size in sizes:
            for server in (servers.real, servers.bridge):
                await asyncio.to_thread(add, Line(server.port), range(last + 1, size + 1))
            await asyncio.sleep(CALM_SECONDS)
            for server in (servers.real, servers.bridge):
                await asyncio.to_thread(check, server, size)
            last = size
            yield servers, size, await asyncio.to_thread(answers, servers, size, seconds, only)


def show(servers: Servers, size: int, found: Found) -> None:
    """All figures at one size."""
    print(f"\n### {servers.real.name}, the bridge and empty aiohttp, {size:,} torrents\n")
    print(f"RSS {servers.real.rss_mib:.0f} and {servers.bridge.rss_mib:.0f} MiB.\n")
    print("| | requests/s | times | median ms | p99 ms | CPU ms/request | bytes |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for (state, question), cells in found.items():
        print(
            f"| {state}, {question} | {_all(cells, 'rate', ',.1f')} | {times(cells)}"
            f" | {_all(cells, 'median_ms', '.2f')} | {_all(cells, 'p99_ms', '.2f')}"
            f" | {_all(cells, 'cpu_ms', '.3f')} | {_all(cells[:2], 'bytes', ',')} |"
        )
    sys.stdout.flush()


def _all(cells: list[Cell], name: str, style: str) -> str:
    return " · ".join(format(getattr(cell, name), style) for cell in cells)


def times(cells: list[Cell]) -> str:
    """How many times the real server's requests a second: the bridge's, and empty aiohttp's."""
    theirs, ours, empty = (cell.rate for cell in cells)
    return f"{_short(ours / theirs)} of {_short(empty / theirs)}"


def _short(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}"


def summary(name: str, found: dict[int, Found]) -> None:
    """The table for the README."""
    sizes = list(found)
    last = found[sizes[-1]]
    print(f"\n| beside {name} | " + " | ".join(f"{size:,}" for size in sizes), end="")
    print(f" | CPU ms at {sizes[-1]:,} | bytes at {sizes[-1]:,} |")
    print("|---" + "|--:" * (len(sizes) + 2) + "|")
    for key, cells in last.items():
        ratios = " | ".join(times(found[size][key]) for size in sizes)
        print(
            f"| {key[0]}, {key[1]} | {ratios} | {_all(cells, 'cpu_ms', '.2f')}"
            f" | {_all(cells[:2], 'bytes', ',')} |"
        )


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chroot", default="", help="where a later qbittorrent-nox is installed")
    parser.add_argument("--sizes", default="1,100,1000,5000")
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--only", default="", help="questions that contain this")
    given = parser.parse_args()
    if command(given.chroot) is None:
        print("skipped: there is no qbittorrent-nox here (apt-get install qbittorrent-nox)")
        return 0
    sizes = [int(size) for size in given.sizes.split(",")]
    found: dict[int, Found] = {}
    name, dialect = "", "5" if given.chroot else "4"
    runs = compared(given.chroot, dialect, sizes, given.seconds, given.only)
    async for servers, size, at_size in runs:
        name, found[size] = servers.real.name, at_size
        show(servers, size, at_size)
    summary(name, found)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
