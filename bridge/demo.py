"""The demo: a built-in TorBox, the real bridge, and three grabs as Sonarr would send them."""

import asyncio
import contextlib
import hashlib
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bridge.app import bridge, listening
from bridge.clock import Clock
from bridge.config import (
    CategorySettings,
    DownloadsSettings,
    GiveUp,
    QBittorrentSettings,
    ServerSettings,
    Settings,
    StateSettings,
    TorBoxSettings,
)
from bridge.simulator import Cached, FetchedOver, Published, Simulator, Stalled

KEY, PASSWORD, CATEGORY = "demo-key", "demo-password", "tv-sonarr"
TIME_FACTOR = 10.0  # so that a person need not watch for hours
POLL_SECONDS = 0.5
MOST_SECONDS = 180.0
MIB = 1 << 20
BAR = 32


async def demo(*, stay: bool) -> int:
    """Run the demo; 0 when two torrents are whole and the third says why it is not."""
    try:
        whole = await _walk(stay=stay)
    except TimeoutError:
        _say("\nthe three torrents did not end in time")
        whole = False
    _say("demo: ok" if whole else "demo: failed")
    return 0 if whole else 1


async def _walk(*, stay: bool) -> bool:
    folder = Path(tempfile.mkdtemp(prefix="torbox-bridge-demo-"))
    clock = Clock.fast_from_now(TIME_FACTOR)
    simulator = Simulator(clock=clock.time, api_key=KEY, seed=1)
    grabs = _publish(simulator)
    async with (
        simulator.serving() as torbox_url,
        _running(folder, torbox_url, clock) as url,
        _session(url) as sonarr,
    ):
        _say(f"TorBox (a simulator) on {torbox_url}, the bridge on {url}, files in {folder}\n")
        await _grab(sonarr, grabs)
        shown = await _watch(sonarr)
        whole = await asyncio.to_thread(_proven, shown, grabs)
        await _explain(sonarr, shown)
        if stay and whole:
            _say(_how_to_connect(url))
            with contextlib.suppress(asyncio.CancelledError):  # asked to stop: that ends it well
                await asyncio.Event().wait()
    return whole


def _publish(simulator: Simulator) -> list[Published]:
    cached = simulator.publish(
        "Show.S01E01.1080p.WEB",
        files={"Show.S01E01.1080p.WEB.mkv": 48 * MIB, "Subs/English.srt": 40_000},
        script=Cached(),
    )
    fetched = simulator.publish(
        "Show.S01E02.1080p.WEB",
        files={"Show.S01E02.1080p.WEB.mkv": 32 * MIB},
        script=FetchedOver(60, metadata_after=10),
    )
    dead = simulator.publish(
        "Show.S01E03.1080p.WEB",
        files={"Show.S01E03.1080p.WEB.mkv": 32 * MIB},
        script=Stalled(at=0.1),
    )
    simulator.cdn.slow(24 * MIB)
    return [cached, fetched, dead]


def _settings(folder: Path, torbox_url: str) -> Settings:
    return Settings(
        torbox=TorBoxSettings(api_key=KEY, api_url=torbox_url, poll_seconds=20),
        qbittorrent=QBittorrentSettings(username="admin", password=PASSWORD),
        server=ServerSettings(host="127.0.0.1", port=0),
        downloads=DownloadsSettings(path=str(folder / "torrents")),
        categories={"*": CategorySettings(give_up=GiveUp(no_seeds_hours=0.05))},
        state=StateSettings(path=str(folder)),
    )


