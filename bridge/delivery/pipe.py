"""Writing behind reading: while a block is written in a thread, the next one arrives."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from bridge.delivery.partfile import FLUSH_BYTES, PartFile
from bridge.delivery.threads import Threads


class Pipe:
    """At most one block is being written and one stretch flushed; both end with the pipe."""

    def __init__(
        self, writers: Threads, key: str, part: PartFile, wrote: Callable[[], None]
    ) -> None:
        self._wrote = wrote  # called after each block
        self._writers = writers
        self._key = key
        self._part = part
        self._writing: asyncio.Task[None] | None = None
        self._flushing: asyncio.Task[None] | None = None

    async def put(self, at: int, blocks: list[bytes]) -> None:
        """Write these blocks of the file, from this byte on."""
        await self._written()
        if self._part.unflushed >= FLUSH_BYTES:
            await self._flushed()
            self._part.unflushed = 0
            self._flushing = asyncio.create_task(self._writers.run(self._key, self._part.flush))
        self._part.unflushed += sum(map(len, blocks))
        self._writing = asyncio.create_task(self._write(at, blocks))

    async def _write(self, at: int, blocks: list[bytes]) -> None:
        await self._writers.run(self._key, self._part.write, at, blocks)
        self._wrote()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            for task in (self._writing, self._flushing):
                if task is not None:
                    task.cancel()
        try:
            await self._written()
        finally:
            await self._flushed()

    async def _written(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    async def _flushed(self) -> None:
        flushing, self._flushing = self._flushing, None
        if flushing is not None:
            await flushing
