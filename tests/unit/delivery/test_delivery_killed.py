"""kill -9 at any moment costs a block or two per file, and never a wrong byte."""

import asyncio
import json
import random
import signal
import sys
from pathlib import Path

from aiohttp import web

HASH = "a1" * 20
KILLS = 12
PROGRAM = """
import asyncio, json, sys
from bridge.clock import Clock
from bridge.config import DownloadsSettings
from bridge.delivery import Delivery
from bridge.model import File

async def main(root, url, sizes):
    files = [File(path, size, torbox_id=at) for at, (path, size) in enumerate(sizes)]
    async def link(file):
        return f"{url}/{file.torbox_id}"
    settings = DownloadsSettings(path=root, parallel_files=4)
    async with Delivery(settings, Clock(60), user_agent="test", allow_http=True) as delivery:
        await delivery.probe()
        await delivery.deliver("a1" * 20, "Pack", files, link)
        await delivery.place("a1" * 20, root, "Pack")

asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
"""


class CountingCdn:
    """Serves a pack and says when a number of bytes was sent."""

    def __init__(self, contents: list[bytes]) -> None:
        self.contents = contents
        self.starts: list[tuple[int, int]] = []  # file, first byte asked for
        self.left = 0
        self.reached = asyncio.Event()

    def announce_after(self, count: int) -> asyncio.Event:
        self.left = count
        self.reached = asyncio.Event()
        return self.reached

    async def answer(self, request: web.Request) -> web.StreamResponse:
        number = int(request.match_info["number"])
        content = self.contents[number]
        start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        self.starts.append((number, start))
        response = web.StreamResponse(status=206)
        response.headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        response.content_length = len(content) - start
        await response.prepare(request)
        for at in range(start, len(content), 1 << 16):
            piece = content[at : at + (1 << 16)]
            self.left -= len(piece)
            if self.left <= 0:
                self.reached.set()
            await response.write(piece)
        return response


async def test_a_pack_is_whole_however_often_the_bridge_is_killed(aiohttp_server, tmp_path):
    chance = random.Random(6)
    contents = [chance.randbytes(chance.randrange(1 << 22)) for _ in range(24)]
    cdn = CountingCdn(contents)
    app = web.Application()
    app.router.add_get("/{number}", cdn.answer)
    url = str((await aiohttp_server(app)).make_url("")).rstrip("/")
    sizes = [(f"{number}/{number}.mkv", len(each)) for number, each in enumerate(contents)]
    arguments = (str(tmp_path), url, json.dumps(sizes))

    for _ in range(KILLS):
        held = sizes_below(tmp_path / ".incomplete" / HASH / "Pack", sizes)
        await run_and_kill(cdn, chance.randrange(6 << 20), arguments)
        # Each file was asked for once, from where the disk ended when the bridge was killed.
        assert cdn.starts == [(number, held[number]) for number, _ in cdn.starts]
        assert len({number for number, _ in cdn.starts}) == len(cdn.starts)
        cdn.starts.clear()
    done = await start(arguments)
    assert await done.wait() == 0

    assert [(tmp_path / "Pack" / path).read_bytes() for path, _ in sizes] == contents
    assert list((tmp_path / ".incomplete").iterdir()) == []


async def run_and_kill(cdn: CountingCdn, count: int, arguments: tuple[str, ...]) -> None:
    """Run the bridge until the CDN has sent so much, or until it is done."""
    reached = asyncio.create_task(cdn.announce_after(count).wait())
    bridge = await start(arguments)
    ended = asyncio.create_task(bridge.wait())
    await asyncio.wait({ended, reached}, return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        bridge.send_signal(signal.SIGKILL)
    assert await ended in (0, -signal.SIGKILL)
    reached.cancel()


def sizes_below(folder: Path, sizes: list[tuple[str, int]]) -> list[int]:
    places = [folder / path for path, _ in sizes]
    return [place.stat().st_size if place.exists() else 0 for place in places]


async def start(arguments: tuple[str, ...]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, *arguments)
