"""How fast clients are answered: the real qBittorrent and the bridge, side by side, in one run.

    python -m benchmarks.polling [--chroot FOLDER] [--sizes 1,100,1000,5000] [--seconds 1.5]

Needs `qbittorrent-nox` (Debian's is 4.5.2); a chroot of a later Debian adds a later one:
`mmdebstrap --variant=apt --include=qbittorrent-nox trixie FOLDER`. Both list the same stopped
magnets and get the same calls, one after the other on one connection that stays open, in turns.
"moving": twenty torrents change every second, and every ten seconds one is added and one removed.

What is printed is meant as ratios; the figures themselves are this machine's.
"""

import argparse
import asyncio
import gzip
import json
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

from bridge.simulator import Simulator
from tests.contract.real import PASSWORD, a_free_port, command, real_server

KEY = "00000000-1111-4222-8333-444444444444"
ADDED_AT_ONCE = 500
CHANGING = 20
FEWEST_CALLS = 3
TURNS = 3
TELLINGS = 20
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


@dataclass
class Server:
    """One that is measured."""

    name: str
    port: int
    pid: int

    @property
    def cpu_seconds(self) -> float:
        """Of all its threads, since they began."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    @property
    def rss_mib(self) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


class Line:
    """A logged-in client with one connection that it keeps; costs as little as it can."""

    def __init__(self, port: int, *, packed: bool = True) -> None:
        self._port, self._cookie = port, ""
        # As the arrs, browsers and most libraries do.
        self._accepts = "Accept-Encoding: gzip\r\n" if packed else ""
        self._buffer = bytearray(1 << 20)
        self._connect()
        self.post("auth/login", username="admin", password=PASSWORD)
        self._cookie = self.cookie

    def _connect(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used_at = time.monotonic()

    def get(self, path: str) -> bytes:
        return self._ask(f"GET /api/v2/{path}", b"")

    def post(self, path: str, **fields: str) -> bytes:
        return self._ask(f"POST /api/v2/{path}", urlencode(fields).encode())

    def _ask(self, what: str, body: bytes) -> bytes:
        if time.monotonic() - self._used_at > 4:  # the real one hangs up after seven
            self._socket.close()
            self._connect()
        head = f"{what} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n{self._accepts}"
        head += f"Cookie: {self._cookie}\r\n"
        if body:
            head += "Content-Type: application/x-www-form-urlencoded\r\n"
            head += f"Content-Length: {len(body)}\r\n"
        self._socket.sendall(head.encode() + b"\r\n" + body)
        answer = self._read()
        self._used_at = time.monotonic()
        return answer

    def _read(self) -> bytes:
        size = self._socket.recv_into(self._buffer)
        start = bytes(self._buffer[:size])
        while b"\r\n\r\n" not in start:
            start += self._socket.recv(65536)
        head, _, body = start.partition(b"\r\n\r\n")
        lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        assert head.split(b" ", 2)[1] == b"200", head
        self.cookie = lines.get(b"set-cookie", b"").decode().partition(";")[0]
        length = int(lines[b"content-length"])
        parts, left = [body], length - len(body)
        while left > 0:
            size = self._socket.recv_into(self._buffer, min(left, len(self._buffer)))
            assert size, "the connection was closed"
            parts.append(bytes(self._buffer[:size]))
            left -= size
        return b"".join(parts)


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
    rows = json.loads(line.get("torrents/info?category=bench"))
    assert {row["hash"] for row in rows} == {hash_of(number) for number in range(1, size + 1)}
    assert len(json.loads(line.get("sync/maindata"))["torrents"]) == size
    for limit in (1024, 4096):
        line.post("torrents/setDownloadLimit", hashes=hash_of(1), limit=str(limit))
        (row,) = json.loads(line.get(f"torrents/info?hashes={hash_of(1)}"))
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


def asker(line: Line, question: str) -> Callable[[], bytes]:
    """What is asked over and over."""
    rid = 0

    def delta() -> bytes:
        nonlocal rid
        answer = line.get(f"sync/maindata?rid={rid}")
        plain = gzip.decompress(answer) if answer[:2] == b"\x1f\x8b" else answer
        rid = int(plain.rpartition(b'"rid":')[2].split(b",")[0].rstrip(b"}"))
        return answer

    paths = {
        "by category": "torrents/info?category=bench",
        "unfiltered": "torrents/info",
        "one hash": f"torrents/info?hashes={hash_of(1)}",
        "maindata full": "sync/maindata?rid=0",
    }
    if question == "maindata delta":
        delta()
        return delta
    return lambda: line.get(paths[question])


class Asking:
    """A question put to one server, over and over, in several turns."""

    def __init__(self, server: Server, question: str) -> None:
        self._server = server
        line = Line(server.port, packed=not question.endswith(UNPACKED))
        self._ask = asker(line, question.removesuffix(UNPACKED))
        self._ask()
        self._bytes = 0
        self._took: list[float] = []
        self._cpu = self._seconds = 0.0

    def turn(self, seconds: float) -> None:
        calls, cpu, began = 0, self._server.cpu_seconds, time.perf_counter()
        while calls < FEWEST_CALLS or time.perf_counter() - began < seconds:
            at = time.perf_counter()
            self._bytes += len(self._ask())
            self._took.append(time.perf_counter() - at)
            calls += 1
        self._seconds += time.perf_counter() - began
        self._cpu += self._server.cpu_seconds - cpu

    @property
    def cell(self) -> Cell:
        calls = len(self._took)
        return Cell(calls, self._seconds, self._cpu, round(self._bytes / calls), self._took)


def measured(servers: list[Server], question: str, seconds: float) -> list[Cell]:
    """In turns, so that whatever else the machine does hits both alike."""
    asking = [Asking(server, question) for server in servers]
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
        told += len(delta())
        took.append(time.perf_counter() - at)
        cpu += server.cpu_seconds - before
    return Cell(TELLINGS, sum(took), cpu, round(told / TELLINGS), took)


def changed_hashes(size: int) -> str:
    return "|".join(map(hash_of, range(1, min(CHANGING, size) + 1)))


def answers(servers: list[Server], size: int, seconds: float) -> dict[tuple[str, str], list[Cell]]:
    """Every question, idle and moving."""
    found = {}
    for state, longer in (("idle", 1), ("moving", 2)):
        with ExitStack() as stack:
            for server in servers if state == "moving" else ():
                stack.enter_context(Churn(server, size))
            for question in QUESTIONS:
                found[state, question] = measured(servers, question, seconds * longer)
    found["idle", "delta of twenty changes"] = [telling(server, size) for server in servers]
    return found


@asynccontextmanager
async def a_bridge(dialect: str) -> AsyncIterator[Server]:
    """The bridge as a process of its own, with a simulated TorBox that has nothing to do."""
    torbox = Simulator(api_key=KEY, seed=1)
    async with torbox.serving() as url:
        with tempfile.TemporaryDirectory() as folder:
            port = a_free_port()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bridge", "serve",
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=os.environ | settings(folder, url, port, dialect),
            )  # fmt: skip
            try:
                await answering(port)
                yield Server("bridge", port, process.pid)
            finally:
                process.terminate()
                await process.wait()


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


async def compared(chroot: str, dialect: str, sizes: list[int], seconds: float) -> None:
    async with AsyncExitStack() as stack:
        real = await stack.enter_async_context(real_server(chroot))
        bridge = await stack.enter_async_context(a_bridge(dialect))
        servers = [Server(real.version, real.port, real.pid), bridge]
        last = 0
        for size in sizes:
            for server in servers:
                await asyncio.to_thread(add, Line(server.port), range(last + 1, size + 1))
            await asyncio.sleep(CALM_SECONDS)
            for server in servers:
                await asyncio.to_thread(check, server, size)
            last = size
            show(servers, size, await asyncio.to_thread(answers, servers, size, seconds))


def show(servers: list[Server], size: int, found: dict[tuple[str, str], list[Cell]]) -> None:
    rss = [server.rss_mib for server in servers]
    print(f"\n### {servers[0].name} and the bridge, {size:,} torrents\n")
    print(
        f"RSS {rss[0]:.0f} and {rss[1]:.0f} MiB. Each pair is the real server's and the bridge's.\n"
    )
    print("| | requests/s | times | median ms | p99 ms | CPU ms/request | bytes |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for key, (theirs, ours) in found.items():
        print(
            f"| {key[0]}, {key[1]} | {theirs.rate:,.1f} · {ours.rate:,.0f}"
            f" | **{ours.rate / theirs.rate:,.1f}**"
            f" | {theirs.median_ms:.2f} · {ours.median_ms:.2f}"
            f" | {theirs.p99_ms:.2f} · {ours.p99_ms:.2f}"
            f" | {theirs.cpu_ms:.3f} · {ours.cpu_ms:.3f} | {theirs.bytes:,} · {ours.bytes:,} |"
        )
    sys.stdout.flush()


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chroot", default="", help="where a later qbittorrent-nox is installed")
    parser.add_argument("--sizes", default="1,100,1000,5000")
    parser.add_argument("--seconds", type=float, default=1.5)
    given = parser.parse_args()
    if command(given.chroot) is None:
        print("skipped: there is no qbittorrent-nox here (apt-get install qbittorrent-nox)")
        return 0
    sizes = [int(size) for size in given.sizes.split(",")]
    await compared(given.chroot, "5" if given.chroot else "4", sizes, given.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
