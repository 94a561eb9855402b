"""A state folder with thousands of torrents in it, as after a year of use."""

import asyncio
import time
from pathlib import Path

from msgspec.structs import replace

from bridge.config import Settings
from bridge.model import Cause, Complete, Failed, File, Torrent, Waiting
from bridge.store.store import Store, put_torrent

MIB = 2**20


async def remembered(settings: Settings, count: int) -> None:
    """So many torrents: two in three complete, the others failed, and the first one paused."""
    now = time.time()
    torrents = [_torrent(settings, number, now) for number in range(count)]
    torrents[0] = replace(torrents[0], phase=Waiting(now + 1e6), paused=True)
    # The bridge starts on no empty folder while files of earlier downloads should be there.
    folder = Path(settings.downloads.path, "tv-sonarr")
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    async with Store(f"{settings.state.path}/bridge.db") as store:
        await store.write(*(put_torrent(torrent) for torrent in torrents))


def _torrent(settings: Settings, number: int, now: float) -> Torrent:
    kinds = (Complete(now), Complete(now), Failed(Cause.NO_SEEDS, "no seeds for 2 hours", now))
    size = (number % 50 + 1) * 256 * MIB
    return Torrent(
        hash=f"{number:040x}",
        v1=f"{number:040x}",
        v2="",
        name=f"Show.{number:04}.S{number % 9:02}E{number % 24:02}.1080p",
        magnet=f"magnet:?xt=urn:btih:{number:040x}",
        size=size,
        files=(File("a.mkv", size),),
        category=("tv-sonarr", "radarr")[number % 2],
        save_path=settings.downloads.path,
        folder=f"Show.{number:04}",
        phase=kinds[number % 3],
        added_at=now - number,
    )