@asynccontextmanager
async def _running(folder: Path, torbox_url: str, clock: Clock) -> AsyncIterator[str]:
    settings = _settings(folder, torbox_url)
    async with (
        bridge(settings, clock, PASSWORD) as running,
        listening(running.app, "127.0.0.1", 0) as port,
    ):
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def _session(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Logged in, with the cookie that every later call carries."""
    jar = aiohttp.CookieJar(unsafe=True)
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(f"{url}/api/v2/", cookie_jar=jar, timeout=timeout) as session:
        credentials = {"username": "admin", "password": PASSWORD}
        async with session.post("auth/login", data=credentials) as answer:
            answer.raise_for_status()
        yield session


async def _grab(sonarr: aiohttp.ClientSession, grabs: list[Published]) -> None:
    async with sonarr.post("torrents/createCategory", data={"category": CATEGORY}) as answer:
        answer.raise_for_status()
    for number, grab in enumerate(grabs):
        form = aiohttp.FormData(default_to_multipart=number == 1)
        if number == 1:
            form.add_field(
                "torrents",
                grab.torrent,
                filename=f"{grab.name}.torrent",
                content_type="application/octet-stream",
            )
        else:
            form.add_field("urls", grab.magnet)
        form.add_field("category", CATEGORY)
        form.add_field("paused", "False")
        async with sonarr.post("torrents/add", data=form) as answer:
            _say(f"grabbed {grab.name}: {await answer.text()}")
    _say("")


Row = Mapping[str, object]


async def _watch(sonarr: aiohttp.ClientSession) -> list[Row]:
    """Poll as Sonarr does until two are complete and the third has failed; draw the bars."""
    drawn = 0
    async with asyncio.timeout(MOST_SECONDS):
        while True:
            async with sonarr.get("torrents/info", params={"category": CATEGORY}) as answer:
                rows: list[Row] = sorted(await answer.json(), key=lambda row: str(row["name"]))
            drawn = await _draw(sonarr, rows, drawn)
            states = [row["state"] for row in rows]
            if states.count("pausedUP") == 2 and await _gave_up(sonarr, rows):
                return rows
            await asyncio.sleep(POLL_SECONDS)


async def _gave_up(sonarr: aiohttp.ClientSession, rows: list[Row]) -> bool:
    """Whether the torrent without seeds has run out of its (here very short) time."""
    stalled = [row for row in rows if row["state"] == "stalledDL"]
    return bool(stalled) and (await _told(sonarr, stalled[0]))["phase"] == "failed"


async def _told(sonarr: aiohttp.ClientSession, row: Row) -> Row:
    """What the bridge's own API says of a torrent."""
    async with sonarr.get(f"../bridge/torrents/{row['hash']}") as answer:
        told: Row = await answer.json()
        return told


async def _explain(sonarr: aiohttp.ClientSession, rows: list[Row]) -> None:
    for row in rows:
        if row["state"] != "pausedUP":
            told = await _told(sonarr, row)
            _say(f"\n{told['name']} shows {row['state']}: {told['reason']}\n")


async def _draw(sonarr: aiohttp.ClientSession, rows: list[Row], drawn: int) -> int:
    if not sys.stdout.isatty():
        return 0
    lines = []
    for row in rows:
        progress = float(str(row["progress"]))
        filled = round(progress * BAR)
        bar = "#" * filled + "." * (BAR - filled)
        lines.append(f"{row['name']!s:<24} [{bar}] {progress:4.0%} {row['state']}")
    _say(f"\x1b[{drawn}A" * bool(drawn) + "\n".join(f"\x1b[2K{line}" for line in lines))
    return len(lines)


def _proven(rows: list[Row], grabs: list[Published]) -> bool:
    """Compare every delivered byte with what was published; print where the files are."""
    by_hash = {grab.hash: grab for grab in grabs}
    whole = True
    _say("")
    for row in rows:
        grab = by_hash[str(row["hash"])]
        if row["state"] != "pausedUP":
            continue
        for file in grab.files:
            here = Path(str(row["content_path"])) / file.path
            same = here.is_file() and _sha256(here) == grab.sha256(file.path)
            whole = whole and same
            _say(f"{'whole' if same else 'WRONG'}  {here}")
    return whole


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _how_to_connect(url: str) -> str:
    port = url.rsplit(":", 1)[-1]
    return (
        "\nStill serving. In Sonarr add a qBittorrent client with\n"
        f"    Host      127.0.0.1\n    Port      {port}\n    Username  admin\n"
        f"    Password  {PASSWORD}\n    Category  {CATEGORY}\nCtrl-C ends it."
    )


def _say(text: str) -> None:
    print(text, flush=True)
