"""Writing behind reading: while a block is written in a thread, the next one arrives."""

import asyncio
from types import TracebackType
from typing import Self

from bridge.delivery.partfile import PartFile
from bridge.delivery.threads import Threads


class Pipe:
    """At most one block is being written. Left without an error, all of them are."""

    def __init__(self, writers: Threads, key: str, part: PartFile) -> None:
        self._writers = writers
        self._key = key
        self._part = part
        self._writing: asyncio.Task[None] | None = None

    async def put(self, blocks: list[bytes]) -> None:
        """Write these blocks after the ones before."""
        await self._settle()
        self._writing = asyncio.create_task(self._writers.run(self._key, self._part.write, blocks))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, asyncio.CancelledError) and self._writing:
            self._writing.cancel()
        await self._settle()

    async def _settle(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing
