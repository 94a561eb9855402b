"""How fast files come: the bridge, curl and aria2c, side by side in one run, over TLS on loopback.

    python -m benchmarks.download [--gib 4] [--rounds 1] [--only one-gigabit]

Needs `curl` and `aria2c` (Debian's). A process of its own plays TorBox: its API is the simulator's,
its CDN one thread for each connection (`fast_cdn`). The bridge is the real process: it is given a
.torrent as by an arr, proves every piece, flushes, and renames; its time ends when
`torrents/info` says "complete". The others write their file and are done. All times begin with the
first request at the CDN. While files come, `torrents/info` is asked twenty times a second.

For the pack the bridge's delivery runs alone, with its links at hand as the others have theirs:
TorBox gives no more than about a link a second, which has nothing to do with the line.

What is printed is meant as ratios; the figures themselves are this machine's.
"""

import argparse
import asyncio
import hashlib
import os
import random
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.fast_cdn import CERTIFICATE
from benchmarks.fast_torbox import KEY, Remote
from bridge.clock import Clock
from bridge.config import DownloadsSettings
from bridge.delivery import Delivery, Proof
from bridge.model import File
from bridge.torrentfile.metainfo import layout, piece_hashes, read_torrent

PASSWORD = "pass-word"
MiB, GiB, MB = 1 << 20, 1 << 30, 1_000_000
PARALLEL = 4
ENVIRON = os.environ | {"SSL_CERT_FILE": str(CERTIFICATE)}
TICKS = os.sysconf("SC_CLK_TCK")


def pack(chance: random.Random) -> dict[str, int]:
    """200 mixed files: some episodes, some songs, many small ones."""
    sizes = [chance.randrange(20 * MiB, 60 * MiB) for _ in range(20)]
    sizes += [chance.randrange(2 * MiB, 8 * MiB) for _ in range(60)]
    sizes += [chance.randrange(100, 200_000) for _ in range(120)]
    chance.shuffle(sizes)
    return {f"{number % 7}/{number:03}.bin": size for number, size in enumerate(sizes)}


@dataclass(frozen=True)
class Scenario:
    """What is fetched, over which line, and against whom."""

    name: str
    title: str
    files: Mapping[str, int]
    rivals: tuple[str, ...]
    line: float = 0  # bytes a second over all connections
    connection: float = 0  # of each
    connections_per_file: int = 1
    at_least: float = 0.0  # of the first rival's speed
    links_at_hand: bool = False

    @property
    def size(self) -> int:
        return sum(self.files.values())


