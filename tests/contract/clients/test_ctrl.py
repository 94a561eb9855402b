"""npm's @ctrl/qbittorrent: every call that applies, made to the bridge, and its result checked."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from bridge.simulator import FetchedOver, MiB
from tests.contract.clients.surface import Surface

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
PACKAGE = CACHE / "torbox-bridge-clients" / "node_modules" / "@ctrl" / "qbittorrent"
# Endpoints of 5.2 and later; torrents are not made here; the rest is not for its users.
ELSEWHERE = """getFreeSpaceAtPath getProcessInfo rotateApiKey deleteApiKey getTransferSpeedLimits
setTransferSpeedLimits loadClientData storeClientData cloneRssRule fetchTorrentMetadata
parseTorrentMetadata saveTorrentMetadata downloadTorrentFile torrentPieceAvailability
setTorrentComment addTorrentCreatorTask getTorrentCreatorFile deleteTorrentCreatorTask
constructor checkVersion ensureAuthenticated authHeaders basicAuthHeader requestWithAuth
requestOnce"""
ONLY_FIVE = "getCookies setCookies getDirectoryContent getTorrentCreatorStatus"
PATIENCE_SECONDS = 60

pytestmark = pytest.mark.skipif(
    not PACKAGE.is_dir() or shutil.which("node") is None,
    reason="@ctrl/qbittorrent is not installed (make clients)",
)


@pytest.mark.parametrize("dialect", ["4", "5"])
async def test_every_call_that_applies_gives_what_it_should(
    house, torbox, tmp_path: Path, dialect: str
) -> None:
    house.sets(qbittorrent={"dialect": dialect})
    await house.starts()
    done = torbox.publish("Done", {"Done.mkv": MiB, "Notes/a.txt": 10})
    under_way = torbox.publish("Under.Way", {"way.mkv": MiB}, FetchedOver(9000))
    await house.arr.grabs(done, as_file=True)
    await house.arr.grabs(under_way)
    await house.sees_state(done, "pausedUP", "stoppedUP")
    (tmp_path / "done.torrent").write_bytes(done.torrent)
    given = {
        "url": f"http://127.0.0.1:{house.port}",
        "place": str(house.downloads),
        "done": done.hash,
        "underWay": under_way.hash,
        "torrentFile": str(tmp_path / "done.torrent"),
        "later": dialect == "5",
    }
    printed = await told_by_node(json.dumps(given))
    left_out = f"{ELSEWHERE} {'' if dialect == '5' else ONLY_FIVE}".split()
    surface = Surface(printed["offered"], left_out)
    surface.driven = set(printed["driven"]) & surface.offered
    assert surface.forgotten() == set()
    assert surface.invented() == set()


async def told_by_node(given: str) -> dict[str, list[str]]:
    script = Path(__file__).with_name("ctrl.mjs")
    process = await asyncio.create_subprocess_exec(
        "node",
        str(script),
        str(PACKAGE),
        given,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return json.loads(out)
