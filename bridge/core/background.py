"""What works beside everything else, from `async with` to its end."""

import asyncio
from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import Self, TypeAlias

Work: TypeAlias = Coroutine[object, object, None]


class Background:
    """Runs what `_begin` returns until the end, each in a task; an error of one ends them all."""

    _group: asyncio.TaskGroup
    _tasks: list[asyncio.Task[None]]

    async def __aenter__(self) -> Self:
        works = await self._begin()
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        name = type(self).__name__.lower()
        self._tasks = [self._group.create_task(work, name=name) for work in works]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        try:
            await self._group.__aexit__(kind, error, traceback)
        finally:
            await self._end()

    async def _begin(self) -> Iterable[Work]:
        """Make ready; what is to run from now on."""
        raise NotImplementedError

    async def _end(self) -> None:
        """After everything has stopped, for whatever reason."""