def scenarios(gib: float) -> list[Scenario]:
    film = {"film.mkv": int(gib * GiB) // (4 * MiB) * 4 * MiB}
    mixed = pack(random.Random(6))
    return [
        Scenario("gigabit", f"{gib:g} GiB, line of 1 Gbit/s", film, ("curl",), 125 * MB,
                 at_least=0.95),
        Scenario("fast", f"{gib:g} GiB, line of 2.5 Gbit/s", film, ("curl",), 312.5 * MB,
                 at_least=0.9),
        Scenario("unthrottled", f"{gib:g} GiB, no limit", film, ("curl", "aria2c"), at_least=0.4),
        Scenario("pack", f"pack of 200, {PARALLEL} at once, 20 MB/s each", mixed, ("aria2c",),
                 connection=20 * MB, at_least=1.0, links_at_hand=True),
        Scenario("four", f"{gib / 2:g} GiB over 4 connections of 20 MB/s",
                 {"film.mkv": film["film.mkv"] // 2}, ("aria2c",), connection=20 * MB,
                 connections_per_file=4, at_least=1.0),
    ]  # fmt: skip


# --- those that are measured


@dataclass
class Result:
    """What one run of one program came to."""

    seconds: float
    cpu_seconds: float
    peak_mib: float = 0.0
    latencies: list[float] = field(default_factory=list)


def used(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak(pid: int) -> float:
    """The most memory it ever had, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def run(command: list[str], torbox: Remote) -> Result:
    """A program that fetches and ends; ours says what it needed for that alone."""
    before = os.times()
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=ENVIRON).stdout
    ended, after = time.monotonic(), os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    kib, seconds = said.split() if said else (0, cpu)
    return Result(ended - torbox.call("first_asked_at"), float(seconds), int(kib) / 1024)


def curl(one: Scenario, torbox: Remote, folder: Path) -> Result:
    (path,) = one.files
    url = f"https://127.0.0.1:{torbox.port}/file/{one.name}/{path}"
    return run(["curl", "-sS", "--cacert", str(CERTIFICATE), "-o", str(folder / "a"), url], torbox)


def aria2c(one: Scenario, torbox: Remote, folder: Path) -> Result:
    listed = folder / "list"
    lines = [
        f"https://127.0.0.1:{torbox.port}/file/{one.name}/{path}\n out={path}\n dir={folder}\n"
        for path in one.files
    ]
    listed.write_text("".join(lines))
    each = str(one.connections_per_file)
    command = ["aria2c", "-q", "-i", str(listed), "-j", str(PARALLEL), "-x", each, "-s", each]
    command += ["--min-split-size=8M", "--file-allocation=none", f"--ca-certificate={CERTIFICATE}"]
    return run(command, torbox)


def delivery(one: Scenario, torbox: Remote, folder: Path, torrent: bytes) -> Result:
    (folder / "a.torrent").write_bytes(torrent)
    url = f"https://127.0.0.1:{torbox.port}/file/{one.name}"
    each = str(one.connections_per_file)
    command = [sys.executable, "-m", "benchmarks.download", "--deliver", str(folder), url, each]
    return run(command, torbox)


async def deliver(folder: Path, url: str, connections: int) -> None:
    """The bridge's delivery by itself, in a process of its own."""
    data = (folder / "a.torrent").read_bytes()
    source = read_torrent(data)
    proof = Proof(source.piece_length, piece_hashes(data), tuple(layout(data)))
    settings = DownloadsSettings(
        path=str(folder / "downloads"), parallel_files=PARALLEL, connections_per_file=connections
    )

    async def link(file: File) -> str:
        return f"{url}/{file.path}"

    async with Delivery(settings, Clock(), user_agent="benchmark", allow_http=True) as one:
        before = time.process_time()
        await one.deliver(source.hash, source.root, source.files, link, proof)
        await one.place(source.hash, settings.path, source.root)
        seconds = time.process_time() - before
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, seconds)


async def bridge(one: Scenario, torbox: Remote, folder: Path, torrent: bytes) -> Result:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "state").mkdir()
    environ = ENVIRON | {
        "TORBOX_API_KEY": KEY,
        "BRIDGE_TORBOX__API_URL": torbox.url,
        "BRIDGE_QBITTORRENT__PASSWORD": PASSWORD,
        "BRIDGE_SERVER__HOST": "127.0.0.1",
        "BRIDGE_SERVER__PORT": str(port),
        "BRIDGE_DOWNLOADS__PATH": str(folder / "downloads"),
        "BRIDGE_DOWNLOADS__PARALLEL_FILES": str(PARALLEL),
        "BRIDGE_DOWNLOADS__CONNECTIONS_PER_FILE": str(one.connections_per_file),
        "BRIDGE_STATE__PATH": str(folder / "state"),
        "BRIDGE_LOG__LEVEL": "warning",
    }
    command = [sys.executable, "-m", "bridge", "serve"]
    process = await asyncio.create_subprocess_exec(
        *command, env=environ, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert b"ready" in await process.stdout.readline()
        return await grab(f"http://127.0.0.1:{port}/api/v2", torrent, process.pid, torbox)
    finally:
        process.terminate()
        await process.wait()


async def grab(url: str, torrent: bytes, pid: int, torbox: Remote) -> Result:
    """Add it as an arr does, and ask until it is complete."""
    before, latencies = used(pid), []
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        await session.post(f"{url}/auth/login", data={"username": "admin", "password": PASSWORD})
        form = aiohttp.FormData()
        form.add_field(
            "torrents", torrent, filename="a.torrent", content_type="application/x-bittorrent"
        )
        async with session.post(f"{url}/torrents/add", data=form) as answer:
            assert await answer.text() == "Ok."
        state = ""
        while state != "pausedUP":
            assert state != "stalledDL", "the bridge says that it failed"
            await asyncio.sleep(0.05)
            asked_at = time.monotonic()
            async with session.get(f"{url}/torrents/info") as answer:
                (row,) = await answer.json()
            latencies.append(time.monotonic() - asked_at)
            state = row["state"]
        seconds = time.monotonic() - torbox.call("first_asked_at")
    return Result(seconds, used(pid) - before, peak(pid), latencies)


# --- measuring


@contextmanager
def a_folder(place: Path | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bridge-download-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def compare(one: Scenario, name: str, torbox: Remote, folder: Path) -> None:
    """Fail unless every byte that a program brought is the one that was published."""
    for path in one.files:
        inside = {"curl": "a", "aria2c": path, "bridge": f"downloads/**/{path}"}[name]
        (place,) = folder.glob(inside)
        with place.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        assert found == torbox.call("sha256", one.name, path), f"{name} brought another {path}"
    print(f"{one.name}: {name} brought every byte as it is", flush=True)


def measure(one: Scenario, torbox: Remote, told: argparse.Namespace) -> None:
    torrent = torbox.call("publish", one.name, dict(one.files))
    results: dict[str, list[Result]] = {}
    for _ in range(told.rounds):
        for name in (*one.rivals, "bridge"):
            torbox.call("reset", one.line, one.connection)
            with a_folder(told.folder) as folder:
                if name == "bridge" and one.links_at_hand:
                    result = delivery(one, torbox, folder, torrent)
                elif name == "bridge":
                    result = asyncio.run(bridge(one, torbox, folder, torrent))
                else:
                    result = {"curl": curl, "aria2c": aria2c}[name](one, torbox, folder)
                if told.compare:
                    compare(one, name, torbox, folder)
            results.setdefault(name, []).append(result)
    show(one, results)


def show(one: Scenario, results: Mapping[str, list[Result]]) -> None:
    medians = {name: statistics.median(r.seconds for r in each) for name, each in results.items()}
    for name, each in results.items():
        ratio = medians[one.rivals[0]] / medians[name]
        cpu = statistics.median(result.cpu_seconds for result in each) / (one.size / GiB)
        cells = [
            one.title,
            name,
            f"{one.size / MiB / medians[name]:.0f}",
            f"{ratio:.2f}",
            f"{cpu:.1f}",
        ]
        if name == "bridge":
            latencies = sorted(latency for result in each for latency in result.latencies)
            p99 = f"{latencies[int(len(latencies) * 0.99)] * 1000:.0f} ms" if latencies else ""
            cells += [f"{max(result.peak_mib for result in each):.0f}", p99, f"{one.at_least:g}"]
        else:
            cells += ["", "", ""]
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--gib", type=float, default=4, help="size of the one file")
    parser.add_argument("--rounds", type=int, default=1, help="of each program, in turns")
    parser.add_argument("--only", action="append", help="name of a scenario, as often as you like")
    parser.add_argument("--folder", type=Path, help="on the disk that is to be written to")
    parser.add_argument("--compare", action="store_true", help="read what came, byte by byte")
    parser.add_argument("--deliver", nargs=3, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.deliver:
        folder, url, connections = told.deliver
        asyncio.run(deliver(Path(folder), url, int(connections)))
        return
    if missing := [name for name in ("curl", "aria2c") if shutil.which(name) is None]:
        sys.exit(f"this needs {' and '.join(missing)}")
    torbox = Remote()
    try:
        print("| | program | MiB/s | of the first | CPU s/GiB | peak MiB | info p99 | at least |")
        print("|---|---|--:|--:|--:|--:|--:|--:|", flush=True)
        for one in scenarios(told.gib):
            if not told.only or one.name in told.only:
                measure(one, torbox, told)
    finally:
        torbox.close()


if __name__ == "__main__":
    main()
