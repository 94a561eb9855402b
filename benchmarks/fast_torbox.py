"""TorBox in a process of its own: the API of the simulator and a fast CDN, led over a pipe."""

import asyncio
import multiprocessing
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.fast_cdn import FastCdn
from bridge.simulator import Published, Simulator, published

KEY = "00000000-1111-4222-8333-444444444444"


class TorBox:
    """What plays it; each method is called by `Remote`."""

    def __init__(self) -> None:
        published.REAL_PIECES_UP_TO = 1 << 60
        self.simulator = Simulator(api_key=KEY, seed=1)
        self.cdn = FastCdn(self._find)
        self.simulator.cdn_url = f"https://127.0.0.1:{self.cdn.port}"
        self.simulator.enforce_limits = False
        self.published: dict[str, Published] = {}

    def _find(self, path: str) -> tuple[int, Any]:
        """`/dld/<uuid>?…` as the API gave it, or `/file/<name>/<path>` for the others."""
        kind, _, rest = path.removeprefix("/").partition("/")
        if kind == "dld":
            link = self.simulator.world.links[rest.partition("?")[0]]
            torrent = link.item.torrent
            inside = next(file.path for file in torrent.files if file.id == link.file_id)
        else:
            name, _, inside = rest.partition("/")
            torrent = self.published[name]
        return torrent.file(inside).size, lambda at, count: torrent.read(inside, at, count)

    def publish(self, name: str, files: dict[str, int]) -> bytes:
        made = self.simulator.publish(name, files)
        self.published[name] = made
        return made.torrent

    def sha256(self, name: str, path: str) -> str:
        return self.published[name].sha256(path)

    def reset(self, line: float, connection: float) -> None:
        self.cdn.reset(line_speed=line, connection_speed=connection)

    def first_asked_at(self) -> float:
        return self.cdn.first_asked_at

    def most_connections(self) -> int:
        return self.cdn.most_connections


def play_torbox(pipe: Connection) -> None:
    async def serve() -> None:
        torbox = TorBox()
        async with torbox.simulator.serving() as url:
            pipe.send((url, torbox.cdn.port))
            while (call := await asyncio.to_thread(pipe.recv)) is not None:
                method, *arguments = call
                pipe.send(getattr(torbox, method)(*arguments))

    asyncio.run(serve())


class Remote:
    """The same as the measuring process sees it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=play_torbox, args=[theirs], daemon=True)
        self._process.start()
        self.url, self.port = self._pipe.recv()

    def call(self, method: str, *arguments: object) -> Any:
        self._pipe.send((method, *arguments))
        return self._pipe.recv()

    def close(self) -> None:
        self._pipe.send(None)
        self._process.join(10)
